"""How much memory and time a verification takes: a made-up company against entries that are as they should be.

Run from the checkout: `python -m benchmarks.verification [ACCOUNTS]`. No server is needed: messages and entries are
made on the way. A million accounts must fit in a gigabyte.
"""

import resource
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from ldap_sink.subschema import Subschema
from processors.wanted import EntryRules
from schemas.dn import DN, RDN
from schemas.entries import FoundEntry
from schemas.events import Json, Kind, Record
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Received
from streams.settings import Settings, load_settings
from streams.verification.comparison import Comparison
from streams.verification.organizations import read_organizations
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick

ACCOUNTS = 200_000
ORGANIZATIONS = 2_000
PAGE = 1_000
TARGET = "00000000-0000-4000-8000-000000000001"
TIME = 1_700_000_000_000


def account(number: int) -> Record:
    """With what IDaaS says of a person."""
    unit = f"ou_{number % ORGANIZATIONS:06}"
    fields: dict[str, Json] = {
        "userId": f"user_{number:010}",
        "username": f"mei.wang{number}",
        "displayName": f"Mei Wang {number}",
        "email": f"mei.wang{number}@example.com",
        "emailVerified": True,
        "phoneRegion": "86",
        "phoneNumber": f"138{number:08}",
        "status": "enabled",
        "createTime": TIME - number * 31,
        "updateTime": TIME + number * 37,
        "organizationalUnits": [
            {"organizationalUnitId": unit, "organizationalUnitName": f"R&D {unit}", "primary": True}
        ],
        "customFields": [{"fieldName": "level", "fieldValue": str(number % 9)}],
    }
    return record_of(Kind.ACCOUNT, fields)


def organization(number: int) -> Record:
    """All of them stand right below the target."""
    name = f"ou_{number:06}"
    return record_of(
        Kind.ORGANIZATION,
        {"organizationalUnitId": name, "organizationalUnitName": f"R&D {name}", "parentId": "ou_root"},
    )


def dn_of(rules: EntryRules, record: Record, above: DN) -> DN:
    """Where its entry is."""
    return above.child(rules.wanted(record, None).rdn)


class Company:
    """Makes messages and entries that belong together."""

    def __init__(self, settings: Settings, yardstick: Yardstick, accounts: int) -> None:
        self._topics = settings.topics
        self._target = settings.sync.target_dn
        self._rules = yardstick.rules
        self._accounts = accounts

    def messages(self) -> Iterator[Received]:
        """Of both state topics."""
        for record, dn, entry in self._all():
            number = 1 + int(entry[-12:], 16)
            state = State(
                record, TIME, TIME + number, TIME + number, Status.APPLIED, TIME + number, (5, number),
                binding=Binding(entry, str(dn), TARGET, TIME + number),
            )  # fmt: skip
            topic = self._topics.account_states if record.kind is Kind.ACCOUNT else self._topics.organization_states
            yield Received(topic, number % 12, number, TIME, record.id.encode(), encode_state(state))

    def pages(self) -> Iterator[list[FoundEntry]]:
        """Of the directory."""
        page: list[FoundEntry] = []
        for record, dn, entry in self._all():
            wanted = self._rules[record.kind].wanted(record, None)
            attributes = {name.lower(): values for name, values in wanted.attributes.items() if values}
            classes = tuple(name.encode() for name in wanted.object_classes)
            page.append(FoundEntry(dn, entry, b"csn", {**attributes, "objectclass": classes}))
            if len(page) == PAGE:
                yield page
                page = []
        yield page

    def _all(self) -> Iterator[tuple[Record, DN, str]]:
        homes: dict[str, DN] = {}
        for number in range(ORGANIZATIONS):
            record = organization(number)
            homes[record.id] = dn_of(self._rules[record.kind], record, self._target)
            yield record, homes[record.id], str(uuid.UUID(int=(7 << 96) + number))
        for number in range(self._accounts):
            record = account(number)
            home = homes[f"ou_{number % ORGANIZATIONS:06}"]
            yield record, home.child(RDN.of("uid", f"mei.wang{number}")), str(uuid.UUID(int=(9 << 96) + number))


def resident() -> int:
    """Bytes of memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def report(what: str, count: int, before: int, began: float) -> None:
    """Print one line."""
    seconds = time.process_time() - began
    sys.stdout.write(
        f"{what:<12}{resident() >> 20:>6} MiB, {(resident() - before) / count:>6.0f} bytes each,"
        f" {seconds / count * 1e6:>6.1f} us of CPU each (making them included)\n"
    )


def main() -> None:
    """Read a snapshot, and compare it."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    folder = Path(sys.argv[0]).parent
    configuration = folder / "verification.yaml"
    settings = load_settings(configuration, {"LDAP_PASSWORD": "unused"})
    yardstick = Yardstick.of(settings, Subschema.parse((), ()))
    company, count = Company(settings, yardstick, accounts), accounts + ORGANIZATIONS
    before, began = resident(), time.process_time()
    snapshot = Snapshot(settings)
    snapshot.take(company.messages())
    report("snapshot", count, before, began)
    began = time.process_time()
    comparison = Comparison(snapshot, read_organizations(snapshot), yardstick, bytearray(len(snapshot)))
    for page in company.pages():
        comparison.take(page)
    comparison.finish()
    report("compared", count, before, began)
    for (kind, state), number in comparison.findings.report().counts.items():
        if number:
            sys.stdout.write(f"{kind.value} {state.value}: {number:,}\n")


if __name__ == "__main__":
    main()
