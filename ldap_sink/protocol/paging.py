"""Paged searches (RFC 2696) that ask for the next page before they decode the one that came."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ldap_sink.protocol import messages
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.controls import manage_dsa_it, paged_results, read_page_cookie
from ldap_sink.protocol.exchange import LIGHT, Exchange
from ldap_sink.protocol.link import Answer, RawEntry
from ldap_sink.protocol.results import SUCCESS, Entry, LdapResultError, Result


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for."""

    base: str
    scope: messages.Scope
    filter: str
    attributes: Sequence[str]
    page_size: int


class Pager:
    """The paged searches of one connection: one at a time, because slapd keeps one cookie per connection."""

    __slots__ = ("_busy", "_exchange")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._busy = False

    async def pages(self, query: Query) -> AsyncGenerator[list[Entry], None]:
        """Yield page after page; the next one is on its way while one is decoded.

        Raises:
            RuntimeError: another paged search runs on this connection.
            LdapResultError: any answer but success: what came so far is not everything.
        """
        async with aclosing(self._pages(query)) as pages:
            async for page in pages:
                yield await self._exchange.decode(page)

    async def raw_pages(self, query: Query) -> AsyncGenerator[list[bytes], None]:
        """Yield the contents of the entries, page after page.

        Raises:
            RuntimeError, LdapResultError: as `pages`.
        """
        async with aclosing(self._pages(query)) as pages:
            async for page in pages:
                yield self._exchange.contents(page)

    async def _pages(self, query: Query) -> AsyncGenerator[Sequence[RawEntry], None]:
        if self._busy:
            raise RuntimeError("one paged search at a time on a connection")
        self._busy = True
        coming: asyncio.Future[Answer] | None = None
        try:
            coming = await self._ask(query, b"")
            while coming is not None:
                result, raw = await asyncio.shield(coming)
                coming = None
                if result.code != SUCCESS:
                    raise LdapResultError("search", result)
                if cookie := self._cookie(result):
                    coming = await self._ask(query, cookie)
                    await asyncio.sleep(0)  # let it be written before the decoding begins
                yield raw
        finally:
            if coming is None:
                self._busy = False
            else:
                coming.add_done_callback(self._finish)  # a search before that would lose its cookie to this page

    async def _ask(self, query: Query, cookie: bytes) -> asyncio.Future[Answer]:
        controls = (manage_dsa_it(), paged_results(query.page_size, cookie))
        return await self._exchange.start(
            LIGHT, controls, messages.search, query.base, query.scope, query.filter, query.attributes, 0
        )

    def _cookie(self, result: Result) -> bytes:
        try:
            return read_page_cookie(result)
        except MalformedReply as exc:
            raise self._exchange.malformed(exc) from exc

    def _finish(self, page: asyncio.Future[Answer]) -> None:
        self._busy = False
        if not page.cancelled():
            page.exception()  # nobody else looks at it
