"""`ldapflow auth`: the process around the HTTP server of logins; and one try without it."""

import asyncio
import gc
from collections.abc import Mapping
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any, Final

import structlog

from ldap_sink.authenticator import Authenticator
from ldap_sink.directory import Directory
from schemas.errors import CommandFailed, ConfigurationError, Halting, Retryable
from streams.authentication.accounts import AccountReader, Accounts
from streams.authentication.application import LoginServer
from streams.authentication.bearer import BearerToken
from streams.authentication.condition import Condition
from streams.authentication.logins import Answer, Logins
from streams.metrics import Metrics
from streams.services.health import Health
from streams.services.stopping import stop_on_signals
from streams.settings import Settings
from streams.settings.directory import directory_settings, require_target

log = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 1.0


def run_service(settings: Settings) -> int:
    """Answer logins until SIGTERM or SIGINT. Kafka is needed until the states are read, LDAP may come and go.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: the configuration does not fit, or an address is in use.
        CommandFailed: a part broke; start it again.
    """
    if not settings.authentication.enabled:
        raise ConfigurationError("authentication.enabled is false: write `enabled: true`, and give a token_file")
    require_target(settings)
    return asyncio.run(_serve(settings))


async def try_once(settings: Settings, login: str, password: bytes) -> Answer:
    """Try one login as the service would.

    Raises:
        ConfigurationError: the configuration does not fit.
        CommandFailed: Kafka or LDAP does not answer.
    """
    require_target(settings)
    accounts, looked, server = Accounts(), asyncio.Event(), settings.connection.server
    async with AsyncExitStack() as stack:
        directory = Directory(
            directory_settings(settings), may_write=lambda: False, on_state_change=lambda _: looked.set()
        )
        authenticator = _authenticator(settings, directory)
        await stack.enter_async_context(directory)
        await stack.enter_async_context(authenticator)
        await stack.enter_async_context(AccountReader(settings, accounts))
        await looked.wait()
        try:
            return await Logins(authenticator, accounts).attempt(login, password, "here")
        except Retryable as exc:
            words = f"LDAP at {server} does not answer: start it, or correct connection.server"
            raise CommandFailed(f"{words} ({exc})") from exc
        except Halting as exc:
            raise CommandFailed(f"LDAP at {server}: {exc}") from exc


async def _serve(settings: Settings) -> int:
    stopping = stop_on_signals()
    broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: _take(context, broken))
    metrics = Metrics(settings.name, version("ldapflow"))
    token = BearerToken(settings.authentication)
    condition = Condition(str(settings.connection.server), token, metrics)
    async with AsyncExitStack() as stack:
        directory = Directory(
            directory_settings(settings),
            may_write=lambda: False,
            on_state_change=condition.directory.take,
            observe=condition.directory.count,
        )
        authenticator = _authenticator(settings, directory)
        health = Health(metrics, condition.readiness)
        stack.push_async_callback(health.stop)
        await health.start(settings.metrics.listen)
        await stack.enter_async_context(directory)
        await stack.enter_async_context(authenticator)
        server = LoginServer(settings.authentication, token, metrics)
        stack.push_async_callback(server.stop)
        await server.start()
        log.info("auth_starts", name=settings.name, listen=str(settings.authentication.listen))
        following = asyncio.create_task(_follow(settings, authenticator, server, condition))
        stopped = asyncio.create_task(stopping.wait())
        parts: list[asyncio.Future[Any]] = [following, stopped, broken]
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        await server.stop()
        for task in (following, stopped):
            task.cancel()
        await asyncio.gather(following, stopped, return_exceptions=True)
    log.info("auth_ends", name=settings.name)
    for done in (following, broken):
        if done.done() and not done.cancelled():
            done.result()
    return 0


async def _follow(settings: Settings, authenticator: Authenticator, server: LoginServer, condition: Condition) -> None:
    """Read the account states, as soon as Kafka is there, and for ever; open the desk when their end is reached."""
    accounts = Accounts()
    while True:
        try:
            async with AccountReader(settings, accounts):
                # A full round of the collector through a million accounts would stop the loop for a second.
                gc.collect()
                gc.freeze()
                server.desk = Logins(authenticator, accounts)
                condition.is_loaded = True
                log.info("states_read", accounts=len(accounts))
                await asyncio.get_running_loop().create_future()
        except CommandFailed as exc:
            log.warning("states_not_read", detail=str(exc))
            await asyncio.sleep(_RETRY_SECONDS)


def _authenticator(settings: Settings, directory: Directory) -> Authenticator:
    return Authenticator(directory, settings.users.object_classes, settings.users.sign_in_ids)


def _take(context: Mapping[str, Any], broken: "asyncio.Future[None]") -> None:
    """A fault of ours where nobody waits for the outcome: end, and be started again, rather than go on halved.

    What callers do to their connections, TLS above all, comes here too, and must end nothing.
    """
    problem = context.get("exception") or RuntimeError(str(context.get("message")))
    if isinstance(problem, OSError):
        log.info("connection_failed", error=str(problem))
        return
    log.error("auth_breaks_off", error=repr(problem), exc_info=problem)
    if not broken.done():
        broken.set_exception(CommandFailed(f"auth broke off and must be started again: {problem!r}"))
