"""Every operation against a real slapd."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from ldap_sink.protocol import messages
from ldap_sink.protocol.connection import Connection, Scope
from ldap_sink.protocol.controls import Control, assertion, post_read, read_post_read
from ldap_sink.protocol.filters import both, equality
from ldap_sink.protocol.messages import PASSWORD_MODIFY, password_modify_value
from ldap_sink.protocol.ordering import DnLocks
from ldap_sink.protocol.results import ASSERTION_FAILED, LdapResultError, Result
from schemas.entries import AttributeChange, ModifyOperation
from streams.sandbox.slapd import Slapd
from tests.support.connecting import connected, person, unit

WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"


@pytest.fixture
async def ldap(slapd: Slapd) -> AsyncIterator[Connection]:
    """A bound connection."""
    async with connected(slapd) as connection:
        yield connection


@pytest.fixture
async def place(slapd: Slapd, ldap: Connection) -> str:
    """The DN of an empty unit of the test's own."""
    name = uuid.uuid4().hex[:12]
    dn = f"ou={name},{slapd.target_dn}"
    await ldap.add(dn, unit(name))
    return dn


async def test_add_and_read(ldap: Connection, place: str) -> None:
    """An entry comes back as it was written, binary values too."""
    photo = bytes(range(256)) * 300
    await ldap.add(f"cn=Zoë,{place}", person("Zoë", jpegPhoto=[photo], mail=[b"a@b", b"c@d"]))
    entry = await ldap.read(f"cn=Zoë,{place}", ["cn", "jpegPhoto", "mail"])
    assert entry is not None
    assert entry.attributes == {"cn": ["Zoë".encode()], "jpegPhoto": [photo], "mail": [b"a@b", b"c@d"]}


async def test_read_what_is_not_there(ldap: Connection, place: str) -> None:
    """An entry that does not exist, or does not match, is None, not a failure."""
    assert await ldap.read(f"cn=nobody,{place}") is None
    assert await ldap.read(place, filter_="(objectClass=person)") is None


async def test_modify(ldap: Connection, place: str) -> None:
    """Values are added, removed and replaced; an attribute is removed as a whole."""
    dn = f"cn=a,{place}"
    await ldap.add(dn, person("a", mail=[b"1", b"2"], title=[b"old"], description=[b"gone"]))
    changes = [
        AttributeChange(ModifyOperation.ADD, "mail", (b"3",)),
        AttributeChange(ModifyOperation.DELETE, "mail", (b"1",)),
        AttributeChange(ModifyOperation.REPLACE, "title", (b"new",)),
        AttributeChange(ModifyOperation.DELETE, "description", ()),
    ]
    await ldap.modify(dn, changes)
    entry = await ldap.read(dn, ["mail", "title", "description"])
    assert entry is not None
    assert entry.attributes == {"mail": [b"2", b"3"], "title": [b"new"]}


async def test_modify_dn(ldap: Connection, place: str) -> None:
    """An entry is renamed and moved at once, and keeps or loses its old name."""
    await ldap.add(f"ou=b,{place}", unit("b"))
    await ldap.add(f"cn=a,{place}", person("a"))
    await ldap.modify_dn(f"cn=a,{place}", "cn=c", delete_old_rdn=False, new_superior=f"ou=b,{place}")
    await ldap.modify_dn(f"cn=c,ou=b,{place}", "cn=d", delete_old_rdn=True)
    entry = await ldap.read(f"cn=d,ou=b,{place}", ["cn"])
    assert entry is not None
    assert sorted(entry.attributes["cn"]) == [b"a", b"d"]


async def test_delete(ldap: Connection, place: str) -> None:
    """An entry is gone; one with children stays, and the server says why."""
    await ldap.add(f"cn=a,{place}", person("a"))
    with pytest.raises(LdapResultError, match=r"delete: notAllowedOnNonLeaf\(66\): subordinate objects"):
        await ldap.delete(place)
    await ldap.delete(f"cn=a,{place}")
    await ldap.delete(place)
    assert await ldap.read(place) is None


