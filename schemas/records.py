"""Records of organizations and accounts: from JSON as IDaaS sends it to the names and types of the contract.

Older wire names become the current ones, numbers that came as strings become integers, secrets are dropped, unknown
fields are kept as they are.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from schemas.errors import DeadLetterReason, InvalidEvent
from schemas.events import Json, Kind, Membership, Record
from schemas.secrets import without_secrets

_ACCOUNT_NAMES: Final = {
    "externalId": "userExternalId",
    "sourceType": "userSourceType",
    "sourceId": "userSourceId",
    "lastUpdatedTime": "updateTime",
    "userOrganizationalUnits": "organizationalUnits",
}
_ORGANIZATION_NAMES: Final = {
    "name": "organizationalUnitName",
    "externalId": "organizationalUnitExternalId",
    "sourceType": "organizationalUnitSourceType",
    "sourceId": "organizationalUnitSourceId",
    "lastUpdatedTime": "updateTime",
}
_UNIT_NAMES: Final = {"name": "organizationalUnitName"}
TIMES: Final = frozenset(
    {
        "accountExpireTime",
        "lockExpireTime",
        "passwordExpireTime",
        "registerTime",
        "createTime",
        "updateTime",
    }
)
_FLAGS: Final = frozenset({"emailVerified", "phoneVerified"})
# What is read of a document is another value there, or may be; all other fields are kept as they are.
TYPED_FIELDS: Final = TIMES | _FLAGS | {"organizationalUnits"}
# A document that has one of these has fields by other names than its own.
OLDER_NAMES: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.ACCOUNT: frozenset(_ACCOUNT_NAMES),
    Kind.ORGANIZATION: frozenset(_ORGANIZATION_NAMES),
}
_TRUTH: Final = {"true": True, "false": False}
LARGEST: Final = 2**63 - 1  # what JSON is written with knows no larger integer


def account_record(document: Mapping[str, Json]) -> Record:
    """Read an account.

    Raises:
        InvalidEvent: `missing_id`, or `bad_version` for a time that is no number.
    """
    fields = _fields(document, _ACCOUNT_NAMES)
    memberships = None
    units = fields.get("organizationalUnits")
    if units is None:
        fields.pop("organizationalUnits", None)
    else:
        parsed = _units(units)
        fields["organizationalUnits"] = [dict(unit) for unit in parsed]
        memberships = _memberships(parsed)
    return Record(
        kind=Kind.ACCOUNT,
        id=required_id(fields, "userId"),
        fields=fields,
        update_time=_integer(fields.get("updateTime")),
        memberships=memberships,
        primary_id=optional_id(fields.get("primaryOrganizationalUnitId")),
        enabled=fields.get("status") != "disabled",
    )


def organization_record(document: Mapping[str, Json]) -> Record:
    """Read an organization.

    Raises:
        InvalidEvent: `missing_id`, or `bad_version` for a time that is no number.
    """
    fields = _fields(document, _ORGANIZATION_NAMES)
    return Record(
        kind=Kind.ORGANIZATION,
        id=required_id(fields, "organizationalUnitId"),
        fields=fields,
        update_time=_integer(fields.get("updateTime")),
        parent_id=optional_id(fields.get("parentId")),
    )


def record_of(kind: Kind, document: Mapping[str, Json]) -> Record:
    """Read a record of either kind."""
    return account_record(document) if kind is Kind.ACCOUNT else organization_record(document)


def required_id(document: Mapping[str, Json], name: str) -> str:
    """Take an id out of a document.

    Raises:
        InvalidEvent: `missing_id`.
    """
    found = optional_id(document.get(name))
    if found is None:
        raise InvalidEvent(DeadLetterReason.MISSING_ID, f"no {name} in bizData")
    return found


def optional_id(value: Json) -> str | None:
    """Read an id; a number counts as its digits, an empty text as none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def integer(value: Json, name: str) -> int | None:
    """Read a whole number that may have come as text; None for null and the empty text.

    Raises:
        InvalidEvent: `bad_version` when it is something else.
    """
    if value is None or value == "":
        return None
    number = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str):
        with suppress(ValueError):
            number = int(value.strip())
    if number is None:
        raise InvalidEvent(DeadLetterReason.BAD_VERSION, f"{name} is not a number")
    if abs(number) > LARGEST:
        raise InvalidEvent(DeadLetterReason.BAD_VERSION, f"{name} has more than 64 bits")
    return number


def flag(value: Json) -> bool | None:
    """Read a truth value that may have come as text."""
    if isinstance(value, bool):
        return value
    return _TRUTH.get(value.lower()) if isinstance(value, str) else None


def _fields(document: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    clean = without_secrets(dict(document))
    fields: dict[str, Json] = {}
    if not isinstance(clean, dict):  # a dict stays a dict: for the type checker
        raise TypeError(type(clean))
    for name, value in _renamed(clean, names):
        if name in TIMES:
            fields[name] = integer(value, name)
        elif name in _FLAGS:
            truth = flag(value)
            fields[name] = value if truth is None else truth
        else:
            fields[name] = value
    return fields


def _renamed(document: Mapping[str, Json], names: Mapping[str, str]) -> Iterator[tuple[str, Json]]:
    """Give everything its current name; where both names came, the current one counts, unless it is null."""
    written = {names[key] for key, value in document.items() if key in names and value is not None}
    for key, value in document.items():
        name = names.get(key, key)
        shadowed = document.get(name) is not None if name != key else value is None and name in written
        if not shadowed:
            yield name, value


def _integer(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _units(value: Json) -> list[dict[str, Json]]:
    if not isinstance(value, list):
        raise InvalidEvent(DeadLetterReason.MISSING_VALUE, "organizationalUnits is not a list")
    units: list[dict[str, Json]] = []
    for item in value:
        if not isinstance(item, dict):
            raise InvalidEvent(DeadLetterReason.MISSING_VALUE, "organizationalUnits holds something that is no object")
        unit = dict(_renamed(item, _UNIT_NAMES))
        unit["organizationalUnitId"] = required_id(unit, "organizationalUnitId")
        unit["primary"] = flag(unit.get("primary")) or False
        units.append(unit)
    return units


def _memberships(units: list[dict[str, Json]]) -> tuple[Membership, ...]:
    found: dict[str, bool] = {}
    for unit in units:
        identifier = str(unit["organizationalUnitId"])
        found[identifier] = found.get(identifier, False) or unit["primary"] is True
    return tuple(Membership(identifier, primary) for identifier, primary in found.items())
