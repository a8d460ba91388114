"""IDaaS's expression language: what it gives, and what is said about mistakes."""

import pytest

from processors.expressions import EvaluationError, ExpressionError, compile_expression
from schemas.events import Json

USER: Json = {
    "username": "mei",
    "displayName": "",
    "email": None,
    "phoneRegion": "86",
    "phoneNumber": "13800000001",
    "updateTime": 1_700_000_000_000,
    "emailVerified": True,
    "weight": 2.0,
    "height": 1.75,
    "customFields": [
        {"fieldName": "level", "fieldValue": "P7"},
        {"fieldName": "tags", "fieldValue": ["a", "b"]},
        "not a field",
        {"fieldValue": "no name"},
    ],
    "groups": [{"groupId": "g1", "groupName": "rd"}, {"groupId": "g2", "groupName": "ops"}],
    "emptyArray": [],
    "mixed": ["a", None, "", 1, True],
    "half": "\ud800",
}


def evaluate(text: str) -> Json:
    """Work out an expression for the account above."""
    return compile_expression(text).evaluate({"user": USER})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # literals
        ('"a b"', "a b"),
        ("'it\"s'", 'it"s'),
        (r'"\"\\\/\n\t\r\b\f\'"', "\"\\/\n\t\r\b\f'"),
        (r'"\u738b\ud83d\ude00"', "王😀"),
        ("1", 1),
        ("-1.5", -1.5),
        ("1234567890123456", 1_234_567_890_123_456),
        ("true", True),
        ("false", False),
        ("null", None),
        # fields
        ("user.username", "mei"),
        ("idpUser.username", "mei"),
        ("idpuser.username", "mei"),
        ("user.unknown", None),
        ("user.unknown.deeper", None),
        ("user.email.deeper", None),
        ("(user).username", "mei"),
        ("Coalesce(user.unknown, user).username", "mei"),
        ("organization.organizationalUnitName", None),
        # custom fields
        ("user.customFieldMap.level.fieldValue", "P7"),
        ("user.customFieldMap.level.fieldName", "level"),
        ("user.customFieldMap.tags.fieldValue", ["a", "b"]),
        ("user.customFieldMap.unknown.fieldValue", None),
        ("organization.customFieldMap.level.fieldValue", None),
        # comparisons
        ('user.username == "mei"', True),
        ('user.username != "mei"', False),
        ("1 == 1.0", True),
        ('1 == "1"', False),
        ("1 == true", False),
        ("0 == false", False),
        ("user.unknown == null", True),
        ('user.customFieldMap.tags.fieldValue == Split("a,b", ",")', True),
        ('user.customFieldMap.tags.fieldValue == Split("a", ",")', False),
        ("user.groups == ArrayMap(user.groups, __item)", True),
        ("user.customFieldMap.level == user.customFieldMap.level", True),
        ("user.customFieldMap.level == user.customFieldMap.tags", False),
        ("user.customFieldMap.level == user.customFieldMap", False),
        # logic
        ("true && false", False),
        ("true && true && true", True),
        ("false || false || true", True),
        ("!false", True),
        ("!!true", True),
        ("!null", True),
        ("null || null", False),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("!true == false", True),
        # Append
        ('Append("+", user.phoneRegion, user.phoneNumber)', "+8613800000001"),
        ('Append(user.updateTime, "/", user.weight, "/", user.height, "/", user.emailVerified, false)',
         "1700000000000/2/1.75/truefalse"),
        # arrays
        ('ArrayJoin(ArrayMap(user.groups, __item.groupName), ",")', "rd,ops"),
        ('ArrayJoin(user.mixed, "-")', "a-1-true"),
        ("ArrayMap(user.groups, Append(user.username, __item.groupId))", ["meig1", "meig2"]),
        ('ArrayMap(Split("a,b", ","), ArrayMap(Split("1,2", ","), __item))', [["1", "2"], ["1", "2"]]),
        ('ArrayMap(Split("a,b", ","), Append(ArrayJoin(ArrayMap(Split("1,2", ","), __item), ""), __item))',
         ["12a", "12b"]),
        # layout
        (" \n Coalesce(\n  user.email,\n  user.username\n)\n", "mei"),
    ],
)  # fmt: skip
def test_gives(text: str, expected: Json) -> None:
    """Each function and operator, with the values that are absent, empty or of another type."""
    result = evaluate(text)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    "text",
    [
        'Coalesce("x", Replace("a", "", ""))',
        'IIF(true, "x", Replace("a", "", ""))',
        'IIF(false, Replace("a", "", ""), "x")',
        "true || IsNull(Replace('a', '', ''))",
        "false && IsNull(Replace('a', '', ''))",
    ],
)
def test_what_is_not_needed_is_not_evaluated(text: str) -> None:
    """An error in the part that is left alone does not happen."""
    assert evaluate(text) in {"x", True, False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Append(user.groups)", "Append: an array is not text"),
        ("ToLower(user)", "ToLower: an object is not text"),
        ("user.groups.groupName", "an array has no member 'groupName'"),
        ("!user.updateTime", "a number is not a condition"),
        ("ArrayMap(user, __item)", "ArrayMap: an object is not an array"),
        ('ArrayJoin(user.groups, ",")', "ArrayJoin: an object is not text"),
        ("ObjectToJsonString(user.half)", "ObjectToJsonString: it cannot be written as JSON"),
    ],
)
def test_a_wrong_type_is_an_error(text: str, message: str) -> None:
    """It names the function and the types."""
    with pytest.raises(EvaluationError, match=message):
        evaluate(text)


