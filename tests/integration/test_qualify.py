"""Colleagues of one name, with `users.rdn_conflict: qualify`: a worker on real servers."""

import asyncio
import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from schemas.dn import DN, RDN
from schemas.events import Kind, Record
from schemas.records import record_of
from streams.explain.explanation import Explanation
from streams.explain.gathering import Explainer, read_knowledge
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource
from tests.support.sink import make_target, write

NAME = "王伟"
PLAIN = f"cn={NAME}"


@dataclass
class Team:
    """An organization of one test, and its people, who have numbers."""

    flow: Flow
    target: DN
    name: str
    source: IdentitySource = field(default_factory=IdentitySource)
    sent: int = 0

    def __post_init__(self) -> None:
        self.source.add_organization(self.name, self.name)

    @property
    def dn(self) -> DN:
        """The organization's."""
        return self.target.child(RDN.of("ou", self.name))

    def id(self, number: int) -> str:
        """An account's."""
        return f"{self.name}-{number}"

    def add(self, number: int, username: str, name: str = NAME) -> None:
        """Somebody joins."""
        self.source.add_account(self.id(number), username, self.name, name=name)

    def change(self, number: int, **changes: str) -> None:
        """Something is another about somebody."""
        self.source.change_account(self.id(number), **changes)

    def leave(self, number: int) -> None:
        """Somebody leaves."""
        self.source.delete_account(self.id(number))

    def entries(self, *, operational: bool = False) -> dict[RDN, dict[str, list[bytes]]]:
        """The people's entries, by their names."""
        tree = read_tree(self.flow.slapd, str(self.target), operational=operational)
        found = {DN.parse(dn): entry for dn, entry in tree.items()}
        return {dn.rdn: entry for dn, entry in found.items() if dn.is_below(self.dn)}

    def publish(self) -> None:
        """Let the worker know what happened."""
        self.flow.publish(self.source.events[self.sent :])
        self.sent = len(self.source.events)

    def becomes(self, *rdns: str) -> None:
        """Publish what happened, and wait until these are the names."""
        self.publish()
        expected = {RDN.parse(rdn) for rdn in rdns}
        until(
            lambda: set(self.entries()) == expected,
            f"the names {rdns}",
            detail=lambda: "\n".join([*map(str, self.entries()), *self.flow.tails()]),
        )

    def settles(self, *rdns: str) -> None:
        """Publish what happened, wait until nothing is left to do, and see that these are the names."""
        self.publish()
        until(self.flow.is_idle, "an idle worker")
        self.becomes(*rdns)

    def pair(self, name: str = NAME) -> str:
        """Two colleagues of one name; returns the name of the second one's entry."""
        plain, username = RDN.of("cn", name), f"{self.name}+2"
        second = str(RDN((*plain.avas, *RDN.of("uid", username).avas)))
        self.add(1, f"{self.name}+1", name)
        self.becomes(str(plain))
        self.add(2, username, name)
        self.becomes(str(plain), second)
        return second

    def entry(self, rdn: str) -> dict[str, list[bytes]]:
        """One entry, with what the server keeps of it."""
        return self.entries(operational=True)[RDN.parse(rdn)]

    def explained(self, number: int, given: Record | None = None) -> Explanation:
        """What `ldapflow explain` knows."""
        knowledge = read_knowledge(self.flow.settings, self.id(number))
        return asyncio.run(Explainer(self.flow.settings, knowledge, Kind.ACCOUNT, given).explain(self.id(number)))


@pytest.fixture(scope="module")
def running(kafka: Kafka, slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Team]]:
    """One worker for all tests, with a target of its own; each test makes a team."""
    target, _ = make_target(slapd)
    flow = Flow(
        tmp_path_factory.mktemp("qualify"),
        kafka,
        slapd,
        f"t{uuid.uuid4().hex[:12]}",
        sync={"target_dn": str(target)},
        users={"rdn": "cn", "rdn_conflict": "qualify"},
    )
    numbers = itertools.count()
    with flow:
        flow.worker()
        yield lambda: Team(flow, target, f"team{next(numbers)}")


@pytest.fixture
def team(running: Callable[[], Team]) -> Team:
    return running()


def test_who_comes_later_gets_the_name_and_a_qualifier(team: Team) -> None:
    """The first has the name alone; the attributes are those of everybody."""
    team.add(1, "wangwei")
    team.becomes(PLAIN)
    team.add(2, "wangwei2")
    team.becomes(PLAIN, f"{PLAIN}+uid=wangwei2")
    team.add(3, "wangwei3")
    team.becomes(PLAIN, f"{PLAIN}+uid=wangwei2", f"{PLAIN}+uid=wangwei3")
    for rdn, username in ((PLAIN, b"wangwei"), (f"{PLAIN}+uid=wangwei3", b"wangwei3")):
        entry = team.entry(rdn)
        assert (entry["cn"], entry["uid"]) == ([NAME.encode()], [username])


