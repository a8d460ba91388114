"""A directory that a company has had for years is taken over: by a worker, on real servers, with all its entries."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from schemas.dn import DN
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings.mapping import DEFAULT_ORGANIZATION_MAPPING, DEFAULT_USER_MAPPING
from tests.support.directory_dump import admin_connection, connected, read_tree
from tests.support.existing_directory import ExistingCompany, with_overlays
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import Path, Values, entries_of, path_of

Attributes = dict[str, list[bytes]]
Referenced = frozenset[str | None]

_MAPPED = {str(row["attribute"]).lower() for row in (*DEFAULT_USER_MAPPING, *DEFAULT_ORGANIZATION_MAPPING)}
_REFERENCES = {"member", "manager"}
_LOST = 10  # of the references of people that are renamed while refint follows them
# Of an entry that was written. All else that slapd keeps of it stays, who created it and when among it.
_VOLATILE = {"entrycsn", "modifytimestamp", "modifiersname", "entrydn", "hassubordinates"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries at and below the target, by entryUUID: their DNs, and all attributes, operational ones too."""

    slapd: Slapd
    dns: Mapping[str, str]
    entries: Mapping[str, Attributes]

    @classmethod
    def take(cls, slapd: Slapd) -> "Snapshot":
        """Read the directory."""
        tree = read_tree(slapd)
        uuids = {dn: entry["entryUUID"][0].decode() for dn, entry in tree.items()}
        return cls(slapd, {uuids[dn]: dn for dn in tree}, {uuids[dn]: entry for dn, entry in tree.items()})

    def path(self, entry_uuid: str) -> Path:
        """Where an entry is."""
        return path_of(self.slapd, self.dns[entry_uuid])

    def mapped(self) -> dict[str, Values]:
        """The mapped attributes of each entry; not its classes, to which others may belong."""
        return {
            entry_uuid: {
                name: values
                for compared in entries_of(self.slapd, {self.dns[entry_uuid]: entry}).values()
                for name, values in compared.items()
                if name != "objectclass"
            }
            for entry_uuid, entry in self.entries.items()
        }

    def rest(self, entry_uuid: str) -> Attributes:
        """What nobody maps of an entry, as it is whoever writes to it and whoever is renamed."""
        left_out = _MAPPED | _VOLATILE | _REFERENCES
        kept = {name: values for name, values in self.entries[entry_uuid].items() if name.lower() not in left_out}
        # The overlay takes values away and puts them back when a group follows its members.
        kept["memberOf"] = sorted(kept.get("memberOf", []))
        return kept

    def references(self, *names: str) -> dict[tuple[str, str], Referenced]:
        """Whom each entry names in such an attribute: entryUUIDs; None: somebody who is not there."""
        by_dn = {DN.parse(dn).prepared(): entry_uuid for entry_uuid, dn in self.dns.items()}
        return {
            (entry_uuid, name): frozenset(by_dn.get(DN.parse(value.decode()).prepared()) for value in entry[name])
            for entry_uuid, entry in self.entries.items()
            for name in names
            if name in entry
        }

    def dangling(self, name: str) -> list[str]:
        """Whose attribute names somebody that is not there."""
        return [self.dns[entry_uuid] for (entry_uuid, _), whom in self.references(name).items() if None in whom]


def wait_for_references(slapd: Slapd) -> None:
    """Wait until refint has followed all renames: it does so when it has time, long after them on a busy machine.

    It finds an entry that names somebody, and then changes it under the name that it had: of an entry that is renamed
    in between it gives up the reference. Groups are not renamed here; of people, a few may be.
    """
    left: list[str] = []

    def have_followed() -> bool:
        now = Snapshot.take(slapd)
        left[:] = now.dangling("member") or now.dangling("manager")[_LOST:]
        if left:  # what comes while it falls asleep lies there until the next rename
            with admin_connection(slapd) as link:
                link.add(f"ou=one,{slapd.suffix}", ["organizationalUnit"], {"ou": "one"})  # type: ignore[no-untyped-call]
                link.modify_dn(f"ou=one,{slapd.suffix}", "ou=two")
                link.delete(f"ou=two,{slapd.suffix}")  # type: ignore[no-untyped-call]
        return not left

    until(have_followed, "references that follow", 180, lambda: "\n".join(left))


