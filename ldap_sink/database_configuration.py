"""How the server's database is configured, as far as an administrator may see it in `cn=config` (slapd-config(5))."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ldap_sink.protocol.connection import Connection, Scope
from ldap_sink.protocol.filters import present
from ldap_sink.protocol.results import Entry, LdapResultError
from schemas.dn import DN, InvalidDN

_CONFIGURATION: Final = "cn=config"
_SUFFIX, _INDEX = "olcsuffix", "olcdbindex"
_DEFAULT: Final = "default"  # instead of an attribute: what an index is that does not say
_EQUALITY: Final = "eq"


@dataclass(frozen=True, slots=True)
class DatabaseConfiguration:
    """The database that holds the target.

    Attributes:
        name: the DN of its configuration, as the server spells it.
        equality_indexes: lower-case names, as they were configured, of the attributes with an index for equality.
    """

    name: str
    equality_indexes: frozenset[str]


async def read_database_configuration(connection: Connection, target: DN) -> DatabaseConfiguration | None:
    """Look at the configuration of the database that holds the target; None when it may not be read.

    Raises:
        Retryable: the connection was lost.
    """
    asked = (_SUFFIX, _INDEX)
    try:
        entries = await connection.search(_CONFIGURATION, present(_SUFFIX), asked, scope=Scope.ONE_LEVEL)
    except LdapResultError:
        return None
    databases = [(suffix, entry) for entry in entries for suffix in _dns(_values(entry, _SUFFIX))]
    around = [(suffix, entry) for suffix, entry in databases if target.matches(suffix) or target.is_below(suffix)]
    if not around:
        return None
    # One database may lie within the other: the longest suffix holds it.
    _, entry = max(around, key=lambda one: len(one[0]))
    return DatabaseConfiguration(entry.dn, equality_indexes(_values(entry, _INDEX)))


def equality_indexes(values: Iterable[str]) -> frozenset[str]:
    """The attributes that values of `olcDbIndex` index for equality: `uid,mail eq,sub`, `cn`, `default pres,eq`.

    An index of a supertype is one of its subtypes too (slapd-mdb(5)), which is not known here.
    """
    lines = [line.lower().split() for line in values]
    default = next((kinds.split(",") for names, *more in lines for kinds in more if names == _DEFAULT), [])
    return frozenset(
        name
        for names, *more in lines
        if _EQUALITY in (more[0].split(",") if more else default)
        for name in names.split(",")
        if name != _DEFAULT
    )


def _values(entry: Entry, name: str) -> list[str]:
    return [value.decode() for found, values in entry.attributes.items() if found.lower() == name for value in values]


def _dns(texts: Iterable[str]) -> Iterator[DN]:
    for text in texts:
        try:
            yield DN.parse(text)
        except InvalidDN:
            continue
