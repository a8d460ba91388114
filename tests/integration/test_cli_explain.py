"""`ldapflow explain` on real servers; the test plays the worker."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap3
import orjson
import pytest

from schemas.errors import DeadLetterReason
from schemas.events import Kind
from schemas.records import record_of
from schemas.states import AwaitsEntity, AwaitsOrganization, Binding, State, Status
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.deciding import Installation
from tests.support.directory_dump import admin_connection
from tests.support.program import lines
from tests.support.sink import make_target

SECRET = "c0rrect-horse"  # noqa: S105 - to be found nowhere
MEI = {
    "userId": "a1",
    "username": "mei",
    "displayName": "Mei",
    "email": "mei@example.com",
    "updateTime": 5,
    "organizationalUnits": [{"organizationalUnitId": "rd", "primary": True}],
}
RD = {"organizationalUnitId": "rd", "organizationalUnitName": "R&D", "parentId": "ou_root", "updateTime": 5}
PERSON = {"uid": "mei", "cn": "Mei", "sn": "Mei", "displayName": "Mei", "mail": "mei@example.com"}


class Company:
    """A target of this test alone with the organization R&D, and its state."""

    def __init__(self, folder: Path, kafka: Kafka, prefix: str, slapd: Slapd) -> None:
        target, self.target_uuid = make_target(slapd)
        self.target, self._slapd = str(target), slapd
        self.installation = Installation(
            folder, kafka, prefix, slapd=slapd, sync={"target_dn": self.target, "target_entry_uuid": self.target_uuid}
        )
        self.rd = f"ou=R&D,{self.target}"
        unit = self.bound(Kind.ORGANIZATION, RD, self.add(self.rd, "organizationalUnit", {"ou": "R&D"}), self.rd)
        self.installation.write_states((Kind.ORGANIZATION, "rd", unit))

    def add(self, dn: str, object_class: str, attributes: dict[str, Any]) -> str:
        """Create an entry; returns its entryUUID."""
        with admin_connection(self._slapd) as connection:
            connection.add(dn, object_class, attributes)  # type: ignore[no-untyped-call]
            connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["entryUUID"])
            return str(connection.entries[0].entryUUID.value).strip("{}")

    def bound(self, kind: Kind, document: dict[str, Any], entry_uuid: str | None, dn: str, **more: Any) -> State:
        """The state of an applied entity."""
        binding = None if entry_uuid is None else Binding(entry_uuid, dn, self.target_uuid, 1)
        state = State(record_of(kind, document), 5, 5, 5, Status.APPLIED, 100, (1, 1), binding=binding)
        return replace(state, **more)

    def write_mei(self, entry_uuid: str | None, document: dict[str, Any] | None = None, **more: Any) -> None:
        """Write the account's state."""
        state = self.bound(Kind.ACCOUNT, document or MEI, entry_uuid, f"uid=mei,{self.rd}", **more)
        self.installation.write_states((Kind.ACCOUNT, "a1", state))

    def explain(self, *arguments: str) -> Any:
        """The JSON of one explanation."""
        return self.installation.json("explain", *arguments)


@pytest.fixture
def company(kafka: Kafka, slapd: Slapd, topic_prefix: str, tmp_path: Path) -> Company:
    return Company(tmp_path, kafka, topic_prefix, slapd)


def test_an_entry_that_is_right_is_told_so_and_every_value_has_its_reason(company: Company) -> None:
    company.write_mei(company.add(f"uid=mei,{company.rd}", "inetOrgPerson", PERSON))
    told = company.explain("a1")
    assert (told["difference"], told["why"]) == ([], ["its last event was applied", "the entry is as it should be"])
    assert told["wanted"]["dn"] == told["entry"]["dn"] == f"uid=mei,{company.rd}"
    assert [(step["id"], step["name"]) for step in told["organizations"]] == [("rd", "R&D")]
    rows = {row["attribute"]: (row["values"], row["reason"]) for row in told["wanted"]["attributes"]}
    assert rows["mail"] == (["mei@example.com"], "field user.email")
    assert rows["cn"] == (["Mei"], "expression Coalesce(user.displayName, user.username)")


def test_what_differs_is_shown_as_the_changes_that_would_be_written(company: Company) -> None:
    """A name, a place and a value."""
    old = f"uid=old,{company.target}"
    entry_uuid = company.add(old, "inetOrgPerson", {**PERSON, "uid": "old", "mail": "old@example.com"})
    company.write_mei(entry_uuid)
    told = company.explain("a1")
    assert [(one["change"], one["dn"]) for one in told["difference"]] == [
        ("move", old),
        ("modify", f"uid=mei,{company.rd}"),
    ]
    assert {"operation": "add", "attribute": "mail", "values": ["mei@example.com"]} in told["difference"][1][
        "attributes"
    ]
    assert told["entry"]["foundBy"] == "binding"


def test_whoever_waits_for_an_organization_is_told_for_which(company: Company) -> None:
    document = {**MEI, "organizationalUnits": [{"organizationalUnitId": "none", "primary": True}]}
    company.write_mei(
        None,
        document,
        status=Status.WAITING,
        reason="organization_unknown",
        awaited=AwaitsOrganization("none"),
    )
    told = company.explain("a1")
    assert told["placement"] == {"result": "waiting", "reason": "organization_unknown", "organization": "none"}
    assert told["why"][0] == (
        "it waits: no event of an organization above it has come yet; waits for organization none"
    )


