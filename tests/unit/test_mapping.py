"""Mapping rows: checked all at once, and applied to records."""

import pytest

from processors.mapping import InvalidMapping, MappedValue, MappingRow, compile_mapping
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Json

USER_ROWS = (
    MappingRow("uid", field="user.username", identifier=True),
    MappingRow("cn", expression="Coalesce(user.displayName, user.username)"),
    MappingRow("sn", expression="Coalesce(user.displayName, user.username)"),
    MappingRow("displayName", field="user.displayName"),
    MappingRow("mail", field="user.email"),
    MappingRow(
        "mobile",
        expression='IIF(IsNull(user.phoneNumber), null, Append("+", user.phoneRegion, user.phoneNumber))',
    ),
    MappingRow("description", field="user.description"),
)


def values(row: MappingRow, fields: dict[str, Json]) -> tuple[bytes, ...]:
    """What one row gives for an account."""
    return compile_mapping([row], "user").evaluate(fields)[row.attribute].values


def problems(*rows: MappingRow, root: str = "user") -> list[tuple[int, str]]:
    """What is wrong with rows."""
    with pytest.raises(InvalidMapping) as raised:
        compile_mapping(rows, root)
    return [(problem.row, problem.message) for problem in raised.value.problems]


def test_the_default_mapping_of_users() -> None:
    """Of the contract, for a whole account."""
    mapped = compile_mapping(USER_ROWS, "user").evaluate(
        {
            "username": "mei",
            "displayName": "Mei Wang",
            "email": "mei@example.com",
            "phoneRegion": "86",
            "phoneNumber": "13800000001",
        }
    )
    assert {name: value.values for name, value in mapped.items()} == {
        "uid": (b"mei",),
        "cn": (b"Mei Wang",),
        "sn": (b"Mei Wang",),
        "displayName": (b"Mei Wang",),
        "mail": (b"mei@example.com",),
        "mobile": (b"+8613800000001",),
        "description": (),
    }


def test_the_default_mapping_falls_back_to_the_user_name() -> None:
    """Cn and sn are required: they take what there is; a missing number gives no lone plus sign."""
    mapped = compile_mapping(USER_ROWS, "user").evaluate({"username": "mei", "displayName": "", "phoneNumber": None})
    assert {name for name, value in mapped.items() if value.values} == {"uid", "cn", "sn"}


def test_the_default_mapping_of_organizations() -> None:
    """Of the contract."""
    rows = [
        MappingRow("ou", field="organization.organizationalUnitName"),
        MappingRow("description", field="organization.description"),
    ]
    mapped = compile_mapping(rows, "organization").evaluate({"organizationalUnitName": "R&D", "description": "研发"})
    assert {name: value.values for name, value in mapped.items()} == {
        "ou": (b"R&D",),
        "description": ("研发".encode(),),
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mei", (b"mei",)),
        ("王", (b"\xe7\x8e\x8b",)),
        (None, ()),
        ("", ()),
        ([], ()),
        (0, (b"0",)),
        (1_700_000_000_000, (b"1700000000000",)),
        (2.0, (b"2",)),
        (1.5, (b"1.5",)),
        (True, (b"TRUE",)),
        (False, (b"FALSE",)),
        (["b", "a"], (b"b", b"a")),
        (["a", "A", "a"], (b"a", b"A")),
        (["a", None, "", 1, True], (b"a", b"1", b"TRUE")),
    ],
)
def test_a_value_becomes_octets(value: Json, expected: tuple[bytes, ...]) -> None:
    """Lists are multi-valued, nothing is no value, repetitions by octets are dropped, the order is kept."""
    assert values(MappingRow("description", field="user.x"), {"x": value}) == expected


def test_an_absent_field_has_no_value() -> None:
    """So the attribute is removed."""
    assert values(MappingRow("description", field="user.x"), {}) == ()