@dataclass(frozen=True, slots=True)
class Takeover:
    """A company's directory before and after its accounts came.

    Attributes:
        let_in: the entryUUIDs of those of `company.passwords` whom the directory let in before.
        states: of the accounts, by id.
    """

    company: ExistingCompany
    flow: Flow
    worker: RunningWorker
    before: Snapshot
    let_in: frozenset[str]
    after: Snapshot
    states: Mapping[str, Any]

    def strangers(self) -> list[str]:
        """The entryUUIDs of all that shall not be adopted, but for groups, which follow their members."""
        groups = {entry_uuid for entry_uuid, entry in self.before.entries.items() if "member" in entry}
        ours = {*self.company.owners, *self.company.hindered, *groups}
        return [entry_uuid for entry_uuid in self.before.dns if entry_uuid not in ours]

    def verdicts(self, fate: str) -> set[tuple[str, str | None, bool]]:
        """What became of the accounts with such a name: status, reason, whether they have an entry."""
        states = [self.states[account] for account in self.company.accounts(fate)]
        return {(state["status"], state["reason"], state["binding"] is not None) for state in states}


def identified_by(attribute: str) -> dict[str, Any]:
    """The default mapping with another identifier."""
    rows = [{**row, "identifier": row["attribute"] == attribute} for row in DEFAULT_USER_MAPPING]
    return {"mapping": rows}


def whom_it_lets_in(slapd: Slapd, passwords: Mapping[str, str], dns: Mapping[str, str]) -> frozenset[str]:
    """The entryUUIDs of those who can log on."""
    found = set()
    for entry_uuid, password in passwords.items():
        with connected(slapd, dns[entry_uuid], password) as person:
            try:
                person.bind()
            except LDAPInvalidCredentialsResult:
                continue
            found.add(entry_uuid)
    return frozenset(found)


@pytest.fixture(scope="module")
def takeover(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Takeover]:
    """2,000 entries; accounts find theirs by the mobile number."""
    company = ExistingCompany(2000)
    folder, name = tmp_path_factory.mktemp("takeover"), f"t{uuid.uuid4().hex[:12]}"
    with (
        Slapd(with_overlays(company.ldif)) as slapd,
        Flow(folder, kafka, slapd, name, users=identified_by("mobile")) as flow,
    ):
        before = Snapshot.take(slapd)
        let_in = whom_it_lets_in(slapd, company.passwords, before.dns)
        flow.publish(company.source.events)
        worker = flow.worker()
        until(flow.is_idle, "the takeover", 120, detail=lambda: "\n".join(flow.tails()))
        wait_for_references(slapd)
        states = flow.states(flow.settings.topics.account_states)
        yield Takeover(company, flow, worker, before, let_in, Snapshot.take(slapd), states)


def test_who_is_known_gets_the_present_entry_and_it_comes_to_its_place(takeover: Takeover) -> None:
    """From wherever it was, under whatever name: the entryUUID stays. So do departments, by name and parent."""
    places, owners = takeover.company.source.places(), takeover.company.owners
    assert len(takeover.before.dns) == 2001
    assert {entry_uuid: takeover.after.path(entry_uuid) for entry_uuid in owners} == {
        entry_uuid: places[owner] for entry_uuid, owner in owners.items()
    }


def test_an_account_is_bound_to_its_entry(takeover: Takeover) -> None:
    """To that which it had before, not to another that came to its place."""
    bound = {account: state["binding"]["entryUUID"] for account, state in takeover.states.items() if state["binding"]}
    owners = {owner: entry_uuid for entry_uuid, owner in takeover.company.owners.items()}
    accounts = takeover.company.accounts("adopted")
    assert {account: bound[account] for account in accounts} == {account: owners[account] for account in accounts}


def test_nothing_is_made_twice(takeover: Takeover) -> None:
    """New entries are those of the accounts and departments that had none; none is gone."""
    source = takeover.company.source
    places = source.places()
    new = {takeover.after.path(entry_uuid) for entry_uuid in takeover.after.dns.keys() - takeover.before.dns.keys()}
    assert new == {places[one] for one in {"hr", "legal", "lab", *takeover.company.accounts("new")}}
    assert takeover.before.dns.keys() <= takeover.after.dns.keys()


