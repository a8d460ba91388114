"""Logging on against a real slapd: whose entry a login is, and what the server says of the password."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from ldap_sink.authenticator import MAX_LOGIN_CHARACTERS, Authenticator, LoggedOn, Refusal, Refused
from ldap_sink.directory import Directory
from ldap_sink.settings import Encryption
from schemas.errors import ConfigurationError, Halting, Retryable
from streams.sandbox.slapd import Slapd
from tests.support.logging_on import CLASSES, PASSWORD, POLICY, SIGN_IN_IDS, TRICKY, authenticating, directory_of, dn_of
from tests.support.proxy import Proxy
from tests.support.sink import entry_uuid, write

_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532
_BIND_REQUEST = b"\x60"
_INVALID_CREDENTIALS = b"\x0a\x01\x31"


@pytest.fixture(scope="module")
def staff() -> Iterator[Slapd]:
    """One slapd for all tests here."""
    with Slapd(POLICY) as server:
        yield server


@pytest.mark.parametrize("login", ["mei", "MEI", "mei@example.com", "+86 138-0000-0001", "+8613800000001"], ids=ascii)
async def test_all_sign_in_attributes_lead_to_the_entry(staff: Slapd, login: str) -> None:
    """By the matching rule of each."""
    async with authenticating(staff) as (authenticator, _):
        tried = await authenticator.attempt(login, PASSWORD)
    assert tried == LoggedOn(dn_of("mei"), entry_uuid(staff, dn_of("mei")))


@pytest.mark.parametrize(
    ("login", "password", "reason", "bound"),
    [
        ("nobody", PASSWORD, Refusal.INVALID_CREDENTIALS, False),
        ("mei", b"wrong", Refusal.INVALID_CREDENTIALS, True),
        ("nopassword", PASSWORD, Refusal.INVALID_CREDENTIALS, True),
        ("locked", PASSWORD, Refusal.ACCOUNT_LOCKED, True),
        ("expired", PASSWORD, Refusal.PASSWORD_EXPIRED, True),
        ("expired", b"wrong", Refusal.INVALID_CREDENTIALS, True),
        ("twins@example.com", PASSWORD, Refusal.AMBIGUOUS_LOGIN, False),
        ("+1 555", PASSWORD, Refusal.AMBIGUOUS_LOGIN, False),
        ("robot", PASSWORD, Refusal.INVALID_CREDENTIALS, False),
        ("outsider", PASSWORD, Refusal.INVALID_CREDENTIALS, False),
        ("", PASSWORD, Refusal.INVALID_CREDENTIALS, False),
        ("m" * (MAX_LOGIN_CHARACTERS + 1), PASSWORD, Refusal.INVALID_CREDENTIALS, False),
    ],
)
async def test_who_may_not_log_on(staff: Slapd, login: str, password: bytes, reason: Refusal, *, bound: bool) -> None:
    """Unknown, wrong, without password, refused by policy, ambiguous (however many), no user, elsewhere, no login."""
    async with authenticating(staff) as (authenticator, _):
        tried = await authenticator.attempt(login, password)
    assert isinstance(tried, Refused)
    assert (tried.reason, tried.bound) == (reason, bound)


async def test_an_ambiguous_login_names_its_entries(staff: Slapd) -> None:
    """For the operator who must part them."""
    async with authenticating(staff) as (authenticator, _):
        tried = await authenticator.attempt("twins@example.com", PASSWORD)
    assert isinstance(tried, Refused)
    assert set(map(str, tried.dns)) == {str(dn_of("twin1")), str(dn_of("twin2"))}


def _hostile(seed: int) -> Sequence[str]:
    draw = random.Random(seed)
    parts = [
        "*",
        "(",
        ")",
        "\\",
        "\0",
        "&",
        "|",
        "!",
        "=",
        "uid",
        "mei",
        "objectClass",
        ")(uid=*",
        "\\2a",
        " ",
        "é",
        "😀",
    ]
    logins = ["".join(draw.choices(parts, k=draw.randint(1, 12))) for _ in range(1000)]
    return [login for login in logins if login.strip() not in {"mei", "\\2a"}]


async def test_hostile_logins_are_but_unknown(staff: Slapd) -> None:
    """A thousand of them: no filter matches anything, and none is a failure."""
    async with authenticating(staff) as (authenticator, _):
        tried = await asyncio.gather(*(authenticator.attempt(login, PASSWORD) for login in _hostile(1)))
    assert set(tried) == {Refused(Refusal.INVALID_CREDENTIALS)}


async def test_a_login_of_special_characters_is_found(staff: Slapd) -> None:
    """They are escaped, not forbidden."""
    async with authenticating(staff) as (authenticator, _):
        assert isinstance(await authenticator.attempt(TRICKY, PASSWORD), LoggedOn)


async def test_an_empty_password_never_reaches_the_server(staff: Slapd, proxy: Callable[..., Proxy]) -> None:
    """The server would say success: RFC 4513 section 5.1.2."""
    between = proxy(staff.port)
    async with authenticating(staff, port=between.port) as (authenticator, _):
        assert await authenticator.attempt("mei", b"") == Refused(Refusal.INVALID_CREDENTIALS)
        assert between.connections == 1


async def test_the_searching_connection_stays_the_administrator(staff: Slapd) -> None:
    """A bind makes its connection the user's: who searches there sees what the user may see."""
    async with authenticating(staff) as (authenticator, directory):
        assert isinstance(await authenticator.attempt("mei", PASSWORD), LoggedOn)
        who = await (await directory.session()).extended(_WHO_AM_I)
    assert who.value == f"dn:{staff.admin_dn}".encode()


