"""The lock of an account on a slapd whose policy knows locks."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import ldap3
import pytest

from ldap_sink.locking import LOCK_ATTRIBUTE, MAX_ROUNDS, Locker, LockLook, LockState
from ldap_sink.marks import IdMark
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from schemas.dn import DN
from schemas.entries import Modify
from schemas.errors import Retryable
from schemas.states import Binding
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.directory_dump import admin_connection
from tests.support.proxy import Proxy
from tests.support.sink import MODIFY, Bench, lose_reply, once, open_bench, person, write

PASSWORD = "correct horse"  # noqa: S105 - of an entry that lives for one test
TEMPORARY = "20200101000000Z"


@pytest.fixture(scope="module")
def policed() -> Iterator[Slapd]:
    """A slapd with a policy that knows locks."""
    with Slapd(SlapdOptions(policy={})) as server:
        yield server


@pytest.fixture
def front(policed: Slapd, proxy: Callable[..., Proxy]) -> Proxy:
    """A faulty network before the server."""
    return proxy(policed.port)


@pytest.fixture
async def bench(policed: Slapd, front: Proxy) -> AsyncIterator[Bench]:
    """A directory behind it."""
    async with open_bench(policed, port=front.port) as opened:
        yield opened


@pytest.fixture
async def binding(bench: Bench) -> Binding:
    """Of an account with a password."""
    bound = (await bench.applied("user_1", person("mei", employeeNumber="user_1"))).binding
    change(bench, bound, userPassword=PASSWORD)
    return bound


@pytest.fixture
def locker(bench: Bench) -> Locker:
    """What is tested."""
    return Locker(bench.directory)


def change(bench: Bench, binding: Binding, **values: str) -> None:
    """Replace values behind the locker's back."""
    changes = {name: [(ldap3.MODIFY_REPLACE, [value])] for name, value in values.items()}
    write(bench.slapd, lambda admin: admin.modify(binding.dn, changes))


def everything(bench: Bench, dn: str) -> dict[str, list[bytes]]:
    """All attributes of an entry, save what the server notes of every change."""
    with admin_connection(bench.slapd) as admin:
        admin.search(dn, "(objectClass=*)", search_scope=ldap3.BASE, attributes=["*", "+"])
        entry = (admin.response or [])[0]
    notes = {"entryCSN", "modifyTimestamp", "modifiersName"}
    return {name: values for name, values in entry["raw_attributes"].items() if name not in notes}


async def logs_on(bench: Bench, binding: Binding) -> bool:
    """Whether the account's password opens the door."""
    connection = await Connection.open(bench.slapd.host, bench.slapd.port)
    try:
        await connection.bind(binding.dn, PASSWORD.encode())
    except LdapResultError:
        return False
    finally:
        await connection.close()
    return True


async def seen(locker: Locker, binding: Binding) -> LockLook:
    """A look at an entry that is there."""
    look = await locker.look(binding)
    assert look is not None
    return look