def test_a_dead_lettered_state_names_its_dead_letter(company: Company) -> None:
    document = {**MEI, "username": ""}
    company.write_mei(None, document, status=Status.DEAD_LETTERED, reason="missing_value")
    event = company.installation.write_event(orjson.dumps({"eventType": "ud:user:create", "bizData": document}))
    company.installation.write_dead_letter(event, DeadLetterReason.MISSING_VALUE, "uid has no value")
    told = company.explain("a1")
    assert told["why"][:2] == [
        "its last event could not be applied: missing_value (uid has no value): dead letter 0:0",
        "no entry can be worked out: missing_value: uid names the entry, but has no value",
    ]


def test_whoever_has_the_wanted_entry_is_named_and_its_entry_is_left_alone(company: Company) -> None:
    entry_uuid = company.add(f"uid=mei,{company.rd}", "inetOrgPerson", {**PERSON, "mail": "other@example.com"})
    other = company.bound(Kind.ACCOUNT, {**MEI, "userId": "a2"}, entry_uuid, f"uid=mei,{company.rd}")
    company.installation.write_states((Kind.ACCOUNT, "a2", other))
    company.write_mei(None, status=Status.WAITING, reason="dn_occupied", awaited=AwaitsEntity("a2"))
    told = company.explain("a1")
    assert (told["entry"]["holder"], told["difference"]) == ("a2", [])
    assert told["why"] == [
        "it waits: another entity has its DN or its entry; waits for a2",
        "the entry there belongs to account a2: it is not taken",
    ]


def test_an_entry_of_other_classes_is_not_ours(company: Company) -> None:
    company.add(f"uid=mei,{company.rd}", "account", {})
    company.write_mei(None, status=Status.WAITING, reason="foreign_entry")
    told = company.explain("a1")
    assert (told["difference"], told["why"][-1]) == (
        [],
        "the entry there is not ours: it lacks configured object classes, or has another identifier",
    )


def test_a_held_deletion_says_what_to_do(company: Company) -> None:
    entry_uuid = company.add(f"uid=mei,{company.rd}", "inetOrgPerson", PERSON)
    company.write_mei(entry_uuid, status=Status.HELD, reason="deletion_guard", deleted_at=9)
    told = company.explain("a1")
    assert [one["change"] for one in told["difference"]] == ["delete"]
    assert "`ldapflow guard approve a1`" in told["why"][0]


@pytest.mark.parametrize("form", ["record", "event"])
def test_a_record_is_explained_before_it_is_published_and_without_its_password(company: Company, form: str) -> None:
    record = {**MEI, "password": SECRET}
    document = record if form == "record" else {"eventType": "ud:user:create", "bizData": orjson.dumps(record).decode()}
    (company.installation.folder / "mei.json").write_bytes(orjson.dumps(document))
    texts = [
        company.installation.run("explain", "--record", "mei.json", *option).stdout for option in ((), ("--json",))
    ]
    assert [SECRET in text for text in texts] == [False, False]
    told = orjson.loads(texts[-1])
    (addition,) = told["difference"]
    assert (addition["change"], addition["dn"]) == ("add", f"uid=mei,{company.rd}")
    assert addition["attributes"]["mail"] == ["mei@example.com"]
    assert told["why"][0] == "the entry is worked out from the given record, not from the state"


def test_an_organization_is_explained_too(company: Company) -> None:
    assert company.installation.run("explain", "rd").stdout.splitlines()[:2] == [
        "organization rd",
        "state: applied since 1970-01-01T00:00:00Z",
    ]


def test_the_source_node_is_never_written(company: Company) -> None:
    company.installation.write_states(
        (Kind.ORGANIZATION, "ou_root", company.bound(Kind.ORGANIZATION, {"organizationalUnitId": "ou_root"}, None, ""))
    )
    told = company.explain("ou_root")
    assert told["wanted"] is told["difference"] is None
    assert "the target entry stands for it" in told["why"][0]


def test_what_kafka_knows_is_told_although_the_directory_is_away(
    kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str, tmp_path: Path
) -> None:
    slapd = fresh_slapd()
    company = Company(tmp_path, kafka, topic_prefix, slapd)
    company.write_mei(None)
    slapd.stop()
    told = company.explain("a1")
    assert told["wanted"]["rdn"] == "uid=mei"
    assert told["why"][-1].startswith("the directory could not be asked: ")


def test_an_id_of_both_kinds_must_be_told_apart(company: Company) -> None:
    state = company.bound(Kind.ACCOUNT, {**MEI, "userId": "rd"}, None, "")
    company.installation.write_states((Kind.ACCOUNT, "rd", state))
    done = company.installation.run("explain", "rd")
    assert (done.returncode, lines(done.stderr)) == (1, ["rd is an account and an organization: give --kind"])
    assert company.explain("rd", "--kind", "account")["kind"] == "account"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), 2, "give an ID, or --record FILE"),
        (("a1", "--record", "x"), 2, "give an ID, or --record FILE"),
        (("nobody",), 1, "nothing is known of nobody: no event of it was handled yet"),
        (("--record", "none"), 1, "none cannot be read (No such file or directory): correct its name or its owner"),
        (("--record", "ldap-password"), 1, "ldap-password is not JSON (line 1, "),
    ],
)
def test_wrong_words_are_one_line(company: Company, arguments: tuple[str, ...], code: int, line: str) -> None:
    """The password is random: where it is no JSON, too."""
    done = company.installation.run("explain", *arguments)
    (told,) = lines(done.stderr)
    assert done.returncode == code
    assert told.startswith(line)
