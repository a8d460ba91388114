"""`POST /v1/authenticate` (contract section 6).

What is asked, in this order: the token, the size and form of the body, how many tries there were, the directory. Until
the token is right nothing is read and nothing is counted against anybody. A body is never logged.
"""

import asyncio
import errno
import ipaddress
import logging
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Protocol

import orjson
import structlog
from aiohttp import web

from ldap_sink.authenticator import Refusal
from schemas.errors import ConfigurationError, Halting, Retryable
from streams.authentication.bearer import BearerToken
from streams.authentication.logins import Answer, Yes
from streams.authentication.rates import Complaints, Rates
from streams.metrics import Metrics
from streams.services.health import IDLE_SECONDS
from streams.settings import ListenAddress
from streams.settings.sections import Authentication

log = structlog.get_logger(__name__)

PATH: Final = "/v1/authenticate"
MAX_BODY_BYTES: Final = 8192
RESULTS: Final = (
    "authenticated",
    *(reason.value for reason in Refusal),
    "malformed",
    "wrong_token",
    "too_large",
    "too_many_tries",
    "unavailable",
)
"""The label `result` of the metric `ldapflow_authentications_total`."""

_BODY_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 10.0
_FORM: Final = 'the body must be JSON, {"login": "…", "password": "…"}, both not null'
# aiohttp quotes in its log what it cannot read, and behind a wrong Content-Length that may be a password.
_SILENT: Final = logging.getLogger(f"{__name__}.silent")
_SILENT.disabled = True


class Desk(Protocol):
    """Who answers (`Logins`)."""

    async def attempt(self, login: str, password: bytes, address: str) -> Answer:
        """Try to log on.

        Raises:
            Retryable, Halting: the directory does not answer.
        """


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    result: str
    document: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class LoginServer:
    """The HTTP server of logins.

    Args:
        settings: the section `authentication`.
        token: what callers must show.
        metrics: counts what became of the tries.
        idle_seconds: after which a connection is closed that brings no request, or the next one: until there is one
            nobody has shown a token, and strangers must not fill the memory.

    Attributes:
        desk: None until the states of the accounts are known: nobody may be let in before.
    """

    def __init__(
        self, settings: Authentication, token: BearerToken, metrics: Metrics, *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.desk: Desk | None = None
        self._settings = settings
        self._token = token
        self._results = metrics.authentications
        for result in RESULTS:  # an alert needs a series that was 0 before
            self._results.labels(result)
        self._rates = Rates(settings.rate.per_login_per_minute, settings.rate.per_address_per_minute)
        self._complaints = Complaints()
        self._idle_seconds = idle_seconds
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Begin to serve.

        Returns:
            The port, also when the address left it to the system.

        Raises:
            ConfigurationError: the address, the certificate or its key cannot be used.
        """
        address, context = self._settings.listen, tls_context(self._settings)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.add_routes([web.post(PATH, self._authenticate)])
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,
            keepalive_timeout=self._idle_seconds,
            shutdown_timeout=_STOP_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
        except OSError as exc:
            await runner.cleanup()
            raise ConfigurationError(_why(address, exc)) from exc
        self._runner = runner
        if context is None and not all(_is_loopback(host) for host, *_ in runner.addresses):
            log.warning("plain_http", detail="passwords travel unencrypted: set authentication.tls_certificate")
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Take no more requests, answer those that are there, close; may be called again."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _authenticate(self, request: web.Request) -> web.Response:
        try:
            reply = await self._reply(request)
        except ConnectionError:
            raise  # the caller went away
        except Exception:  # a fault of ours in one try is told, and ends no other
            log.exception("login_broke")
            return web.Response(status=500, body=orjson.dumps({"error": "internal error"}))
        self._results.labels(reply.result).inc()
        return web.Response(
            status=reply.status,
            body=orjson.dumps(reply.document),
            content_type="application/json",
            headers={"Cache-Control": "no-store", **reply.headers},
        )

    async def _reply(self, request: web.Request) -> _Reply:
        address = request.remote or "unknown"
        if not self._token.accepts(request.headers.get("Authorization", "")):
            self._tell("wrong_token", address)
            return _error(403, "wrong_token", "show the token of the configuration: Authorization: Bearer …")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                login, password = _credentials(await request.read())
        except web.HTTPRequestEntityTooLarge:
            self._tell("too_large", address)
            return _error(413, "too_large", f"the body may have {MAX_BODY_BYTES} bytes")
        except (ValueError, TimeoutError):
            self._tell("malformed", address)
            return _error(400, "malformed", _FORM)
        wait = self._rates.admit(login, address, monotonic())
        if wait:
            self._tell("too_many_tries", address)
            return _error(429, "too_many_tries", "too many tries: wait", {"Retry-After": str(wait)})
        return await self._decide(login, password, address)

    async def _decide(self, login: str, password: bytes, address: str) -> _Reply:
        unavailable = _error(503, "unavailable", "nothing is known about this login now: try again later")
        if self.desk is None:
            return unavailable
        try:
            answer = await self.desk.attempt(login, password, address)
        except (Retryable, Halting) as exc:
            log.warning("login_unanswered", detail=str(exc), address=address)
            return unavailable
        if isinstance(answer, Yes):
            return _Reply(200, "authenticated", answer.document)
        return _Reply(401, answer.reason.value, answer.document)

    def _tell(self, what: str, address: str) -> None:
        """Log what a caller does wrong, once a minute: the metric has the number."""
        if self._complaints.is_due(what, address, monotonic()):
            log.warning("request_refused", reason=what, address=address)


def _error(status: int, result: str, words: str, headers: Mapping[str, str] | None = None) -> _Reply:
    return _Reply(status, result, {"error": words}, headers or {})


def _credentials(body: bytes) -> tuple[str, bytes]:
    """Read login and password.

    Raises:
        ValueError: they are not there; its text quotes nothing.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ValueError("no JSON") from None  # the cause holds the body
    match document:
        case {"login": str(login), "password": str(password)}:
            return login, password.encode()
        case _:
            raise ValueError("no login and password")


def tls_context(settings: Authentication) -> ssl.SSLContext | None:
    """What HTTPS is spoken with; None: HTTP.

    Raises:
        ConfigurationError: the certificate or its key cannot be used.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A group may: Kubernetes gives files to no user but root.
        if key.stat().st_mode & stat.S_IRWXO:
            raise ConfigurationError(f"authentication.tls_key: {key} may be used by everybody: chmod 640 {key}")
        # The password: an encrypted key would otherwise be asked about on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as exc:
        raise ConfigurationError(
            f"authentication.tls_certificate: {certificate} and {key} are no certificate and its key without a"
            f" passphrase ({exc.reason or exc}): both must be PEM, and belong together"
        ) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"authentication.tls_certificate: {certificate} or {key} cannot be read ({exc.strerror}): correct its owner"
        ) from exc
    return context


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _why(address: ListenAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"authentication.listen: {address} is in use: stop the other process, or choose another port"
    return f"authentication.listen: cannot listen on {address} ({error.strerror}): correct it"
