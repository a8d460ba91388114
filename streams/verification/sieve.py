"""Entries that are as they should be, recognized by the octets that came: nearly all of them, in nearly no time.

What is not recognized has not been found different: `Comparer` looks at it.
"""

from binascii import Error, unhexlify
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ldap_sink.layouts import Layouts, entry_uuid_in, split_entry
from ldap_sink.locking import LOCK_ATTRIBUTE, PERMANENT_LOCK
from ldap_sink.subschema import Subschema
from processors.placement import Placed, is_source_or_root, place_below
from processors.plain_entries import PlainEntries
from schemas.dn import DN
from schemas.events import Kind
from streams.verification.organizations import Organization
from streams.verification.snapshot import Snapshot
from streams.verification.traits import QUALIFIED, UNWRITTEN
from streams.verification.yardstick import Yardstick

MOST_HOMES: Final = 10_000  # that are kept: each account may have a list of organizations of its own
TARGET: Final = -1  # the target node's place among the numbers of organizations
_NOWHERE: Final = -2

_DISABLED: Final = "disabled"
_PROBE: Final = b"ldapflow-probe-"


class Recognized(NamedTuple):  # one for each entry: a dataclass is made in three times the time
    """An entry that has the name and the attributes that it should have.

    Attributes:
        number: of the state that it is bound to.
        home: the number of the organization below which it must stand.
        parent: the number of the DN below which it stands.
        organization_dn: its own, if it is an organization's.
    """

    number: int
    home: int
    parent: int
    organization_dn: DN | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is the same for all entries of a kind.

    Attributes:
        spellings: of the naming attribute, and whether they are.
        locks: the lock is the last of the attributes.
    """

    entries: PlainEntries
    layouts: Layouts
    naming: str
    spellings: dict[bytes, bool]
    locks: bool


class Sieve:
    """Recognizes entries.

    Args:
        snapshot: the states.
        organizations: the tree that is made of them.
        yardstick: by what entries are compared.
        number_of: gives each DN that has entries below it a number.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        organizations: Mapping[str, Organization],
        yardstick: Yardstick,
        number_of: Callable[[DN], int],
    ) -> None:
        self._snapshot = snapshot
        self._organizations = organizations
        self._yardstick = yardstick
        self._source_node = yardstick.source_node
        self._unsettling = UNWRITTEN if yardstick.passwords else 0
        if yardstick.rules[Kind.ACCOUNT].qualifier is not None:
            self._unsettling |= QUALIFIED
        self._removes_disabled = yardstick.removes_disabled
        self._kinds = {kind: made for kind in Kind if (made := self._kind(kind)) is not None}
        self._number_of = number_of
        self._parents: dict[bytes, int] = {}
        self._homes: dict[tuple[str, ...], int] = {}

    def _kind(self, kind: Kind) -> _Kind | None:
        rules = self._yardstick.rules[kind]
        entries = PlainEntries.of(kind, rules)
        drifts = self._yardstick.drifts
        locks = drifts.locks and kind is Kind.ACCOUNT
        attributes = () if entries is None else entries.attributes + (LOCK_ATTRIBUTE,) * locks
        if entries is None or len(set(map(drifts.subschema.key, attributes))) < len(attributes):
            return None
        layouts = Layouts(drifts.subschema, rules.object_classes, attributes)
        return _Kind(entries, layouts, rules.rdn_attribute, {}, locks)

    def recognize(self, content: bytes) -> Recognized | None:
        """Say whether an entry is one that its state asks for; where it must stand is only told.

        Args:
            content: of a SearchResultEntry.
        """
        entry_uuid = entry_uuid_in(content)
        number = None if entry_uuid is None else self._owner(entry_uuid)
        if entry_uuid is None or number is None:
            return None
        try:
            record = self._snapshot.settled_record(number, entry_uuid, self._unsettling)
            return None if record is None else self._compare(number, record, content, entry_uuid)
        except (ValueError, KeyError, TypeError):  # what `decode_state` raises, and MalformedReply
            return None

    def _compare(self, number: int, record: dict[str, Any], content: bytes, entry_uuid: bytes) -> Recognized | None:
        kind, identifier = self._snapshot.kind(number), self._snapshot.identifier(number)
        made = self._kinds.get(kind)
        if made is None or record.__class__ is not dict:
            return None
        is_disabled = record.get("status") == _DISABLED
        if is_disabled and self._removes_disabled:
            return None
        home = self._home(kind, identifier, record)
        values = None if home == _NOWHERE else made.entries.values(record)
        if values is None:
            return None
        dn, start = split_entry(content)
        above = _above(dn, made, values[made.entries.naming], self._yardstick.drifts.subschema)
        is_organization = kind is Kind.ORGANIZATION
        if above is None or (is_organization and _PROBE in dn.lower()):
            return None
        if made.locks:
            values.append(PERMANENT_LOCK if is_disabled else b"")
        if not made.layouts.has(content, start, entry_uuid, values):
            return None
        parent = self._parents.get(above)
        if parent is None:
            parent = self._parents[above] = self._number_of(DN.parse(above.decode()))
        return Recognized(number, home, parent, DN.parse(dn.decode()) if is_organization else None)

    def _owner(self, entry_uuid: bytes) -> int | None:
        """The only state that was ever bound to an entry."""
        try:
            return self._snapshot.only_claimant(unhexlify(entry_uuid.replace(b"-", b"")))
        except Error:
            return None

    def _home(self, kind: Kind, identifier: str, record: dict[str, Any]) -> int:
        """The organization below which an entry must stand, as `homes` and `place` say."""
        if kind is Kind.ORGANIZATION:
            parent = record.get("parentId")
            if is_source_or_root(identifier, self._source_node):
                return _NOWHERE
            if record.get("organizationalUnitId") != identifier or not isinstance(parent, str) or parent == identifier:
                return _NOWHERE
            return self._placed((parent,), identifier)
        if record.get("userId") != identifier:
            return _NOWHERE
        candidates = _candidates(record)
        home = self._homes.get(candidates)
        if home is None:
            if len(self._homes) >= MOST_HOMES:
                self._homes.clear()
            home = self._homes[candidates] = self._placed(candidates) if candidates else _NOWHERE
        return home

    def _placed(self, candidates: tuple[str, ...], own_id: str | None = None) -> int:
        placement = place_below(candidates, self._organizations.get, self._source_node, own_id)
        if not isinstance(placement, Placed):
            return _NOWHERE
        return self._organizations[placement.path[-1]].number if placement.path else TARGET


