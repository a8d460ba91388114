"""Makes the sample's two files of events; the same at every run. `scripts/make-sample-company` writes them."""

import base64
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from schemas.events import ROOT_ORGANIZATION, TYPE_PREFIX, EventType
from streams.demo.names import ODD_USERNAMES, UNITS, Person, Unit, people
from streams.demo.sample import CHANGES, COMPANY

_FOUNDED: Final = 1_748_736_000_000  # 1 June 2025, in milliseconds
_CHANGED: Final = _FOUNDED + 30 * 86_400_000
_SECOND: Final = 1000
_LANGUAGE_TAGS: Final = {"zh": "zh-CN", "ja": "ja-JP", "ar": "ar", "ru": "ru-RU", "el": "el-GR", "la": "fr-FR"}
_SHARED_EVERY: Final = 15  # so often somebody belongs to a second organization
_ODD_EVERY: Final = 18
_NO_PHONE_EVERY: Final = 9

Fields = dict[str, Any]


def company() -> list[bytes]:
    """One create event for every organization and account, in an order that makes many of them wait."""
    made = [
        *(_event(EventType.ORGANIZATION_CREATE, _FOUNDED, fields) for fields in _organizations().values()),
        *(_event(EventType.ACCOUNT_CREATE, _FOUNDED, fields) for fields in _accounts()),
    ]
    # By a hash: children come before parents, people before their organization, and always the same ones.
    return sorted(made, key=lambda line: hashlib.sha256(line).digest())


def changes() -> list[bytes]:
    """What happened to the company a month later, one event for each."""
    organizations, accounts = _organizations(), _accounts()
    of = {unit.key: _members(accounts, organizations[unit.key]) for unit in UNITS}
    renamed = next(account for account in of["jp_dev"] if account["username"].startswith("sakura."))
    moved, leaver = of["west_par"][4], of["cn_sales"][0]
    joiner = _account(len(accounts), Person("Nadia O'Connell-Иванова 🎉", "nadia, the new one"), UNITS[1], None)
    databases, labs = organizations["cn_rd_db"], organizations["labs_ai"]
    return [
        _event(
            EventType.ACCOUNT_UPDATE, _CHANGED, renamed | {"username": "sakura.mori+dev", "displayName": "森 さくら"}
        ),
        _event(
            EventType.ORGANIZATION_UPDATE, _CHANGED + _SECOND, labs | {"organizationalUnitName": 'AI "Works", 서울'}
        ),
        _event(
            EventType.ORGANIZATION_MOVE,
            _CHANGED + 2 * _SECOND,
            databases | {"parentId": organizations["cn_rd"]["organizationalUnitId"]},
        ),
        _event(EventType.ACCOUNT_MOVE, _CHANGED + 3 * _SECOND, moved | _memberships([organizations["west_muc_p"]])),
        _event(EventType.ACCOUNT_DELETE, _CHANGED + 4 * _SECOND, {"userId": leaver["userId"]}),
        _event(EventType.ACCOUNT_CREATE, _CHANGED + 5 * _SECOND, joiner),
    ]


def write(folder: Path) -> None:
    """Write both files."""
    for name, lines in ((COMPANY, company()), (CHANGES, changes())):
        (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))


def _organizations() -> Mapping[str, Fields]:
    ids = {unit.key: _identifier("ou", unit.key) for unit in UNITS}
    return {
        unit.key: {
            "organizationalUnitId": ids[unit.key],
            "organizationalUnitName": unit.name,
            "parentId": ROOT_ORGANIZATION if unit.parent is None else ids[unit.parent],
            "organizationalUnitExternalId": ids[unit.key],
            "organizationalUnitSourceType": "build_in",
            "organizationalUnitSourceId": "idaas_sample",
            "createTime": str(_FOUNDED),
        }
        for unit in UNITS
    }


def _accounts() -> list[Fields]:
    made: list[Fields] = []
    used: set[str] = set()
    names = {unit.language: people(unit.language) for unit in UNITS}
    odd = iter(ODD_USERNAMES)
    for unit in UNITS:
        for _ in range(unit.people):
            number = len(made)
            person = next(names[unit.language])
            username = next(odd, None) if number % _ODD_EVERY == 0 else None
            chosen = _unused(username or person.username, used)
            second = UNITS[number % len(UNITS)] if number % _SHARED_EVERY == 0 else None
            made.append(_account(number, Person(person.display_name, chosen), unit, second))
    return made


def _unused(username: str, used: set[str]) -> str:
    candidates: Iterator[str] = (username if n == 1 else f"{username}{n}" for n in range(1, 1000))
    chosen = next(candidate for candidate in candidates if candidate not in used)
    used.add(chosen)
    return chosen


def _account(number: int, person: Person, unit: Unit, second: Unit | None) -> Fields:
    user_id = _identifier("user", str(number))
    organizations = _organizations()
    return {
        "userId": user_id,
        "username": person.username,
        "displayName": person.display_name,
        "email": f"{user_id[-8:]}@example.com",
        "emailVerified": "true",
        **_phone(number),
        "userExternalId": user_id,
        "userSourceType": "build_in",
        "userSourceId": "idaas_sample",
        "status": "enabled",
        "accountExpireTime": "-1",
        "lockExpireTime": "-1",
        "passwordExpireTime": "-1",
        "registerTime": str(_FOUNDED),
        "createTime": str(_FOUNDED),
        "preferredLanguage": _LANGUAGE_TAGS.get(unit.language, "en-GB"),
        **_memberships([organizations[place.key] for place in (unit, second) if place is not None]),
        "customFields": [{"fieldName": "badge", "fieldValue": str(10_000 + number)}],
        "groups": [],
    }


def _phone(number: int) -> Fields:
    if number % _NO_PHONE_EVERY == 0:
        return {}
    # Numbers that belong to nobody: set aside for films and books by Ofcom.
    return {"phoneRegion": "44", "phoneNumber": f"7700900{number:03}", "phoneVerified": "true"}


def _memberships(organizations: Iterable[Fields]) -> Fields:
    units = {organization["organizationalUnitId"]: organization for organization in organizations}
    return {
        "primaryOrganizationalUnitId": next(iter(units)),
        "organizationalUnits": [
            {
                "organizationalUnitId": identifier,
                "organizationalUnitName": organization["organizationalUnitName"],
                "primary": number == 0,
            }
            for number, (identifier, organization) in enumerate(units.items())
        ],
    }


def _event(event_type: EventType, time: int, fields: Fields) -> bytes:
    """As IDaaS sends it: the whole type, numbers as texts, the record as a text of JSON."""
    subject = fields.get("userId") or fields["organizationalUnitId"]
    timed = fields if event_type is EventType.ACCOUNT_DELETE else {**fields, "updateTime": str(time)}
    return orjson.dumps(
        {
            "eventId": _identifier("evnt", f"{event_type} {subject}"),
            "eventType": f"{TYPE_PREFIX}{event_type}",
            "eventTime": str(time),
            "bizId": subject,
            "bizData": orjson.dumps(timed).decode(),
        }
    )


def _members(accounts: Iterable[Fields], organization: Fields) -> list[Fields]:
    identifier = organization["organizationalUnitId"]
    return [account for account in accounts if account["primaryOrganizationalUnitId"] == identifier]


def _identifier(prefix: str, key: str) -> str:
    digest = base64.b32encode(hashlib.sha256(f"{prefix} {key}".encode()).digest())
    return f"{prefix}_{digest[:26].decode().lower()}"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