def test_an_evaluation_error_holds_no_value() -> None:
    """Errors go to logs and dead letters, and values may be personal."""
    with pytest.raises(EvaluationError) as raised:
        evaluate("user.username.x")
    assert "mei" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        ("  \n ", 1, 1, "empty"),
        ("Coalesse(user.a)", 1, 1, "did you mean Coalesce?"),
        ("coalesce(user.a)", 1, 1, "did you mean Coalesce?"),
        ("COALESCE(user.a)", 1, 1, "did you mean Coalesce?"),
        ("Xyz(user.a)", 1, 1, "there are Append, ArrayJoin"),
        ("Append", 1, 1, r"Append is a function: Append\(a, …\)"),
        ("IIF(true, 1)", 1, 1, r"IIF\(condition, then, else\) got 2 arguments"),
        ("IsNull(1, 2)", 1, 1, r"IsNull\(value\) got 2 arguments"),
        ("Append()", 1, 1, "got 0 arguments"),
        ('Join("a")', 1, 1, "got 1 argument$"),
        ("username", 1, 1, "there is no 'username' here: fields begin with user. or organization."),
        ("Append(\n  user.a,\n  foo.b\n)", 3, 3, "there is no 'foo' here"),
        ("__item.x", 1, 1, "within ArrayMap only"),
        ("Append(ArrayMap(user.a, __item), __item)", 1, 34, "within ArrayMap only"),
        ("null.x", 1, 6, "null has no members"),
        ("organization.path.name", 1, 19, "organization.path is an array of names: use ArrayJoin"),
        ("Append(", 1, 8, "ends too early: '\\)' or a value was expected"),
        ("Append(user.a\n", 2, 1, "ends too early: ','|ends too early: '\\)'"),
        ("user.", 1, 6, "ends too early: a name was expected"),
        ("user..a", 1, 6, "unexpected '.': a name was expected"),
        ("user.a)", 1, 7, "unexpected '\\)': the end was expected"),
        ("user.a user.b", 1, 8, "unexpected 'user': .*an operator or the end was expected"),
        ("user.a == 1 == 2", 1, 13, "unexpected '=='"),
        ("Append(,)", 1, 8, "unexpected ','"),
        ("user.a = 1", 1, 8, "compare with '=='"),
        ("user.a & true", 1, 8, "'and' is '&&'"),
        ("user.a | true", 1, 8, "'or' is '||'"),
        ("user.a + 1", 1, 8, "Append"),
        ("user.a[0]", 1, 7, "no brackets"),
        ('Append("a, user.a)', 1, 8, "no closing quotation mark"),
        ("Append('a, user.a)", 1, 8, "no closing quotation mark"),
        ("user.a #", 1, 8, "unexpected '#'"),
        (r'Append("ab\q")', 1, 11, r"\\q stands for nothing"),
        (r'"\ud800"', 1, 1, "half a surrogate pair"),
        ("12345678901234567", 1, 1, "at most 16"),
        ("user.password", 1, 6, "'password' is a secret"),
        ("idpUser.password", 1, 9, "'password' is a secret"),
        ("(user).password", 1, 8, "'password' is a secret"),
        ("Coalesce(user, 1).password", 1, 19, "'password' is a secret"),
        ("user.customFieldMap.Password.fieldValue", 1, 21, "'Password' is a secret"),
        ("ArrayMap(user.groups, __item.secret)", 1, 30, "'secret' is a secret"),
    ],
)
def test_a_mistake_is_reported_with_its_place(text: str, line: int, column: int, message: str) -> None:
    """Each says what is wrong, where, and where possible what would be right."""
    with pytest.raises(ExpressionError, match=message) as raised:
        compile_expression(text)
    assert (raised.value.line, raised.value.column) == (line, column)


