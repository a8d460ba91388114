"""What a record should be in LDAP."""

from dataclasses import replace

import pytest

from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import RDN
from schemas.entries import WantedEntry
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Json, Kind, Record
from tests.unit.test_mapping import USER_ROWS

REQUIRED = frozenset({"objectclass", "sn", "cn"})


def rules(
    *rows: MappingRow, rdn: str = "uid", required: frozenset[str] = REQUIRED, id_attribute: str | None = None
) -> EntryRules:
    """Rules for accounts."""
    mapping = compile_mapping(rows or USER_ROWS, "user")
    return EntryRules(("inetOrgPerson", "top"), rdn, mapping, required, id_attribute)


def account(**fields: Json) -> Record:
    """An account with such fields."""
    return Record(kind=Kind.ACCOUNT, id="user_a1", fields=fields)


def test_an_account_by_the_default_mapping() -> None:
    """Attributes without a value are there too, to be removed."""
    assert rules().wanted(account(username="mei", displayName="Mei Wang"), None) == WantedEntry(
        rdn=RDN.of("uid", "mei"),
        object_classes=("inetOrgPerson", "top"),
        attributes={
            "uid": (b"mei",),
            "cn": (b"Mei Wang",),
            "sn": (b"Mei Wang",),
            "displayName": (b"Mei Wang",),
            "mail": (),
            "mobile": (),
            "description": (),
        },
        on_create={},
        identifier="uid",
    )


def test_rows_for_creation_are_kept_apart() -> None:
    """They must not overwrite what people changed since; without a value there is nothing to write."""
    wanted = rules(
        MappingRow("uid", field="user.username"),
        MappingRow("loginShell", constant="/bin/sh", on_create=True),
        MappingRow("description", field="user.description", on_create=True),
        required=frozenset(),
    ).wanted(account(username="mei"), None)
    assert (dict(wanted.attributes), dict(wanted.on_create)) == ({"uid": (b"mei",)}, {"loginShell": (b"/bin/sh",)})


def test_the_naming_attribute_may_have_another_of_its_names() -> None:
    """`commonName` in the mapping names entries by `cn`."""
    wanted = rules(MappingRow("commonName", field="user.username"), rdn="cn", required=frozenset()).wanted(
        account(username="mei"), None
    )
    assert wanted.rdn == RDN.of("cn", "mei")


def test_the_id_is_written_where_that_is_configured() -> None:
    """The entry itself says whose it is."""
    wanted = rules(
        MappingRow("uid", field="user.username"), required=frozenset(), id_attribute="employeeNumber"
    ).wanted(account(username="mei"), None)
    assert (wanted.attributes["employeeNumber"], wanted.id_attribute) == ((b"user_a1",), "employeeNumber")


def units(*rows: MappingRow, required: frozenset[str] = frozenset()) -> EntryRules:
    """Rules for organizations."""
    named = (MappingRow("ou", field="organization.organizationalUnitName"), *rows)
    return EntryRules(("organizationalUnit", "top"), "ou", compile_mapping(named, "organization"), required)


def unit(name: str) -> Record:
    """An organization of that name."""
    return Record(kind=Kind.ORGANIZATION, id="ou_1", fields={"organizationalUnitName": name})


PATH_ROW = MappingRow("description", expression='ArrayJoin(organization.path, " / ")')


def test_the_path_ends_with_the_organization_itself() -> None:
    """Those above are handed in, its own name is in the record."""
    wanted = units(PATH_ROW).wanted(unit("Optics"), None, path_names=["R&D", "Lab"])
    assert wanted.attributes["description"] == (b"R&D / Lab / Optics",)


def test_what_is_made_of_an_unknown_path_is_left_alone() -> None:
    """An entry whose place is not known keeps it, even where it is required."""
    wanted = units(PATH_ROW, required=frozenset({"ou", "description"})).wanted(unit("Optics"), None)
    assert wanted.attributes == {"ou": (b"Optics",)}


@pytest.mark.parametrize(("rows", "uses"), [([PATH_ROW], True), ([], False)])
def test_rules_know_whether_the_path_matters(rows: list[MappingRow], uses: bool) -> None:  # noqa: FBT001 - expected
    """Only then do the organizations below a renamed one change."""
    assert units(*rows).uses_path is uses


def test_the_path_names_no_entry() -> None:
    """Its DN holds it already, and a renamed organization would rename all below it."""
    rows = [MappingRow("ou", expression='ArrayJoin(organization.path, "/")')]
    with pytest.raises(ValueError, match=r"ou names the entries: it cannot be made of organization\.path"):
        EntryRules(("organizationalUnit",), "ou", compile_mapping(rows, "organization"))


def test_a_missing_name_is_permanent() -> None:
    """The detail names the attribute."""
    with pytest.raises(Permanent, match="uid names the entry") as raised:
        rules().wanted(account(displayName="Mei Wang"), None)
    assert raised.value.reason is DeadLetterReason.MISSING_VALUE


def test_missing_required_values_are_permanent() -> None:
    """All of them are named; `objectClass` has its value from the configuration."""
    with pytest.raises(Permanent) as raised:
        rules(
            MappingRow("uid", field="user.username"),
            MappingRow("sn", field="user.x"),
            required=REQUIRED | {"mail", "l", "st", "o"},
        ).wanted(account(username="mei"), None)
    assert (raised.value.reason, raised.value.detail) == (
        DeadLetterReason.MISSING_VALUE,
        "required, but without a value: cn, l, mail, o, sn, st",
    )


