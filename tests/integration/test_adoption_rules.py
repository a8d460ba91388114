"""Which entries a worker adopts: by which attribute, and of which classes."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import ldap3
import pytest

from schemas.dn import DN, RDN
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings.mapping import DEFAULT_USER_MAPPING
from tests.support.directory_dump import Tree, admin_connection, read_tree
from tests.support.existing_directory import PEOPLE, TARGET, Attributes, ldif, with_overlays
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource

IDENTIFIERS = ("mail", "employeeNumber", "uid")
CLASSES = ("inetOrgPerson", "badgeHolder")
_SWAPPED = ("yin", "yang")
_APPLIED = ("applied", None)

_RD = TARGET.child(RDN.of("ou", "R&D"))


def _identifying(account: str, login: str) -> dict[str, str]:
    """What an account is known by, in another spelling than that of the source."""
    return {"mail": f"{login}@EXAMPLE.com", "employeeNumber": f"e-{account}", "uid": login.upper()}


def _entries() -> Iterator[tuple[DN, Attributes]]:
    yield PEOPLE, {"objectClass": ["organizationalUnit"]}
    yield _RD, {"objectClass": ["organizationalUnit"]}
    for attribute, value in _identifying("mei", "mei").items():
        yield _person(f"by {attribute}", CLASSES, {attribute: value})
    for name in ("one", "the other"):
        yield _person(name, CLASSES, _identifying("twice", "twin"))
    yield _person("plain", CLASSES[:1], _identifying("plain", "ivan"))
    yield _person("service", ("account", "extensibleObject"), _identifying("service", "svc"))
    for owner, login in (("yin", "yang"), ("yang", "yin"), ("late", "early")):
        yield _named_as_another(owner, login)
    yield _RD.child(RDN.of("uid", "omar")), {"objectClass": [CLASSES[0]], "cn": ["Omar"], "sn": ["Omar"]}


def _person(name: str, classes: tuple[str, ...], attributes: Mapping[str, str]) -> tuple[DN, Attributes]:
    values = {"cn": [name], "sn": [name], **{attribute: [value] for attribute, value in attributes.items()}}
    return PEOPLE.child(RDN.of("cn", name)), {"objectClass": [*classes], **values}


def _named_as_another(owner: str, login: str) -> tuple[DN, Attributes]:
    """An entry of one person at the place of another."""
    values = {name: [value] for name, value in _identifying(owner, owner).items() if name != "uid"}
    return _RD.child(RDN.of("uid", login)), {"objectClass": [*CLASSES], "cn": [owner], "sn": [owner], **values}


def _place(login: str) -> str:
    return str(_RD.child(RDN.of("uid", login)))


def _dn(name: str) -> str:
    return str(PEOPLE.child(RDN.of("cn", name)))


@dataclass(frozen=True, slots=True)
class Adoption:
    """A directory before and after the accounts of a source came, which are identified by one attribute."""

    flow: Flow
    source: IdentitySource
    before: Tree
    after: Tree

    def verdict(self, account: str) -> tuple[str, str | None]:
        """Status and reason of an account."""
        state = self.flow.states(self.flow.settings.topics.account_states)[account]
        return state["status"], state["reason"]

    def tell(self, account: str) -> None:
        """Publish a newer event that says the same of an account."""
        self.source.change_account(account)
        self.flow.publish(self.source.events[-1:])
        until(self.flow.is_idle, "an idle worker")


def _source() -> IdentitySource:
    source = IdentitySource()
    source.add_organization("rd", "R&D")
    logins = {"mei": "mei", "twice": "twin", "plain": "ivan", "service": "svc", "omar": "omar", "new": "zoe"}
    for account, login in (logins | {name: name for name in _SWAPPED}).items():
        _add(source, account, login)
    return source


def _add(source: IdentitySource, account: str, login: str) -> None:
    source.add_account(account, login, "rd", mail=f"{login}@example.com")


@pytest.fixture(scope="module")
def adoptions(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[dict[str, Adoption]]:
    """One for each identifier."""
    rows = [*DEFAULT_USER_MAPPING, {"attribute": "employeeNumber", "expression": 'Append("E-", user.userId)'}]
    flows: dict[str, Flow] = {}
    with ExitStack() as stack:
        for attribute in IDENTIFIERS:
            slapd = stack.enter_context(Slapd(with_overlays(ldif(_entries()))))
            mapping = [{**row, "identifier": row["attribute"] == attribute} for row in rows]
            users = {"object_classes": CLASSES, "mapping": mapping}
            folder, name = tmp_path_factory.mktemp(attribute), f"t{uuid.uuid4().hex[:12]}"
            flows[attribute] = stack.enter_context(Flow(folder, kafka, slapd, name, users=users))
            # All of them start while others do: that is most of what this takes.
            flows[attribute].worker(wait=False)
        yield {attribute: _adopt(flow) for attribute, flow in flows.items()}


def _adopt(flow: Flow) -> Adoption:
    source, before = _source(), read_tree(flow.slapd)
    flow.publish(source.events)
    adoption = Adoption(flow, source, before, {})
    until(
        lambda: flow.is_idle() and all(adoption.verdict(account) == _APPLIED for account in _SWAPPED),
        "an idle worker, and that those who had each other's names have their own",
        detail=lambda: "\n".join(flow.tails()),
    )
    return replace(adoption, after=read_tree(flow.slapd))


@pytest.fixture(params=IDENTIFIERS)
def identifier(request: pytest.FixtureRequest) -> str:
    """Each attribute in turn."""
    attribute: str = request.param
    return attribute


def test_the_entry_with_the_identifier_is_adopted(adoptions: dict[str, Adoption], identifier: str) -> None:
    """Whatever other attributes say of other entries, and however its value is spelled."""
    adoption = adoptions[identifier]
    entry = adoption.after[_place("mei")]
    assert entry["entryUUID"] == adoption.before[_dn(f"by {identifier}")]["entryUUID"]
    assert (entry["mail"], entry["employeeNumber"], entry["uid"]) == ([b"mei@example.com"], [b"E-mei"], [b"mei"])


def test_no_other_entry_is_touched(adoptions: dict[str, Adoption], identifier: str) -> None:
    """Neither two that match, nor one that matches and lacks a class, nor one that has the name and lacks a class."""
    adoption = adoptions[identifier]
    ours = {_dn(f"by {identifier}"), *map(_place, _SWAPPED), str(TARGET), str(_RD)}
    others = adoption.before.keys() - ours
    assert {dn: adoption.after.get(dn) for dn in others} == {dn: adoption.before[dn] for dn in others}


def test_it_is_said_why_an_account_has_no_entry(adoptions: dict[str, Adoption], identifier: str) -> None:
    """Two entries match; an entry that lacks a class has the name; one that lacks a class matches."""
    adoption = adoptions[identifier]
    reasons = [adoption.verdict(account)[1] for account in ("twice", "omar", "plain")]
    assert reasons == ["ambiguous_identifier", "foreign_entry", "foreign_entry"]


def test_entries_are_made_for_all_others(adoptions: dict[str, Adoption], identifier: str) -> None:
    """For whom nobody matches, or only an entry of another sort."""
    adoption = adoptions[identifier]
    assert adoption.after.keys() - adoption.before.keys() == {_place(login) for login in ("mei", "svc", "zoe")}


@pytest.mark.parametrize("attribute", ["mail", "employeeNumber"])
def test_those_who_had_each_others_names_get_their_own(adoptions: dict[str, Adoption], attribute: str) -> None:
    """Each keeps the own entry, and so the own password."""
    before, after = adoptions[attribute].before, adoptions[attribute].after
    for owner, other in (("yin", "yang"), ("yang", "yin")):
        entry = after[_place(owner)]
        assert (entry["entryUUID"], entry["mail"]) == (
            before[_place(other)]["entryUUID"],
            [f"{owner}@example.com".encode()],
        )


def test_the_entry_of_somebody_who_comes_later_is_left_to_them(adoptions: dict[str, Adoption]) -> None:
    """Whoever wants its name waits for it, and is not forgotten when it is free."""
    adoption = adoptions["employeeNumber"]
    flow, entry_uuid = adoption.flow, adoption.before[_place("early")]["entryUUID"]
    _add(adoption.source, "early", "early")
    flow.publish(adoption.source.events[-1:])
    until(flow.is_idle, "an idle worker")
    assert adoption.verdict("early") == ("waiting", "foreign_entry")
    _add(adoption.source, "late", "late")
    flow.publish(adoption.source.events[-1:])
    # Sooner than by trying again, which the worker does after 15 s at the earliest.
    until(lambda: _place("late") in (tree := read_tree(flow.slapd)) and _place("early") in tree, "both entries", 12)
    tree = read_tree(flow.slapd)
    assert tree[_place("late")]["entryUUID"] == entry_uuid
    assert tree[_place("early")]["mail"] == [b"early@example.com"]


def test_a_class_that_an_adopted_entry_has_lost_is_added(adoptions: dict[str, Adoption]) -> None:
    """By the next event: the entry is bound, so it is ours without it."""
    adoption = adoptions["uid"]
    slapd = adoption.flow.slapd
    _change_class(slapd, _place("mei"), ldap3.MODIFY_DELETE)
    adoption.tell("mei")
    entry = read_tree(slapd)[_place("mei")]
    assert (entry["entryUUID"], set(entry["objectClass"])) == (
        adoption.after[_place("mei")]["entryUUID"],
        {b"inetOrgPerson", b"badgeHolder"},
    )


def test_a_foreign_entry_that_gets_our_classes_is_adopted(adoptions: dict[str, Adoption]) -> None:
    """What the operations guide says to do about it."""
    adoption = adoptions["mail"]
    slapd = adoption.flow.slapd
    _change_class(slapd, _place("omar"), ldap3.MODIFY_ADD)
    adoption.tell("omar")
    assert adoption.verdict("omar") == ("applied", None)
    entry = read_tree(slapd)[_place("omar")]
    assert (entry["entryUUID"], entry["mail"]) == (
        adoption.before[_place("omar")]["entryUUID"],
        [b"omar@example.com"],
    )


def _change_class(slapd: Slapd, dn: str, operation: str) -> None:
    with admin_connection(slapd) as admin:
        admin.modify(dn, {"objectClass": [(operation, ["badgeHolder"])]})  # type: ignore[no-untyped-call]