def test_the_place_is_in_the_text_of_the_error() -> None:
    """People read it in the report about the configuration."""
    with pytest.raises(ExpressionError, match=r"^line 1, column 8: "):
        compile_expression("user.a = 1")


def test_the_other_root_is_unknown_where_only_one_is_allowed() -> None:
    """A mapping for users cannot read organizations."""
    with pytest.raises(ExpressionError, match=r"no 'organization' here: fields begin with user\.$"):
        compile_expression("organization.name", root="user")


PATH: dict[str, Json] = {"organization": {"path": "theirs"}, "organization.path": ["R&D", None, "研发"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("organization.path", ["R&D", None, "研发"]),
        ('ArrayJoin(organization.path, "/")', "R&D/研发"),
        ("ArrayMap(organization.path, ToLower(__item))", ["r&d", None, "研发"]),
    ],
)
def test_the_path_is_an_array_of_names(text: str, expected: Json) -> None:
    """It is ours, whatever a record calls so."""
    assert compile_expression(text).evaluate(PATH) == expected


def test_accounts_have_no_path() -> None:
    """`user.path` is a field like any other."""
    assert compile_expression("user.path").evaluate({"user": {"path": "x"}, **PATH}) == "x"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("ArrayJoin(organization.path, '/')", {"organization.path"}),
        ("Append(user.a, idpUser.b.c, 'x')", {"user.a", "user.b.c"}),
        ("user.customFieldMap.level.fieldValue", {"user.customFieldMap.level.fieldValue"}),
        ("ArrayMap(user.groups, __item.groupName)", {"user.groups"}),
        ("ObjectToJsonString(user)", {"user"}),
        ("IIF(IsNull(organization.a), null, true)", {"organization.a"}),
    ],
)
def test_fields_are_known_without_evaluating(text: str, fields: set[str]) -> None:
    """Checks need to know what is read."""
    assert compile_expression(text).fields == fields


def nest(levels: int) -> str:
    """An expression with so many functions in one another, and a literal."""
    return "Trim(" * levels + '"x"' + ")" * levels


