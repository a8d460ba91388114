"""The whole snapshot against the whole directory (design section 6, steps 3 to 5)."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from ldap_sink.reading import read_found
from processors.comparing import Finding
from schemas.dn import DN, RDN, PreparedDN
from schemas.entries import FoundEntry
from schemas.errors import Permanent
from schemas.events import Kind
from schemas.jobs import Difference, EntryState
from streams.snapshot import Stored
from streams.verification.findings import Findings
from streams.verification.organizations import Organization
from streams.verification.returned import Returned
from streams.verification.sieve import TARGET, Recognized, Sieve
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick

_TOLD: Final = 1000
TWO_ENTRIES: Final = "another entry carries this id too"

_NOT_ASKED: Final = -2
_NOBODY: Final = -3

_PLACED: Final = frozenset({EntryState.SAME, EntryState.CHANGED, EntryState.MISPLACED})
_NOT_THERE: Final = frozenset({EntryState.MISSING, EntryState.MISPLACED})


class Comparison:
    """Takes the directory page by page, and then the states without an entry; keeps little of each.

    Args:
        swept: for each number of the snapshot, whether a complete push did not bring the entity.

    Attributes:
        snapshot: the states.
        organizations: the tree that is made of them.
        findings: what was found.
        matched: how many entries were found that a state is bound to.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        organizations: Mapping[str, Organization],
        yardstick: Yardstick,
        swept: bytearray,
    ) -> None:
        size = len(snapshot)
        self.findings = Findings(snapshot.kind(number) for number in range(size))
        self.matched = 0
        self.snapshot = snapshot
        self.organizations = organizations
        self._yardstick = yardstick
        self._swept = {number: snapshot.revision(number) for number, is_gone in enumerate(swept) if is_gone}
        self._comparer = yardstick.comparer(organizations)
        self._returned = Returned(snapshot, yardstick, self._comparer, self.findings)
        self._sieve = Sieve(snapshot, organizations, yardstick, self._parent_of)
        self._has_entry = bytearray(size)
        self._home = array("i", [_NOT_ASKED]) * size
        self._parent = array("i", [_NOBODY]) * size
        self._parents: dict[DN, int] = {}
        self._organization_dns: dict[int, DN] = {}
        self._wanted_dns: dict[int, DN | None] = {}
        self._claimed: dict[int, list[str]] = {}

    def is_swept(self, number: int) -> bool:
        """Whether a complete push did not bring the entity, and its state is still the one of which that was said."""
        return self._swept.get(number) == self.snapshot.revision(number)

    def swept(self, kind: Kind) -> Iterable[int]:
        """The numbers of those of a kind that are swept."""
        return (number for number in self._swept if self.snapshot.kind(number) is kind and self.is_swept(number))

    def is_spared(self, number: int) -> bool:
        """Whether a complete push did not bring the entity, but something came for it since: it may be a live event."""
        return number in self._swept and not self.is_swept(number)

    def has_entry(self, number: int) -> bool:
        """Whether an entry was found that the entity is bound to."""
        return number < len(self._has_entry) and bool(self._has_entry[number])

    # -- page by page --------------------------------------------------------------------------------------------------

    def take(self, page: Iterable[FoundEntry]) -> None:
        """Take entries of the target's tree."""
        for found in page:
            owners = self.snapshot.bound_to(found.entry_uuid)
            if not owners or self._yardstick.is_others(owners[0][1], found):
                self._take_stranger(found)
                continue
            self.matched += len(owners)
            self._take_own(*owners[0], found)
            for number, stored in owners[1:]:
                self._take_second_owner(number, stored, found)

    def take_octets(self, page: Iterable[bytes]) -> None:
        """Take entries as `read_octets` gives them.

        Raises:
            LdapflowError: as `read_found`.
        """
        for content in page:
            known = self._sieve.recognize(content)
            if known is not None and known.number not in self._swept:
                self._take_recognized(known)
                continue
            found = read_found(content, self._yardstick.target_dn)
            if found is not None:
                self.take((found,))

    def _take_recognized(self, known: Recognized) -> None:
        """Take an entry that is as it should be, if it stands in the right place."""
        number, home, parent, organization_dn = known
        if organization_dn is not None:
            self._organization_dns[number] = organization_dn
        self.matched += 1
        self._has_entry[number] = True
        self._home[number], self._parent[number] = home, parent
        self.findings.note_same(number)

    def _parent_of(self, dn: DN) -> int:
        return self._parents.setdefault(dn, len(self._parents))

    def _take_own(self, number: int, stored: Stored, found: FoundEntry) -> None:
        self._has_entry[number] = True
        if stored.kind is Kind.ORGANIZATION:
            self._organization_dns[number] = found.dn
        finding = self._compare(number, stored, found)
        self._parent[number] = self._parent_of(found.dn.parent)
        self._note(number, stored, finding, found.entry_uuid, found.dn)

    def _take_second_owner(self, number: int, stored: Stored, found: FoundEntry) -> None:
        """Two took one entry: whoever it does not belong to must find, or get, one of its own."""
        self._has_entry[number] = True
        state = EntryState.DUPLICATE
        difference = Difference(state, stored.kind, stored.id, found.entry_uuid, str(found.dn))
        self.findings.note(number, state, difference)

    def _take_stranger(self, found: FoundEntry) -> None:
        kind = self._yardstick.kind_of(found)
        if kind is None:
            return
        self.findings.note_stranger(Difference(EntryState.UNMANAGED, kind, None, found.entry_uuid, str(found.dn)))
        self._returned.note(kind, found)
        for value in self._yardstick.drifts.ids(self._yardstick.rules[kind].id_attribute, found):
            number = self.snapshot.number(kind, value.decode(errors="replace"))
            if number is not None:
                self._claimed.setdefault(number, []).append(found.entry_uuid)

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def finish(self, tell: Callable[[int], None] = lambda _: None) -> None:
        """Take the states whose entries were not found, and see who stands in the right place.

        Args:
            tell: is told now and then of so many states that were not met among the entries.
        """
        untold = 0
        for number in (number for kind in Kind for number in self.snapshot.numbers(kind)):
            stored = None if self._has_entry[number] else self.snapshot.get(number)
            if stored is None:
                continue
            self._note(number, stored, self._compare(number, stored, None), None, None)
            untold += 1
            if untold == _TOLD:
                tell(untold)
                untold = 0
        tell(untold)
        self._find_misplaced()
        self._returned.tell()
        self._find_double_claims()
        for number, difference in self.findings.details:
            if difference.state in _NOT_THERE:
                self._complete(number, difference)

    def _find_misplaced(self) -> None:
        standing: dict[PreparedDN, int] = {dn.prepared(): number for number, dn in self._organization_dns.items()}
        standing[self._yardstick.target_dn.prepared()] = TARGET
        dns = list(self._parents)
        owners = [standing.get(dn.prepared(), _NOBODY) for dn in dns]
        for number, (home, parent) in enumerate(zip(self._home, self._parent, strict=True)):
            if home == _NOT_ASKED or parent < 0 or owners[parent] == home:
                continue
            stored = self.snapshot.get(number)
            if stored is None or self.findings.state(number) not in _PLACED:
                continue
            known = self.findings.detail(number)
            rdn = self._wanted_rdn(stored)
            binding = self.snapshot.binding(stored.state)
            dn = known.dn if known is not None else None
            if dn is None and rdn is not None:
                dn = str(dns[parent].child(rdn))
            entry_uuid = None if binding is None else binding.entry_uuid
            attributes = () if known is None else known.attributes
            state = EntryState.MISPLACED
            self.findings.note(
                number, state, Difference(state, stored.kind, stored.id, entry_uuid, dn, attributes=attributes)
            )

    def _find_double_claims(self) -> None:
        """Entries that say they belong to an entity that has another one: the id attribute was copied."""
        for number, entries in self._claimed.items():
            stored = self.snapshot.get(number)
            if stored is None or (len(entries) == 1 and not self._has_entry[number]):
                continue
            for entry_uuid in entries:
                self.findings.change_stranger(entry_uuid, EntryState.DUPLICATE, stored.id, TWO_ENTRIES)

    def drop_changed(self, changed: Iterable[int]) -> None:
        """Drop what was found of entities whose states changed meanwhile, or an organization above them: that is life.

        Args:
            changed: numbers of the same snapshot, which has been read on.
        """
        numbers = set(changed)
        if not numbers:
            return
        organizations = {number for number in numbers if self.snapshot.kind(number) is Kind.ORGANIZATION}
        for number in numbers:
            if number < len(self._home):
                self.findings.drop(number)
            stored = self.snapshot.get(number)
            binding = None if stored is None else stored.state.binding
            if binding is not None:
                self.findings.drop_stranger(binding.entry_uuid)
        if organizations:
            moving = self._below(organizations)
            for number, home in enumerate(self._home):
                if home in moving:
                    self.findings.drop(number)

    def _below(self, organizations: set[int]) -> set[int]:
        """These organizations and all below them."""
        below = set(organizations)
        children: dict[str | None, list[Organization]] = {}
        for node in self.organizations.values():
            children.setdefault(node.parent_id, []).append(node)
        todo = [identifier for identifier, node in self.organizations.items() if node.number in below]
        ids = {node.number: identifier for identifier, node in self.organizations.items()}
        while todo:
            for node in children.get(todo.pop(), ()):
                if node.number not in below:
                    below.add(node.number)
                    todo.append(ids[node.number])
        return below

    # -- both ----------------------------------------------------------------------------------------------------------

    def _compare(self, number: int, stored: Stored, found: FoundEntry | None) -> Finding:
        swept = self.is_swept(number)
        finding = self._comparer.compare(stored.kind, stored.id, stored.state, found, swept=swept)
        if finding.home is not None:
            path = finding.home
            self._home[number] = self.organizations[path[-1]].number if path else TARGET
        return finding

    def _note(self, number: int, stored: Stored, finding: Finding, entry_uuid: str | None, dn: DN | None) -> None:
        difference = None
        if finding.state not in {None, EntryState.SAME}:
            difference = Difference(
                finding.state or EntryState.SAME,
                stored.kind,
                stored.id,
                entry_uuid,
                None if dn is None else str(dn),
                attributes=finding.attributes,
                reason=finding.reason,
            )
        self.findings.note(number, finding.state, difference)

    def _complete(self, number: int, difference: Difference) -> None:
        """Say where the entry should be."""
        wanted_dn = self._wanted_dn(number)
        if wanted_dn is not None:
            self.findings.note(number, difference.state, replace(difference, wanted_dn=str(wanted_dn)))

    def _wanted_dn(self, number: int) -> DN | None:
        if number == TARGET:
            return self._yardstick.target_dn
        if number not in self._wanted_dns:
            self._wanted_dns[number] = self._organization_dns.get(number)
            if self.findings.state(number) in _NOT_THERE and self._home[number] != _NOT_ASKED:
                stored, parent = self.snapshot.get(number), self._wanted_dn(self._home[number])
                rdn = None if stored is None else self._wanted_rdn(stored)
                self._wanted_dns[number] = None if parent is None or rdn is None else parent.child(rdn)
        return self._wanted_dns[number]

    def _wanted_rdn(self, stored: Stored) -> RDN | None:
        """The name of an entry that has one: what else is in it does not matter here."""
        record = stored.state.record
        try:
            return None if record is None else self._comparer.wanted(record, stored.state.binding, None).rdn
        except Permanent:
            return None
