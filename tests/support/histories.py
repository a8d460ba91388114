"""Random histories of an identity service, and the ways in which Kafka may deliver them."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.support.history_author import SOURCE_NODE, Author
from tests.support.identity_source import Emitted, Entries, Path

__all__ = ["DELIVERIES", "SOURCE_NODE", "History", "Moment", "random_history"]

_LATER_STEPS_FROM: Final = 300  # smaller seeds tell the histories that have found faults before those were thought of

Delivery: TypeAlias = Callable[[random.Random, Sequence[Emitted], Sequence[Emitted]], list[Emitted]]
"""Random numbers, the events that are due, those that were due before: what Kafka gets."""


@dataclass(frozen=True)
class Moment:
    """What must be true when `events`, and all of the moment before, were delivered.

    Attributes:
        places: of each organization and account in scope, by id.
        survivors: ids whose entries must be those of the moment before, in whatever order keys were delivered.
    """

    events: tuple[Emitted, ...]
    expected: Entries
    places: dict[str, Path]
    survivors: frozenset[str]


@dataclass(frozen=True)
class History:
    """What happens to one organization and all below it, with ids and user names of its own.

    Attributes:
        top: name of that organization, which stands right below the target.
    """

    seed: int
    top: str
    moments: tuple[Moment, ...]

    @property
    def events(self) -> list[Emitted]:
        """All of them, in the source's order."""
        return [event for moment in self.moments for event in moment.events]


def random_history(seed: int, namespace: str = "h") -> History:
    """Make 30 to 80 events, with a moment to look at the directory in the middle and one at the end.

    The same seed gives the same history; `namespace` keeps apart those that share a directory.
    """
    author = Author(random.Random(seed), namespace, later_steps=seed >= _LATER_STEPS_FROM)
    author.begin()
    total = author.chooser.randint(30, 80)
    first = _moment(author, total // 2)
    return History(seed, author.top_name, (first, _moment(author, total)))


def _moment(author: Author, until: int) -> Moment:
    source, done = author.source, author.closed
    before = source.places() if done else {}  # nothing was delivered yet
    author.watch()
    while len(source.events) < until:
        author.step()
    author.closed = len(source.events)
    places = source.places()
    survivors = frozenset(id_ for id_ in before.keys() & places.keys() if author.never_left(id_))
    return Moment(tuple(source.events[done:]), source.expected(), places, survivors)


def in_order(_: random.Random, events: Sequence[Emitted], __: Sequence[Emitted]) -> list[Emitted]:
    """As the source sent them."""
    return list(events)


def per_key(chooser: random.Random, events: Sequence[Emitted], _: Sequence[Emitted]) -> list[Emitted]:
    """Only the order of each key is kept."""
    queues: defaultdict[tuple[bool, str], list[Emitted]] = defaultdict(list)
    for event in events:
        queues[event.account, event.key].append(event)
    turns = [key for key, queue in queues.items() for _ in queue]
    chooser.shuffle(turns)
    return [queues[key].pop(0) for key in turns]


def repeated(chooser: random.Random, events: Sequence[Emitted], before: Sequence[Emitted]) -> list[Emitted]:
    """As `per_key`, but some come twice at once, and some again at any later time, also those from before."""
    delivered: list[Emitted] = []
    for event in per_key(chooser, events, before):
        delivered += [event, event] if chooser.random() < 0.2 else [event]
        if chooser.random() < 0.3:
            delivered.append(chooser.choice([*before, *delivered]))
    return delivered


DELIVERIES: Final[dict[str, Delivery]] = {"in order": in_order, "per key": per_key, "repeated": repeated}