@pytest.mark.parametrize(
    ("constant", "expected"),
    [("staff", (b"staff",)), (("a", "b", "a"), (b"a", b"b")), (True, (b"TRUE",)), (7, (b"7",)), ("", ()), ((), ())],
)
def test_a_constant_is_the_same_for_all(
    constant: str | bool | int | tuple[str, ...],  # noqa: FBT001 - a constant may be one
    expected: tuple[bytes, ...],
) -> None:
    """One value or several."""
    assert values(MappingRow("employeeType", constant=constant), {}) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (MappingRow("mail", field="user.x"), "mail: an object cannot be an attribute's value"),
        (MappingRow("mail", field="user.list"), "mail: an array cannot be an attribute's value"),
        (MappingRow("mail", expression="ToLower(user.x)"), "mail: ToLower: an object is not text"),
        (MappingRow("mail", field="user.half"), "mail: the text is not Unicode"),
        (MappingRow("jpegPhoto", field="user.half"), "jpegPhoto: the text is not Base64"),
    ],
)
def test_a_value_that_is_none_is_permanent(row: MappingRow, message: str) -> None:
    """It can never succeed; the detail names the attribute."""
    with pytest.raises(Permanent, match=message) as raised:
        values(row, {"x": {"a": 1}, "list": [["a"]], "half": "\ud800"})
    assert raised.value.reason is DeadLetterReason.EXPRESSION_FAILED


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (MappingRow("mail", field="user.email"), "field user.email"),
        (MappingRow("mail", expression="ToLower(user.email)"), "expression ToLower(user.email)"),
        (MappingRow("mail", constant="m@example.com"), "constant"),
    ],
)
def test_a_value_tells_its_reason(row: MappingRow, reason: str) -> None:
    """People ask why an attribute has its value."""
    mapped = compile_mapping([row], "user").evaluate({"email": "m@example.com"})
    assert mapped == {"mail": MappedValue((b"m@example.com",), reason)}


def test_octets_can_be_mapped() -> None:
    """From Base64, as a record has them."""
    assert values(MappingRow("jpegPhoto", field="user.photo"), {"photo": "/9j/4A=="}) == (b"\xff\xd8\xff\xe0",)


def test_the_path_can_be_mapped() -> None:
    """Several values from the top down; where it is not known, the row is left out."""
    rows = [MappingRow("ou", field="organization.name"), MappingRow("description", field="organization.path")]
    mapping = compile_mapping(rows, "organization")
    assert mapping.evaluate({}, ["R&D", None, "研发"])["description"].values == (b"R&D", "研发".encode())
    assert list(mapping.evaluate({})) == ["ou"]


def test_custom_fields_can_be_mapped() -> None:
    """By name, as in an expression."""
    row = MappingRow("title", field="user.customFieldMap.level.fieldValue")
    assert values(row, {"customFields": [{"fieldName": "level", "fieldValue": "P7"}]}) == (b"P7",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (MappingRow("mail"), "exactly one of field, constant and expression is needed"),
        (MappingRow("mail", field="user.a", constant="b"), "exactly one of"),
        (MappingRow("mail", field="user.a", expression="user.b"), "exactly one of"),
        (MappingRow("", field="user.a"), "'' is not the name of an attribute"),
        (MappingRow("e mail", field="user.a"), "is not the name of an attribute"),
        (MappingRow("userPassword", field="user.a"), "cannot be mapped: passwords are written by"),
        (MappingRow("USERPASSWORD", constant="x"), "cannot be mapped: passwords are written by"),
        (MappingRow("userPassword;x-a", constant="x"), "cannot be mapped: passwords are written by"),
        (MappingRow("2.5.4.35", constant="x"), "cannot be mapped: passwords are written by"),
        (MappingRow("objectClass", constant="x"), "cannot be mapped: object classes are written by"),
        (MappingRow("mail", field="user.password"), "'password' is a secret"),
        (MappingRow("mail", expression="Append(user.password)"), "'password' is a secret"),
        (MappingRow("mail", field="user"), "'user' is not a field"),
        (MappingRow("mail", field="user.a || true"), "is not a field"),
        (MappingRow("mail", field="organization.name"), "there is no 'organization' here"),
        (MappingRow("mail", expression="Coalesce(user.a"), "line 1, column 16: the expression ends too early"),
        (MappingRow("mail", constant=("a", {"b": 1})), "an object cannot be an attribute's value"),  # type: ignore[arg-type]
        (MappingRow("uid", field="user.a", identifier=True, on_create=True), "an identifier is written always"),
        (MappingRow("userCertificate", field="user.a"), "write userCertificate;binary"),
        (MappingRow("jpegPhoto", constant="mei"), "the text is not Base64"),
        (MappingRow("jpegPhoto", field="user.a", identifier=True), "choose another attribute as identifier"),
    ],
)
def test_a_wrong_row_is_a_problem(row: MappingRow, message: str) -> None:
    """Each says what is wrong."""
    [(index, found)] = problems(row)
    assert index == 0
    assert message in found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mail", "Mail"),
        ("cn", "commonName"),
        ("uid", "0.9.2342.19200300.100.1.1"),
        ("cn;lang-zh", "commonName;LANG-ZH"),
        ("cn;lang-zh;lang-en", "cn;lang-en;lang-zh"),
    ],
)
def test_an_attribute_has_one_row(one: str, other: str) -> None:
    """Also under another of its names."""
    [(index, message)] = problems(MappingRow(one, constant="a"), MappingRow(other, constant="b"))
    assert (index, message) == (1, f"{other} has a row already ({one}): keep one of them")


