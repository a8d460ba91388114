"""One request and its answer: slot, encoding, size, result, entries."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from ldap_sink.protocol import messages
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.controls import Control, encode_controls
from ldap_sink.protocol.link import Answer, Link, RawEntry
from ldap_sink.protocol.link_failures import LinkFailure
from ldap_sink.protocol.replies import decode_entry, decode_uris
from ldap_sink.protocol.results import REFERRAL, SUCCESS, Entry, LdapResultError, Result
from schemas.errors import DeadLetterReason, MaybeApplied, Permanent

# The defaults that slapd.conf(5) gives for sockbuf_max_incoming_auth and sockbuf_max_incoming, less a little.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024 - 4096
MAX_ANONYMOUS_MESSAGE_BYTES: Final = 256 * 1024 - 1024

LIGHT: Final = 256
"""What a request weighs that carries no values."""

Permit: TypeAlias = Callable[[], None]
"""Asked right before a request is sent, when it has its slot; raises what forbids it."""

_DECODE_AT_ONCE: Final = 100


def unconditionally() -> None:
    """Permit a request."""


class Exchange:
    """Asks over a link.

    Attributes:
        bound: slapd takes larger requests from who has bound.
    """

    __slots__ = ("_link", "_max_message_bytes", "bound")

    def __init__(self, link: Link, max_message_bytes: int) -> None:
        self._link = link
        self._max_message_bytes = max_message_bytes
        self.bound = False

    async def ask(
        self,
        name: str,
        weight: int,
        controls: Sequence[Control],
        encode: Callable[..., bytes],
        *arguments: Any,
        permit: Permit = unconditionally,
    ) -> Result:
        """Send `encode(*arguments)` and wait for success.

        Raises:
            Exception: what `permit` raises; nothing was sent.
            LdapResultError: any other answer.
            NotSent, MaybeApplied: no answer.
            Permanent: the request is too large.
        """
        result, _ = await (await self.start(weight, controls, encode, *arguments, permit=permit))
        if result.code != SUCCESS:
            raise LdapResultError(name, result)
        return result

    async def start(
        self,
        weight: int,
        controls: Sequence[Control],
        encode: Callable[..., bytes],
        *arguments: Any,
        permit: Permit = unconditionally,
    ) -> asyncio.Future[Answer]:
        """Wait for a slot, then encode and submit: those who wait hold no encoded copies.

        Raises:
            NotSent: the link is closed.
            Permanent: the request is too large.
        """
        link = self._link
        await link.slots.acquire(weight)
        try:
            permit()
            operation = encode(*arguments)
            extra = encode_controls(tuple(controls)) if controls else b""
            self._check_size(len(operation) + len(extra))
            return link.submit(operation, extra, weight, collect=operation[0] == messages.SEARCH_REQUEST)
        except BaseException:
            link.slots.release(weight)
            raise

    async def ask_alone(
        self, name: str, operation: bytes, controls: bytes = b"", *, last_plaintext: bool = False
    ) -> Result:
        """Send a request that needs the connection for itself. After success it still has it: `slots.release_all`.

        Raises:
            RuntimeError: something is in flight.
            LdapResultError: any answer but success.
        """
        link = self._link
        link.slots.acquire_all()
        try:
            result, _ = await link.submit(operation, controls, 0, last_plaintext=last_plaintext)
        except BaseException as exc:
            link.fail(exc)  # cancelled: nobody would know in which state the connection is
            raise
        if result.code != SUCCESS:
            link.resume_reading()
            link.slots.release_all()
            raise LdapResultError(name, result)
        return result

    async def decode(self, raw: Sequence[RawEntry]) -> list[Entry]:
        """Decode entries, about 100 in one turn of the loop.

        Raises:
            LdapResultError: one of them is a reference to another server: the answer is not whole.
            MaybeApplied: one of them is malformed; the link is ended.
        """
        entries: list[Entry] = []
        try:
            for tag, data, start, stop in raw:
                if tag == messages.SEARCH_RESULT_REFERENCE:
                    raise LdapResultError("search", Result(REFERRAL, referrals=decode_uris(data, start, stop)))
                entries.append(decode_entry(data, start, stop))
                if len(entries) % _DECODE_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except MalformedReply as exc:
            raise self.malformed(exc) from exc
        return entries

    def contents(self, raw: Sequence[RawEntry]) -> list[bytes]:
        """The octets of each entry, not decoded.

        Raises:
            LdapResultError: one of them is a reference to another server: the answer is not whole.
        """
        contents = []
        for tag, data, start, stop in raw:
            if tag == messages.SEARCH_RESULT_REFERENCE:
                raise LdapResultError("search", Result(REFERRAL, referrals=decode_uris(data, start, stop)))
            contents.append(data[start:stop])
        return contents

    def malformed(self, exc: MalformedReply) -> MaybeApplied:
        """End the link because of a reply that is not LDAP."""
        failure = MaybeApplied(LinkFailure.MALFORMED_REPLY, str(exc))
        self._link.fail(failure)
        return failure

    def _check_size(self, size: int) -> None:
        limit = self._max_message_bytes if self.bound else min(self._max_message_bytes, MAX_ANONYMOUS_MESSAGE_BYTES)
        if size > limit:
            raise Permanent(DeadLetterReason.TOO_LARGE, f"an LDAP request of {size} bytes; the server takes {limit}")
