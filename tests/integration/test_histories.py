"""Random histories, delivered in many ways: the directory always ends equal to the source, octet for octet."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ldap3.core.exceptions import LDAPNoSuchObjectResult

from schemas.dn import DN, RDN
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import Tree, read_tree
from tests.support.flow import Flow, until
from tests.support.histories import DELIVERIES, SOURCE_NODE, History, Moment, random_history
from tests.support.identity_source import Emitted, different, entries_of, path_of
from tests.support.identity_source import Path as Place

SETTLE_SECONDS = 60
BATCH = 25
# Seeds that have found faults come first: names that turn in circles, adoptions, moves below oneself, better homes.
SEEDS = (0, 2, 7, 8, 13, 15, 16, 17, 22, 32, 63, 67, 118, 156, 208, *range(300, 310))


@dataclass
class Telling:
    """One history on its way through Kafka in one manner."""

    history: History
    delivery: str
    delivered: list[Emitted] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What is needed to tell it again."""
        return f"seed {self.history.seed}, {self.delivery}"

    def next(self, moment: Moment) -> list[Emitted]:
        """What Kafka gets of a moment."""
        chooser = random.Random(f"{self.history.seed} {len(self.delivered)}")
        events = DELIVERIES[self.delivery](chooser, moment.events, self.delivered)
        self.delivered += moment.events
        return events

    def tree(self, slapd: Slapd) -> Tree:
        """What the directory has of it."""
        top = DN.parse(slapd.target_dn).child(RDN.of("ou", self.history.top))
        try:
            return read_tree(slapd, str(top))
        except LDAPNoSuchObjectResult:
            return {}

    def differences(self, slapd: Slapd, moment: Moment) -> list[str]:
        """Between what must be and what is."""
        return different(moment.expected, entries_of(slapd, self.tree(slapd)))


def tell(flow: Flow, seeds: Sequence[int]) -> None:
    """Deliver the histories of the seeds, all at once and each in every manner, and compare at each moment."""
    tellings = [
        Telling(random_history(seed, f"s{seed}w{len(flow.workers)}d{number}"), delivery)
        for seed in seeds
        for number, delivery in enumerate(DELIVERIES)
    ]
    before: list[dict[str, bytes]] = [{} for _ in tellings]
    for index in range(2):
        moments = [telling.history.moments[index] for telling in tellings]
        flow.publish(
            merged(seeds[0], [telling.next(moment) for telling, moment in zip(tellings, moments, strict=True)])
        )
        settle(flow, tellings, moments)
        after = [uuids_by_id(flow.slapd, *both) for both in zip(tellings, moments, strict=True)]
        faults = [
            f"{telling.title}: {identifier} at {moment.places[identifier]} has got another entry"
            for telling, moment, old, new in zip(tellings, moments, before, after, strict=True)
            for identifier in moment.survivors
            if old[identifier] != new[identifier]
        ]
        assert not faults, "\n".join(faults)
        before = after
    trees = [telling.tree(flow.slapd) for telling in tellings]
    flow.publish(event for telling in tellings for event in telling.history.events)
    until(flow.is_idle, "the second delivery")
    faults = [
        f"{telling.title}: {len(tree.items() ^ again.items())} entries were written again"
        for telling, tree in zip(tellings, trees, strict=True)
        if (again := telling.tree(flow.slapd)) != tree
    ]
    assert not faults, "\n".join(faults)


def merged(seed: int, streams: Sequence[Sequence[Emitted]]) -> list[Emitted]:
    """Mix streams at random and keep the order within each."""
    turns = [index for index, stream in enumerate(streams) for _ in stream]
    random.Random(seed).shuffle(turns)
    iterators = [iter(stream) for stream in streams]
    return [next(iterators[index]) for index in turns]


def settle(flow: Flow, tellings: Sequence[Telling], moments: Sequence[Moment]) -> None:
    """Wait until each history's subtree is what it must be at its moment."""
    both = list(zip(tellings, moments, strict=True))

    def faults() -> Iterator[str]:
        for telling, moment in both:
            for line in telling.differences(flow.slapd, moment):
                yield f"{telling.title}: {line}"

    until(
        lambda: flow.is_idle() and next(faults(), None) is None,
        "the expected trees",
        SETTLE_SECONDS,
        detail=lambda: "\n".join((*faults(), *flow.tails())),
    )


def uuids_by_id(slapd: Slapd, telling: Telling, moment: Moment) -> dict[str, bytes]:
    """The entryUUID of each organization and account."""
    found: dict[Place, bytes] = {
        path_of(slapd, dn): attributes["entryUUID"][0] for dn, attributes in telling.tree(slapd).items()
    }
    return {identifier: found[place] for identifier, place in moment.places.items()}


@contextmanager
def installation(folder: Path, kafka: Kafka, slapd: Slapd, name: str, workers: int) -> Iterator[Flow]:
    no_limits = {"accounts": None, "organizations": None, "percent": None}
    with Flow(folder, kafka, slapd, name, sync={"source_node": SOURCE_NODE, "deletion_guard": no_limits}) as flow:
        for _ in range(workers):
            flow.worker()
        yield flow


@pytest.mark.parametrize("workers", [1, 2])
def test_random_histories_end_as_the_source_is(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str, workers: int
) -> None:
    """25 histories; entries keep their entryUUIDs, and a second delivery of everything writes nothing."""
    with installation(tmp_path, kafka, slapd, topic_prefix, workers) as flow:
        tell(flow, SEEDS)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_random_histories_end_as_the_source_is(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str, workers: int
) -> None:
    """1,000 other ones for each number of workers, new ones at every run."""
    first = random.randrange(1_000_000)
    with installation(tmp_path, kafka, slapd, topic_prefix, workers) as flow:
        for start in range(first, first + 1000, BATCH):
            tell(flow, range(start, start + BATCH))
