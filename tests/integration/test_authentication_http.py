"""`POST /v1/authenticate`: statuses, bodies, limits, the token, and what time tells."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import median
from time import monotonic, time
from typing import Any

import aiohttp
import orjson
import pytest
import trustme

from schemas.errors import ConfigurationError
from streams.authentication.accounts import Standing
from streams.authentication.application import MAX_BODY_BYTES, LoginServer
from streams.authentication.bearer import BearerToken
from streams.authentication.condition import Condition
from streams.metrics import Metrics
from streams.sandbox.slapd import Slapd
from streams.settings.sections import Authentication
from tests.support.logging_on import PASSWORD, POLICY, TOKEN, TRICKY, Service, dn_of, serving
from tests.support.proxy import Proxy
from tests.support.sink import entry_uuid

_TRIES = 25
_BODY = orjson.dumps({"login": "mei", "password": PASSWORD.decode()})
_HOUR = 3_600_000


@pytest.fixture(scope="module")
def staff() -> Iterator[Slapd]:
    """One slapd for all tests here."""
    with Slapd(POLICY) as server:
        yield server


@pytest.fixture
async def service(staff: Slapd, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that nothing is wrong with."""
    async with serving(staff, tmp_path) as running:
        yield running


def _no(reason: str) -> tuple[int, dict[str, Any]]:
    return 401, {"authenticated": False, "reason": reason}


def _yes(uid: str, user_id: str | None) -> tuple[int, dict[str, Any]]:
    return 200, {"authenticated": True, "dn": str(dn_of(uid)), "userId": user_id}


async def test_an_entry_that_belongs_to_no_account_may_log_on(service: Service) -> None:
    """Its `userId` is null."""
    assert await service.ask("mei@example.com") == _yes("mei", None)
    assert service.count("authenticated") == 1


async def test_the_account_behind_the_entry_is_named(service: Service, staff: Slapd) -> None:
    service.accounts.take_in([Standing("user_a1", entry_uuid(staff, dn_of("mei")), 1, (1, 1), is_enabled=True)])
    assert await service.ask("mei") == _yes("mei", "user_a1")


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        ("nobody", "invalid_credentials"),
        ("twins@example.com", "ambiguous_login"),
        ("locked", "account_locked"),
        ("expired", "password_expired"),
    ],
)
async def test_what_the_directory_refuses(service: Service, login: str, reason: str) -> None:
    """Each with its reason, and counted by it."""
    assert await service.ask(login) == _no(reason)
    assert service.count(reason) == 1


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        ({"is_enabled": False}, "account_disabled"),
        ({"locked_until": _HOUR}, "account_locked"),
        ({"account_until": -_HOUR}, "account_expired"),
        ({"password_until": -_HOUR}, "password_expired"),
    ],
)
async def test_what_the_source_forbids_is_told_only_to_who_has_the_password(
    service: Service, staff: Slapd, standing: dict[str, Any], reason: str
) -> None:
    """Although the directory would let them in."""
    times = {name: round(time() * 1000) + value for name, value in standing.items() if name != "is_enabled"}
    rest = {"is_enabled": True, **standing, **times}
    service.accounts.take_in([Standing("a", entry_uuid(staff, dn_of("mei")), 1, (1, 1), **rest)])
    assert await service.ask("mei", b"wrong") == _no("invalid_credentials")
    assert await service.ask("mei") == _no(reason)


async def test_an_unknown_login_and_a_wrong_password_are_answered_alike(service: Service) -> None:
    assert await service.ask("nobody") == await service.ask("mei", b"wrong") == await service.ask(TRICKY, b"")