def test_mapped_attributes_are_overwritten(takeover: Takeover) -> None:
    """Other spellings of the same number, further values, and values that the source does not have."""
    source, owners = takeover.company.source, takeover.company.owners
    places, expected, mapped = source.places(), source.expected(), takeover.after.mapped()
    assert {entry_uuid: mapped[entry_uuid] for entry_uuid in owners} == {
        entry_uuid: {name: values for name, values in expected[places[owner]].items() if name != "objectclass"}
        for entry_uuid, owner in owners.items()
    }


def test_all_else_of_an_adopted_entry_is_kept(takeover: Takeover) -> None:
    """Octet for octet: passwords, classes, memberOf, what named it and is not mapped, and when it was made."""
    assert {entry_uuid: takeover.after.rest(entry_uuid) for entry_uuid in takeover.company.owners} == {
        entry_uuid: takeover.before.rest(entry_uuid) for entry_uuid in takeover.company.owners
    }


def test_what_is_as_it_should_be_is_not_written(takeover: Takeover) -> None:
    """Its entryCSN is what it was."""
    unchanged = takeover.company.unchanged
    assert unchanged
    assert [takeover.after.entries[one] for one in unchanged] == [takeover.before.entries[one] for one in unchanged]


def test_old_passwords_let_people_in(takeover: Takeover) -> None:
    """However they are stored, under the new DN."""
    passwords = takeover.company.passwords
    assert takeover.let_in == passwords.keys()
    assert whom_it_lets_in(takeover.flow.slapd, passwords, takeover.after.dns) == passwords.keys()


def test_groups_and_managers_follow(takeover: Takeover) -> None:
    """Who was a member is one, by the new DN, and nobody else; who was the manager is, but for what refint gave up."""
    members = takeover.before.references("member")
    assert takeover.after.references("member") == members
    managers, after = takeover.before.references("manager"), takeover.after.references("manager")
    lost = [key for key in managers if after[key] != managers[key]]
    assert [key for key in lost if after[key] != {None}] == []
    assert len(lost) <= _LOST
    assert sum(map(len, (members | managers).values())) > 1000


def test_what_is_not_ours_is_octet_for_octet_the_same(takeover: Takeover) -> None:
    """Devices, services, leavers, a namesake of a department, those that cannot be told apart; entryCSN and all."""
    strangers = takeover.strangers()
    assert {one: takeover.after.entries[one] for one in strangers} == {
        one: takeover.before.entries[one] for one in strangers
    }


def test_two_matches_are_reported(takeover: Takeover) -> None:
    """And the account gets neither of the entries."""
    assert takeover.verdicts("ambiguous") == {("waiting", "ambiguous_identifier", False)}
    reported = takeover.worker.metric("ldapflow_waiting", kind="account", reason="ambiguous_identifier")
    assert reported == len(takeover.company.accounts("ambiguous"))


def test_an_entry_of_other_classes_in_the_way_is_reported(takeover: Takeover) -> None:
    """Whether the account has an entry elsewhere, to which it is bound, or not."""
    assert takeover.verdicts("blocked") == {("waiting", "foreign_entry", has_entry) for has_entry in (True, False)}
    reported = takeover.worker.metric("ldapflow_waiting", kind="account", reason="foreign_entry")
    assert reported == len(takeover.company.accounts("blocked"))


def test_an_entry_that_cannot_come_to_its_place_is_kept_up_to_date(takeover: Takeover) -> None:
    """Where it is, and but for what names it."""
    before, after, hindered = takeover.before, takeover.after, takeover.company.hindered
    places, expected = takeover.company.source.places(), takeover.company.source.expected()
    names, mapped = {"uid", "cn", "objectclass"}, after.mapped()
    for entry_uuid, account in hindered.items():
        assert after.path(entry_uuid) == before.path(entry_uuid)
        assert after.rest(entry_uuid) == before.rest(entry_uuid)
        wanted = {name: values for name, values in expected[places[account]].items() if name not in names}
        assert {name: mapped[entry_uuid].get(name) for name in wanted} == wanted


def test_a_second_delivery_writes_nothing(takeover: Takeover) -> None:
    """Neither the same events, nor newer ones that say the same."""
    source, flow = takeover.company.source, takeover.flow
    for account in sorted(takeover.company.accounts("adopted"))[::15]:
        source.change_account(account)
    flow.publish(source.events)
    until(flow.is_idle, "an idle worker", detail=lambda: "\n".join(flow.tails()))
    assert Snapshot.take(flow.slapd).entries == takeover.after.entries
