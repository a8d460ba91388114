"""What the sieve recognizes, the full comparison finds the same; and so do the short ways that it is made of."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from ldap_sink.drift import DriftFinder
from processors.expressions import EvaluationError, compile_expression
from processors.expressions.plain import compile_plain
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import RDN
from schemas.errors import InvalidEvent, LdapflowError
from schemas.events import Json, Kind
from schemas.jobs import EntryState
from schemas.records import record_of
from schemas.states import Binding, PasswordNote, PasswordStatus, State, Status
from streams.verification.yardstick import Yardstick
from tests.properties.test_expressions import EXPRESSIONS, RECORDS
from tests.support.schema import small_schema
from tests.support.sieving import TARGET, TARGET_DN, UNIT_RULES, Scene, uuid_of
from tests.support.wire_entries import search_entry

ODDLY = st.integers(0, 7).map(lambda number: number in {3, 5})  # else as it usually is
NAMES = st.sampled_from(
    ["mei", "Mei", "mei ", " mei", "me#i", "#mei", "me,i", "me+i", "王", "\u0131", "\xa0", "", "m" * 130]
)
TEXTS = NAMES | st.sampled_from(["a", "A", "b", "a\n"]) | st.text(max_size=5)
VALUES = st.none() | st.booleans() | st.integers(-3, 2**63 - 1) | TEXTS | st.lists(TEXTS, max_size=2)
SOURCES = st.sampled_from(
    (
        *(
            "user.a",
            "user.b",
            "user.username",
            "user.status",
            "user.createTime",
            "user.emailVerified",
            "user.lastUpdatedTime",
        ),
        *("Coalesce(user.a, user.b)", 'IIF(IsNull(user.a), null, Append("+", user.a, user.b))', "ToLower(user.a)"),
        *("user.customFieldMap.x.fieldValue", "ArrayMap(user.a, __item)", "user.emailVerified == user.a", '"a"', "2"),
    )
)
ATTRIBUTES = ("cn", "sn", "mail", "description", "employeeNumber")
UNITS = st.fixed_dictionaries(
    {"organizationalUnitId": st.sampled_from(["o1", "o2", "o9", 5])},
    optional={"primary": st.none() | st.booleans() | st.just("true"), "name": TEXTS},
)


@st.composite
def rules(draw: st.DrawFn) -> EntryRules:
    """Of accounts, named by the field `username`."""
    rows = [MappingRow("uid", field="user.username")]
    for attribute in ATTRIBUTES[: draw(st.integers(0, len(ATTRIBUTES)))]:
        constant = draw(st.none() | st.just("a") | st.just(("a", "A")))
        on_create = draw(st.integers(0, 9)) == 0
        source = {"expression": draw(SOURCES)} if constant is None else {"constant": constant}
        rows.append(MappingRow(attribute, on_create=on_create, **source))
    identified = draw(st.booleans()) and all(row.attribute != "employeeNumber" for row in rows)
    required = (
        draw(st.frozensets(st.sampled_from(["objectclass", "cn", "sn", "uid"]))) if draw(ODDLY) else frozenset[str]()
    )
    mapping = compile_mapping(rows, "user")
    return EntryRules(
        ("inetOrgPerson",), "uid", mapping, required, "employeeNumber" if identified else None, qualify=identified
    )


@st.composite
def accounts(draw: st.DrawFn, identifier: str) -> dict[str, Any]:
    """Records as the source may send them."""
    document: dict[str, Any] = {
        "userId": identifier,
        "username": draw(NAMES) if draw(ODDLY) else "mei",
        "organizationalUnits": draw(st.lists(UNITS, max_size=3)) if draw(ODDLY) else [{"organizationalUnitId": "o1"}],
    }
    for name in ("createTime", "lastUpdatedTime"):
        if draw(ODDLY):
            document[name] = draw(st.integers(-3, 2**63 - 1) | st.sampled_from(["5", 5.0, None]))
    for name in ("a", "b", "status", "emailVerified", "primaryOrganizationalUnitId"):
        if draw(ODDLY):
            document[name] = draw(TEXTS | VALUES | st.sampled_from(["disabled", "o1", "o2", "5", "true"]))
    if draw(st.booleans()):
        document["customFields"] = [{"fieldName": "x", "fieldValue": draw(VALUES)}]
    return document


@st.composite
def states(draw: st.DrawFn, identifier: str) -> State:
    """Nearly as the worker leaves them."""
    try:
        record = record_of(Kind.ACCOUNT, draw(accounts(identifier)))
    except InvalidEvent:
        record = record_of(Kind.ACCOUNT, {"userId": identifier, "username": "mei"})
    odd = draw(st.integers(0, 9)) if draw(ODDLY) else 0
    dn = f"uid=mei+employeeNumber={identifier},ou=o1" if draw(ODDLY) else "uid=mei,ou=o1"
    binding = Binding(uuid_of(identifier), dn, TARGET.upper() if odd == 1 else TARGET, 5)
    status = draw(st.sampled_from(Status)) if odd == 2 else Status.APPLIED
    password = PasswordNote("t", 0, 5, 5, draw(st.sampled_from(PasswordStatus))) if odd in {3, 4} else None
    state = State(record, 5, 5, 5, status, 5, (1, 9), binding=binding, password=password)
    match odd:
        case 5:
            return replace(state, deleted_at=5)
        case 6:
            return replace(state, record_time=-1)
        case 7:
            return replace(state, binding=replace(binding, target=uuid_of("other")))
    return replace(state, locked=draw(st.booleans()))


@st.composite
def entries(draw: st.DrawFn, rules: EntryRules, state: State, identifier: str) -> bytes:  # noqa: C901 - a case for each fault
    """As they should be, but for one thing."""
    attributes: dict[str, list[bytes]] = {
        "objectClass": [b"inetOrgPerson", b"top"],
        "entryUUID": [uuid_of(identifier).encode()],
    }
    name = "mei"
    if state.record is not None:
        with suppress(LdapflowError):
            wanted = rules.wanted(state.record, None)
            if not state.record.enabled and draw(st.booleans()):
                attributes["pwdAccountLockedTime"] = [b"000001010000Z"]
            attributes |= {key: list(values) for key, values in wanted.attributes.items() if values}
            name = attributes["uid"][0].decode()
    home = draw(st.sampled_from(["OU=o1,", "ou=o2,ou=o1,", "ou=o3,", ""])) if draw(ODDLY) else "ou=o1,"
    dn = f"{RDN.of('uid', name)},{home}{TARGET_DN}"
    match draw(st.integers(0, 7)) if draw(ODDLY) else None:
        case 0:
            attributes[draw(st.sampled_from(ATTRIBUTES))] = draw(
                st.lists(TEXTS.map(str.encode), min_size=1, max_size=2)
            )
        case 1:
            attributes.pop(draw(st.sampled_from(["uid", *ATTRIBUTES])), None)
        case 2:
            attributes["objectClass"] = draw(
                st.sampled_from([[b"top"], [b"person"], [b"INETORGPERSON"], [b"account", b"inetOrgPerson"]])
            )
        case 3:
            attributes = {
                draw(st.sampled_from([str.upper, str.lower]))(key): values for key, values in attributes.items()
            }
        case 4:
            dn = draw(
                st.sampled_from(
                    [
                        dn.upper(),
                        dn.replace("uid", "userid"),
                        "cn=x+" + dn,
                        dn.replace(",", f"+employeeNumber={identifier},", 1),
                        dn.replace("=", " = "),
                        "uid=x," + dn,
                    ]
                )
            )
        case 5:
            attributes["pwdAccountLockedTime"] = [b"000001010000Z"]
        case 6:
            attributes["commonName"] = [b"a"]
        case 7:
            attributes["cn;lang-en"] = [b"a"]
    order = draw(st.permutations(list(attributes.items())))
    return search_entry(dn, order)


@st.composite
def yardsticks(draw: st.DrawFn) -> Yardstick:
    """By which a scene is compared."""
    return Yardstick(
        target_dn=TARGET_DN,
        source_node="ou_root",
        rules={Kind.ACCOUNT: draw(rules()), Kind.ORGANIZATION: UNIT_RULES},
        drifts=DriftFinder(small_schema(), locks=draw(st.booleans())),
        removes_disabled=draw(st.booleans()),
        passwords=draw(st.booleans()),
        attributes=(),
    )


@given(st.data(), yardsticks(), st.integers(1, 3))
def test_the_sieve_changes_no_finding(data: st.DataObject, yardstick: Yardstick, count: int) -> None:
    """With it a comparison ends as without it, whatever the states and the entries."""
    known = {identifier: data.draw(states(identifier)) for identifier in ("a1", "a2", "a3")[:count]}
    rules = yardstick.rules[Kind.ACCOUNT]
    found = [data.draw(entries(rules, state, identifier)) for identifier, state in known.items()]
    scene = Scene(yardstick, known)
    full = scene.compare(found, sieve=False)
    event(f"same: {full[0][Kind.ACCOUNT, EntryState.SAME]}")
    assert scene.compare(found, sieve=True) == full


@given(EXPRESSIONS, RECORDS)
def test_the_short_way_through_an_expression_leads_to_its_value(text: str, record: dict[str, Json]) -> None:
    """Or says that it does not know."""
    plain = compile_plain(text)
    if plain is None or "organization." in text:
        return
    try:
        value = plain(record)
    except EvaluationError:
        return
    found = compile_expression(text).evaluate({"user": record})
    assert (type(value), value) == (type(found), found)
