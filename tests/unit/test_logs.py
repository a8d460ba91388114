"""What is logged, and where."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog

from streams.logs import LogFormat, configure_logging


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def fail() -> None:
    """Raises, with a secret among its variables."""
    password = "hunter" + "2"  # joined, so that no line of source shows it
    raise ValueError(len(password))


def test_json_is_one_object_in_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    structlog.get_logger("ldapflow.test").info("applied", id="user_a1", offset=7)
    out, err = capsys.readouterr()
    assert out == ""
    entry = json.loads(err)
    assert {key: entry[key] for key in ("event", "level", "logger", "id", "offset")} == {
        "event": "applied", "level": "info", "logger": "ldapflow.test", "id": "user_a1", "offset": 7,
    }  # fmt: skip


def test_libraries_log_through_the_same_formatter(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    logging.getLogger("aiokafka.consumer").warning("group %s", "ldapflow")
    assert json.loads(capsys.readouterr().err)["event"] == "group ldapflow"


def test_libraries_do_not_talk_of_their_insides(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    for name in ("faust", "aiokafka.consumer", "mode.services", "aiohttp.access"):
        logging.getLogger(name).info("chatter")
    assert capsys.readouterr().err == ""


def say(name: str, seconds: float, *arguments: object) -> None:
    """One error of a library, at a time."""
    fields = {"name": name, "levelno": logging.ERROR, "levelname": "ERROR", "created": 1000 + seconds}
    logging.getLogger(name).handle(logging.makeLogRecord({**fields, "msg": "node %s is away", "args": arguments}))


def test_what_a_library_says_all_the_time_is_a_warning_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    for second in (0, 1, 2, 59, 61, 62):
        say("aiokafka.client", second, second)
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(entry["level"], entry["event"], entry["repetitions"]) for entry in entries] == [
        ("warning", "node 0 is away", 0),
        ("warning", "node 61 is away", 3),
    ]


def test_errors_of_other_libraries_are_all_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    for name in ("librdkafka", "librdkafka", "faust.worker"):
        say(name, 0, 1)
    levels = [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()]
    assert levels == ["error"] * 3


def test_what_is_no_unicode_is_logged_nevertheless(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of the log must never end what it tells of."""
    configure_logging("json")
    structlog.get_logger("ldapflow.test").info("found", path="a\udcff", number=2**70)
    assert json.loads(capsys.readouterr().err)["number"] == 2**70


def test_a_full_disk_of_the_log_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged is lost then, and nothing else."""
    logged = False
    with suppress(OSError), open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 - a device
        monkeypatch.setattr("sys.stderr", full)
        configure_logging("json")
        structlog.get_logger("ldapflow.test").info("applied")
        logged = True
    assert logged


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_stderr_that_is_closed_breaks_nothing(
    log_format: LogFormat,
    *,
    is_there: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python has none when the program is started without; one that closes later raises no OSError."""
    closed = io.StringIO() if is_there else None
    monkeypatch.setattr("sys.stderr", closed)
    configure_logging(log_format)
    if closed is not None:
        closed.close()
    logger = structlog.get_logger("ldapflow.test")
    logger.info("applied")
    assert logger.is_enabled_for(logging.INFO)


def test_what_is_below_the_level_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands tell of errors alone."""
    configure_logging("json", "ERROR")
    structlog.get_logger("ldapflow.test").warning("recovered")
    assert capsys.readouterr().err == ""


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text")
    structlog.get_logger("ldapflow.test").warning("recovered", partition=3)
    err = capsys.readouterr().err
    assert "recovered" in err
    assert "partition=3" in err


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_no_values_of_variables(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json" if log_format == "json" else "text")
    try:
        fail()
    except ValueError:
        structlog.get_logger("ldapflow.test").exception("failed")
    err = capsys.readouterr().err
    assert "ValueError: 7" in err
    assert "hunter2" not in err


def test_the_last_call_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is logged twice."""
    configure_logging("text")
    configure_logging("json")
    structlog.get_logger("ldapflow.test").info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1
