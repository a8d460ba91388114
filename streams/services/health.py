"""`/metrics`, `/healthz` and `/readyz` of every long-running process (contract section 6)."""

import errno
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import orjson
from aiohttp import web

from schemas.errors import ConfigurationError
from streams.metrics import Metrics
from streams.settings import ListenAddress

Readiness: TypeAlias = Callable[[], Mapping[str, str]]

IDLE_SECONDS: Final = 75.0
"""After which a connection without a request is closed: longer than between two scrapes. aiohttp's is an hour."""

_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """The HTTP server of one process.

    Args:
        metrics: what `/metrics` shows.
        readiness: what the process needs and has not, each with its reason; empty when it is ready. It is asked for
            every request, so it must answer from memory.
        idle_seconds: after which a connection is closed that brings no request, or the next one.
    """

    def __init__(self, metrics: Metrics, readiness: Readiness, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._idle_seconds = idle_seconds
        self._runner: web.AppRunner | None = None

    async def start(self, address: ListenAddress) -> int:
        """Begin to serve.

        Returns:
            The port, also when the address left it to the system.

        Raises:
            ConfigurationError: the address cannot be used.
        """
        application = web.Application()
        application.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._show_alive),
                web.get("/readyz", self._show_ready),
            ]
        )
        runner = web.AppRunner(application, access_log=None, keepalive_timeout=self._idle_seconds)
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as exc:
            await runner.cleanup()
            raise ConfigurationError(_why(address, exc)) from exc
        self._runner = runner
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Close the port; may be called at any time, and again."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": _PROMETHEUS})

    async def _show_alive(self, _: web.Request) -> web.Response:
        return _json(200, {"alive": True})

    async def _show_ready(self, _: web.Request) -> web.Response:
        reasons = dict(self._readiness())
        return _json(503, {"ready": False, "reasons": reasons}) if reasons else _json(200, {"ready": True})


def _json(status: int, document: Mapping[str, object]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


def _why(address: ListenAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"metrics.listen: {address} is in use: stop the other process, or give --metrics-listen HOST:PORT"
    return (
        f"metrics.listen: cannot listen on {address} ({error.strerror}): correct it, or give --metrics-listen HOST:PORT"
    )
