"""Reads a directory as an outsider does, with ldap3: what tests compare with what was wanted."""

from collections.abc import Iterator
from contextlib import contextmanager

import ldap3

from streams.sandbox.slapd import Slapd

Tree = dict[str, dict[str, list[bytes]]]


@contextmanager
def connected(slapd: Slapd, dn: str, password: str) -> Iterator[ldap3.Connection]:
    """An open connection, not yet bound; a result other than success raises ldap3's LDAPOperationResult."""
    server = ldap3.Server(slapd.uri, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, dn, password, raise_exceptions=True)
    connection.open()
    try:
        yield connection
    finally:
        # ldap3's own `with` leaves a connection open that was open when it began.
        connection.unbind()


@contextmanager
def admin_connection(slapd: Slapd) -> Iterator[ldap3.Connection]:
    """A connection that is bound as the rootdn."""
    with connected(slapd, slapd.admin_dn, slapd.admin_password) as connection:
        connection.bind()
        yield connection


def read_tree(slapd: Slapd, base: str | None = None, *, operational: bool = True) -> Tree:
    """Every entry at and below `base` (default: the target), by its DN as slapd spells it.

    With `operational`, also all operational attributes, entryUUID and entryCSN among them; two such dumps are equal
    only when nothing was written between them.
    """
    attributes = ["*", "+"] if operational else ["*"]
    with admin_connection(slapd) as connection:
        connection.search(base or slapd.target_dn, "(objectClass=*)", search_scope=ldap3.SUBTREE, attributes=attributes)
        entries = (entry for entry in connection.response or () if entry["type"] == "searchResEntry")
        return {entry["dn"]: dict(entry["raw_attributes"]) for entry in entries}
