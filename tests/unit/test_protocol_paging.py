"""Paged searches and their ends, without a network."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ldap_sink.protocol import ber, messages
from ldap_sink.protocol.controls import Control, encode_controls, paged_results
from ldap_sink.protocol.exchange import MAX_MESSAGE_BYTES, Exchange
from ldap_sink.protocol.link import Link
from ldap_sink.protocol.paging import Pager, Query
from ldap_sink.protocol.results import Entry, LdapResultError
from ldap_sink.protocol.slots import Slots
from schemas.errors import MaybeApplied, NotSent
from tests.support import wire

ENTRY, DONE, REFERENCE = 0x64, 0x65, 0x73
QUERY = Query("dc=com", messages.Scope.SUBTREE, "(cn=*)", (), 1)


class Search:
    """Paged searches, and the server at their other side."""

    def __init__(self) -> None:
        self.transport = wire.MemoryTransport()
        self.link = Link(Slots(64), 30)
        self.link.connection_made(self.transport)
        self.pager = Pager(Exchange(self.link, MAX_MESSAGE_BYTES))

    async def begin(self) -> tuple[AsyncGenerator[list[Entry], None], asyncio.Task[list[Entry]]]:
        """Ask for the first page of a new search."""
        pages = self.pager.pages(QUERY)
        first = asyncio.create_task(take(pages))
        await settle()
        return pages, first

    async def answer(self, message_id: int, cookie: bytes) -> None:
        """Send a page of one entry."""
        control = Control(paged_results(0).oid, value=paged_results(0, cookie).value)
        done = wire.reply(message_id, DONE, controls=encode_controls((control,)))
        self.link.data_received(wire.reply(message_id, ENTRY, wire.entry("cn=a")) + done)
        await settle()


async def take(pages: AsyncGenerator[list[Entry], None]) -> list[Entry]:
    return await anext(pages)


async def settle() -> None:
    """Let all callbacks run that are due."""
    for _ in range(5):
        await asyncio.sleep(0)


async def refuses(pager: Pager) -> bool:
    """Whether a second search is refused now."""
    pages = pager.pages(QUERY)
    attempt = asyncio.create_task(take(pages))
    await settle()
    if attempt.done():
        assert isinstance(attempt.exception(), RuntimeError)
        return True
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    return False


async def test_the_next_page_is_asked_for_before_one_is_decoded() -> None:
    """The server works while we do."""
    search = Search()
    pages = search.pager.pages(QUERY)

    async def requests_at_first_page() -> list[tuple[int, int]]:
        await anext(pages)
        return search.transport.requests

    task = asyncio.create_task(requests_at_first_page())
    await settle()
    await search.answer(1, b"cookie")
    assert await task == [(1, 0x63), (2, 0x63)]
    await pages.aclose()


async def test_a_search_that_is_left_early_is_over_with_its_last_page() -> None:
    """The page under way would take the cookie of a search that begins before it has come."""
    search = Search()
    pages, first = await search.begin()
    await search.answer(1, b"cookie")
    assert len(await first) == 1
    await pages.aclose()
    assert await refuses(search.pager)
    await search.answer(2, b"")
    assert not await refuses(search.pager)


async def test_a_search_that_is_cancelled_is_over_with_its_last_page() -> None:
    """The same for one that is cancelled while it waits."""
    search = Search()
    _, first = await search.begin()
    first.cancel()
    await settle()
    assert await refuses(search.pager)
    await search.answer(1, b"cookie")
    assert not await refuses(search.pager)


async def test_a_page_that_fails_when_nobody_waits_for_it() -> None:
    """The end of the connection is nobody's error after the search was left."""
    search = Search()
    pages, first = await search.begin()
    await search.answer(1, b"cookie")
    await first
    await pages.aclose()
    search.link.connection_lost(None)
    await settle()  # an error that reached nobody would be logged by asyncio, and fail this test


async def test_a_page_without_its_control() -> None:
    """A server that loses the cookie is not taken for one that has sent everything."""
    search = Search()
    _, first = await search.begin()
    search.link.data_received(wire.reply(1, DONE))
    with pytest.raises(MaybeApplied) as failure:
        await first
    assert failure.value.reason == "malformed_reply"
    assert search.link.closed is failure.value


async def test_a_reference_is_a_failure() -> None:
    """Entries that are elsewhere are missing here: the answer is not whole."""
    search = Search()
    _, first = await search.begin()
    search.link.data_received(wire.reply(1, REFERENCE, ber.text("ldap://elsewhere")))
    await search.answer(1, b"")
    with pytest.raises(LdapResultError, match=r"referral\(10\)") as failure:
        await first
    assert failure.value.result.referrals == ("ldap://elsewhere",)


async def test_a_malformed_entry_ends_the_link() -> None:
    """An entry that cannot be read may not be left out."""
    search = Search()
    _, first = await search.begin()
    search.link.data_received(wire.reply(1, ENTRY, b"\x04\x01a\x30\x05"))
    await search.answer(1, b"")
    with pytest.raises(MaybeApplied, match="longer than its container"):
        await first
    assert isinstance(search.link.closed, MaybeApplied)
    with pytest.raises(NotSent):
        await take(search.pager.pages(QUERY))