async def test_connections_of_binds_are_used_again(staff: Slapd, proxy: Callable[..., Proxy]) -> None:
    """Also after a refusal, and by another user."""
    between = proxy(staff.port)
    async with authenticating(staff, port=between.port) as (authenticator, _):
        for login, password in (("mei", PASSWORD), ("mei", b"wrong"), ("jo", b"password of jo")):
            await authenticator.attempt(login, password)
        assert between.connections == 2


async def test_connections_that_the_server_closed_cost_no_try(staff: Slapd, proxy: Callable[..., Proxy]) -> None:
    between = proxy(staff.port)
    async with authenticating(staff, port=between.port) as (authenticator, directory):
        await authenticator.attempt("mei", PASSWORD)
        search = await directory.session()
        between.cut()
        await search.wait_closed()
        await directory.up()
        assert isinstance(await authenticator.attempt("mei", PASSWORD), LoggedOn)


async def test_while_the_directory_is_away_nothing_is_said(staff: Slapd, proxy: Callable[..., Proxy]) -> None:
    """No answer is no "no"."""
    between = proxy(staff.port)
    async with authenticating(staff, port=between.port) as (authenticator, _):
        between.refuse()
        between.cut()
        for _ in range(3):
            with pytest.raises(Retryable):
                await authenticator.attempt("mei", PASSWORD)


@pytest.mark.parametrize(("code", "failure"), [(51, Retryable), (53, Retryable), (80, Retryable), (13, Halting)])
async def test_a_refusal_that_does_not_concern_the_password_is_no_no(
    staff: Slapd, proxy: Callable[..., Proxy], code: int, failure: type[Exception]
) -> None:
    """busy, unwillingToPerform, other, confidentialityRequired."""
    other = _INVALID_CREDENTIALS[:2] + bytes([code])
    between = proxy(staff.port, on_reply=lambda chunk: chunk.replace(_INVALID_CREDENTIALS, other))
    async with authenticating(staff, port=between.port) as (authenticator, _):
        with pytest.raises(failure):
            await authenticator.attempt("mei", b"wrong")


async def test_an_entry_that_took_the_dn_after_the_search_does_not_lend_its_password(
    fresh_slapd: Callable[..., Slapd], proxy: Callable[..., Proxy]
) -> None:
    """Two people swap their names: the password of the one must not open the account of the other."""
    slapd = fresh_slapd(POLICY)

    def swap(chunk: bytes) -> bytes:
        if _BIND_REQUEST in chunk and b"password of jo" in chunk:
            write(slapd, lambda admin: admin.modify_dn(str(dn_of("mei")), "uid=mei2"))
            write(slapd, lambda admin: admin.modify_dn(str(dn_of("jo")), "uid=mei"))
        return chunk

    between = proxy(slapd.port, on_request=swap)
    async with authenticating(slapd, port=between.port) as (authenticator, _):
        with pytest.raises(Retryable, match="another entry"):
            await authenticator.attempt("mei", b"password of jo")


async def test_passwords_of_users_travel_unencrypted_only_where_that_is_allowed(staff: Slapd) -> None:
    """Loopback is an excuse for the administrator's password alone."""
    settings = directory_of(staff, allow_plaintext=False)
    with pytest.raises(ConfigurationError, match="allow_plaintext"):
        Authenticator(Directory(settings, may_write=lambda: False), CLASSES, SIGN_IN_IDS)
    encrypted = replace(settings, encryption=Encryption.START_TLS)
    Authenticator(Directory(encrypted, may_write=lambda: False), CLASSES, SIGN_IN_IDS)
