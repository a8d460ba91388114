"""A company's directory as it was before us, as LDIF, and the identity service that is to take it over.

Names, places, classes and spellings differ from entry to entry; what an account shall find again is its mobile number.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.dn import AVA, DN, RDN
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.identity_source import ROOT, IdentitySource

Attributes = dict[str, list[str]]

# OpenLDAP's own arc for experiments.
_SCHEMA = (
    "attributetype ( 1.3.6.1.4.1.4203.666.100.1 NAME 'badgeNumber' SUP name )",
    "objectclass ( 1.3.6.1.4.1.4203.666.100.2 NAME 'badgeHolder' SUP top AUXILIARY MAY badgeNumber )",
)
_MODULES = ("memberof", "refint")
_OVERLAYS = (
    "index mobile,mail,employeeNumber,member,manager eq",
    "overlay memberof",
    "overlay refint",
    "refint_attributes member manager",
)

_PLAIN_CLASSES = ("inetOrgPerson",)
_PERSON_CLASSES = (
    _PLAIN_CLASSES,
    ("top", "person", "organizationalPerson", "inetOrgPerson"),
    ("inetOrgPerson", "badgeHolder"),
    ("inetOrgPerson", "posixAccount", "top"),
)
_GIVEN, _FAMILY = ("Mei", "Omar", "Иван", "王", "Zoë"), ("Wang", "O'Neil", "Müller, Jr.", "سلام")
_PHOTO = (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9").decode("latin-1")
# What crypt(3) makes of it (SHA-512): Python has lost its own.
_CRYPTED = "of the old system"
_CRYPT = "{CRYPT}$6$oldsalt$Bw7bX22a53Z6XPWNT9OVQAAxUQ14ZHuxd/AfaWxtCslIu4te6NMQ3YKxEaAVpnK5n833/vWGxN6l3JBHZcj4X0"

_NEW, _AMBIGUOUS, _BLOCKED, _LEAVERS, _GROUPS = 30, 10, 10, 40, 30
_STRANGERS = 100
# All ways to store a password in all sorts of places.
_WITH_KNOWN_PASSWORD = 60

TARGET = DN.parse(Slapd.target_dn)
PEOPLE = TARGET.child(RDN.of("ou", "people"))
_BRANCH = PEOPLE.child(RDN.of("ou", "Berlin"))
_SALES, _RD = TARGET.child(RDN.of("ou", "SALES")), TARGET.child(RDN.of("ou", "R&D, China"))
_OFFICES = {"sales": _SALES, "rd": _RD, "berlin": _SALES.child(RDN.of("ou", "Berlin"))}
"""Where the organizations stand that are there already."""
_HOMES = ("sales", "hr", "rd", "legal", "berlin", "lab")


def with_overlays(entries: str = "") -> SlapdOptions:
    """A slapd with group memberships that follow renames, a password policy, classes of its own, and these entries."""
    return SlapdOptions(
        policy={}, modules=_MODULES, overlays=_OVERLAYS, global_lines=_SCHEMA, entries=entries, size_limit=10_000
    )


def ldif(entries: Iterable[tuple[DN, Attributes]]) -> str:
    """Entries as LDIF (RFC 2849), parents first as given."""
    return "\n".join("".join(_lines(dn, attributes)) for dn, attributes in entries)


def _lines(dn: DN, attributes: Attributes) -> Iterator[str]:
    yield f"dn:: {_base64(str(dn).encode())}\n"
    for name, values in attributes.items():
        encoding = "latin-1" if name == "jpegPhoto" else "utf-8"
        yield from (f"{name}:: {_base64(value.encode(encoding))}\n" for value in values)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@dataclass
class ExistingCompany:
    """What is in the directory, and what the identity service holds.

    Attributes:
        source: accounts are named by what shall become of them: `adopted_…`, `new_…` (no entry matches),
            `ambiguous_…` (two entries match), `blocked_…` (an entry of other classes has the wanted name).
        owners: the account or organization that shall have an entry, by the entry's entryUUID.
        hindered: the `blocked_…` account that shall have an entry which cannot come to its place, by its entryUUID.
        unchanged: entryUUIDs of entries that are as they should be already.
        passwords: of a few people that shall be adopted, of each way to store one, by entryUUID.
    """

    size: int
    source: IdentitySource = field(default_factory=IdentitySource)
    owners: dict[str, str] = field(default_factory=dict)
    hindered: dict[str, str] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    passwords: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entries: dict[DN, Attributes] = {}
        self._people: list[DN] = []
        self._offices()
        self._strangers()
        for number in range(_NEW):
            self._account("new", number)
        for number in range(_LEAVERS):
            self._person(PEOPLE.child(RDN.of("cn", f"Leaver {number}")), 100_000 + number)
        self._ambiguous()
        self._blocked()
        for number in range(self.size - len(self._entries) - _GROUPS):
            self._adopted(number)
        self._groups()

    @property
    def ldif(self) -> str:
        """The directory."""
        return ldif(self._entries.items())

    def accounts(self, fate: str) -> set[str]:
        """The ids of the accounts that are named so."""
        return {account for account in self.source.accounts if account.startswith(f"{fate}_")}

    def _add(self, dn: DN, *classes: str, **attributes: str | list[str]) -> str:
        entry_uuid = str(uuid.uuid5(uuid.NAMESPACE_OID, str(dn)))
        values = {name: value if isinstance(value, list) else [value] for name, value in attributes.items()}
        self._entries[dn] = {"objectClass": list(classes), "entryUUID": [entry_uuid], **values}
        return entry_uuid

    def _offices(self) -> None:
        source = self.source
        source.add_organization("sales", "Sales", ROOT, "who sell")
        source.add_organization("rd", "R&D, China")
        source.add_organization("berlin", "Berlin", "sales")
        source.add_organization("hr", "人事")
        source.add_organization("legal", "Legal")
        source.add_organization("lab", "Lab", "rd")
        for branch in (PEOPLE, _BRANCH, *(TARGET.child(RDN.of("ou", name)) for name in ("devices", "groups"))):
            self._add(branch, "organizationalUnit", description="as it was")
        for identifier, dn in _OFFICES.items():
            entry_uuid = self._add(dn, "organizationalUnit", description="as it was", l="Berlin", telephoneNumber="+49")
            self.owners[entry_uuid] = identifier

    def _strangers(self) -> None:
        devices = TARGET.child(RDN.of("ou", "devices"))
        for number in range(_STRANGERS - _BLOCKED):
            match number % 4:
                case 0:
                    self._add(devices.child(RDN.of("cn", f"printer {number}")), "device", serialNumber=str(number))
                case 1:
                    classes = ("account", "simpleSecurityObject")
                    self._add(
                        PEOPLE.child(RDN.of("uid", f"service{number}")), *classes, userPassword="{SSHA}bm90aGluZw=="
                    )
                case 2:
                    self._add(_RD.child(RDN.of("cn", f"role {number}")), "organizationalRole")
                case _:
                    # The number of somebody who shall have another entry.
                    dn, mobile = PEOPLE.child(RDN.of("cn", f"pilot {number}")), f"+86{_phone(number)}"
                    self._add(dn, "pilotPerson", cn=f"pilot {number}", sn="Pilot", mobile=mobile)

    def _account(self, fate: str, number: int, home: str | None = None) -> str:
        shift = {"adopted": 0, "new": 20_000, "ambiguous": 40_000, "blocked": 60_000}[fate]
        account, login = f"{fate}_{number}", _login(number + shift)
        self.source.add_account(
            *(account, login, home or _HOMES[number % len(_HOMES)]),
            name=_name(number),
            mail=f"{login}@example.com",
            phone=_phone(number + shift),
        )
        return account

    def _person(self, dn: DN, number: int, **more: str | list[str]) -> str:
        """An entry in which nearly nothing is as it should be, but for the mobile number."""
        phone = _phone(number)
        spellings = (f"+86{phone}", f"+86 {phone[:3]} {phone[3:7]} {phone[7:]}", f"+86-{phone[:3]}-{phone[3:]}")
        attributes: dict[str, str | list[str]] = {
            "cn": [_name(number), f"nick {number}"],
            "cn;lang-de": f"Spitzname {number}",
            "sn": _FAMILY[number % len(_FAMILY)],
            "displayName": f"{number} as it was",
            "uid": [f"alias{number}", _login(number)] if number % 2 else f"alias{number}",
            "mail": [f"{number}@old.example.com", f"{number}@older.example.com"],
            "mobile": spellings[number % 3],
            "title": "Dr.",
            "employeeNumber": f"E{number}",
            "description": "as it was",
            "jpegPhoto": _PHOTO,
        }
        classes = _PERSON_CLASSES[number % len(_PERSON_CLASSES)]
        if "badgeHolder" in classes:
            attributes |= {"badgeNumber": [f"B{number}", f"b {number}"]}
        if "posixAccount" in classes:
            attributes |= {"uidNumber": str(number), "gidNumber": "100", "homeDirectory": f"/home/{number}"}
        if number % 5 == 0 and self._people:
            attributes |= {"manager": str(self._people[number % len(self._people)])}
        return self._add(dn, *classes, **attributes | more)

    def _adopted(self, number: int) -> None:
        """An entry for one account: named and placed in one of many ways."""
        cn, employee = AVA("cn", _name(number)), AVA("employeeNumber", f"E{number}")
        home, password = _HOMES[number // 6 % len(_HOMES)], f"the old one of {number}"
        more: dict[str, str | list[str]] = {}
        match number % 6:
            case 0:
                dn = PEOPLE.child(RDN((cn,)))
            case 1:
                dn = _BRANCH.child(RDN((cn,)))
            case 2:
                dn = PEOPLE.child(RDN((employee,)))
            case 3:
                dn = _RD.child(RDN((cn, employee)))
            case 4:
                home = tuple(_OFFICES)[number // 6 % len(_OFFICES)]
                dn, more = _OFFICES[home].child(RDN.of("uid", _login(number))), {"uid": _login(number)}
                if number % 12 == 4:  # found by its name alone
                    more["mobile"] = []
            case _:
                dn = PEOPLE.child(RDN.of("uid", f"alias{number}"))
        account = self._account("adopted", number, home)
        stored = _stored(number, password)
        # In a department that keeps its name, without a manager.
        right = number % 36 == 10 and number % 5 != 0
        if right:
            more = self._as_wanted(account)
        entry_uuid = self._person(dn, number, userPassword=stored, **more)
        self.owners[entry_uuid] = account
        self._people.append(dn)
        if right:
            self.unchanged.add(entry_uuid)
        if number < _WITH_KNOWN_PASSWORD:
            self.passwords[entry_uuid] = _CRYPTED if stored == _CRYPT else password

    def _as_wanted(self, account: str) -> dict[str, str | list[str]]:
        held = self.source.accounts[account]
        names = dict.fromkeys(("cn", "sn", "displayName"), held.name or "")
        more = {"uid": held.username, "mail": held.mail or "", "mobile": f"+86{held.phone}"}
        return {**names, **more, "description": []}

    def _ambiguous(self) -> None:
        for number in range(_AMBIGUOUS):
            account = self._account("ambiguous", number)
            for place in (PEOPLE, _BRANCH):
                self._person(
                    place.child(RDN.of("cn", account)), number, cn=account, mobile=f"+86{_phone(number + 40_000)}"
                )

    def _blocked(self) -> None:
        """Every other one has an entry, too, which cannot be moved to its place."""
        for number in range(_BLOCKED):
            account = self._account("blocked", number, "rd")
            login = self.source.accounts[account].username
            self._add(_RD.child(RDN.of("uid", login)), "account")
            if number % 2:
                entry_uuid = self._person(
                    PEOPLE.child(RDN.of("cn", account)), number, cn=account, mobile=f"+86{_phone(number + 60_000)}"
                )
                self.hindered[entry_uuid] = account

    def _groups(self) -> None:
        for number in range(_GROUPS):
            dn = TARGET.child(RDN.of("ou", "groups")).child(RDN.of("cn", f"group {number}"))
            members = [person for index, person in enumerate(self._people) if number in {index % 35, index % 47}]
            self._add(dn, "groupOfNames", cn=f"group {number}", member=list(map(str, members)))
            for person in members:
                self._entries[person].setdefault("memberOf", []).append(str(dn))


def _login(number: int) -> str:
    return f"login{number}"


def _phone(number: int) -> str:
    return f"138{number:08d}"


def _name(number: int) -> str:
    return f"{_GIVEN[number % len(_GIVEN)]} {_FAMILY[number % len(_FAMILY)]} {number}"


def _stored(number: int, password: str) -> str:
    """A password as directories store it, in one of six ways."""
    salt = b"salt" if number % 8 < 4 else b""
    salted = password.encode() + salt
    match number % 4:
        case 0:
            digest = hashlib.sha1(salted, usedforsecurity=False).digest()
            return f"{'{SSHA}' if salt else '{SHA}'}{_base64(digest + salt)}"
        case 1:
            digest = hashlib.md5(salted, usedforsecurity=False).digest()
            return f"{'{SMD5}' if salt else '{MD5}'}{_base64(digest + salt)}"
        case 2:
            return _CRYPT
        case _:
            return password
