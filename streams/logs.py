"""Structured logs to stderr: JSON for machines, text for people; libraries log through the same formatter."""

import json
import logging
import sys
from collections import Counter
from contextlib import suppress
from typing import Any, Final, Literal

import orjson
import structlog
from structlog.typing import Processor

LogFormat = Literal["json", "text"]

# What is said by libraries at INFO is about their own insides; what they say at WARNING concerns the operator.
_QUIET: Final = ("aiohttp.access", "aiokafka", "asyncio", "faust", "kafka", "librdkafka", "mode")
# These say the same many times a second, as long as Kafka is away or the machine is overloaded.
_TALKATIVE: Final = ("aiokafka", "mode.timers")
_SECONDS_OF_SILENCE: Final = 60


def configure_logging(log_format: LogFormat, level: str = "INFO") -> None:
    """Send everything that is logged in this process to stderr; the last call holds.

    Tracebacks are written without the values of variables: they could be secrets.

    Args:
        log_format: `json` (one object in a line) or `text`.
        level: the lowest level of our own messages; libraries speak from WARNING on.
    """
    lowest = logging.getLevelNamesMapping()[level]
    before: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    # Ours do not go through `logging`: a line is written for every event, and that would cost four times as much.
    structlog.configure(
        processors=[*before, *_rendering(log_format)],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(log_format)],
        )
    )
    handler.addFilter(_Repetitions())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


class _Lines:
    """What structlog writes to: stderr, a whole line at a time."""

    __slots__ = ("name",)

    def __init__(self, name: str = "ldapflow") -> None:
        self.name = name

    def debug(self, line: str) -> None:
        """Write a line, in one piece: other threads write too. stderr flushes at its end."""
        # Nobody is left to be told that the disk of the log is full; the work goes on. Who was started without stderr
        # has None there, and one that is closed is a ValueError.
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(line + "\n")

    info = warning = error = critical = exception = debug


class _Repetitions(logging.Filter):
    """Lets each message of a talkative library through once a minute, with how often it came meanwhile.

    None is an error: these libraries try again for ever, so nobody must act because of what they say.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[str, str], float] = {}
        self._hidden: Counter[tuple[str, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is shown."""
        if record.levelno < logging.WARNING or not record.name.startswith(_TALKATIVE):
            return True
        message = (record.name, str(record.msg))
        if record.created - self._shown.get(message, 0) < _SECONDS_OF_SILENCE:
            self._hidden[message] += 1
            return False
        self._shown[message] = record.created
        record.repetitions = self._hidden.pop(message, 0)
        if record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _rendering(log_format: LogFormat) -> list[Processor]:
    if log_format == "json":
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr is not None and sys.stderr.isatty(),
            timestamp_key="time",
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _json(value: Any, **_: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits
        return json.dumps(value, default=str)