@pytest.mark.parametrize(
    "row",
    [
        MappingRow("commonName", constant="x"),
        MappingRow("cn;lang-zh", constant="x"),
        MappingRow("cn", constant="x", on_create=True),
    ],
)
def test_a_required_value_may_come_in_several_ways(row: MappingRow) -> None:
    """By another name, with an option, at creation alone."""
    wanted = rules(MappingRow("uid", constant="mei"), row, required=frozenset({"cn"})).wanted(account(), None)
    assert wanted.rdn == RDN.of("uid", "mei")


@pytest.mark.parametrize(
    "rows",
    [
        [MappingRow("cn", constant="x")],
        [MappingRow("cn", constant="x"), MappingRow("uid", constant="x", on_create=True)],
    ],
)
def test_rules_need_a_name_that_is_written_always(rows: list[MappingRow]) -> None:
    """Otherwise every event would fail."""
    with pytest.raises(ValueError, match="uid names the entries"):
        rules(*rows)


def test_rules_refuse_two_sources_for_the_id() -> None:
    """A row would overwrite the id."""
    with pytest.raises(ValueError, match="UID has a row in the mapping"):
        rules(id_attribute="UID")


# -- names that several have -------------------------------------------------------------------------------------------

BY_NAME = (
    MappingRow("cn", field="user.displayName"),
    MappingRow("uid", field="user.username", identifier=True),
)


def qualifying(*rows: MappingRow, rdn: str = "cn", id_attribute: str | None = None) -> EntryRules:
    """Rules by which equal names are qualified."""
    return EntryRules((), rdn, compile_mapping(rows or BY_NAME, "user"), id_attribute=id_attribute, qualify=True)


def wang(name: Json = "王伟", username: Json = "wangwei2") -> Record:
    """The second of two colleagues."""
    return account(displayName=name, username=username)


def test_an_entry_is_qualified_by_its_identifier() -> None:
    """The rest of it stays as it is."""
    rules = qualifying()
    plain = rules.wanted(wang(), None)
    assert plain.rdn == RDN.of("cn", "王伟")
    assert rules.qualified(plain) == replace(plain, rdn=RDN.parse("cn=王伟+uid=wangwei2"))


def test_an_entry_that_is_named_by_its_identifier_is_qualified_by_its_id() -> None:
    """And is no longer looked for by its identifier: that of its namesake has the same value."""
    rules = qualifying(BY_NAME[1], rdn="uid", id_attribute="employeeNumber")
    qualified = rules.qualified(rules.wanted(account(username="mei"), None))
    assert qualified is not None
    assert (qualified.rdn, qualified.identifier) == (RDN.parse("uid=mei+employeeNumber=user_a1"), None)


@pytest.mark.parametrize(
    ("present", "record", "wanted"),
    [
        ("cn=王伟+uid=wangwei2", wang(), "cn=王伟+uid=wangwei2"),
        ("cn=王伟+uid=wangwei2", wang(username="ww"), "cn=王伟+uid=ww"),
        ("cn=王伟+uid=wangwei2", wang("王芳"), "cn=王芳"),
        ("cn=王伟", wang(), "cn=王伟"),
        ("cn=王伟-0a1b2c3d", wang(), "cn=王伟"),
        ("cn=wang wei+uid=wangwei2", wang("Wang  Wei"), "cn=Wang  Wei+uid=wangwei2"),
        ("cn=a\\+b\\,c\\=\\#d+uid=x\\+y", wang("a+b,c=#d", "x+y"), "cn=a\\+b\\,c=\\#d+uid=x\\+y"),
    ],
)
def test_a_qualified_name_is_kept_as_long_as_it_is_the_same_name(present: str, record: Record, wanted: str) -> None:
    """Also when the first colleague has left; the qualifier is always the present one; a new name is tried plain."""
    assert qualifying().wanted(record, RDN.parse(present)).rdn == RDN.parse(wanted)


def test_where_names_wait_for_each_other_none_is_qualified() -> None:
    """Nor stays so: that was another configuration's wish."""
    rules = replace(qualifying(), qualify=False)
    wanted = rules.wanted(wang(), RDN.parse("cn=王伟+uid=wangwei2"))
    assert (wanted.rdn, rules.qualified(wanted)) == (RDN.of("cn", "王伟"), None)


def test_what_is_qualified_is_not_qualified_again() -> None:
    """If the qualified name is taken too, there is no further one."""
    rules = qualifying()
    assert rules.qualified(rules.wanted(wang(), RDN.parse("cn=王伟+uid=wangwei2"))) is None


@pytest.mark.parametrize(
    ("username", "reason", "detail"),
    [
        (None, DeadLetterReason.MISSING_VALUE, "uid names the entry, but has no value"),
        (["a", "b"], DeadLetterReason.BAD_RDN, "uid names the entry, but has 2 values"),
    ],
)
def test_what_cannot_qualify_is_permanent_only_when_it_must(
    username: Json, reason: DeadLetterReason, detail: str
) -> None:
    """As long as nobody else has the name, it stands for itself."""
    rules = qualifying()
    record = wang(username=username)
    plain = rules.wanted(record, RDN.of("cn", "王伟"))
    with pytest.raises(Permanent) as must:
        rules.qualified(plain)
    with pytest.raises(Permanent) as does:
        rules.wanted(record, RDN.parse("cn=王伟+uid=x"))
    assert {(raised.value.reason, raised.value.detail) for raised in (must, does)} == {(reason, detail)}


def test_rules_that_qualify_need_something_to_qualify_with() -> None:
    """The configuration is refused before."""
    with pytest.raises(ValueError, match="nothing but uid can be in the names"):
        qualifying(BY_NAME[1], rdn="uid")