async def test_an_unknown_login_takes_as_long_as_a_wrong_password(
    staff: Slapd, tmp_path: Path, proxy: Callable[..., Proxy]
) -> None:
    """With every reply of the directory delayed, so that a bind costs as much as with a slow hash."""
    between, took = proxy(staff.port), {"nobody": [0.0], "mei": [0.0]}
    async with serving(staff, tmp_path, port=between.port) as service:
        between.delay(0.04)
        for _ in range(_TRIES):
            for login, seconds in took.items():
                began = monotonic()
                assert (await service.ask(login, b"wrong"))[0] == 401
                seconds.append(monotonic() - began)
    unknown, wrong = (median(seconds[6:]) for seconds in took.values())  # the first ones set the pace
    assert wrong > 0.075
    assert unknown == pytest.approx(wrong, rel=0.1)


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN}x", "tøken"])
async def test_without_the_token_nothing_is_answered(service: Service, token: str | None) -> None:
    status, document = await service.send(_BODY, token=token)
    assert (status, list(document), service.count("wrong_token")) == (403, ["error"], 1)


async def test_a_new_token_is_taken_from_its_file_while_the_service_runs(service: Service) -> None:
    """The old one ends at once; the file is replaced as a whole, as who rotates secrets does."""
    new = service.token_file.with_name("new")
    new.touch(mode=0o600)
    new.write_text("another")
    new.replace(service.token_file)
    assert ((await service.ask("mei"))[0], (await service.ask("mei", token="another"))[0]) == (403, 200)  # noqa: S106 - of a test


async def test_a_token_that_others_may_read_lets_nobody_in_until_that_is_mended(service: Service) -> None:
    service.token_file.chmod(0o640)
    assert (await service.ask("mei"))[0] == 403
    service.token_file.chmod(0o600)
    assert (await service.ask("mei"))[0] == 200


async def test_an_unreadable_token_is_told_on_readyz(tmp_path: Path) -> None:
    """With its remedy."""
    file = tmp_path / "token"
    file.touch(mode=0o644)
    settings = Authentication.model_validate({"enabled": True, "token": TOKEN, "token_file": str(file)})
    condition = Condition("ldap://localhost", BearerToken(settings), Metrics())
    assert condition.readiness()["token"].endswith(f"may be used by others than its owner: chmod 600 {file}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"login": "mei"}',
        b'{"login": "mei", "password": null}',
        b'{"login": ["mei"], "password": "x"}',
        b'{"login": "\xff", "password": "x"}',
        b'{"login": "\\ud800", "password": "x"}',
        b"[" * 5000,
    ],
)
async def test_what_is_no_login_and_password_is_malformed(service: Service, body: bytes) -> None:
    """Never a failure, never a try."""
    status, document = await service.send(body)
    assert (status, list(document), service.count("malformed")) == (400, ["error"], 1)


