"""What is kept of an account, as bytes: a quarter of what objects would need, and nothing for the garbage collector.

They never leave the process, and hold nothing but words and numbers that were parsed already: so `marshal`, the fastest
there is.
"""

import marshal
from typing import Final, TypeAlias, assert_never

from schemas.events import Kind
from schemas.states import Awaited, AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, Binding, Status
from streams.worker.states.seen import Seen

EntryKey: TypeAlias = bytes | str

_STATUSES: Final = tuple(Status)
_LENGTH: Final = 36
_HYPHENS: Final = slice(8, 24, 5)
_NUMBERS: Final = {status: number for number, status in enumerate(_STATUSES)}


def pack(seen: Seen) -> bytes:
    """Pack what is known of an account: all but its id."""
    binding = seen.binding
    return marshal.dumps(
        (
            seen.partition,
            seen.revision,
            seen.parents,
            seen.is_deleted,
            seen.is_bound,
            None
            if binding is None
            else (
                entry_key(binding.entry_uuid),
                binding.dn,
                None if seen.is_bound else binding.target,
                binding.bound_at,
            ),
            _NUMBERS[seen.status],
            seen.status_time,
            seen.removed_at,
            seen.reason,
            None if seen.awaited is None else _packed_awaited(seen.awaited),
            seen.offset,
            seen.name,
        )
    )


def unpack(identifier: str, packed: bytes, target: str) -> Seen:
    """What was packed.

    Args:
        identifier: of the account.
        packed: by this process.
        target: the entryUUID of the present target.
    """
    (
        partition,
        revision,
        parents,
        is_deleted,
        is_bound,
        binding,
        number,
        status_time,
        removed_at,
        reason,
        awaited,
        offset,
        name,
    ) = marshal.loads(packed)  # noqa: S302 - made by this process
    return Seen(
        Kind.ACCOUNT,
        identifier,
        partition,
        revision,
        parents,
        is_deleted,
        is_bound,
        None
        if binding is None
        else Binding(_entry_uuid(binding[0]), binding[1], target if is_bound else binding[2], binding[3]),
        _STATUSES[number],
        status_time,
        removed_at,
        reason,
        None if awaited is None else _awaited(*awaited),
        offset,
        name,
    )


def entry_key(entry_uuid: str) -> EntryKey:
    """An entryUUID in 16 bytes; as it is where it is not written as RFC 4530 says, in lower case."""
    digits = entry_uuid.replace("-", "")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        return entry_uuid
    is_canonical = len(entry_uuid) == _LENGTH and entry_uuid[_HYPHENS] == "----" and key.hex() == digits
    return key if is_canonical else entry_uuid


def _entry_uuid(key: EntryKey) -> str:
    if isinstance(key, str):
        return key
    digits = key.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _packed_awaited(awaited: Awaited) -> tuple[str, ...]:
    match awaited:
        case AwaitsOrganization(identifier):
            return ("organization", identifier)
        case AwaitsEntity(identifier, kind):
            return ("entity", identifier) if kind is None else ("entity", identifier, kind.value)
        case AwaitsChildren():
            return ("children",)
        case AwaitsTime():
            return ("time",)
        case _:
            assert_never(awaited)


def _awaited(what: str, identifier: str = "", kind: str | None = None) -> Awaited:
    if what == "organization":
        return AwaitsOrganization(identifier)
    if what == "entity":
        return AwaitsEntity(identifier, None if kind is None else Kind(kind))
    return AwaitsChildren() if what == "children" else AwaitsTime()
