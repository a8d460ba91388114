"""When the next verification is due: both forms of cron, hours, and the two nights on which the clock is changed."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from schemas.errors import ConfigurationError
from streams.settings.schedule import check_cron
from streams.settings.sections import Verification
from streams.verifier.schedule import local_zone, next_run

# 2026: at 02:00 on March 29 it is 03:00 at once; at 03:00 on October 25 it is 02:00 once more.
BERLIN: Final = ZoneInfo("Europe/Berlin")


def runs(schedule: Verification, start: str, count: int, zone: ZoneInfo = BERLIN, *, fold: int = 0) -> list[str]:
    """The next runs, with their offset from UTC, each asked for when the one before it was due."""
    after = datetime.fromisoformat(start).replace(tzinfo=zone, fold=fold)
    found = []
    for _ in range(count):
        due = next_run(schedule, after)
        assert due is not None
        found.append(due.isoformat())
        after = due
    return found


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("45 1 * * *", ["2026-11-25T01:45:00+01:00", "2026-11-26T01:45:00+01:00"]),
        ("0 45 1 * * ?", ["2026-11-25T01:45:00+01:00", "2026-11-26T01:45:00+01:00"]),
        ("*/2 * * * * ?", ["2026-11-24T10:00:02+01:00", "2026-11-24T10:00:04+01:00"]),
        ("7/20 * * * *", ["2026-11-24T10:07:00+01:00", "2026-11-24T10:27:00+01:00"]),
        ("0 0 1 JAN *", ["2027-01-01T00:00:00+01:00", "2028-01-01T00:00:00+01:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00:00+01:00", "2032-02-29T00:00:00+01:00"]),
        # Unix: Sunday is 0 and 7, and a day of the month counts beside one of the week.
        ("0 3 * * 7", ["2026-11-29T03:00:00+01:00", "2026-12-06T03:00:00+01:00"]),
        ("0 3 * * 0", ["2026-11-29T03:00:00+01:00", "2026-12-06T03:00:00+01:00"]),
        ("0 3 * * 6/2", ["2026-11-28T03:00:00+01:00", "2026-12-05T03:00:00+01:00"]),
        ("0 3 * * FRI-SAT", ["2026-11-27T03:00:00+01:00", "2026-11-28T03:00:00+01:00"]),
        ("0 3 1 * 1", ["2026-11-30T03:00:00+01:00", "2026-12-01T03:00:00+01:00"]),
        # In the form of Quartz, Sunday is the first day and has the number 1.
        ("0 0 3 ? * 1", ["2026-11-29T03:00:00+01:00", "2026-12-06T03:00:00+01:00"]),
        ("0 0 3 ? * 7", ["2026-11-28T03:00:00+01:00", "2026-12-05T03:00:00+01:00"]),
        ("0 0 3 ? * SUN", ["2026-11-29T03:00:00+01:00", "2026-12-06T03:00:00+01:00"]),
    ],
)
def test_a_cron_expression_is_due_when_its_form_says(cron: str, expected: list[str]) -> None:
    assert runs(Verification(cron=cron), "2026-11-24T10:00", len(expected)) == expected


def test_hours_are_full_hours_of_every_day() -> None:
    expected = ["2026-11-24T15:00:00+01:00", "2026-11-25T03:00:00+01:00"]
    assert runs(Verification(hours=(3, 15)), "2026-11-24T10:00", 2) == expected


def test_a_second_that_has_begun_is_over() -> None:
    """The next run is later than now, however little."""
    assert runs(Verification(cron="* * * * * ?"), "2026-11-24T10:00:00.999", 1) == ["2026-11-24T10:00:01+01:00"]


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/20 2 * * *", "0 3 * * *"])
def test_what_the_clock_skips_in_spring_runs_once_right_after(cron: str) -> None:
    first, second = runs(Verification(cron=cron), "2026-03-29T01:50", 2)
    assert first == "2026-03-29T03:00:00+02:00"
    assert second.startswith("2026-03-30")


def test_a_gap_of_another_length_is_left_at_its_end() -> None:
    """Lord Howe Island skips half an hour, from 02:00 to 02:30."""
    zone = ZoneInfo("Australia/Lord_Howe")
    assert runs(Verification(cron="10 2 * * *"), "2026-10-04T01:00", 1, zone) == ["2026-10-04T02:30:00+11:00"]


def test_what_comes_twice_in_autumn_runs_the_first_time_only() -> None:
    expected = ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    assert runs(Verification(cron="30 2 * * *"), "2026-10-25T01:50", 2) == expected


def test_a_verifier_that_starts_in_the_second_of_two_equal_hours_does_not_run_then() -> None:
    expected = ["2026-10-25T03:00:00+01:00"]
    assert runs(Verification(cron="*/30 * * * *"), "2026-10-25T02:10", 1, fold=1) == expected


def test_an_interval_shorter_than_the_change_goes_on_after_it() -> None:
    """In spring nothing is lost; in autumn the second of the two hours has none."""
    spring = runs(Verification(cron="*/30 * * * *"), "2026-03-29T01:10", 3)
    assert spring == ["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"]
    autumn = runs(Verification(cron="*/30 * * * *"), "2026-10-25T02:10", 2)
    assert autumn == ["2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00"]


def test_nothing_is_due_where_it_is_switched_off() -> None:
    assert next_run(Verification(enabled=False), datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 0 30 2 *", "never comes"),
        ("0 0 3 1 * MON", "names a day of the month and one of the week"),
        ("0 0 3 ? * 0", "has a wrong day of the week: a number from 1 to 7"),
        ("0 0 * * 8", "has a wrong day of the week: a number from 0 to 7"),
        ("0 ? * * * ?", "has a wrong minute"),
        ("9-5 * * * *", "has a range in the field minute that ends before it begins"),
        ("0 0 * * L", "has a wrong day of the week"),
        ("@daily", "must be a cron expression of five fields"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_its_fault(cron: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_cron(cron)


def test_the_time_zone_is_that_of_the_machine() -> None:
    assert local_zone({"TZ": "Asia/Tokyo"}).utcoffset(datetime(2026, 1, 1)) == timedelta(hours=9)  # noqa: DTZ001 - wall


def test_a_time_zone_that_nobody_knows_is_told() -> None:
    with pytest.raises(ConfigurationError, match="TZ=Mars/Olympus is no known time zone"):
        local_zone({"TZ": "Mars/Olympus"})