async def test_post_read(ldap: Connection, place: str) -> None:
    """Every write can tell in the same round trip how it left the entry."""
    dn, wanted = f"cn=a,{place}", [post_read(["entryUUID", "entryCSN"])]
    added = read_post_read(await ldap.add(dn, person("a"), wanted))
    changes = [AttributeChange(ModifyOperation.REPLACE, "title", (b"x",))]
    modified = read_post_read(await ldap.modify(dn, changes, wanted))
    moved = read_post_read(await ldap.modify_dn(dn, "cn=b", delete_old_rdn=True, controls=wanted))
    assert added is not None
    assert modified is not None
    assert moved is not None
    assert moved.dn == f"cn=b,{place}"
    assert added.attributes["entryUUID"] == modified.attributes["entryUUID"] == moved.attributes["entryUUID"]
    assert added.attributes["entryCSN"] < modified.attributes["entryCSN"] < moved.attributes["entryCSN"]


async def test_assertion(ldap: Connection, place: str) -> None:
    """A write whose assertion does not hold changes nothing and says 122."""
    dn = f"cn=a,{place}"
    await ldap.add(dn, person("a"))
    entry = await ldap.read(dn, ["entryUUID", "entryCSN"])
    assert entry is not None
    uuid_filter = equality("entryUUID", entry.attributes["entryUUID"][0])
    holds = assertion(both(uuid_filter, equality("entryCSN", entry.attributes["entryCSN"][0])))
    await ldap.modify(dn, [AttributeChange(ModifyOperation.REPLACE, "title", (b"x",))], [holds])
    for late in (
        ldap.modify(dn, [AttributeChange(ModifyOperation.REPLACE, "title", (b"y",))], [holds]),
        ldap.modify_dn(dn, "cn=b", delete_old_rdn=True, controls=[holds]),
        ldap.delete(dn, [holds]),
    ):
        with pytest.raises(LdapResultError) as failure:
            await late
        assert failure.value.result.code == ASSERTION_FAILED
    after = await ldap.read(dn, ["title"])
    assert after is not None
    assert after.attributes == {"title": [b"x"]}


async def test_a_critical_control_that_nobody_knows(ldap: Connection, place: str) -> None:
    """Criticality reaches the server: it refuses rather than ignores."""
    control = Control("1.2.3.4", critical=True)
    with pytest.raises(LdapResultError, match="unavailableCriticalExtension"):
        await ldap.delete(place, [control])


async def test_search(ldap: Connection, place: str) -> None:
    """Scopes, filters and values that look like filters."""
    await ldap.add(f"ou=sub,{place}", unit("sub"))
    await ldap.add(f"cn=deep,ou=sub,{place}", person("deep"))
    await ldap.add(f"cn=a,{place}", person("a", description=[b"*)(cn=*"]))
    found = await ldap.search(place, "(objectClass=inetOrgPerson)", ["cn"])
    assert sorted(entry.dn for entry in found) == [f"cn=a,{place}", f"cn=deep,ou=sub,{place}"]
    children = await ldap.search(place, "(objectClass=*)", ["cn"], scope=Scope.ONE_LEVEL)
    assert sorted(entry.dn for entry in children) == [f"cn=a,{place}", f"ou=sub,{place}"]
    exact = await ldap.search(place, equality("description", "*)(cn=*"), ["cn"])
    assert [entry.dn for entry in exact] == [f"cn=a,{place}"]


async def test_a_search_that_was_cut_short_is_a_failure(ldap: Connection, place: str) -> None:
    """Some of the entries must never pass for all of them."""
    for name in ("a", "b", "c"):
        await ldap.add(f"cn={name},{place}", person(name))
    with pytest.raises(LdapResultError, match="sizeLimitExceeded"):
        await ldap.search(place, "(objectClass=*)", size_limit=2)


async def test_referral_objects_are_entries(ldap: Connection, place: str) -> None:
    """A foreign referral below the target is seen as what is stored, and nobody is sent elsewhere."""
    attributes = {"objectClass": [b"referral", b"extensibleObject"], "ref": [b"ldap://elsewhere/dc=x"], "cn": [b"r"]}
    await ldap.add(f"cn=r,{place}", attributes)
    found = await ldap.search(place, "(objectClass=referral)", ["ref"])
    assert [entry.attributes for entry in found] == [{"ref": [b"ldap://elsewhere/dc=x"]}]
    with pytest.raises(LdapResultError, match=r"referral\(10\)"):
        await ldap.delete(f"cn=r,{place}")


