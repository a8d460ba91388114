"""A small tree and its states, for comparing one account with an entry as it came, with the sieve and without."""

import tempfile
import uuid
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ldap_sink.reading import read_found
from processors.mapping import MappingRow, compile_mapping
from processors.wanted import EntryRules
from schemas.dn import DN, RDN
from schemas.events import Json, Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Received
from streams.settings import Settings, load_settings
from streams.verification.comparison import Comparison
from streams.verification.organizations import read_organizations
from streams.verification.sieve import Sieve
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick
from tests.support.wire_entries import search_entry

TARGET = "00000000-0000-4000-8000-000000000001"
TARGET_DN = DN.parse("ou=company,dc=example,dc=com")
UNIT_RULES = EntryRules(
    ("organizationalUnit",),
    "ou",
    compile_mapping([MappingRow("ou", field="organization.organizationalUnitName")], "organization"),
)
_CONFIGURATION = f"""\
connection: {{server: "ldap://127.0.0.1:1", admin_dn: "cn=admin,dc=example,dc=com", admin_password: "${{PASSWORD}}"}}
sync: {{target_dn: "{TARGET_DN}", target_entry_uuid: {TARGET}}}
"""


class Scene:
    """Organizations with entries, and some accounts."""

    def __init__(self, yardstick: Yardstick, states: Mapping[str, State]) -> None:
        self.snapshot = Snapshot(settings())
        self._yardstick = yardstick
        self._sieve: Sieve | None = None
        parents = {"o1": "ou_root", "o2": "o1", "o3": "ou_root"}
        self.entries: list[bytes] = []
        dns = {"ou_root": TARGET_DN}
        for identifier, parent in parents.items():
            dn = dns[identifier] = dns[parent].child(RDN.of("ou", identifier))
            fields: dict[str, Json] = {
                "organizationalUnitId": identifier,
                "organizationalUnitName": identifier,
                "parentId": parent,
            }
            binding = Binding(uuid_of(identifier), str(dn), TARGET, 5)
            made = State(record_of(Kind.ORGANIZATION, fields), 5, 5, 5, Status.APPLIED, 5, (1, 1), binding=binding)
            self.take("ldapflow.organizations", identifier, made)
            attributes = {
                "ou": [identifier.encode()],
                "objectClass": [b"organizationalUnit"],
                "entryUUID": [uuid_of(identifier).encode()],
            }
            self.entries.append(search_entry(str(dn), attributes.items()))
        for identifier, state in states.items():
            self.take("ldapflow.accounts", identifier, state)

    def take(self, topic: str, identifier: str, state: State) -> None:
        """Take a state."""
        self.snapshot.take([Received(topic, 0, 0, 0, identifier.encode(), encode_state(state))])

    def compare(self, entries: Iterable[bytes], *, sieve: bool) -> tuple[Any, ...]:
        """All that a run keeps of a comparison."""
        made = Comparison(
            self.snapshot, read_organizations(self.snapshot), self._yardstick, bytearray(len(self.snapshot))
        )
        contents = [*self.entries, *entries]
        if sieve:
            made.take_octets(contents)
        else:
            found = (read_found(content, TARGET_DN) for content in contents)
            made.take([one for one in found if one is not None])
        made.finish()
        report = made.findings.report()
        return report.counts, report.differences, made.matched

    def recognizes(self, entry: bytes) -> bool:
        """Whether the sieve does, which remembers what it met before."""
        if self._sieve is None:
            self._sieve = Sieve(self.snapshot, read_organizations(self.snapshot), self._yardstick, lambda _: 0)
        return self._sieve.recognize(entry) is not None


@cache
def settings() -> Settings:
    """With nothing of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ldapflow.yaml")
        path.write_text(_CONFIGURATION)
        return load_settings(path, {"PASSWORD": "none"})


def uuid_of(name: str) -> str:
    """The entryUUID of the entry that was made for somebody."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
