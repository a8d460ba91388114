"""The HTTP pages that every long-running process has."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from schemas.errors import ConfigurationError
from streams.metrics import Metrics
from streams.services.health import Health
from streams.settings import ListenAddress

ANY_PORT = ListenAddress("127.0.0.1", 0)


@pytest.fixture
def reasons() -> dict[str, str]:
    """What the process under test says it lacks."""
    return {}


@pytest.fixture
async def port(reasons: dict[str, str]) -> AsyncIterator[int]:
    """The port of a running server."""
    health = Health(Metrics(), lambda: reasons)
    yield await health.start(ANY_PORT)
    await health.stop()


async def get(port: int, path: str) -> tuple[int, str, str]:
    """Status, content type and text of a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_ready_while_nothing_is_missing(port: int) -> None:
    status, _, text = await get(port, "/readyz")
    assert (status, json.loads(text)) == (200, {"ready": True})


async def test_not_ready_says_why(port: int, reasons: dict[str, str]) -> None:
    reasons["ldap"] = "127.0.0.1:389 does not answer"
    status, _, text = await get(port, "/readyz")
    assert (status, json.loads(text)) == (503, {"ready": False, "reasons": reasons})


async def test_alive_even_where_not_ready(port: int, reasons: dict[str, str]) -> None:
    """A supervisor must not restart a process that waits for LDAP."""
    reasons["ldap"] = "down"
    status, _, _ = await get(port, "/healthz")
    assert status == 200


async def test_metrics_are_in_the_format_of_prometheus(port: int) -> None:
    _, content_type, text = await get(port, "/metrics")
    assert content_type.startswith("text/plain; version=0.0.4")
    assert "ldapflow_directory_up 0.0" in text


async def test_a_port_in_use_is_one_line(port: int) -> None:
    health = Health(Metrics(), dict)
    with pytest.raises(ConfigurationError) as caught:
        await health.start(ListenAddress("127.0.0.1", port))
    assert caught.value.problems == (
        f"metrics.listen: 127.0.0.1:{port} is in use: stop the other process, or give --metrics-listen HOST:PORT",
    )


async def test_a_foreign_address_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"metrics\.listen: cannot listen on 192\.0\.2\.1:0"):
        await Health(Metrics(), dict).start(ListenAddress("192.0.2.1", 0))


async def test_a_connection_that_brings_no_request_is_closed() -> None:
    """However many somebody opens, the process keeps its files and its memory."""
    health = Health(Metrics(), dict, idle_seconds=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", await health.start(ANY_PORT))
    writer.write(b"GET /metrics HTT")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    await health.stop()
