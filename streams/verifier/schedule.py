"""When the next verification is due, by the clock on the wall."""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from schemas.errors import ConfigurationError
from streams.settings.schedule import ANY, cron_fields
from streams.settings.sections import Verification

_SYSTEM_ZONE: Final = Path("/etc/localtime")
_SECOND: Final = timedelta(seconds=1)


def next_run(schedule: Verification, after: datetime) -> datetime | None:
    """When a verification runs next.

    A time that the clock skips in spring is run once, right after the gap; one that comes twice in autumn is run the
    first time only.

    Args:
        schedule: the configuration's.
        after: with the time zone in which the schedule is meant; the answer is later.

    Returns:
        In the same time zone; None when nothing is scheduled.
    """
    zone = after.tzinfo
    if not schedule.enabled or zone is None:
        return None
    instant = after.astimezone(UTC)
    for wall in _on_the_wall(schedule, after.replace(tzinfo=None, fold=0)):
        due = _instant(wall, zone)
        if due > instant:
            return due.astimezone(zone)
    return None


def local_zone(environ: Mapping[str, str] = os.environ) -> tzinfo:
    """The time zone of this machine: `TZ`, else that of the system, else UTC.

    Raises:
        ConfigurationError: `TZ` names none.
    """
    name = environ.get("TZ", "").removeprefix(":")
    if name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ConfigurationError(f"TZ={name} is no known time zone: write one like Europe/Berlin") from exc
    if not _SYSTEM_ZONE.exists():
        return UTC
    with _SYSTEM_ZONE.open("rb") as file:
        return ZoneInfo.from_file(file)


def _on_the_wall(schedule: Verification, after: datetime) -> Iterator[datetime]:
    """All times of the schedule after a time, without a time zone."""
    if schedule.cron is not None:
        fields = cron_fields(schedule.cron)
    else:
        fields = ("0", "0", ",".join(map(str, schedule.hours or ())), ANY, ANY, ANY)
    times = croniter(" ".join(fields), after, ret_type=datetime, second_at_beginning=True)
    while True:
        yield times.get_next()


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """The moment at which the clock shows a time: the first one, or the end of the gap that swallows it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # In a gap `fold` chooses the offset before or after it (PEP 495): the gap ends between the two answers.
    early, late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while late - early > _SECOND:
        middle = early + ((late - early) / 2)
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
