"""The plugin that fails tests which swallow errors does fail them."""

import pytest

_OPTIONS = ("-p", "tests.support.swallowed_errors", "-o", "asyncio_mode=auto")
_LOOP_SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")


def _outcomes(pytester: pytest.Pytester, text: str) -> dict[str, int]:
    pytester.makepyfile(text)
    return pytester.runpytest_subprocess(*_OPTIONS, *_LOOP_SCOPE).parseoutcomes()


def test_a_task_whose_exception_nobody_asked_for_fails_the_test(pytester: pytest.Pytester) -> None:
    """A background task that raised is an error of the test that started it."""
    text = """
        import asyncio

        async def fail():
            raise RuntimeError("lost")

        async def test_it():
            task = asyncio.create_task(fail())
            await asyncio.wait([task])
    """
    assert _outcomes(pytester, text) == {"passed": 1, "errors": 1}


def test_a_task_that_was_awaited_does_not(pytester: pytest.Pytester) -> None:
    """An exception that somebody handled is no error."""
    text = """
        import asyncio
        import contextlib

        async def fail():
            raise RuntimeError("found")

        async def test_it():
            with contextlib.suppress(RuntimeError):
                await asyncio.create_task(fail())
    """
    assert _outcomes(pytester, text) == {"passed": 1}