def test_of_several_who_come_at_once_one_has_the_name_alone(team: Team) -> None:
    """The others do not wait."""
    for number in range(1, 6):
        team.add(number, f"w{number}")
    team.publish()
    until(lambda: len(team.entries()) == 5, "all entries")
    assert sorted(len(rdn.avas) for rdn in team.entries()) == [1, 2, 2, 2, 2]


def test_the_name_stays_when_the_first_has_left(team: Team) -> None:
    """Whatever else changes; it is the same entry."""
    second = team.pair()
    before = team.entry(second)
    team.leave(1)
    team.change(2, mail="wei@example.com")
    team.settles(second)
    after = team.entry(second)
    assert (after["mail"], after["entryUUID"]) == ([b"wei@example.com"], before["entryUUID"])


def test_a_second_delivery_writes_nothing(team: Team) -> None:
    """Neither of the one nor of the other."""
    second = team.pair()
    before = team.entries(operational=True)
    team.sent = 0
    team.settles(PLAIN, second)
    assert team.entries(operational=True) == before


def test_a_new_name_is_tried_without_qualifier(team: Team) -> None:
    """The old name goes, the qualifier's value stays, the entry is the same."""
    before = team.entry(team.pair())
    team.change(2, name="王芳")
    team.settles(PLAIN, "cn=王芳")
    after = team.entry("cn=王芳")
    assert (after["cn"], after["uid"], after["entryUUID"]) == (["王芳".encode()], before["uid"], before["entryUUID"])


def test_who_takes_the_name_of_another_by_a_change_is_qualified_too(team: Team) -> None:
    """By one ModifyDN: the entry is the same, and no other value than the old name goes."""
    team.add(1, "jia1")
    team.add(2, "jia2", "王芳")
    team.becomes(PLAIN, "cn=王芳")
    before = team.entry("cn=王芳")
    team.change(2, name=NAME, mail="jia@example.com")
    team.settles(PLAIN, f"{PLAIN}+uid=jia2")
    after = team.entry(f"{PLAIN}+uid=jia2")
    changed = {key for key in after if after[key] != before.get(key)} - {"entryCSN", "entryDN", "modifyTimestamp"}
    assert changed == {"cn", "sn", "displayName", "mail"}
    assert (after["cn"], after["uid"]) == ([NAME.encode()], [b"jia2"])


def test_a_new_qualifier_renames(team: Team) -> None:
    """The old value goes."""
    before = team.entry(team.pair())
    team.change(2, username="yier")
    team.settles(PLAIN, f"{PLAIN}+uid=yier")
    after = team.entry(f"{PLAIN}+uid=yier")
    assert (after["cn"], after["uid"], after["entryUUID"]) == ([NAME.encode()], [b"yier"], before["entryUUID"])


def test_signs_that_mean_something_in_a_dn_are_only_signs(team: Team) -> None:
    """In the name and in the qualifier."""
    name = '#1 "a+b", c=d '
    second = team.pair(name)
    team.change(2, mail="signs@example.com")
    team.settles(str(RDN.of("cn", name)), second)
    assert team.entry(second)["mail"] == [b"signs@example.com"]


def test_an_entry_of_nobody_is_waited_for(team: Team) -> None:
    """It is no colleague: whether it may be taken, or must go, a person must say."""
    team.becomes()
    until(lambda: str(team.dn) in read_tree(team.flow.slapd, str(team.target)), "the organization")
    write(team.flow.slapd, lambda admin: admin.add(str(team.dn.child(RDN.parse(PLAIN))), "device"))
    team.add(1, "nobody")
    team.settles(PLAIN)
    assert "uid" not in team.entry(PLAIN)
    state = team.flow.states(team.flow.settings.topics.account_states)[team.id(1)]
    assert (state["status"], state["reason"]) == ("waiting", "foreign_entry")


def test_explain_says_who_will_be_qualified_and_who_stays_so(team: Team) -> None:
    """As the worker does."""
    team.add(1, "xin1")
    team.settles(PLAIN)
    new = record_of(
        Kind.ACCOUNT,
        {
            "userId": team.id(2),
            "username": "xin2",
            "displayName": NAME,
            "organizationalUnits": [{"organizationalUnitId": team.name, "primary": True}],
        },
    )
    told = team.explained(2, new)
    qualified = team.dn.child(RDN.parse(f"{PLAIN}+uid=xin2"))
    assert told.inspection is not None
    assert (told.wanted_dn, [change.describe() for change in told.inspection.changes]) == (
        qualified,
        [f"add {qualified}"],
    )
    team.add(2, "xin2")
    team.becomes(PLAIN, f"{PLAIN}+uid=xin2")
    team.leave(1)
    team.settles(f"{PLAIN}+uid=xin2")
    told = team.explained(2)
    assert told.inspection is not None
    assert (told.wanted_dn, told.inspection.changes) == (qualified, ())
