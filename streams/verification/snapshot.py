"""The full snapshot: the last state of every entity, small enough for a million of them in a gigabyte (design 6)."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import structlog

from schemas.events import Kind, Subject
from schemas.state_codec import decode_revision, decode_state
from schemas.states import Binding, Revision, State
from streams.kafka import Received, TopicReader
from streams.kafka.received import identifier_of
from streams.settings import Settings
from streams.snapshot import Stored
from streams.verification.packing import Packer
from streams.verification.state_texts import record_bound_to, without_record
from streams.verification.traits import BOUND, DELETED, SETTLED, USABLE, WAITING, traits_of

log = structlog.get_logger(__name__)

_KINDS: Final = tuple(Kind)
_TOLD: Final = 1000  # messages between two words about the progress
_NO_PUSH: Final = -1
_UUID_OCTETS: Final = 16
_ROOM: Final = 192 << 20  # octets of states that are not packed


def octets_of_uuid(text: str) -> bytes:
    """The 16 octets of an entryUUID.

    Raises:
        ValueError: it is none.
    """
    octets = bytes.fromhex(text.replace("-", ""))
    if len(octets) != _UUID_OCTETS:
        raise ValueError("no UUID")
    return octets


class Snapshot:
    """All states as they were when they were read last; each has a number, which it keeps.

    Attributes:
        target: the entryUUID of the target node, in lower case; bindings below another one count as none.
        unreadable: whose last state cannot be read, as far as was noticed: damaged, or a newer version's.
    """

    def __init__(self, settings: Settings) -> None:
        topics = settings.topics
        self.target = (settings.sync.target_entry_uuid or "").lower()
        self.unreadable: set[Subject] = set()
        self._settings = settings
        self._topics = {topics.organization_states: Kind.ORGANIZATION, topics.account_states: Kind.ACCOUNT}
        self._reader: TopicReader | None = None
        self._numbers: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
        self._packers = {kind: Packer(_ROOM) for kind in Kind}
        self._ids: list[str] = []
        self._packed: list[bytes] = []
        self._kinds = bytearray()
        self._traits = bytearray()
        self._partitions = array("i")
        self._generations, self._counters, self._received = array("q"), array("q"), array("q")
        self._pushes = array("i")
        self._columns = (self._partitions, self._generations, self._counters, self._received, self._pushes)
        self._push_ids: dict[str, int] = {}
        self._by_entry: dict[bytes, int] = {}
        self._shared: dict[bytes, set[int]] = {}

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, tell: Callable[[int], None] = lambda _: None) -> set[int]:
        """Read the state topics from where the last reading ended to their present ends; blocks.

        Args:
            tell: is told now and then of so many more messages.

        Returns:
            The numbers of the states that are others now.

        Raises:
            CommandFailed: Kafka does not answer, or a topic is missing.
        """
        if self._reader is None:
            self._reader = TopicReader(self._settings, self._topics)
        taken = (
            self._take(self._topics[message.topic() or ""], message.partition() or 0, message.key(), message.value())
            for message in self._reader.messages()
        )
        return _counted(taken, tell)

    def take(self, messages: Iterable[Received]) -> set[int]:
        """Take messages of the state topics; otherwise as `read`."""
        return _counted(self._take(self._topics[one.topic], one.partition, one.key, one.value) for one in messages)

    def _take(self, kind: Kind, partition: int, key: bytes | None, value: bytes | None) -> int | None:
        """Keep a state; of several the one with the greatest revision: a smaller one after it is a zombie's."""
        identifier = identifier_of(key)
        number = self._numbers[kind].get(identifier)
        if self.unreadable:
            self.unreadable.discard((kind, identifier))
        if value is None:
            if number is not None:
                self._traits[number] = 0
                self._packed[number] = b""
            return number
        try:
            document, in_order = without_record(value)
            binding, push_id, received = document["binding"], document["pushId"], document["receivedTime"]
            generation, count = decode_revision(document["writer"])
            traits = traits_of(document, self.target)
            if not in_order:
                traits &= ~SETTLED
            entry = None if binding is None else octets_of_uuid(binding["entryUUID"])
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            self._note_unreadable(kind, identifier, exc)
            return None
        if number is None:
            number = self._append(kind, identifier)
        elif self._traits[number] and (generation, count) < self.revision(number):
            return None
        self._packed[number] = self._packers[kind].pack(value)
        self._partitions[number] = partition
        self._generations[number], self._counters[number] = generation, count
        self._received[number] = received
        self._pushes[number] = _NO_PUSH if push_id is None else self._push_ids.setdefault(push_id, len(self._push_ids))
        self._traits[number] = traits
        if entry is not None:
            # Who was bound to an entry once may stay here, and is told apart by the state.
            first = self._by_entry.setdefault(entry, number)
            if first != number:
                self._shared.setdefault(entry, {first}).add(number)
        return number

    def _append(self, kind: Kind, identifier: str) -> int:
        number = self._numbers[kind][identifier] = len(self._ids)
        self._ids.append(identifier)
        self._packed.append(b"")
        self._kinds.append(_KINDS.index(kind))
        self._traits.append(0)
        for column in self._columns:
            column.append(0)
        return number

    def revision(self, number: int) -> Revision:
        """Which of its states is the one that was read last."""
        return self._generations[number], self._counters[number]

    def _note_unreadable(self, kind: Kind, identifier: str, exc: Exception) -> None:
        self.unreadable.add((kind, identifier))
        # No traceback: it would quote the state.
        log.error("state_unreadable", id=identifier, error=type(exc).__name__)

    # -- questions -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """One more than the greatest number of a state."""
        return len(self._ids)

    def numbers(self, kind: Kind) -> Iterable[int]:
        """The numbers of the states of a kind, those of removed ones among them."""
        return self._numbers[kind].values()

    def number(self, kind: Kind, identifier: str) -> int | None:
        """The number of an entity's state."""
        return self._numbers[kind].get(identifier)

    def kind(self, number: int) -> Kind:
        """Whose state it is."""
        return _KINDS[self._kinds[number]]

    def is_deleted(self, number: int) -> bool:
        """Whether the source has deleted the entity; False for a state that was removed."""
        return bool(self._traits[number] & DELETED)

    def deleted(self, kind: Kind) -> Iterable[int]:
        """The numbers of those of a kind that the source has deleted."""
        doomed = [number for number, traits in enumerate(self._traits) if traits & DELETED]
        return (number for number in doomed if self.kind(number) is kind)

    def is_waiting(self, number: int) -> bool:
        """Whether the entity waits; False for a state that was removed."""
        return bool(self._traits[number] & WAITING)

    def identifier(self, number: int) -> str:
        """Whose state it is, by the key of its message."""
        return self._ids[number]

    def settled_record(self, number: int, entry_uuid: bytes, unsettling: int) -> Any:
        """The record of an entity that asks for nothing but the entry that it is bound to; None of any other.

        Args:
            number: of its state.
            entry_uuid: of the entry, in the server's spelling.
            unsettling: traits that speak against it.

        Raises:
            ValueError: the state cannot be read.
        """
        traits = self._traits[number]
        if not traits & SETTLED or traits & unsettling:
            return None
        return record_bound_to(self._text(number), entry_uuid)

    def _text(self, number: int) -> bytes:
        return self._packers[_KINDS[self._kinds[number]]].unpack(self._packed[number])

    def get(self, number: int) -> Stored | None:
        """A state; None when it was removed, or cannot be read, which is logged."""
        if not self._traits[number]:
            return None
        kind, identifier = self.kind(number), self._ids[number]
        try:
            state = decode_state(kind, self._text(number))
        except (ValueError, KeyError, TypeError) as exc:
            self._note_unreadable(kind, identifier, exc)
            return None
        return Stored(kind, identifier, self._partitions[number], state)

    def binding(self, state: State) -> Binding | None:
        """The entry that a state is bound to, below the present target."""
        binding = state.binding
        return binding if binding is not None and binding.target.lower() == self.target else None

    def only_claimant(self, entry: bytes) -> int | None:
        """The state that is, or was, bound to an entry, by the octets of its entryUUID; None where that is not one."""
        return None if entry in self._shared else self._by_entry.get(entry)

    def bound_to(self, entry_uuid: str) -> list[tuple[int, Stored]]:
        """Everybody who is bound to an entry: whose it is first, as the workers see it, then the others."""
        entry = octets_of_uuid(entry_uuid)
        first = self._by_entry.get(entry)
        if first is None:
            return []
        ranks: list[tuple[int, str, int, Stored]] = []
        for number in self._shared.get(entry, {first}):
            stored = self.get(number)
            binding = None if stored is None else self.binding(stored.state)
            if stored is not None and binding is not None and binding.entry_uuid == entry_uuid:
                ranks.append((binding.bound_at, stored.id, number, stored))
        return [(number, stored) for *_, number, stored in sorted(ranks, key=lambda rank: rank[:3])]

    @property
    def count(self) -> int:
        """How many states there are."""
        return len(self._traits) - self._traits.count(0)

    @property
    def bound(self) -> int:
        """How many of them are bound to an entry, whatever the target."""
        return sum(1 for traits in self._traits if traits & BOUND)

    # -- full pushes ---------------------------------------------------------------------------------------------------

    def carried(self, push_id: str) -> Mapping[Kind, int]:
        """How many states of each kind carry the id of a push, dead-lettered ones left out."""
        push, counts = self._push_ids.get(push_id), dict.fromkeys(Kind, 0)
        for number, carried in enumerate(self._pushes):
            if carried == push and self._traits[number] & USABLE:
                counts[self.kind(number)] += 1
        return counts

    def without_push(self, is_swept: Callable[[str | None, int], bool]) -> bytearray:
        """For each number 1 or 0: whether a function of push id and received time holds, and it is not deleted."""
        names: dict[int, str | None] = {number: name for name, number in self._push_ids.items()}
        columns = zip(self._pushes, self._received, self._traits, strict=True)
        return bytearray(
            bool(traits) and not traits & DELETED and is_swept(names.get(push), received)
            for push, received, traits in columns
        )


def _counted(taken: Iterable[int | None], tell: Callable[[int], None] = lambda _: None) -> set[int]:
    """Collect the numbers of what was taken."""
    changed: set[int] = set()
    count = 0
    for count, number in enumerate(taken, 1):
        if number is not None:
            changed.add(number)
        if count % _TOLD == 0:
            tell(_TOLD)
    tell(count % _TOLD)
    return changed
