"""A plugin: what one test configures of the log is nothing to the next.

Commands that run within the tests configure the log of the whole process, and loggers keep what they were made with.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog


@pytest.fixture(autouse=True, scope="session")
def _loggers_are_made_anew() -> Iterator[None]:
    """At each line, instead of at the first one only."""
    with pytest.MonkeyPatch.context() as patch:
        configure = structlog.configure

        def without_keeping(**settings: Any) -> None:
            configure(**{**settings, "cache_logger_on_first_use": False})

        patch.setattr(structlog, "configure", without_keeping)
        yield


@pytest.fixture(autouse=True)
def _no_test_begins_with_what_another_configured() -> None:
    structlog.reset_defaults()