async def test_a_locked_account_cannot_log_on_until_unlocked(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Proved by real binds."""
    assert await logs_on(bench, binding)
    [written] = await locker.set_lock(await seen(locker, binding), locked=True)
    assert written.describe() == f"modify {binding.dn}: replace pwdAccountLockedTime"
    assert not await logs_on(bench, binding)
    [written] = await locker.set_lock(await seen(locker, binding), locked=False)
    assert written.describe() == f"modify {binding.dn}: delete pwdAccountLockedTime"
    assert await logs_on(bench, binding)


async def test_nothing_but_the_lock_is_touched(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Operational attributes, the password's among them, are as they were."""
    before = everything(bench, binding.dn)
    await locker.set_lock(await seen(locker, binding), locked=True)
    assert everything(bench, binding.dn) == {**before, LOCK_ATTRIBUTE: [b"000001010000Z"]}
    await locker.set_lock(await seen(locker, binding), locked=False)
    assert everything(bench, binding.dn) == before


async def test_tells_what_lock_there_is(bench: Bench, locker: Locker, binding: Binding) -> None:
    """None, the server's own for a while, or one for good."""
    assert (await seen(locker, binding)).state is LockState.UNLOCKED
    change(bench, binding, pwdAccountLockedTime=TEMPORARY)
    assert (await seen(locker, binding)).state is LockState.TEMPORARY
    change(bench, binding, pwdAccountLockedTime="000001010000Z")
    assert (await seen(locker, binding)).state is LockState.PERMANENT


async def test_sees_no_lock_where_no_entry_of_ours_is(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Under another target; with another's id; gone."""
    assert await locker.look(replace(binding, target="another")) is None
    assert await locker.look(binding, IdMark("employeeNumber", b"user_1", ("inetOrgPerson",))) is not None
    assert await locker.look(binding, IdMark("employeeNumber", b"user_2", ("inetOrgPerson",))) is None
    write(bench.slapd, lambda admin: admin.delete(binding.dn))
    assert await locker.look(binding) is None


async def test_what_is_so_already_is_not_written(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Neither a second lock, nor a second unlock."""
    assert await locker.set_lock(await seen(locker, binding), locked=False) == ()
    await locker.set_lock(await seen(locker, binding), locked=True)
    before = bench.tree(operational=True)
    assert await locker.set_lock(await seen(locker, binding), locked=True) == ()
    assert bench.tree(operational=True) == before


async def test_the_servers_own_lock_becomes_one_for_good(bench: Bench, locker: Locker, binding: Binding) -> None:
    """It would pass by itself."""
    change(bench, binding, pwdAccountLockedTime=TEMPORARY)
    assert await locker.set_lock(await seen(locker, binding), locked=True) != ()
    assert (await seen(locker, binding)).state is LockState.PERMANENT


async def test_the_servers_own_lock_is_not_lifted(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Also when it takes the place of ours between look and write."""
    await locker.set_lock(await seen(locker, binding), locked=True)
    look = await seen(locker, binding)
    change(bench, binding, pwdAccountLockedTime=TEMPORARY)
    assert await locker.set_lock(look, locked=False) == ()
    assert (await seen(locker, binding)).state is LockState.TEMPORARY


@pytest.mark.parametrize("locked", [True, False])
async def test_a_change_between_look_and_write_is_no_hindrance(
    bench: Bench,
    locker: Locker,
    binding: Binding,
    locked: bool,  # noqa: FBT001 - a case
) -> None:
    """The entry was renamed and changed: it is found again, and what they did stays."""
    if not locked:
        await locker.set_lock(await seen(locker, binding), locked=True)
    look = await seen(locker, binding)
    change(bench, binding, description="theirs")
    write(bench.slapd, lambda admin: admin.modify_dn(binding.dn, "uid=may"))
    [written] = await locker.set_lock(look, locked=locked)
    assert written.dn == bench.target.child(DN.parse("uid=may").rdn)
    entry = everything(bench, str(written.dn))
    assert (entry["description"], LOCK_ATTRIBUTE in entry) == ([b"theirs"], locked)


async def test_an_entry_that_is_gone_needs_no_lock(bench: Bench, locker: Locker, binding: Binding) -> None:
    """Deleted between look and write."""
    look = await seen(locker, binding)
    write(bench.slapd, lambda admin: admin.delete(binding.dn))
    assert await locker.set_lock(look, locked=True) == ()


async def test_a_lost_reply_is_answered_by_looking_again(
    front: Proxy, bench: Bench, locker: Locker, binding: Binding
) -> None:
    """The lock is set once, and the outcome says so."""
    look = await seen(locker, binding)
    lose_reply(front, MODIFY)
    [written] = await locker.set_lock(look, locked=True)
    assert isinstance(written, Modify)
    assert front.swallowed
    assert bench.operations.count("modify") == 1


async def test_an_entry_that_never_stands_still_is_tried_later(
    front: Proxy, bench: Bench, locker: Locker, binding: Binding
) -> None:
    """The rounds are bounded."""
    look = await seen(locker, binding)

    def interfere(chunk: bytes) -> bytes | None:
        return once(MODIFY, lambda: change(bench, binding, title="theirs"))(chunk)

    front.on_request = interfere
    with pytest.raises(Retryable) as caught:
        await locker.set_lock(look, locked=True)
    assert caught.value.reason == "not_converging"
    assert bench.operations.count("modify") == MAX_ROUNDS