async def test_a_large_body_is_refused(service: Service) -> None:
    """Also when its size is not told before."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 1):
            yield b" " * 1000

    for body in (b" " * (MAX_BODY_BYTES + 1), pieces()):
        assert (await service.send(body))[0] == 413  # type: ignore[arg-type]  # aiohttp takes both
    assert service.count("too_large") == 2


async def test_one_login_has_so_many_tries_in_a_minute(staff: Slapd, tmp_path: Path) -> None:
    """Right passwords count too: guessing must not be sped up by logging on in between."""
    async with serving(staff, tmp_path, per_login=3) as service:
        asked = [(await service.ask("mei", password))[0] for password in (PASSWORD, b"wrong", b"wrong", PASSWORD)]
        assert asked == [200, 401, 401, 429]
        assert (await service.ask("MEI"))[0] == 429
        assert (await service.ask("nobody"))[0] == 401
        assert service.count("too_many_tries") == 2


async def test_one_address_has_so_many_tries_in_a_minute(staff: Slapd, tmp_path: Path) -> None:
    """It is told when to come again."""
    async with serving(staff, tmp_path, per_address=2) as service:
        assert [(await service.ask(login))[0] for login in ("a", "b", "c")] == [401, 401, 429]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with service.session.post(service.url, data=_BODY, headers=headers) as response:
            assert 50 < int(response.headers["Retry-After"]) <= 60


async def test_while_the_directory_is_away_there_is_no_answer(
    staff: Slapd, tmp_path: Path, proxy: Callable[..., Proxy]
) -> None:
    """503 until it is back, for right passwords and wrong ones."""
    between = proxy(staff.port)
    async with serving(staff, tmp_path, port=between.port) as service:
        between.refuse()
        between.cut()
        assert [(await service.ask("mei", password))[0] for password in (PASSWORD, b"wrong")] == [503, 503]
        assert service.count("unavailable") == 2
        between.accept()
        await service.directory.up()
        assert (await service.ask("mei"))[0] == 200


async def test_before_the_accounts_are_known_nobody_gets_in(service: Service) -> None:
    """Somebody disabled might be among them."""
    service.server.desk = None
    assert (await service.ask("mei"))[0] == 503


async def test_requests_that_are_there_are_answered_before_the_end(
    staff: Slapd, tmp_path: Path, proxy: Callable[..., Proxy]
) -> None:
    """Those that come later find nobody."""
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(chunk: bytes) -> bytes:
        if PASSWORD in chunk:
            loop.call_soon_threadsafe(arrived.set)
        return chunk

    between = proxy(staff.port, on_request=note)
    async with serving(staff, tmp_path, port=between.port) as service:
        between.delay(0.3)
        asking = asyncio.create_task(service.ask("mei"))
        await arrived.wait()
        await service.server.stop()
        assert (await asking)[0] == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await service.ask("mei")


async def test_a_caller_that_goes_away_is_no_failure(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """In the middle of its body."""
    port = int(service.url.split(":")[2].split("/")[0])
    _, writer = await asyncio.open_connection("localhost", port)
    head = f"POST /v1/authenticate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'{"login"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await service.ask("mei"))[0] == 200
    assert "login_broke" not in capsys.readouterr().out


@pytest.mark.parametrize("begun", [b"", b"POST /v1/authenticate HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_connection_that_brings_no_request_is_closed(begun: bytes) -> None:
    """Strangers could keep as many as they like; what it began to say makes no difference."""
    settings = Authentication.model_validate({"enabled": True, "listen": "127.0.0.1:0", "token": TOKEN})
    server = LoginServer(settings, BearerToken(settings), Metrics(), idle_seconds=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start())
    writer.write(begun)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    await server.stop()


# -- TLS ---------------------------------------------------------------------------------------------------------------


async def test_https(staff: Slapd, tmp_path: Path) -> None:
    """With a certificate and its key of the configuration."""
    authority, certificate, key = trustme.CA(), tmp_path / "certificate", tmp_path / "key"
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o640)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    files = {"tls_certificate": str(certificate), "tls_key": str(key)}
    async with serving(staff, tmp_path, scheme="https", authentication=files) as service:
        assert await service.ask("mei", ssl=trusting) == _yes("mei", None)


async def test_a_key_that_everybody_may_read_is_told_in_one_line(staff: Slapd, tmp_path: Path) -> None:
    """As with other secrets; the group may, in Kubernetes there is no other way."""
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    certificate.touch()
    key.touch(mode=0o644)
    files = {"tls_certificate": str(certificate), "tls_key": str(key)}
    with pytest.raises(ConfigurationError, match="may be used by everybody: chmod 640"):
        async with serving(staff, tmp_path, authentication=files):
            pass


async def test_a_key_that_is_not_the_certificates_is_told_in_one_line(staff: Slapd, tmp_path: Path) -> None:
    authority, certificate, key = trustme.CA(), tmp_path / "certificate", tmp_path / "key"
    authority.issue_cert("localhost").cert_chain_pems[0].write_to_path(certificate)
    authority.issue_cert("localhost").private_key_pem.write_to_path(key)
    key.chmod(0o600)
    files = {"tls_certificate": str(certificate), "tls_key": str(key)}
    with pytest.raises(ConfigurationError, match="belong together"):
        async with serving(staff, tmp_path, authentication=files):
            pass


async def test_an_address_in_use_is_told_in_one_line(service: Service, staff: Slapd, tmp_path: Path) -> None:
    port = service.url.split(":")[2].split("/")[0]
    words = f"authentication.listen: 127.0.0.1:{port} is in use: stop the other process, or choose another port"
    with pytest.raises(ConfigurationError, match=f"^{re.escape(words)}$"):
        async with serving(staff, tmp_path, authentication={"listen": f"127.0.0.1:{port}"}):
            pass
