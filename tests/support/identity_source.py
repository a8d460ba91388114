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
from tests.support.directory_dump import Tree, read_tree

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
    """An account of the service; `homes` are its organizations; without a `primary` the first of them is that."""

    id: str
    username: str
    homes: list[str]
    primary: str | None = None
    name: str | None = None
    mail: str | None = None
    phone: str | None = None
    description: str | None = None
    enabled: bool = True

    @property
    def preferred(self) -> list[str]:
        """Where it belongs: the primary organization, else the first one, then the others in their order."""
        primary = self.primary if self.primary is not None else next(iter(self.homes), None)
        return sorted(self.homes, key=lambda home: home != primary)


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
    """Holds organizations and accounts; every change appends an event to `events`.

    Attributes:
        source_node: the organization that is the target node; its own record need not be held.
        now: eventTime and updateTime of the last event, in milliseconds.
    """

    source_node: str = ROOT
    organizations: dict[str, Organization] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    events: list[Emitted] = field(default_factory=list)
    now: int = field(default_factory=lambda: round(time.time() * 1000) - 3_600_000)

    # -- changes -----------------------------------------------------------------------------------------------------

    def add_organization(self, identifier: str, name: str, parent: str = ROOT, description: str | None = None) -> None:
        """Create an organization."""
        self.organizations[identifier] = Organization(identifier, name, parent, description)
        self._about_organization(identifier, "create")

    def describe_organization(self, identifier: str, description: str | None) -> None:
        """Give it another description, or none."""
        self.organizations[identifier].description = description
        self._about_organization(identifier, "update")

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
        self._emit(
            "ud:organizational_unit:delete",
            identifier,
            {"organizationalUnitId": identifier},
            account=False,
            whole=False,
        )

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
        """Give it other organizations, the first of which is primary."""
        self.accounts[identifier].homes = list(homes)
        self.accounts[identifier].primary = None
        self._about_account(identifier, "update_primary_ou")

    def add_user(self, organization: str, account: str, *, primary: bool = False) -> None:
        """Put an account into one more organization, by a membership event."""
        held = self.accounts[account]
        held.homes.append(organization)
        held.primary = organization if primary else held.primary
        self._about_membership("add_user", organization, account, {"primary": True} if primary else {})

    def remove_user(self, organization: str, account: str) -> None:
        """Take an account out of one organization, by a membership event."""
        held = self.accounts[account]
        held.homes.remove(organization)
        held.primary = None if held.primary == organization else held.primary
        self._about_membership("remove_user", organization, account, {})

    def enable_account(self, identifier: str, *, enabled: bool) -> None:
        """Enable or disable an account."""
        self.accounts[identifier].enabled = enabled
        self._about_account(identifier, "enable" if enabled else "disable")

    def delete_account(self, identifier: str) -> None:
        """Remove it; the event holds the id alone."""
        del self.accounts[identifier]
        self._emit("ud:user:delete", identifier, {"userId": identifier}, account=True, whole=False)

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
                {"organizationalUnitId": home, "primary": home == held.preferred[0]} for home in held.homes
            ],
        }
        self._emit(f"ud:user:{verb}", identifier, record, account=True)

    def _about_membership(self, verb: str, organization: str, account: str, more: dict[str, Any]) -> None:
        change = {"organizationalUnitId": organization, "userId": account, **more}
        self._emit(f"ud:organizational_unit:{verb}", account, change, account=True, whole=False)

    def _emit(self, event_type: str, key: str, record: dict[str, Any], *, account: bool, whole: bool = True) -> None:
        self.now += 1
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
        """The tree that the default mapping makes of what is held."""
        entries: Entries = {}
        places = self.places()
        for identifier, organization in self.organizations.items():
            if identifier in places:
                entries[places[identifier]] = _values(
                    ("organizationalUnit", "top"), {"ou": organization.name, "description": organization.description}
                )
        for identifier, account in self.accounts.items():
            if identifier not in places:
                continue
            shown = account.name or account.username
            entries[places[identifier]] = _values(
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

    def places(self) -> dict[str, Path]:
        """Where each organization and account that is in scope has its entry, by its id."""
        places = {identifier: self._path(identifier) for identifier in self.organizations}
        for identifier, account in self.accounts.items():
            homes = [home for home in map(self._path, account.preferred) if home is not None]
            places[identifier] = (*homes[0], ("uid", account.username)) if homes else None
        return {identifier: place for identifier, place in places.items() if place is not None}

    def _path(self, identifier: str) -> Path | None:
        steps: list[tuple[str, str]] = []
        while identifier != self.source_node:
            organization = self.organizations.get(identifier)
            if organization is None:
                return None  # the root, which is not held, when another node is the source
            steps.append(("ou", organization.name))
            identifier = organization.parent
        return tuple(reversed(steps))


def _values(classes: Iterable[str], attributes: dict[str, str | None]) -> Values:
    values = {name.lower(): frozenset({value.encode()}) for name, value in attributes.items() if value}
    return {**values, "objectclass": frozenset(name.encode() for name in classes)}


def found_entries(slapd: Slapd) -> Entries:
    """The tree below the target as slapd has it: mapped attributes and object classes, octet for octet."""
    return entries_of(slapd, read_tree(slapd, operational=False))


def entries_of(slapd: Slapd, tree: Tree) -> Entries:
    """The same for what was read of a tree already."""
    return {
        path: {name.lower(): frozenset(values) for name, values in attributes.items() if name.lower() in _COMPARED}
        for dn, attributes in tree.items()
        if (path := path_of(slapd, dn))
    }


def path_of(slapd: Slapd, dn: str) -> Path:
    """The steps from the target down to an entry."""
    parsed, target = DN.parse(dn), DN.parse(slapd.target_dn)
    steps = parsed.rdns[: len(parsed) - len(target)]
    return tuple((rdn.avas[0].attribute.lower(), str(rdn.avas[0].value)) for rdn in reversed(steps))


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
