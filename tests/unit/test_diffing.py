"""Wanted minus found: which changes make the one the other."""

from collections.abc import Mapping

import pytest

from ldap_sink.diffing import Difference, RdnChange, difference, difference_in_place, distinct, has_classes
from schemas.dn import AVA, DN, RDN
from schemas.entries import AttributeChange, FoundEntry, ModifyOperation, Values, WantedEntry
from tests.support.schema import small_schema

_SCHEMA = small_schema()
_ADD, _DELETE, _REPLACE = ModifyOperation.ADD, ModifyOperation.DELETE, ModifyOperation.REPLACE
_PARENT = DN.parse("ou=company,dc=example,dc=com")
_CLASSES: Values = (b"inetOrgPerson", b"organizationalPerson", b"person", b"top")


def _wanted(
    rdn: str, attributes: Mapping[str, Values], object_classes: tuple[str, ...] = ("inetOrgPerson", "top")
) -> WantedEntry:
    return WantedEntry(RDN.parse(rdn), object_classes, attributes, on_create={"description": (b"on create",)})


def _found(rdn: str, attributes: Mapping[str, Values], object_classes: Values = _CLASSES) -> FoundEntry:
    lowered = {name.lower(): values for name, values in attributes.items()}
    return FoundEntry(_PARENT.child(RDN.parse(rdn)), "uuid", b"csn", {"objectclass": object_classes, **lowered})


def _change(operation: ModifyOperation, name: str, *values: bytes) -> AttributeChange:
    return AttributeChange(operation, name, values)


@pytest.mark.parametrize(
    ("name", "wanted", "found", "expected"),
    [
        pytest.param("mail", (b"a@x",), (b"a@x",), [], id="equal"),
        pytest.param("mail", (b"a@x", b"b@x"), (b"b@x", b"a@x"), [], id="another order"),
        pytest.param("mail", (), (), [], id="absent on both sides"),
        pytest.param("mail", (b"a@x",), (), [_change(_ADD, "mail", b"a@x")], id="missing"),
        pytest.param("mail", (), (b"a@x", b"b@x"), [_change(_DELETE, "mail")], id="an empty value removes all"),
        pytest.param(
            "mail",
            (b"a@x", b"c@x"),
            (b"a@x", b"b@x"),
            [_change(_DELETE, "mail", b"b@x"), _change(_ADD, "mail", b"c@x")],
            id="only the differing values",
        ),
        pytest.param("mail", (b"a@x",), (b"a@x", b"b@x"), [_change(_DELETE, "mail", b"b@x")], id="one too many"),
        pytest.param(
            "displayName",
            (b"New",),
            (b"Old",),
            [_change(_DELETE, "displayName", b"Old"), _change(_ADD, "displayName", b"New")],
            id="a single value gives way first",
        ),
        pytest.param("mail", (b"A@x",), (b"a@x",), [_change(_REPLACE, "mail", b"A@x")], id="case alone"),
        pytest.param(
            "mail",
            (b"A@x", b"b@x"),
            (b"a@x", b"c@x"),
            [_change(_REPLACE, "mail", b"A@x", b"b@x")],
            id="case alone among others: the whole set",
        ),
        pytest.param(
            "mobile", (b"+86138",), (b"+86 138",), [_change(_REPLACE, "mobile", b"+86138")], id="spaces in a number"
        ),
        pytest.param(
            "jpegPhoto", (b"1", b"2"), (b"1",), [_change(_REPLACE, "jpegPhoto", b"1", b"2")], id="no equality rule"
        ),
        pytest.param("manager", (b"uid=Mei, dc=x",), (b"uid=mei,dc=x",), [], id="DNs compare by meaning"),
        pytest.param(
            "manager",
            (b"uid=mei,dc=x",),
            (b"uid=li,dc=x",),
            [_change(_DELETE, "manager", b"uid=li,dc=x"), _change(_ADD, "manager", b"uid=mei,dc=x")],
            id="another DN",
        ),
        pytest.param("mail", (b"a@x", b"A@x"), (b"a@x",), [], id="one value in two spellings is one"),
    ],
)
def test_attributes(name: str, wanted: Values, found: Values, expected: list[AttributeChange]) -> None:
    """One mapped attribute beside the naming one."""
    have = {"uid": (b"mei",), **({name: found} if found else {})}
    result = difference(_wanted("uid=mei", {"uid": (b"mei",), name: wanted}), _found("uid=mei", have), _SCHEMA)
    assert result == Difference(changes=tuple(expected))


