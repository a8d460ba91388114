"""Expressions, and the rows that hold them, never fail in another way than they promise."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from processors.expressions import ORGANIZATION_PATH, EvaluationError, ExpressionError, compile_expression
from processors.mapping import MappingRow, compile_mapping
from schemas.errors import Permanent
from schemas.events import Json

TEXTS = st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
KEYS = st.sampled_from(["a", "b", "customFields", "fieldName", "fieldValue"])
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(KEYS, VALUES) | st.fixed_dictionaries({"a": VALUES, "b": VALUES})

WORDS = st.sampled_from(
    ("user", "user.a", "user.b.a", "user.customFieldMap.a.fieldValue", "__item", "null", "true", "1", '"x"', "é")
) | st.sampled_from(("Append(", "Join(", "IIF(", "ArrayMap(user.a,", *"().,!=\\\"'\n", "==", "!=", "&&", "||"))
LEAVES = st.sampled_from(
    (
        *("user.a", "idpUser.b", "user", "user.customFieldMap", "user.customFieldMap.a.fieldValue"),
        *(ORGANIZATION_PATH, "organization.a", "null", "true", "0", "1.5", '"x"', '""', '"😀ß"'),
    )
)
PATHS = st.lists(st.none() | TEXTS, max_size=3)


def calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """All functions and operators over smaller expressions."""
    one, two, three = st.tuples(inner), st.tuples(inner, inner), st.tuples(inner, inner, inner)
    return st.one_of(
        st.builds(
            "{}({})".format, st.sampled_from(["IsNull", "ObjectToJsonString", "ToLower", "ToUpper", "Trim"]), inner
        ),
        st.builds(
            lambda name, of: f"{name}({', '.join(of)})", st.sampled_from(["Append", "Coalesce"]), one | two | three
        ),
        st.builds(lambda name, of: f"{name}({', '.join(of)})", st.sampled_from(["Join", "SubString"]), two | three),
        st.builds(lambda name, of: f"{name}({', '.join(of)})", st.sampled_from(["ArrayJoin", "Split"]), two),
        st.builds(lambda name, of: f"{name}({', '.join(of)})", st.sampled_from(["IIF", "Replace"]), three),
        st.builds(lambda array, body: f"ArrayMap({array}, Append(__item, {body}))", inner, inner),
        st.builds(
            lambda one, sign, other: f"({one} {sign} {other})", inner, st.sampled_from(["==", "!=", "&&", "||"]), inner
        ),
        st.builds("!{}".format, inner),
        st.builds("({}).a".format, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, calls, max_leaves=6)


@given(st.text() | st.lists(WORDS).map("".join))
def test_any_text_compiles_or_is_an_expression_error(text: str) -> None:
    """Reading never fails in another way."""
    with suppress(ExpressionError):
        compile_expression(text)


@given(EXPRESSIONS, RECORDS, PATHS)
def test_any_record_gives_a_value_or_an_evaluation_error(
    text: str, record: dict[str, Json], path: list[str | None]
) -> None:
    """Evaluating never fails in another way."""
    expression = compile_expression(text)
    with suppress(EvaluationError):
        expression.evaluate({"user": record, "organization": record, ORGANIZATION_PATH: list(path)})


@given(
    st.sampled_from(["cn", "cn;lang-zh", "jpegPhoto", "userCertificate;binary"]),
    LEAVES | EXPRESSIONS,
    RECORDS,
)
def test_any_row_gives_octets_or_a_dead_letter(attribute: str, text: str, record: dict[str, Json]) -> None:
    """A record that a row cannot work on is Permanent, whatever it holds."""
    row = MappingRow(attribute, expression=text.replace("organization.", "user."))
    mapping = compile_mapping([row], "user")
    with suppress(Permanent):
        values = mapping.evaluate(record)[attribute].values
        assert all(values)
        assert len(set(values)) == len(values)


@given(EXPRESSIONS, RECORDS)
def test_evaluating_leaves_the_record_alone(text: str, record: dict[str, Json]) -> None:
    """The same record gives the same value again."""
    expression = compile_expression(text)
    with suppress(EvaluationError):
        assert expression.evaluate({"user": record}) == expression.evaluate({"user": record})


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_can_be_a_literal(value: str) -> None:
    """What is written with its escapes is read as it was."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert compile_expression(f'"{escaped}"').evaluate({}) == value
