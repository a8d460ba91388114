"""A made-up company: what the state topics say of it, and its entries as they should be."""

import uuid
from collections.abc import Iterator
from typing import Final

from processors.wanted import EntryRules
from schemas.dn import DN, RDN
from schemas.entries import FoundEntry
from schemas.events import Json, Kind, Record
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Received
from streams.settings import Settings
from streams.verification.yardstick import Yardstick

ORGANIZATIONS: Final = 2_000
PAGE: Final = 1_000
TIME: Final = 1_700_000_000_000


def account(number: int, organizations: int = ORGANIZATIONS) -> Record:
    """With what IDaaS says of a person, who is in one of so many organizations."""
    unit = f"ou_{number % organizations:06}"
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
    """Makes messages and entries that belong together.

    Args:
        settings: with the target's entryUUID.
        yardstick: by which entries are made.
        accounts: how many.
        organizations: how many there are besides.

    Attributes:
        accounts: how many.
        organizations: how many.
    """

    def __init__(
        self, settings: Settings, yardstick: Yardstick, accounts: int, organizations: int = ORGANIZATIONS
    ) -> None:
        self.accounts, self.organizations = accounts, organizations
        self._topics = settings.topics
        self._target = settings.sync.target_dn
        self._target_uuid = str(settings.sync.target_entry_uuid)
        self._rules = yardstick.rules

    def account(self, number: int) -> Record:
        """One of its accounts."""
        return account(number, self.organizations)

    def home(self, number: int) -> DN:
        """Below which an account stands."""
        record = organization(number % self.organizations)
        return dn_of(self._rules[record.kind], record, self._target)

    def dn(self, number: int) -> DN:
        """Where an account stands."""
        return self.home(number).child(RDN.of("uid", f"mei.wang{number}"))

    def messages(self) -> Iterator[Received]:
        """Of both state topics."""
        for record, dn, entry in self._all():
            number = 1 + int(entry[-12:], 16)
            state = State(
                record, TIME, TIME + number, TIME + number, Status.APPLIED, TIME + number, (5, number),
                binding=Binding(entry, str(dn), self._target_uuid, TIME + number),
            )  # fmt: skip
            topic = self._topics.account_states if record.kind is Kind.ACCOUNT else self._topics.organization_states
            # A copy, as large as it is: what orjson gives holds on to more memory, and no message from Kafka does.
            value = bytes(memoryview(encode_state(state)))
            yield Received(topic, number % 12, number, TIME, record.id.encode(), value)

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
        for number in range(self.organizations):
            record = organization(number)
            homes[record.id] = dn_of(self._rules[record.kind], record, self._target)
            yield record, homes[record.id], str(uuid.UUID(int=(7 << 96) + number))
        for number in range(self.accounts):
            record = account(number, self.organizations)
            home = homes[f"ou_{number % self.organizations:06}"]
            yield record, home.child(RDN.of("uid", f"mei.wang{number}")), str(uuid.UUID(int=(9 << 96) + number))
