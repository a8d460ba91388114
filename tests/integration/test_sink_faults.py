"""The sink while others write and the network fails: the outcome is as wanted, and nothing is written twice."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import ANY

import ldap3
import pytest

from ldap_sink.outcomes import Removed, Waits
from schemas.dn import DN, RDN
from schemas.entries import Add, Delete, Modify, Move
from schemas.states import AwaitsEntity, AwaitsTime
from streams.sandbox.slapd import Slapd
from tests.support.proxy import Proxy
from tests.support.sink import (
    ADD,
    DELETE,
    LIMIT_SECONDS,
    MODIFY,
    MODIFY_DN,
    Bench,
    lose_reply,
    once,
    open_bench,
    person,
    subject,
    write,
)


@pytest.fixture
def front(slapd: Slapd, proxy: Callable[..., Proxy]) -> Proxy:
    """A faulty network before the server."""
    return proxy(slapd.port)


@pytest.fixture
async def far_bench(slapd: Slapd, front: Proxy) -> AsyncIterator[Bench]:
    """A sink behind the faulty network."""
    async with open_bench(slapd, port=front.port) as opened:
        yield opened


@pytest.mark.parametrize("tag", [MODIFY, MODIFY_DN, DELETE])
async def test_a_change_between_read_and_write_is_seen(far_bench: Bench, front: Proxy, tag: int) -> None:
    """The assertion fails, the entry is read again, and the outcome is as wanted."""
    binding = (await far_bench.applied("user_1", person("mei", mail="a@x"))).binding
    theirs = {"mail": [(ldap3.MODIFY_REPLACE, ["theirs@x"])], "description": [(ldap3.MODIFY_ADD, ["theirs"])]}
    seen: list[bool] = []

    def interfere() -> None:
        write(far_bench.slapd, lambda admin: admin.modify(binding.dn, theirs))
        seen.append(True)

    front.on_request = once(tag, interfere)
    if tag == DELETE:
        assert isinstance(await far_bench.sink.remove(binding), Removed)
        assert far_bench.tree() == {}
    else:
        uid = "may" if tag == MODIFY_DN else "mei"
        await far_bench.applied("user_1", person(uid, mail="b@x"), binding)
        entry = far_bench.tree()[f"uid={uid}"]
        assert (entry["mail"], entry["description"]) == ([b"b@x"], [b"theirs"])
    assert seen


async def test_a_late_rename_does_not_move_a_newcomer(far_bench: Bench, front: Proxy) -> None:
    """Between read and write our entry left and another took its DN: the other one stays."""
    binding = (await far_bench.applied("user_1", person("mei"))).binding

    def swap() -> None:
        def change(admin: Any) -> None:
            admin.modify_dn(binding.dn, "uid=elsewhere")
            admin.add(binding.dn, "inetOrgPerson", {"cn": "New", "sn": "Comer"})

        write(far_bench.slapd, change)

    front.on_request = once(MODIFY_DN, swap)
    await far_bench.applied("user_1", person("may"), binding)
    assert {name: entry["cn"] for name, entry in far_bench.tree().items()} == {
        "uid=mei": [b"New"],
        "uid=may": [b"Mei Wang"],
    }


async def test_an_entry_that_never_stands_still_waits(far_bench: Bench, front: Proxy) -> None:
    """The rounds are bounded."""
    binding = (await far_bench.applied("user_1", person("mei"))).binding

    def interfere(chunk: bytes) -> bytes:
        return (
            once(
                MODIFY,
                lambda: write(
                    far_bench.slapd,
                    lambda admin: admin.modify(binding.dn, {"title": [(ldap3.MODIFY_REPLACE, ["theirs"])]}),
                ),
            )(chunk)
            or b""
        )

    front.on_request = interfere
    outcome = await far_bench.sink.apply(subject("user_1"), person("mei", mail="a@x"), far_bench.target, binding)
    assert outcome == Waits("not_converging", AwaitsTime())


async def test_a_lost_reply_to_an_add_finds_its_own_entry(far_bench: Bench, front: Proxy) -> None:
    """The entry that is there is ours; it is made once, and the outcome says so."""
    await far_bench.directory.subschema()
    lose_reply(front, ADD)
    outcome = await far_bench.applied("user_1", person("mei"))
    assert [type(change) for change in outcome.changes] == [Add]
    assert list(far_bench.tree()) == ["uid=mei"]
    assert front.swallowed


async def test_a_lost_reply_to_a_rename_finds_the_entry_where_it_went(far_bench: Bench, front: Proxy) -> None:
    """And what remained to be changed is written."""
    binding = (await far_bench.applied("user_1", person("mei"))).binding
    lose_reply(front, MODIFY_DN)
    outcome = await far_bench.applied("user_1", person("may", mail="a@x"), binding)
    assert [type(change) for change in outcome.changes] == [Move, Modify]
    assert far_bench.tree()["uid=may"]["mail"] == [b"a@x"]
    assert front.swallowed


async def test_a_lost_reply_to_a_modify_writes_no_second_time(far_bench: Bench, front: Proxy) -> None:
    """The difference to what is read again is empty."""
    binding = (await far_bench.applied("user_1", person("mei"))).binding
    lose_reply(front, MODIFY)
    outcome = await far_bench.applied("user_1", person("mei", mail="a@x"), binding)
    assert [type(change) for change in outcome.changes] == [Modify]
    assert far_bench.tree()["uid=mei"]["mail"] == [b"a@x"]
    assert front.swallowed


async def test_a_lost_reply_to_a_delete_is_done(far_bench: Bench, front: Proxy) -> None:
    """What is gone is gone, by whomever."""
    binding = (await far_bench.applied("user_1", person("mei"))).binding
    lose_reply(front, DELETE)
    assert await far_bench.sink.remove(binding) == Removed((Delete(DN.parse(binding.dn)),))
    assert far_bench.tree() == {}
    assert front.swallowed


async def test_an_entry_that_was_taken_before_its_maker_knew_is_the_takers(far_bench: Bench, front: Proxy) -> None:
    """Between an Add and its reply somebody else may read the entry, and adopt it."""
    await far_bench.directory.subschema()
    held: list[bytes] = []
    is_held = threading.Event()

    def hold(chunk: bytes) -> None:
        front.on_reply = None
        held.append(chunk)
        is_held.set()

    front.on_request = once(ADD, lambda: setattr(front, "on_reply", hold))
    maker = asyncio.create_task(far_bench.sink.apply(subject("user_1"), person("mei"), far_bench.target, None))
    assert await asyncio.to_thread(is_held.wait, LIMIT_SECONDS)
    await far_bench.applied("user_2", person("mei"))
    front.on_reply = lambda chunk: held.pop() + chunk if held else chunk
    await far_bench.directory.read(far_bench.target)
    made = Add(far_bench.target.child(RDN.of("uid", "mei")), ANY)
    assert await maker == Waits("dn_occupied", AwaitsEntity("user_2"), (made,))
