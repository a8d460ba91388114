"""Short words for the events of one account and for what became of it: for tables of cases about folding."""

from typing import Final

from schemas.events import Deletion, Event, EventType, Json, Kind, MembershipChange, PasswordSet, Payload, WholeRecord
from schemas.records import account_record
from schemas.states import State

ID: Final = "u1"


def whole(name: str, *, update: int | None, event: int, homes: str | None = "o1*", primary: str | None = None) -> Event:
    """An update with the whole record; `homes` as `shown` shows them."""
    return _event(EventType.ACCOUNT_UPDATE, event, _whole(name, update, homes, primary))


def created(name: str, *, update: int | None, event: int, homes: str | None = "o1*") -> Event:
    """The same as a creation."""
    return _event(EventType.ACCOUNT_CREATE, event, _whole(name, update, homes, None, revives=True))


def pushed(name: str, *, update: int, homes: str | None = "o1*", push: str = "p1") -> Event:
    """The same in a full push: it happened when the record changed."""
    return _event(EventType.ACCOUNT_PUSH, update, _whole(name, update, homes, None), push)


def deleted(event: int) -> Event:
    """A deletion with the id alone."""
    return _event(EventType.ACCOUNT_DELETE, event, Deletion())


def joined(organization: str, event: int, *, primary: bool | None = None) -> Event:
    """A membership more."""
    return _event(EventType.MEMBER_ADD, event, MembershipChange(organization, added=True, primary=primary))


def left(organization: str, event: int) -> Event:
    """A membership less."""
    return _event(EventType.MEMBER_REMOVE, event, MembershipChange(organization, added=False, primary=None))


def password(event: int) -> Event:
    """A new password."""
    return _event(EventType.ACCOUNT_PASSWORD, event, PasswordSet())


def shown(state: State) -> str:
    """What the account is: its name and its organizations, a primary one with a star; or `deleted`.

    `-` is a name that never came, `?` are organizations that no event spoke of; `@o1` is the explicit primary one.
    """
    if state.deleted_at is not None:
        return "deleted"
    record = state.record
    if record is None:
        return "- ?"
    homes = " ".join(f"{m.organization_id}{'*' * m.primary}" for m in record.memberships or ())
    if record.memberships is None:
        homes = "?"
    primary = f"@{record.primary_id}" if record.primary_id is not None else ""
    return " ".join(filter(None, (str(record.fields.get("username", "-")), homes, primary)))


def _whole(
    name: str, update: int | None, homes: str | None, primary: str | None, *, revives: bool = False
) -> WholeRecord:
    document: dict[str, Json] = {"userId": ID, "username": name, "updateTime": update}
    if homes is not None:
        document["organizationalUnits"] = [
            {"organizationalUnitId": home.rstrip("*"), "primary": home.endswith("*")} for home in homes.split()
        ]
    if primary is not None:
        document["primaryOrganizationalUnitId"] = primary
    return WholeRecord(account_record(document), revives=revives)


def _event(event_type: EventType, time: int, payload: Payload, push_id: str | None = None) -> Event:
    return Event(event_type, Kind.ACCOUNT, ID, None, time, 1_000_000, payload, push_id)
