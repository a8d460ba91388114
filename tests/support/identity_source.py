"""A small identity service: what it holds is the truth, and what it emits are the events about it.

The expected tree is built from what it *holds*, by code that shares nothing with the product: an oracle.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.dn import DN
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree

Path = tuple[tuple[str, str], ...]
"""Naming attribute and value of each step, from just below the target down."""
Values = dict[str, frozenset[bytes]]
Entries = dict[Path, Values]

ROOT = "ou_root"
PREFIX = "urn:alibaba:idaas:app:event:"

_COMPARED = {"uid", "cn", "sn", "displayname", "mail", "mobile", "description", "ou", "objectclass"}


@dataclass
class Organization:
    """An organization of the service."""

    id: str
    name: str
    parent: str
    description: str | None = None


@dataclass
class Account:
    """An account of the service; `homes` are its organizations, the primary one first."""

    id: str
    username: str
    homes: list[str]
    name: str | None = None
    mail: str | None = None
    phone: str | None = None
    description: str | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Emitted:
    """One event, as it goes to Kafka."""

    key: str
    account: bool
    value: dict[str, Any]

    def line(self) -> bytes:
        """As a line of JSON Lines."""
        return orjson.dumps(self.value) + b"\n"


@dataclass
class IdentitySource:
    """Holds organizations and accounts; every change appends an event to `events`."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    events: list[Emitted] = field(default_factory=list)
    now: int = field(default_factory=lambda: round(time.time() * 1000) - 3_600_000)

    # -- changes -----------------------------------------------------------------------------------------------------

    def add_organization(self, identifier: str, name: str, parent: str = ROOT) -> None:
        """Create an organization."""
        self.organizations[identifier] = Organization(identifier, name, parent)
        self._about_organization(identifier, "create")

    def rename_organization(self, identifier: str, name: str) -> None:
        """Give it another name."""
        self.organizations[identifier].name = name
        self._about_organization(identifier, "update")

    def move_organization(self, identifier: str, parent: str) -> None:
        """Put it below another parent."""
        self.organizations[identifier].parent = parent
        self._about_organization(identifier, "update_parent_organizational_unit")

    def delete_organization(self, identifier: str) -> None:
        """Remove it; the event holds the id alone."""
        del self.organizations[identifier]
        self._emit("ud:organizational_unit:delete", identifier, {"organizationalUnitId": identifier}, account=False)

    def add_account(self, identifier: str, username: str, *homes: str, **more: Any) -> None:
        """Create an account in some organizations, the first of which is primary."""
        self.accounts[identifier] = Account(identifier, username, list(homes), **more)
        self._about_account(identifier, "create")

    def change_account(self, identifier: str, **changes: Any) -> None:
        """Change fields of an account."""
        for name, value in changes.items():
            setattr(self.accounts[identifier], name, value)
        self._about_account(identifier, "update_info")

    def move_account(self, identifier: str, *homes: str) -> None:
        """Give it other organizations."""
        self.accounts[identifier].homes = list(homes)
        self._about_account(identifier, "update_primary_ou")

    def delete_account(self, identifier: str) -> None:
        """Remove it; the event holds the id alone."""
        del self.accounts[identifier]
        self._emit("ud:user:delete", identifier, {"userId": identifier}, account=True)

    # -- events ------------------------------------------------------------------------------------------------------

    def _about_organization(self, identifier: str, verb: str) -> None:
        held = self.organizations[identifier]
        record = {
            "organizationalUnitId": identifier,
            "organizationalUnitName": held.name,
            "parentId": held.parent,
            "description": held.description,
        }
        self._emit(f"ud:organizational_unit:{verb}", identifier, record, account=False)

    def _about_account(self, identifier: str, verb: str) -> None:
        held = self.accounts[identifier]
        record = {
            "userId": identifier,
            "username": held.username,
            "displayName": held.name,
            "email": held.mail,
            "phoneRegion": "86" if held.phone else None,
            "phoneNumber": held.phone,
            "description": held.description,
            "status": "enabled" if held.enabled else "disabled",
            "organizationalUnits": [
                {"organizationalUnitId": home, "primary": index == 0} for index, home in enumerate(held.homes)
            ],
        }
        self._emit(f"ud:user:{verb}", identifier, record, account=True)

    def _emit(self, event_type: str, key: str, record: dict[str, Any], *, account: bool) -> None:
        self.now += 1
        whole = len(record) > 1
        body = {**record, "updateTime": str(self.now)} if whole else record
        value = {
            "eventId": f"evnt_{len(self.events)}",
            "eventType": PREFIX + event_type,
            "eventTime": str(self.now),
            "bizId": key,
            "bizData": orjson.dumps(body).decode(),
        }
        self.events.append(Emitted(key, account, value))

    # -- the oracle --------------------------------------------------------------------------------------------------

    def expected(self) -> Entries:
        """The tree that the default mapping makes of what is held, the source node being the root."""
        entries: Entries = {}
        for identifier, organization in self.organizations.items():
            path = self._path(identifier)
            if path is not None:
                entries[path] = _values(
                    ("organizationalUnit", "top"), {"ou": organization.name, "description": organization.description}
                )
        for account in self.accounts.values():
            homes = [home for home in map(self._path, account.homes) if home is not None]
            if not homes:
                continue
            shown = account.name or account.username
            entries[*homes[0], ("uid", account.username)] = _values(
                ("inetOrgPerson", "top"),
                {
                    "uid": account.username,
                    "cn": shown,
                    "sn": shown,
                    "displayName": account.name,
                    "mail": account.mail,
                    "mobile": f"+86{account.phone}" if account.phone else None,
                    "description": account.description,
                },
            )
        return entries

    def _path(self, identifier: str) -> Path | None:
        steps: list[tuple[str, str]] = []
        while identifier != ROOT:
            organization = self.organizations.get(identifier)
            if organization is None:
                return None
            steps.append(("ou", organization.name))
            identifier = organization.parent
        return tuple(reversed(steps))


def _values(classes: Iterable[str], attributes: dict[str, str | None]) -> Values:
    values = {name.lower(): frozenset({value.encode()}) for name, value in attributes.items() if value}
    return {**values, "objectclass": frozenset(name.encode() for name in classes)}


def found_entries(slapd: Slapd) -> Entries:
    """The tree below the target as slapd has it: mapped attributes and object classes, octet for octet."""
    entries: Entries = {}
    target = DN.parse(slapd.target_dn)
    for dn, attributes in read_tree(slapd, operational=False).items():
        parsed = DN.parse(dn)
        if parsed.is_below(target):
            steps = parsed.rdns[: len(parsed) - len(target)]
            path = tuple((rdn.avas[0].attribute.lower(), str(rdn.avas[0].value)) for rdn in reversed(steps))
            entries[path] = {
                name.lower(): frozenset(values) for name, values in attributes.items() if name.lower() in _COMPARED
            }
    return entries


def entry_uuids(slapd: Slapd) -> dict[str, bytes]:
    """The entryUUID of each account, by its uid."""
    return {
        attributes["uid"][0].decode(): attributes["entryUUID"][0]
        for attributes in read_tree(slapd).values()
        if "uid" in attributes
    }


def different(expected: Entries, found: Entries) -> list[str]:
    """What differs, for a failing test's message; the first few."""
    lines = [f"missing {path}" for path in expected.keys() - found.keys()]
    lines += [f"extra {path}" for path in found.keys() - expected.keys()]
    lines += [
        f"{path}: expected {expected[path]}, found {found[path]}"
        for path in expected.keys() & found.keys()
        if expected[path] != found[path]
    ]
    return sorted(lines)[:10]
