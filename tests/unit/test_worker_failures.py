"""What the operator is told of what broke a worker."""

from schemas.errors import CommandFailed
from streams.worker.app import failure_of

REMEDY = CommandFailed("no room: make some")


def test_a_failure_with_a_remedy_is_told_as_it_is() -> None:
    """Also when it is that of an event's task, beside others."""
    assert failure_of(REMEDY) is REMEDY
    assert failure_of(ExceptionGroup("tasks", [OSError("x"), ExceptionGroup("more", [REMEDY])])) is REMEDY


def test_any_other_failure_is_told_with_its_name() -> None:
    """In one line."""
    told = str(failure_of(ExceptionGroup("tasks", [OSError("x")])))
    assert told.startswith("the worker broke off and must be started again: ExceptionGroup('tasks', [OSError('x')])")