DEEP = {
    "functions": nest(50),
    "negations": "!" * 4000 + "true",
    "parentheses": "(" * 60 + "!" * 60 + "true" + ")" * 60,
    "members": "(" * 60 + "user" + ").a" * 60,
    "conditions": "(true && " * 60 + "true" + ")" * 60,
    "arrays": "ArrayMap(" * 60 + "user.a" + ", 1)" * 60,
    "bodies": "ArrayMap(user.a, " * 60 + "1" + ")" * 60,
}


def test_depth_is_allowed_up_to_the_limit() -> None:
    """49 functions and a literal are 50 levels."""
    assert evaluate(nest(49)) == "x"


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_depth_is_bounded(text: str) -> None:
    """No configuration can exhaust the stack."""
    with pytest.raises(ExpressionError, match="more than 50 levels"):
        compile_expression(text)


def test_length_is_allowed_up_to_the_limit() -> None:
    """4096 characters are allowed."""
    assert len(str(evaluate(f'"{"x" * 4094}"'))) == 4094


def test_length_is_bounded() -> None:
    """One more is refused before it is read."""
    with pytest.raises(ExpressionError, match=r"^line 1, column 4097: an expression has at most 4096 characters"):
        compile_expression(f'"{"x" * 4095}"')


@pytest.mark.parametrize(
    "text",
    [
        "user.long",
        "ArrayMap(user.array, __item)",
        "Append(user.half, user.half, user.half)",
        "IsNull(Append(user.half, user.half, user.half))",
        'IsNull(Join("a", "b", "c", "d", user.half))',
        "IsNull(ArrayJoin(user.array, user.half))",
        'IsNull(Replace(user.half, "x", user.half))',
        "ObjectToJsonString(user.array)",
        "user",
    ],
)
def test_a_result_is_bounded(text: str) -> None:
    """524288 characters; those that multiply are stopped before the text is made."""
    record: Json = {"long": "x" * 524_289, "half": "x" * 200_000, "array": ["x" * 200_000] * 3}
    with pytest.raises(EvaluationError, match="more than 524288 characters"):
        compile_expression(text).evaluate({"user": record})


def test_a_result_may_have_the_greatest_size() -> None:
    """The limit itself is allowed."""
    assert compile_expression("user.long").evaluate({"user": {"long": "x" * 524_288}}) == "x" * 524_288


@pytest.mark.parametrize(
    "text",
    ["user.long", "ArrayMap(user.long, 1)", 'IsNull(ArrayJoin(user.long, ","))', "IsNull(Split(user.text, ','))"],
)
def test_an_array_is_bounded(text: str) -> None:
    """10000 items, as a result and on the way to one."""
    record: Json = {"long": [None] * 10_001, "text": "," * 10_000}
    with pytest.raises(EvaluationError, match="more than 10000 items"):
        compile_expression(text).evaluate({"user": record})


def test_an_array_may_have_the_greatest_length() -> None:
    """The limit itself is allowed."""
    record: Json = {"array": [1] * 10_000}
    assert compile_expression("ArrayMap(user.array, __item)").evaluate({"user": record}) == [1] * 10_000


@pytest.mark.parametrize(
    "text",
    [
        "ArrayMap(user.a, ArrayMap(user.a, ArrayMap(user.a, null)))",
        "ArrayMap(user.a, IsNull(Append(user.long)))",
        "ArrayMap(user.a, IsNull(user.customFieldMap))",
    ],
)
def test_work_is_bounded(text: str) -> None:
    """What is done for each item of a long array ends with an error, not after a year."""
    record: Json = {"a": [None] * 2000, "long": "x" * 10_000, "customFields": [None] * 10_000}
    with pytest.raises(EvaluationError, match="too large"):
        compile_expression(text).evaluate({"user": record})


def test_a_record_that_is_nested_too_deeply_is_an_error() -> None:
    """It fails this record, not the worker."""
    record: Json = None
    for _ in range(5000):
        record = [record]
    with pytest.raises(EvaluationError, match="nested too deeply"):
        compile_expression("user.x").evaluate({"user": {"x": record}})
