"""Traits of a state that are asked of all of them, in one octet each."""

from typing import Any, Final

from schemas.events import NEVER
from schemas.states import PasswordStatus, Status

KNOWN: Final = 1
BOUND: Final = 2
USABLE: Final = 4  # its push counts it: not dead-lettered
DELETED: Final = 8
WAITING: Final = 16
SETTLED: Final = 32  # applied, and bound below the present target: it asks for nothing but its entry
UNWRITTEN: Final = 64  # its password is still to be written
QUALIFIED: Final = 128  # its entry's name has more than one value, or a plus sign in one

_APPLIED: Final = Status.APPLIED.value


def traits_of(document: dict[str, Any], target: str) -> int:
    """Tell them.

    Args:
        document: a state's JSON; its record is not looked at.
        target: the entryUUID of the present target, in lower case.

    Raises:
        KeyError, TypeError, AttributeError: it is no state.
    """
    status, binding, password = document["status"], document["binding"], document["password"]
    traits = KNOWN if status == Status.DEAD_LETTERED else KNOWN | USABLE
    if status == Status.WAITING:
        traits |= WAITING
    if document["deletedAt"] is not None:
        traits |= DELETED
    if password is not None and password["status"] == PasswordStatus.PENDING:
        traits |= UNWRITTEN
    if binding is None:
        return traits
    traits |= BOUND
    if "+" in binding["dn"]:
        traits |= QUALIFIED
    # As `decode_binding` wants it: else the state is one that nobody can read.
    if binding["dn"].__class__ is not str or binding["boundAt"].__class__ is not int:
        raise TypeError("binding")
    is_here = binding["target"] == target or binding["target"].lower() == target
    is_settled = status == _APPLIED and not traits & DELETED and document["waitingFor"] is None
    return traits | SETTLED if is_here and is_settled and document["recordTime"] != NEVER else traits
