"""A pytest plugin: no test may pass while an error reaches nobody."""

import asyncio
import gc
import logging
from collections.abc import Iterator

import pytest

# What asyncio logs where it cannot raise: "Task exception was never retrieved", "Unclosed connection", …
_ASYNCIO_LOGGER = logging.getLogger(asyncio.__name__)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def pytest_collection_finish() -> None:
    """Leave what was loaded until now out of every later collection: there are thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_swallowed_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which asyncio met an error that reached nobody.

    Exceptions in `__del__`, threads and unawaited coroutines are pytest's own warnings, which are errors here.
    """
    collector = _Collector()
    _ASYNCIO_LOGGER.addHandler(collector)
    try:
        yield
        if request.node.get_closest_marker("asyncio"):
            gc.collect()  # a failed task in a reference cycle speaks when it is collected
    finally:
        _ASYNCIO_LOGGER.removeHandler(collector)
    if collector.records:
        logged = logging.Formatter().format
        pytest.fail("\n".join(["an error was swallowed:", *map(logged, collector.records)]))
