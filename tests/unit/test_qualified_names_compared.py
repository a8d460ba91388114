"""What a verification says of an entry whose name is qualified."""

from dataclasses import replace

import pytest

from ldap_sink.drift import DriftFinder
from processors.comparing import Comparer
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import DN
from schemas.entries import FoundEntry
from schemas.events import ROOT_ORGANIZATION, Json, Kind
from schemas.jobs import EntryState
from schemas.records import record_of
from schemas.states import Binding, State, Status
from tests.support.schema import small_schema

ROWS = (MappingRow("cn", field="user.displayName"), MappingRow("uid", field="user.username", identifier=True))
RULES = EntryRules(("inetOrgPerson",), "cn", compile_mapping(ROWS, "user"), qualify=True)
COMPARER = Comparer(
    {Kind.ACCOUNT: RULES},
    tree=lambda _: None,
    drifts=DriftFinder(small_schema(), locks=False),
    source_node=ROOT_ORGANIZATION,
    removes_disabled=False,
)


@pytest.mark.parametrize(
    ("rdn", "name", "expected"),
    [
        ("cn=王伟+uid=wangwei2", "王伟", EntryState.SAME),
        ("cn=王伟", "王伟", EntryState.SAME),
        ("cn=王伟+uid=wangwei2", "王芳", EntryState.MISPLACED),
        ("cn=王伟+uid=wangwei", "王伟", EntryState.MISPLACED),
    ],
)
def test_a_qualified_name_is_right_as_long_as_it_is_the_same_name(rdn: str, name: str, expected: EntryState) -> None:
    """As the worker sees it, which would write nothing, or rename."""
    document: dict[str, Json] = {
        "userId": "a2",
        "username": "wangwei2",
        "displayName": name,
        "organizationalUnits": [{"organizationalUnitId": ROOT_ORGANIZATION, "primary": True}],
    }
    dn = f"{rdn},dc=example"
    attributes = {"objectclass": (b"inetOrgPerson",), "cn": ("王伟".encode(),), "uid": (b"wangwei2",)}
    found = FoundEntry(DN.parse(dn), "e", b"csn", attributes)
    state = State(record_of(Kind.ACCOUNT, document), 1, 1, 1, Status.APPLIED, 1, (1, 1))
    bound = replace(state, binding=Binding("e", dn, "t", 1))
    assert COMPARER.compare(Kind.ACCOUNT, "a2", bound, found).state is expected
