"""Entries that are added below the target only to be removed again: how they are named, and who clears them away."""

import secrets
import time
from typing import Final

from ldap_sink.protocol.connection import Connection, Scope
from ldap_sink.protocol.results import NO_SUCH_OBJECT, LdapResultError
from schemas.dn import DN, RDN
from schemas.entries import Values

PROBE_PREFIX: Final = "ldapflow-probe-"
OLD_SECONDS: Final = 60.0  # a younger one may be another process's, which is at it now

_ATTRIBUTE: Final = "ou"
_PROBES: Final = "(ou=ldapflow-probe-*)"


def new_probe(target: DN) -> DN:
    """A DN for a probe, which no other has."""
    return target.child(RDN.of(_ATTRIBUTE, f"{PROBE_PREFIX}{secrets.token_hex(8)}"))


def is_probe(dn: DN, target: DN) -> bool:
    """Say whether an entry is a probe, which is nobody's business: it is gone in a moment, or with the next probe."""
    if len(dn) != len(target) + 1:
        return False
    [attribute, value], *more = dn.rdn.prepared()
    return not more and attribute == _ATTRIBUTE and value.startswith(PROBE_PREFIX)


async def add_probe(connection: Connection, dn: DN, padding: int = 0) -> None:
    """Add a probe: an organizational unit, which may have a password (RFC 4519 section 3.11).

    Args:
        connection: of the administrator.
        dn: from `new_probe`.
        padding: octets that are to be stored beside the name.

    Raises:
        LdapResultError: it is refused.
    """
    attributes: dict[str, Values] = {
        "objectClass": (b"organizationalUnit", b"top"),
        _ATTRIBUTE: (dn.rdn.avas[0].octets,),
        "description": (b"x" * padding,) if padding else (),
    }
    await connection.add(str(dn), attributes)


async def remove_probe(connection: Connection, dn: DN) -> None:
    """Remove a probe; one that is gone, another process has cleared away.

    Raises:
        LdapResultError: it is refused.
    """
    try:
        await connection.delete(str(dn))
    except LdapResultError as exc:
        if exc.result.code != NO_SUCH_OBJECT:
            raise


async def find_probes(connection: Connection, target: DN) -> list[tuple[DN, bytes]]:
    """The probes that are there, each with its createTimestamp (RFC 4512 section 3.4.1); empty where that is hidden.

    Raises:
        LdapResultError: it is refused.
    """
    entries = await connection.search(str(target), _PROBES, ("createTimestamp",), scope=Scope.ONE_LEVEL)
    return [
        (dn, min((value for values in entry.attributes.values() for value in values), default=b""))
        for entry in entries
        if is_probe(dn := DN.parse(entry.dn), target)
    ]


async def remove_older(connection: Connection, target: DN) -> None:
    """Remove what probes that were interrupted have left.

    Raises:
        LdapResultError: it is refused.
    """
    limit = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - OLD_SECONDS)).encode()
    for dn, created in await find_probes(connection, target):
        if created < limit:
            await remove_probe(connection, dn)
