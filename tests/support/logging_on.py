"""People who log on: a slapd with an entry for each case, and what answers them, in this process."""

import http.client
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from ldap_sink.authenticator import Authenticator
from ldap_sink.directory import Directory
from ldap_sink.settings import DirectorySettings
from schemas.dn import DN
from streams.authentication.accounts import Accounts
from streams.authentication.application import LoginServer
from streams.authentication.bearer import BearerToken
from streams.authentication.logins import Logins
from streams.metrics import Metrics
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings.sections import Authentication
from tests.support.sink import entry_uuid, settings_for

TARGET = DN.parse(Slapd.target_dn)
CLASSES = ("inetOrgPerson", "top")
SIGN_IN_IDS = ("uid", "mail", "mobile")
PASSWORD = b"r1ght pass"
TRICKY = "a*b(c)\\d"
TOKEN = "t0ken-of-the-caller"  # noqa: S105 - of a test's service


def _person(uid: str, *lines: str, password: bytes | None = PASSWORD, below: str = Slapd.target_dn) -> str:
    rdn = uid.replace("\\", "\\\\")
    own = [f"dn: uid={rdn},{below}", "objectClass: inetOrgPerson", "objectClass: top", f"uid: {uid}", "cn: c", "sn: s"]
    secret = [] if password is None else [f"userPassword: {password.decode()}"]
    return "\n".join([*own, *secret, *lines, "", ""])


_ROBOT = f"""\
dn: uid=robot,{Slapd.target_dn}
objectClass: account
objectClass: simpleSecurityObject
uid: robot
userPassword: {PASSWORD.decode()}

"""
STAFF = "".join(
    (
        _person("mei", "mail: mei@example.com", "mobile: +86 138-0000-0001"),
        _person("jo", password=b"password of jo"),
        _person(TRICKY),
        _person("locked", "pwdAccountLockedTime: 000001010000Z"),
        _person("expired", "pwdChangedTime: 20200101000000Z"),
        _person("nopassword", password=None),
        *(_person(f"twin{number}", "mail: twins@example.com") for number in (1, 2)),
        *(_person(f"crowd{number}", "mobile: +1 555") for number in range(20)),
        _person("outsider", below=Slapd.suffix),
        _ROBOT,
    )
)
POLICY = SlapdOptions(
    policy={"pwdMaxFailure": "0", "pwdMaxAge": "86400"}, overlays=("ppolicy_use_lockout",), entries=STAFF
)
"""The policy says why it refuses; nobody is locked by wrong passwords."""


def dn_of(uid: str) -> DN:
    """Where somebody's entry is."""
    return DN.parse(f"uid={uid},{Slapd.target_dn}")


def directory_of(slapd: Slapd, **changes: Any) -> DirectorySettings:
    """How the directory is reached; users' passwords may travel in plaintext."""
    settings = settings_for(slapd, TARGET, entry_uuid(slapd, TARGET), allow_plaintext=True)
    return replace(settings, **changes)


@asynccontextmanager
async def authenticating(slapd: Slapd, **changes: Any) -> AsyncIterator[tuple[Authenticator, Directory]]:
    """Somebody who tries logins, once the directory is there; `changes` are those of the settings."""
    directory = Directory(directory_of(slapd, **changes), may_write=lambda: False)
    async with directory, Authenticator(directory, CLASSES, SIGN_IN_IDS) as authenticator:
        await directory.session()
        yield authenticator, directory


def authentication_section(folder: Path, per_minute: int = 10**6) -> dict[str, Any]:
    """Of a configuration in that folder: the service listens on a free port, and its token file is there."""
    token = folder / "auth-token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    return {
        "enabled": True,
        "listen": f"127.0.0.1:{free_port()}",
        "token_file": token.name,
        "rate": {"per_login_per_minute": per_minute, "per_address_per_minute": per_minute},
    }


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks the service on a port."""

    port: int

    def ask(self, login: str, password: bytes = PASSWORD) -> tuple[int, dict[str, Any]]:
        """Status and document of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = orjson.dumps({"login": login, "password": password.decode()})
        connection.request("POST", "/v1/authenticate", body, {"Authorization": f"Bearer {TOKEN}"})
        response = connection.getresponse()
        document: dict[str, Any] = orjson.loads(response.read())
        connection.close()
        return response.status, document

    def send(self, octets: bytes) -> bytes:
        """What comes back until the service hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(octets)
            return b"".join(iter(lambda: connection.recv(4096), b""))


@dataclass
class Service:
    """The HTTP server of logins, and a caller of it.

    Attributes:
        token_file: holds `TOKEN`, until somebody writes another.
        accounts: empty, until somebody fills them.
    """

    url: str
    token_file: Path
    accounts: Accounts
    metrics: Metrics
    server: LoginServer
    directory: Directory
    session: aiohttp.ClientSession

    async def send(self, body: bytes, *, token: str | None = TOKEN, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and document of the answer to a body."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.session.post(self.url, data=body, headers=headers, **options) as response:
            return response.status, orjson.loads(await response.read())

    async def ask(self, login: str, password: bytes = PASSWORD, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and document of the answer to login and password."""
        return await self.send(orjson.dumps({"login": login, "password": password.decode()}), **options)

    def count(self, result: str) -> float:
        """What the metric says."""
        found = self.metrics.registry.get_sample_value("ldapflow_authentications_total", {"result": result})
        assert found is not None, result
        return found


@asynccontextmanager
async def serving(
    slapd: Slapd,
    folder: Path,
    *,
    scheme: str = "http",
    per_login: int = 10**6,
    per_address: int = 10**6,
    authentication: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[Service]:
    """A server that answers, on a port of its own; `changes` are those of the directory's settings."""
    token_file = folder / "auth-token"
    token_file.touch(mode=0o600)
    token_file.write_text(f"{TOKEN}\n")
    settings = Authentication.model_validate(
        {
            "enabled": True,
            "listen": "127.0.0.1:0",
            "token": TOKEN,
            "token_file": str(token_file),
            "rate": {"per_login_per_minute": per_login, "per_address_per_minute": per_address},
            **(authentication or {}),
        }
    )
    metrics, accounts = Metrics(), Accounts()
    async with AsyncExitStack() as stack:
        authenticator, directory = await stack.enter_async_context(authenticating(slapd, **changes))
        server = LoginServer(settings, BearerToken(settings), metrics)
        port = await server.start()
        stack.push_async_callback(server.stop)
        server.desk = Logins(authenticator, accounts)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        url = f"{scheme}://localhost:{port}/v1/authenticate"
        yield Service(url, token_file, accounts, metrics, server, directory, session)