def test_a_synonym_in_the_mapping_is_found_under_the_servers_name() -> None:
    """The server answers `sn` when it is asked for `surname`."""
    wanted = _wanted("uid=mei", {"userid": (b"mei",), "surname": (b"Wang",)})
    assert not difference(wanted, _found("uid=mei", {"uid": (b"mei",), "sn": (b"Wang",)}), _SCHEMA)


def test_options_belong_to_the_name() -> None:
    """`cn;lang-zh` is another attribute than `cn`."""
    wanted = _wanted("uid=mei", {"uid": (b"mei",), "cn;lang-zh": (b"M",)})
    result = difference(wanted, _found("uid=mei", {"uid": (b"mei",), "cn": (b"M",), "cn;lang-en": (b"M",)}), _SCHEMA)
    assert result.changes == (_change(_ADD, "cn;lang-zh", b"M"),)


def test_unmapped_attributes_and_those_for_creation_are_left_alone() -> None:
    """What the mapping does not name is somebody else's."""
    found = _found("uid=mei", {"uid": (b"mei",), "manager": (b"uid=li,dc=x",), "description": (b"mine",)})
    assert not difference(_wanted("uid=mei", {"uid": (b"mei",)}), found, _SCHEMA)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        pytest.param((b"inetOrgPerson", b"posixAccount"), (), id="further ones stay"),
        pytest.param((b"INETORGPERSON",), (), id="inherited ones count, case does not"),
        pytest.param(
            (b"person", b"top"), (_change(_ADD, "objectClass", b"inetOrgPerson"),), id="missing ones are added"
        ),
    ],
)
def test_object_classes_are_only_added(classes: Values, expected: tuple[AttributeChange, ...]) -> None:
    """Other programs may need theirs."""
    found = _found("uid=mei", {"uid": (b"mei",)}, classes)
    assert difference(_wanted("uid=mei", {"uid": (b"mei",)}), found, _SCHEMA).changes == expected


@pytest.mark.parametrize(
    ("classes", "expected"),
    [((b"inetOrgPerson",), True), ((b"person", b"top"), False), ((), False)],
)
def test_an_entry_may_have_the_classes_by_inheritance(classes: Values, expected: bool) -> None:  # noqa: FBT001
    """`top` need not be written: `inetOrgPerson` implies it."""
    assert has_classes(_wanted("uid=mei", {}).object_classes, _found("uid=mei", {}, classes), _SCHEMA) is expected


def test_a_new_naming_value_is_a_rename_and_other_values_a_modify() -> None:
    """The ModifyDN brings the naming value; the Modify only the rest of that attribute."""
    wanted = _wanted("cn=Mei", {"cn": (b"Mei", b"Mei Wang")})
    result = difference(wanted, _found("cn=May", {"cn": (b"May", b"M")}), _SCHEMA)
    assert result.rdn == RdnChange(RDN.parse("cn=Mei"), delete_old_rdn=True)
    assert result.changes == (_change(_DELETE, "cn", b"M"), _change(_ADD, "cn", b"Mei Wang"))


def test_a_change_of_case_renames_too() -> None:
    """A DN is shown to people; its value is replaced by the ModifyDN itself."""
    result = difference(_wanted("uid=Mei", {"uid": (b"Mei",)}), _found("uid=mei", {"uid": (b"mei",)}), _SCHEMA)
    assert result == Difference(rdn=RdnChange(RDN.parse("uid=Mei"), delete_old_rdn=True))


@pytest.mark.parametrize("spelled", ["UID=mei", "userid=mei", "0.9.2342.19200300.100.1.1=mei", r"uid=\6dei"])
def test_another_spelling_of_the_same_rdn_is_no_rename(spelled: str) -> None:
    """The attribute type's spelling says nothing, nor does the escaping."""
    assert not difference(_wanted("uid=mei", {"uid": (b"mei",)}), _found(spelled, {"uid": (b"mei",)}), _SCHEMA)


def test_the_parts_of_an_rdn_have_no_order() -> None:
    """RFC 4514: an RDN is a set."""
    wanted = _wanted("uid=mei+cn=Mei", {"uid": (b"mei",), "cn": (b"Mei",)})
    assert not difference(wanted, _found("cn=Mei+uid=mei", {"uid": (b"mei",), "cn": (b"Mei",)}), _SCHEMA)