def test_options_make_another_attribute() -> None:
    """`cn` and `cn;lang-zh` each have a row."""
    rows = [MappingRow("cn", constant="Mei"), MappingRow("cn;lang-zh", constant="梅")]
    assert set(compile_mapping(rows, "user").evaluate({})) == {"cn", "cn;lang-zh"}


def test_there_is_one_identifier() -> None:
    """Entries are adopted by one attribute."""
    [(index, message)] = problems(
        MappingRow("uid", field="user.a", identifier=True), MappingRow("mail", field="user.b", identifier=True)
    )
    assert (index, message) == (1, "uid is the identifier already: keep one of them")


def test_organizations_have_no_identifier() -> None:
    """They are adopted by their name alone."""
    assert problems(MappingRow("ou", field="organization.a", identifier=True), root="organization") == [
        (0, "identifier is for users only: remove it")
    ]


def test_all_problems_are_reported_at_once() -> None:
    """By row, the good ones between them left out."""
    found = problems(
        MappingRow("uid"),
        MappingRow("cn", field="user.displayName"),
        MappingRow("CN", expression="user."),
        MappingRow("userPassword", constant="x"),
    )
    assert [index for index, _ in found] == [0, 2, 2, 3]


def test_a_mistake_keeps_its_place() -> None:
    """The configuration's report shows it in the file."""
    with pytest.raises(InvalidMapping) as raised:
        compile_mapping([MappingRow("cn", expression="user.a = 1"), MappingRow("sn")], "user")
    assert [problem.mistake and problem.mistake.column for problem in raised.value.problems] == [8, None]


def test_the_error_counts_rows_from_one() -> None:
    """As people do."""
    with pytest.raises(InvalidMapping, match=r"^row 2: exactly one of"):
        compile_mapping([MappingRow("uid", constant="a"), MappingRow("cn")], "user")


def test_the_identifier_is_known() -> None:
    """Locating needs its attribute."""
    assert compile_mapping(USER_ROWS, "user").identifier == "uid"


def test_there_may_be_no_identifier() -> None:
    """It is a choice."""
    assert compile_mapping([MappingRow("uid", constant="a")], "user").identifier is None


def test_the_fields_of_all_rows_are_known() -> None:
    """Checks need to know what is read."""
    rows = [
        MappingRow("uid", field="user.username"),
        MappingRow("cn", expression="Coalesce(user.displayName, user.username)"),
        MappingRow("l", constant="x"),
    ]
    assert compile_mapping(rows, "user").fields == {"user.username", "user.displayName"}
