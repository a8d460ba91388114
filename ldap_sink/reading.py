"""Entries as they come from the server, made ours; and the whole target, page by page."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from ldap_sink.failures import translate
from ldap_sink.probe_entries import is_probe
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.filters import equality
from ldap_sink.protocol.link_failures import LinkFailure
from ldap_sink.protocol.replies import decode_entry
from ldap_sink.protocol.results import Entry, LdapResultError
from ldap_sink.session import check_target, open_session
from ldap_sink.settings import DirectorySettings
from ldap_sink.subschema import Subschema
from schemas.dn import DN, InvalidDN
from schemas.entries import FoundEntry
from schemas.errors import DeadLetterReason, Halting, MaybeApplied, Permanent
from schemas.halt_reasons import HaltReason

_ENTRY_UUID: Final = "entryUUID"
_IDENTITY: Final = (_ENTRY_UUID, "entryCSN")


def asked(attributes: Sequence[str]) -> tuple[str, ...]:
    """What must be asked of the server for a `FoundEntry` with these attributes."""
    return (*attributes, *_IDENTITY)


def found_entry(entry: Entry, asked_dn: DN | None = None, *, with_csn: bool = True) -> FoundEntry:
    """Make an entry ours.

    Args:
        entry: as it came.
        asked_dn: what was asked for: the server mostly spells it as we do, and then nothing has to be parsed.
        with_csn: its entryCSN was asked for; without it nothing can be written by what was read.

    Raises:
        Halting: who or which it is, is hidden from us.
        Permanent: its DN is none.
    """
    attributes = {name.lower(): tuple(values) for name, values in entry.attributes.items()}
    uuids, csns = attributes.pop("entryuuid", ()), attributes.pop("entrycsn", ())
    if not uuids or (with_csn and not csns):
        raise Halting(HaltReason.ENTRY_UUID_UNREADABLE, "the administrator cannot read entryUUID and entryCSN")
    try:
        dn = asked_dn if asked_dn is not None and entry.dn == str(asked_dn) else DN.parse(entry.dn)
    except InvalidDN as exc:
        raise Permanent(DeadLetterReason.REFUSED_BY_DIRECTORY, f"the server's DN cannot be read: {exc}") from exc
    return FoundEntry(dn, uuids[0].decode().lower(), csns[0] if csns else b"", attributes)


def read_found(content: bytes, target: DN, *, with_csn: bool = False) -> FoundEntry | None:
    """Read the content of a SearchResultEntry; None for the target itself, and for probes.

    Raises:
        Retryable: it is no LDAP.
        Halting, Permanent: as `found_entry`.
    """
    try:
        found = found_entry(decode_entry(content, 0, len(content)), with_csn=with_csn)
    except MalformedReply as exc:
        raise MaybeApplied(LinkFailure.MALFORMED_REPLY, str(exc)) from exc
    return found if found.dn.is_below(target) and not is_probe(found.dn, target) else None


async def read_subschema(connection: Connection, dn: DN) -> Subschema:
    """Read the schema that holds for an entry.

    Raises:
        LdapResultError: the server refuses.
        Halting: it is hidden from us.
    """
    subentry = _values(await connection.read(str(dn), ["subschemaSubentry"]), "subschemasubentry")
    if not subentry:
        raise Halting(HaltReason.SCHEMA_UNREADABLE, f"{dn} does not say where its schema is")
    found = await connection.read(
        subentry[0].decode(), ["attributeTypes", "objectClasses"], equality("objectClass", "subschema")
    )
    attribute_types, object_classes = _values(found, "attributetypes"), _values(found, "objectclasses")
    if not attribute_types or not object_classes:
        raise Halting(HaltReason.SCHEMA_UNREADABLE, "the administrator cannot read the server's schema")
    return Subschema.parse(attribute_types, object_classes)


async def read_target(
    settings: DirectorySettings, attributes: Sequence[str], *, page_size: int = 1000
) -> AsyncGenerator[list[FoundEntry], None]:
    """Read everything below the target, itself and probes left out, over a connection of its own.

    Close the iterator (`contextlib.aclosing`) when leaving it early.

    Raises:
        Retryable: also when a limit of the server cut the answer short: what came is not everything.
        Halting: as for any session; also when the target is another one.
    """
    target = settings.target_dn
    async with aclosing(_pages(settings, asked(attributes), page_size)) as pages:
        async for page in pages:
            found = (read_found(content, target, with_csn=True) for content in page)
            yield [entry for entry in found if entry is not None]


async def read_octets(
    settings: DirectorySettings, attributes: Sequence[str], *, page_size: int = 1000
) -> AsyncGenerator[list[bytes], None]:
    """As `read_target`, without entryCSN, and as the octets that came: `read_found` reads them one by one.

    Nothing is left out.
    """
    async with aclosing(_pages(settings, (*attributes, _ENTRY_UUID), page_size)) as pages:
        async for page in pages:
            yield page


async def _pages(
    settings: DirectorySettings, attributes: Sequence[str], page_size: int
) -> AsyncGenerator[list[bytes], None]:
    connection = await open_session(settings)
    try:
        await check_target(connection, settings)
        search = connection.raw_pages(str(settings.target_dn), "(objectClass=*)", attributes, page_size=page_size)
        async with aclosing(search) as pages:
            async for page in pages:
                yield page
    except LdapResultError as exc:
        raise translate(exc) from exc
    finally:
        await connection.close()


def _values(entry: Entry | None, name: str) -> list[bytes]:
    attributes = {} if entry is None else entry.attributes
    return next((values for found, values in attributes.items() if found.lower() == name), [])
