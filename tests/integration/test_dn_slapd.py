"""Distinguished names as slapd reads, writes and compares them."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ldap3 import BASE, SAFE_SYNC, Connection, Server
from ldap3.core.results import RESULT_ENTRY_ALREADY_EXISTS, RESULT_SUCCESS

from schemas.dn import DN, RDN
from streams.sandbox.slapd import Slapd

TARGET = DN.parse(Slapd.target_dn)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALUES = st.text(min_size=1, max_size=40) | st.text(alphabet=' #,+"\\<>;=\0aAéÉ', min_size=1, max_size=8)
ALIKE = st.text(
    alphabet="aA \t\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}ßẞsSΣσςéÉe\u0301\N{LATIN SMALL LIGATURE FI}fiİıiK\N{KELVIN SIGN}™TMtm王",  # noqa: E501, RUF001 - letters that are alike
    max_size=4,
)


@pytest.fixture(scope="module")
def connection(slapd: Slapd) -> Iterator[Connection]:
    """A connection that neither checks nor rewrites what it is given."""
    connection = Connection(
        Server(slapd.uri), slapd.admin_dn, slapd.admin_password, client_strategy=SAFE_SYNC, check_names=False
    )
    connection.bind()
    yield connection
    connection.unbind()


def add(connection: Connection, name: DN) -> int:
    """Add an organizational unit and return the result code."""
    values = [ava.octets for ava in name.rdn.avas]
    _, result, _, _ = connection.add(  # type: ignore[no-untyped-call]
        str(name), "organizationalUnit", {"ou": values}
    )
    code: int = result["result"]
    return code


@FEW
@given(VALUES)
@example(",")
@example(" a ")
@example("#04")
@example("a\0b")
@example("\\2C")
@example("\ta\n")
def test_a_name_comes_back_from_slapd(connection: Connection, value: str) -> None:
    """An entry named by any text is answered under a DN that is read as the same text."""
    name = TARGET.child(RDN.of("ou", value))
    assert add(connection, name) == RESULT_SUCCESS
    try:
        _, _, response, _ = connection.search(str(name), "(objectClass=*)", BASE)
        assert DN.parse(response[0]["raw_dn"].decode()) == name
    finally:
        connection.delete(str(name))  # type: ignore[no-untyped-call]


@FEW
@given(ALIKE, ALIKE)
@example("straße", "strasse")
@example("ΑΣ", "ας")
@example("a\tb", "a b")
@example("a  b", "A b")
def test_names_match_exactly_if_slapd_says_so(connection: Connection, one: str, other: str) -> None:
    """A second entry is refused if and only if its name matches the first one's."""
    first, second = (TARGET.child(RDN.of("ou", f"x{value}")) for value in (one, other))
    assert add(connection, first) == RESULT_SUCCESS
    try:
        code = add(connection, second)
        assert code == (RESULT_ENTRY_ALREADY_EXISTS if first.matches(second) else RESULT_SUCCESS)
    finally:
        connection.delete(str(second))  # type: ignore[no-untyped-call]
        connection.delete(str(first))  # type: ignore[no-untyped-call]