async def test_extended(ldap: Connection, slapd: Slapd) -> None:
    """An extended operation's value comes back."""
    assert await ldap.extended(WHO_AM_I) == Result(0, value=f"dn:{slapd.admin_dn}".encode())


async def test_password_modify_and_bind(ldap: Connection, slapd: Slapd, place: str) -> None:
    """A password that was set is the one that binds, and no other is."""
    dn = f"cn=a,{place}"
    await ldap.add(dn, person("a"))
    await ldap.extended(PASSWORD_MODIFY, password_modify_value(dn, "pässword".encode()))
    other = await Connection.open(slapd.host, slapd.port)
    with pytest.raises(LdapResultError, match=r"bind: invalidCredentials\(49\)"):
        await other.bind(dn, b"wrong")
    await other.bind(dn, "pässword".encode())
    assert (await other.extended(WHO_AM_I)).value == f"dn:{dn}".encode()
    await other.close()


async def test_an_empty_password_never_reaches_the_server(ldap: Connection, slapd: Slapd) -> None:
    """The server would say success (RFC 4513 section 5.1.2)."""
    with pytest.raises(ValueError, match="empty password"):
        await ldap.bind(slapd.admin_dn, b"")


async def test_bind_goes_alone(ldap: Connection, slapd: Slapd, place: str) -> None:
    """Requests in flight would lose their replies: a bind beside them is refused, and they are not harmed."""
    reads = [asyncio.create_task(ldap.read(place)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="nothing in flight"):
        await ldap.bind(slapd.admin_dn, slapd.admin_password.encode())
    assert all(entry is not None for entry in await asyncio.gather(*reads))


async def test_requests_wait_for_a_bind(slapd: Slapd) -> None:
    """What is asked during a bind is asked as who was bound."""
    connection = await Connection.open(slapd.host, slapd.port)
    _, answer = await asyncio.gather(
        connection.bind(slapd.admin_dn, slapd.admin_password.encode()), connection.extended(WHO_AM_I)
    )
    assert answer.value == f"dn:{slapd.admin_dn}".encode()
    await connection.close()


async def test_many_in_flight(ldap: Connection, place: str) -> None:
    """A thousand requests at once go through the window, each with its own reply."""
    await asyncio.gather(*(ldap.add(f"cn={number},{place}", person(str(number))) for number in range(1000)))
    entries = await asyncio.gather(*(ldap.read(f"cn={number},{place}", ["cn"]) for number in range(1000)))
    names = [entry.attributes["cn"] for entry in entries if entry is not None]
    assert names == [[str(number).encode()] for number in range(1000)]


async def test_pages(ldap: Connection, place: str) -> None:
    """A large search comes page by page, each entry once, with one page prefetched."""
    await asyncio.gather(*(ldap.add(f"cn={number},{place}", person(str(number))) for number in range(3000)))
    sizes, names, asked = [], [], []
    before = ldap._link._last_id  # noqa: SLF001
    async for page in ldap.pages(place, "(objectClass=person)", ["cn"], page_size=700):
        sizes.append(len(page))
        names += [int(entry.attributes["cn"][0]) for entry in page]
        asked.append(ldap._link._last_id - before)  # noqa: SLF001 - how many requests have been made
    assert asked == [2, 3, 4, 5, 5]
    assert sizes == [700, 700, 700, 700, 200]
    assert sorted(names) == list(range(3000))


async def test_the_loop_gets_its_turn_while_entries_are_decoded(ldap: Connection, place: str) -> None:
    """A thousand entries do not stop heartbeats: between two of our turns others have theirs."""
    await asyncio.gather(*(ldap.add(f"cn={number},{place}", person(str(number))) for number in range(1000)))
    query = (place, Scope.SUBTREE, "(objectClass=person)", ["cn"], 0)
    _, raw = await (await ldap._exchange.start(1, (), messages.search, *query))  # noqa: SLF001 - decoding alone is watched
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    entries = await ldap._exchange.decode(raw)  # noqa: SLF001
    counter.cancel()
    assert len(entries) == 1000
    assert turns >= 9


async def test_one_paged_search_at_a_time(ldap: Connection, place: str) -> None:
    """A second one would break the cookie of the first; after the first has ended, or was left early, it may begin."""
    for name in ("a", "b", "c"):
        await ldap.add(f"cn={name},{place}", person(name))
    async with aclosing(ldap.pages(place, "(objectClass=person)", ["cn"], page_size=1)) as first:
        assert len(await anext(first)) == 1
        with pytest.raises(RuntimeError, match="one paged search"):
            await anext(ldap.pages(place, "(objectClass=person)", ["cn"]))
    await ldap._link.slots.drained()  # noqa: SLF001 - the page that was under way
    await asyncio.sleep(0)
    assert [len(page) async for page in ldap.pages(place, "(objectClass=person)", ["cn"], page_size=2)] == [2, 1]


async def test_a_limit_ends_a_paged_search_with_a_failure(slapd: Slapd, ldap: Connection, place: str) -> None:
    """The default limit of slapd holds for everybody but the rootdn, in pages too."""
    await asyncio.gather(*(ldap.add(f"cn={number},{place}", person(str(number))) for number in range(600)))
    other = await Connection.open(slapd.host, slapd.port)
    await other.bind(slapd.sync_dn, slapd.sync_password.encode())
    with pytest.raises(LdapResultError, match="sizeLimitExceeded"):
        _ = [page async for page in other.pages(place, "(objectClass=*)", ["cn"], page_size=100)]
    await other.close()


async def test_a_child_can_overtake_its_parent(ldap: Connection, place: str) -> None:
    """The trap: requests sent one after the other are not done one after the other."""

    async def add(name: str) -> int:
        parent = f"ou={name},{place}"
        outcomes = await asyncio.gather(
            ldap.add(parent, unit(name)), ldap.add(f"cn=child,{parent}", person("child")), return_exceptions=True
        )
        return sum(isinstance(outcome, LdapResultError) for outcome in outcomes)

    overtaken = 0
    for round_ in range(100):
        overtaken += sum(await asyncio.gather(*(add(f"{round_}-{number}") for number in range(30))))
        if overtaken:
            break
    assert overtaken


async def test_locks_keep_the_order(ldap: Connection, place: str) -> None:
    """With locks on their DNs, no child overtakes its parent and no write an earlier one."""
    locks = DnLocks()
    base = ("place",)

    async def add(dn: str, path: tuple[str, ...], number: int) -> None:
        async with locks.holding((*base, *path)):
            await ldap.add(dn, unit(path[-1]) if len(path) == 1 else person(path[-1]))
        async with locks.holding((*base, *path)):
            await ldap.modify(dn, [AttributeChange(ModifyOperation.REPLACE, "description", (b"%d" % number,))])

    writes = []
    for number in range(300):
        parent = f"ou={number},{place}"
        writes += [add(parent, (str(number),), number), add(f"cn=c,{parent}", (str(number), "c"), number)]
    await asyncio.gather(*writes)
    assert len(await ldap.search(place, "(description=*)", ["cn"])) == 600


async def test_close_lets_what_is_in_flight_finish(slapd: Slapd, ldap: Connection, place: str) -> None:
    """A graceful end loses no reply; who comes later learns that nothing was sent."""
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    adds = [asyncio.create_task(connection.add(f"cn={number},{place}", person(str(number)))) for number in range(20)]
    await asyncio.sleep(0)
    await connection.close()
    await asyncio.gather(*adds)
    assert len(await ldap.search(place, "(objectClass=person)", ["cn"])) == 20
    assert connection.closed is await connection.wait_closed()


async def test_source_address(slapd: Slapd) -> None:
    """The connection comes from the address it was told to."""
    connection = await Connection.open(slapd.host, slapd.port, source_address="127.0.0.7")
    assert connection._link.transport.get_extra_info("sockname")[0] == "127.0.0.7"  # noqa: SLF001 - the socket's own word
    await connection.close()


async def test_keep_alive(ldap: Connection) -> None:
    """The kernel notices a server that has vanished while nothing is asked."""
    connection = ldap._link.transport.get_extra_info("socket")  # noqa: SLF001
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 60
