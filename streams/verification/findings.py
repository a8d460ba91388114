"""What a verification has found, of a million entities in a few megabytes, and the report that is made of it."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import orjson

from schemas.events import Kind
from schemas.jobs import DRIFT, Difference, DriftReport, EntryState

MAX_DIFFERENCES: Final = 2000  # in a report; a message in Kafka has room for some more
_MAX_BYTES: Final = 400_000  # of them together, far below the megabyte of a message
_BYTES_EACH: Final = 160  # of JSON around the texts

_STATES: Final = tuple(EntryState)
_NOTHING: Final = 0
_SAME: Final = _STATES.index(EntryState.SAME) + 1
_ORDER: Final = {Kind.ORGANIZATION: 0, Kind.ACCOUNT: 1}


class Findings:
    """One finding for each number of a snapshot, and those about entries that belong to nobody.

    Of the differences only the first ones are kept with all that is known of them.

    Args:
        kinds: the kind of each number.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = bytes(_ORDER[kind] for kind in kinds)
        self._codes = bytearray(len(self._kinds))
        self._details: dict[int, Difference] = {}
        self._kept: Counter[tuple[Kind, bool]] = Counter()
        self._strangers: dict[bytes, tuple[Kind, EntryState]] = {}
        self._stranger_details: dict[bytes, Difference] = {}

    def state(self, number: int) -> EntryState | None:
        """What was found of an entity; None when nothing is to be said, or it was not known then."""
        code = self._codes[number] if number < len(self._codes) else _NOTHING
        return None if code == _NOTHING else _STATES[code - 1]

    def note(self, number: int, state: EntryState | None, difference: Difference | None) -> None:
        """Say what was found of an entity; later words replace earlier ones."""
        self._codes[number] = _NOTHING if state is None else _STATES.index(state) + 1
        if difference is None:
            self._details.pop(number, None)
        elif number in self._details or self._has_room(difference):
            self._details[number] = difference

    def note_same(self, number: int) -> None:
        """Say that an entity of which nothing was said yet is as it should be."""
        self._codes[number] = _SAME

    def detail(self, number: int) -> Difference | None:
        """All that is known of a difference, if it was kept."""
        return self._details.get(number)

    @property
    def details(self) -> Iterator[tuple[int, Difference]]:
        """All that was kept."""
        yield from list(self._details.items())

    def note_stranger(self, difference: Difference) -> None:
        """Say what was found of an entry that belongs to nobody."""
        entry = uuid.UUID(difference.entry_uuid).bytes
        self._strangers[entry] = (difference.kind, difference.state)
        if entry in self._stranger_details or self._has_room(difference):
            self._stranger_details[entry] = difference

    def change_stranger(self, entry_uuid: str, state: EntryState, identifier: str, reason: str) -> None:
        """Say something else of an entry that belongs to nobody, and whose it says it is."""
        entry = uuid.UUID(entry_uuid).bytes
        kind, _ = self._strangers[entry]
        self._strangers[entry] = (kind, state)
        known = self._stranger_details.get(entry, Difference(state, kind, entry_uuid=entry_uuid))
        self._stranger_details[entry] = replace(known, state=state, id=identifier, reason=reason)

    @property
    def has_strangers(self) -> bool:
        """Whether any entry belongs to nobody."""
        return bool(self._strangers)

    def is_stranger(self, entry_uuid: str) -> bool:
        """Whether an entry belonged to nobody."""
        return uuid.UUID(entry_uuid).bytes in self._strangers

    def drop(self, number: int) -> None:
        """Say nothing of an entity: it has changed meanwhile."""
        self.note(number, None, None)

    def drop_stranger(self, entry_uuid: str) -> None:
        """Say nothing of an entry: it has become somebody's."""
        entry = uuid.UUID(entry_uuid).bytes
        self._strangers.pop(entry, None)
        self._stranger_details.pop(entry, None)

    @property
    def copies(self) -> Iterator[Difference]:
        """Entries that carry the id of an entity that has another one; all of them, whatever a report has room for."""
        yield from (one for one in self._stranger_details.values() if one.state is EntryState.DUPLICATE)

    def numbers(self, kind: Kind, states: Iterable[EntryState]) -> list[int]:
        """The entities of a kind of which one of these was found."""
        codes = {code for state in states if (code := _STATES.index(state) + 1) in self._codes}
        if not codes:
            return []
        order = _ORDER[kind]
        return [
            number
            for number, (code, of) in enumerate(zip(self._codes, self._kinds, strict=True))
            if code in codes and of == order
        ]

    def report(self) -> DriftReport:
        """Everything, as far as a report may hold it: drift before what is only listed."""
        counts = self._counts()
        total = sum(count for (_, state), count in counts.items() if state is not EntryState.SAME)
        known = [*self._details.values(), *self._stranger_details.values()]
        known.sort(key=lambda difference: (not difference.is_drift, *_place(difference)))
        kept: list[Difference] = []
        room = _MAX_BYTES
        for difference in known[:MAX_DIFFERENCES]:
            room -= _size(difference)
            if room < 0:
                break
            kept.append(difference)
        return DriftReport(counts, tuple(sorted(kept, key=_place)), total - len(kept))

    def _counts(self) -> dict[tuple[Kind, EntryState], int]:
        codes = Counter(zip(self._kinds, self._codes, strict=True))
        counts = {
            (kind, state): codes[order, index + 1]
            for kind, order in _ORDER.items()
            for index, state in enumerate(_STATES)
        }
        for key, count in Counter(self._strangers.values()).items():
            counts[key] += count
        return counts

    def _has_room(self, difference: Difference) -> bool:
        key = (difference.kind, difference.state in DRIFT)
        self._kept[key] += 1
        return self._kept[key] <= MAX_DIFFERENCES


def _place(difference: Difference) -> tuple[int, int, str, str]:
    """Organizations before accounts, parents before children."""
    dn = difference.dn or difference.wanted_dn or ""
    # Counting commas is no parsing of the DN: an escaped one puts an entry a little later, that is all.
    return _ORDER[difference.kind], dn.count(","), dn, difference.id or ""


def _size(difference: Difference) -> int:
    texts = (
        difference.id,
        difference.entry_uuid,
        difference.dn,
        difference.wanted_dn,
        difference.reason,
        *difference.attributes,
    )
    return _BYTES_EACH + sum(len(orjson.dumps(text)) + 2 for text in texts if text)