def _above(dn: bytes, kind: _Kind, name: bytes, subschema: Subschema) -> bytes | None:
    """What follows a name in a DN, if it is this one; the name stands there without an escape."""
    spelling, _, rest = dn.partition(b"=")
    if not rest.startswith(name) or rest[len(name) : len(name) + 1] != b",":
        return None
    is_naming = kind.spellings.get(spelling)
    if is_naming is None:
        is_naming = subschema.key(spelling.decode(errors="replace")) == subschema.key(kind.naming)
        kind.spellings[spelling] = is_naming
    return rest[len(name) + 1 :] if is_naming else None


def _candidates(record: dict[str, Any]) -> tuple[str, ...]:
    """The organizations of an account in the order in which `homes` gives them; none where it takes that to say."""
    units, primary = record.get("organizationalUnits"), record.get("primaryOrganizationalUnitId")
    if units.__class__ is not list or not (primary is None or primary.__class__ is str):
        return ()
    if len(units) == 1 and primary is None:
        identifier = units[0].get("organizationalUnitId") if units[0].__class__ is dict else None
        return (identifier,) if identifier.__class__ is str and identifier else ()
    ids: dict[str, None] = {}
    for unit in units:
        if unit.__class__ is not dict:
            return ()
        identifier, is_primary = unit.get("organizationalUnitId"), unit.get("primary")
        if identifier.__class__ is not str or not identifier or identifier in ids:
            return ()
        if is_primary is not None and is_primary.__class__ is not bool:
            return ()
        ids[identifier] = None
        if is_primary and not primary:
            primary = identifier
    return tuple({primary: None, **ids} if primary else ids)
