"""The full snapshot: the last state of every entity, small enough for a million of them in a gigabyte (design 6)."""

import uuid
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson
import structlog

from schemas.events import Kind, Subject
from schemas.state_codec import decode_state
from schemas.states import Binding, Revision, State, Status
from streams.kafka import Received, TopicReader
from streams.settings import Settings
from streams.snapshot import Stored
from streams.verification.packing import Packer

log = structlog.get_logger(__name__)

_KINDS: Final = tuple(Kind)
_TOLD: Final = 1000  # messages between two words about the progress
_NO_PUSH: Final = -1

# Traits of a state that are asked of all of them.
_KNOWN: Final = 1
_BOUND: Final = 2
_USABLE: Final = 4  # its push counts it: not dead-lettered
_DELETED: Final = 8
_WAITING: Final = 16


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
        self._packers = {kind: Packer() for kind in Kind}
        self._ids: list[str] = []
        self._packed: list[bytes] = []
        self._kinds = bytearray()
        self._traits = bytearray()
        self._partitions = array("i")
        self._writers = (array("q"), array("q"))
        self._received = array("q")
        self._pushes = array("i")
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
        return self.take(self._reader.read(), tell)

    def take(self, messages: Iterable[Received], tell: Callable[[int], None] = lambda _: None) -> set[int]:
        """Take messages of the state topics; otherwise as `read`."""
        changed: set[int] = set()
        count = 0
        for message in messages:
            number = self._take(self._topics[message.topic], message)
            if number is not None:
                changed.add(number)
            count += 1
            if count % _TOLD == 0:
                tell(_TOLD)
        tell(count % _TOLD)
        return changed

    def _take(self, kind: Kind, message: Received) -> int | None:
        """Keep a state; of several the one with the greatest revision: a smaller one after it is a zombie's."""
        number = self._numbers[kind].get(message.identifier)
        self.unreadable.discard((kind, message.identifier))
        if message.value is None:
            if number is not None:
                self._traits[number] = 0
                self._packed[number] = b""
            return number
        try:
            document = orjson.loads(message.value)
            binding, push_id, received = document["binding"], document["pushId"], document["receivedTime"]
            generation, count = document["writer"]
            traits = _KNOWN
            traits |= 0 if document["status"] == Status.DEAD_LETTERED else _USABLE
            traits |= 0 if document["deletedAt"] is None else _DELETED
            traits |= 0 if binding is None else _BOUND
            traits |= _WAITING if document["status"] == Status.WAITING else 0
            entry = None if binding is None else uuid.UUID(binding["entryUUID"]).bytes
        except (ValueError, KeyError, TypeError) as exc:
            self._note_unreadable(kind, message.identifier, exc)
            return None
        if number is None:
            number = self._append(kind, message.identifier)
        elif self._traits[number] and (generation, count) < self.revision(number):
            return None
        self._packed[number] = self._packers[kind].pack(message.value)
        self._partitions[number] = message.partition
        self._writers[0][number], self._writers[1][number] = generation, count
        self._received[number] = received
        self._pushes[number] = _NO_PUSH if push_id is None else self._push_ids.setdefault(push_id, len(self._push_ids))
        self._traits[number] = traits
        if entry is not None:
            self._index(entry, number)
        return number

    def _append(self, kind: Kind, identifier: str) -> int:
        number = self._numbers[kind][identifier] = len(self._ids)
        self._ids.append(identifier)
        self._packed.append(b"")
        self._kinds.append(_KINDS.index(kind))
        self._traits.append(0)
        for column in (self._partitions, *self._writers, self._received, self._pushes):
            column.append(0)
        return number

    def _index(self, entry: bytes, number: int) -> None:
        """Note who is bound to an entry; who was bound to it once may stay there, and is told apart by the state."""
        first = self._by_entry.setdefault(entry, number)
        if first != number:
            self._shared.setdefault(entry, {first}).add(number)

    def revision(self, number: int) -> Revision:
        """Which of its states is the one that was read last."""
        return self._writers[0][number], self._writers[1][number]

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
        return bool(self._traits[number] & _DELETED)

    def is_waiting(self, number: int) -> bool:
        """Whether the entity waits; False for a state that was removed."""
        return bool(self._traits[number] & _WAITING)

    def get(self, number: int) -> Stored | None:
        """A state; None when it was removed, or cannot be read, which is logged."""
        if not self._traits[number]:
            return None
        kind, identifier = self.kind(number), self._ids[number]
        try:
            state = decode_state(kind, self._packers[kind].unpack(self._packed[number]))
        except (ValueError, KeyError, TypeError) as exc:
            self._note_unreadable(kind, identifier, exc)
            return None
        return Stored(kind, identifier, self._partitions[number], state)

    def binding(self, state: State) -> Binding | None:
        """The entry that a state is bound to, below the present target."""
        binding = state.binding
        return binding if binding is not None and binding.target.lower() == self.target else None

    def bound_to(self, entry_uuid: str) -> list[tuple[int, Stored]]:
        """Everybody who is bound to an entry: whose it is first, as the workers see it, then the others."""
        entry = uuid.UUID(entry_uuid).bytes
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
        return sum(1 for traits in self._traits if traits & _BOUND)

    # -- full pushes ---------------------------------------------------------------------------------------------------

    def carried(self, push_id: str) -> Mapping[Kind, int]:
        """How many states of each kind carry the id of a push, dead-lettered ones left out."""
        push, counts = self._push_ids.get(push_id), dict.fromkeys(Kind, 0)
        for number, carried in enumerate(self._pushes):
            if carried == push and self._traits[number] & _USABLE:
                counts[self.kind(number)] += 1
        return counts

    def without_push(self, is_swept: Callable[[str | None, int], bool]) -> bytearray:
        """For each number 1 or 0: whether a function of push id and received time holds, and it is not deleted."""
        names: dict[int, str | None] = {number: name for name, number in self._push_ids.items()}
        columns = zip(self._pushes, self._received, self._traits, strict=True)
        return bytearray(
            bool(traits) and not traits & _DELETED and is_swept(names.get(push), received)
            for push, received, traits in columns
        )