def test_an_unmapped_naming_value_stays() -> None:
    """Adopting `cn=Mei` into `uid=mei` must not take away `cn`, which the class requires."""
    wanted = _wanted("uid=mei", {"uid": (b"mei",)})
    result = difference(wanted, _found("cn=Mei", {"cn": (b"Mei",)}), _SCHEMA)
    assert result == Difference(rdn=RdnChange(RDN.parse("uid=mei"), delete_old_rdn=False))


def test_a_mapped_value_that_names_no_longer_goes_by_the_modify() -> None:
    """`cn` is mapped, but not in the new RDN: it keeps its values until the Modify brings the wanted ones."""
    wanted = _wanted("uid=mei", {"uid": (b"mei",), "cn": (b"Mei Wang",)})
    result = difference(wanted, _found("cn=May", {"cn": (b"May",), "uid": (b"mei",)}), _SCHEMA)
    assert result.rdn == RdnChange(RDN.parse("uid=mei"), delete_old_rdn=False)
    assert result.changes == (_change(_DELETE, "cn", b"May"), _change(_ADD, "cn", b"Mei Wang"))


def test_one_unmapped_part_keeps_the_whole_old_rdn() -> None:
    """`deleteoldrdn` is for all parts or none; the mapped one is then removed by the Modify."""
    wanted = _wanted("uid=mei", {"uid": (b"mei",)})
    found = _found("uid=may+cn=Mei", {"uid": (b"may",), "cn": (b"Mei",)})
    result = difference(wanted, found, _SCHEMA)
    assert result.rdn == RdnChange(RDN.parse("uid=mei"), delete_old_rdn=False)
    assert result.changes == (_change(_DELETE, "uid", b"may"),)


def test_without_deletion_a_change_of_case_is_written_by_the_modify() -> None:
    """The server keeps the old spelling of a value when the new one is equal by the rule."""
    wanted = _wanted("uid=Mei", {"uid": (b"Mei",)})
    result = difference(wanted, _found("uid=mei+cn=M", {"uid": (b"mei",), "cn": (b"M",)}), _SCHEMA)
    assert result.rdn == RdnChange(RDN.parse("uid=Mei"), delete_old_rdn=False)
    assert result.changes == (_change(_REPLACE, "uid", b"Mei"),)


def test_a_single_valued_naming_attribute_is_changed_by_the_rename_alone() -> None:
    """Its old value goes with `deleteoldrdn`."""
    wanted = _wanted("employeeNumber=2", {"employeeNumber": (b"2",)})
    result = difference(wanted, _found("employeeNumber=1", {"employeeNumber": (b"1",)}), _SCHEMA)
    assert result == Difference(rdn=RdnChange(RDN.parse("employeeNumber=2"), delete_old_rdn=True))


def test_a_single_value_that_is_to_name_the_entry_makes_room_first() -> None:
    """A ModifyDN that adds a second value to it would be refused."""
    wanted = _wanted("employeeNumber=2", {"employeeNumber": (b"2",), "uid": (b"mei",)})
    result = difference(wanted, _found("uid=mei", {"uid": (b"mei",), "employeeNumber": (b"1",)}), _SCHEMA)
    assert result.before == (_change(_REPLACE, "employeenumber", b"2"),)
    assert result.rdn == RdnChange(RDN.parse("employeeNumber=2"), delete_old_rdn=False)
    assert result.changes == ()


def test_in_place_nothing_that_names_the_entry_changes() -> None:
    """An entry that cannot be renamed now keeps old and new naming attributes; all others are written."""
    wanted = _wanted("uid=mei", {"uid": (b"mei",), "cn": (b"New",), "mail": (b"a@x",)})
    found = _found("cn=Old", {"cn": (b"Old",), "uid": (b"may",)})
    assert difference_in_place(wanted, found, _SCHEMA) == (_change(_ADD, "mail", b"a@x"),)


def test_values_that_the_server_takes_as_one_are_one() -> None:
    """Add and Modify with both would be refused; the first spelling counts."""
    assert distinct("mail", (b"b@x", b"A@x", b"a@x"), _SCHEMA) == (b"b@x", b"A@x")


def test_a_value_that_is_no_text_names_an_entry() -> None:
    """The octets of the RDN and of the attribute are compared, not their text."""
    wanted = WantedEntry(RDN((AVA("uid", b"\x04\x02\xff\xfe"),)), ("inetOrgPerson",), {"uid": (b"\xff\xfe",)}, {})
    assert not difference(wanted, _found("uid=#0402fffe", {"uid": (b"\xff\xfe",)}), _SCHEMA)
