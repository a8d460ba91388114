"""What a process needs of its configuration and its machine."""

from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import aiohttp

from schemas.errors import ConfigurationError
from streams.authentication.application import PATH, LoginServer, tls_context
from streams.authentication.bearer import BearerToken
from streams.checking.findings import faults_of, fine
from streams.checking.running import Findings
from streams.metrics import Metrics
from streams.services.health import Health
from streams.settings import ListenAddress, Settings
from streams.worker.not_yet import refuse_what_is_missing

_ANSWER_SECONDS = 2.0
_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask a server that listens on all


async def check_configuration(path: Path, settings: Settings) -> Findings:
    """Whether this version does all that the configuration asks for; that it could be read is known already."""
    try:
        refuse_what_is_missing(settings)
    except ConfigurationError as exc:
        for finding in faults_of(exc):
            yield finding
        return
    yield fine(f"{path} is in order")


async def check_listening(settings: Settings) -> Findings:
    """Whether a process can serve its metrics, or does so already."""
    address = settings.metrics.listen
    if await _answers(address):
        yield fine(f"a process of ldapflow serves {address} already")
        return
    health = Health(Metrics(settings.name, version("ldapflow")), dict)
    await health.start(address)
    await health.stop()
    yield fine(f"{address} is free")


async def check_authentication(settings: Settings) -> Findings:
    """Whether `auth` can serve with its certificate, or does so already."""
    section = settings.authentication
    scheme = "http" if tls_context(section) is None else "https"
    if await _serves_logins(scheme, section.listen):
        yield fine(f"a process of ldapflow serves {section.listen} already")
        return
    server = LoginServer(section, BearerToken(section), Metrics(settings.name, version("ldapflow")))
    await server.start()
    await server.stop()
    yield fine(f"{section.listen} is free for {scheme.upper()}")


async def _answers(address: ListenAddress) -> bool:
    """Whether one of ours is asked there."""
    try:
        async with _asking() as session, session.get(f"http://{_asked(address)}/healthz") as reply:
            return bool(await reply.json() == {"alive": True})
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False


async def _serves_logins(scheme: str, address: ListenAddress) -> bool:
    """Whether somebody takes logins there; nothing that it would count or log is asked."""
    url = f"{scheme}://{_asked(address)}{PATH}"
    try:
        async with _asking() as session, session.options(url, ssl=False) as reply:
            return reply.status == HTTPStatus.METHOD_NOT_ALLOWED and reply.headers.get("Allow") == "POST"
    except (aiohttp.ClientError, TimeoutError):
        return False


def _asking() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS))


def _asked(address: ListenAddress) -> ListenAddress:
    return ListenAddress(_ALL_ADDRESSES.get(address.host, address.host), address.port)
