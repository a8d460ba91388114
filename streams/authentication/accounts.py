"""What the source says of the accounts behind the entries, tailed from the account states into memory.

An entry may let somebody in whom the source has disabled, locked or let expire: times pass without an event, and the
directory hears of nothing but `status`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import structlog

from ldap_sink.authenticator import Refusal
from schemas.events import Json, Kind
from schemas.state_codec import decode_state
from schemas.states import Revision, State
from streams.kafka import Received, TopicTail
from streams.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account may log on, as far as its state says. All times in milliseconds; None: never.

    Attributes:
        entry_uuid: the entry that it is bound to.
        bound_at: since when.
        revision: the state's `writer`.
        is_enabled: neither disabled nor deleted.
        locked_until: it is locked before then.
        account_until: it expires then.
        password_until: its password expires then.
    """

    user_id: str
    entry_uuid: str | None
    bound_at: int
    revision: Revision
    is_enabled: bool
    locked_until: int | None = None
    account_until: int | None = None
    password_until: int | None = None

    def refusal(self, now: int) -> Refusal | None:
        """Why the account may not log on at that time, its password being right; None when it may."""
        if not self.is_enabled:
            return Refusal.ACCOUNT_DISABLED
        if self.locked_until is not None and now < self.locked_until:
            return Refusal.ACCOUNT_LOCKED
        if self.account_until is not None and now >= self.account_until:
            return Refusal.ACCOUNT_EXPIRED
        if self.password_until is not None and now >= self.password_until:
            return Refusal.PASSWORD_EXPIRED
        return None


@dataclass(frozen=True, slots=True)
class Gone:
    """The state of an account was removed."""

    user_id: str


def standing_of(user_id: str, state: State) -> Standing:
    """Keep of an account's state what is asked when somebody logs on."""
    record, binding = state.record, state.binding
    fields = {} if record is None else record.fields
    return Standing(
        user_id=user_id,
        entry_uuid=None if binding is None else binding.entry_uuid.lower(),
        bound_at=0 if binding is None else binding.bound_at,
        revision=state.writer,
        is_enabled=state.deleted_at is None and (record is None or record.enabled),
        locked_until=_time(fields.get("lockExpireTime")),
        account_until=_time(fields.get("accountExpireTime")),
        password_until=_time(fields.get("passwordExpireTime")),
    )


class Accounts:
    """The accounts behind the entries; lives in the event loop."""

    def __init__(self) -> None:
        self._accounts: dict[str, Standing] = {}
        self._holders: dict[str, tuple[str, ...]] = {}  # nearly always one: a set for each would be too dear

    def __len__(self) -> int:
        return len(self._accounts)

    def behind(self, entry_uuid: str) -> Standing | None:
        """The account that an entry belongs to: of several, the one bound first, then the one with the smaller id."""
        holders = [self._accounts[identifier] for identifier in self._holders.get(entry_uuid.lower(), ())]
        return min(holders, key=lambda standing: (standing.bound_at, standing.user_id), default=None)

    def take_in(self, found: Iterable[Standing | Gone]) -> None:
        """Take in what was read; an older state after a newer one is a late write of a worker that was replaced."""
        for reading in found:
            known = self._accounts.get(reading.user_id)
            if isinstance(reading, Gone):
                self._replace(known, None)
            elif known is None or reading.revision > known.revision:
                self._replace(known, reading)

    def _replace(self, known: Standing | None, new: Standing | None) -> None:
        if known is not None:
            del self._accounts[known.user_id]
            if known.entry_uuid is not None:
                left = tuple(holder for holder in self._holders.pop(known.entry_uuid) if holder != known.user_id)
                if left:
                    self._holders[known.entry_uuid] = left
        if new is not None:
            self._accounts[new.user_id] = new
            if new.entry_uuid is not None:
                self._holders[new.entry_uuid] = (*self._holders.get(new.entry_uuid, ()), new.user_id)


class AccountReader:
    """Feeds `Accounts`; used as `async with`, in their event loop.

    Entering it returns when everything is known that the topic held then.

    Raises:
        CommandFailed: on entering, Kafka does not answer or the topic is missing.
    """

    def __init__(self, settings: Settings, accounts: Accounts) -> None:
        topics = [settings.topics.account_states]
        self._tail = TopicTail[Standing | Gone](settings, topics, reading_of, accounts.take_in)

    async def __aenter__(self) -> Self:
        await self._tail.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tail.__aexit__(*error)


def reading_of(message: Received) -> Standing | Gone | None:
    """What a message of the account states says; None, and a line in the log, when it cannot be read.

    Whatever it is: one bad state must not keep all others from logging on.
    """
    if message.value is None:
        return Gone(message.identifier)
    try:
        found = _comparable(standing_of(message.identifier, decode_state(Kind.ACCOUNT, message.value)))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        # No traceback: it would quote the state.
        log.error(  # noqa: TRY400
            "state_unreadable",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            error=type(exc).__name__,
        )
        return None
    return found


def _comparable(standing: Standing) -> Standing:
    if not all(isinstance(part, int) for part in standing.revision):
        raise TypeError("a revision is two numbers")
    return standing


def _time(value: Json) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
