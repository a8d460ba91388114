"""Where reading a partition goes on, and what of it was lost meanwhile (design section 6, "Topics made anew")."""

from dataclasses import dataclass
from enum import StrEnum


class Loss(StrEnum):
    """Why a partition does not go on where it was left; what follows the topic's name."""

    MADE_ANEW = "was made anew"
    CUT_OFF = "ends before what was read of it"
    DELETED_UNREAD = "lost events before they were read"


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading begins.

    Attributes:
        offset: of the first event.
        committed: the offset known to be committed there; None when none is that still means something.
        loss: None when nothing is missing.
        history_end: up to here the events are history: what matters is what they come to, not each of them.
        told_end: up to here they were done before: what can never succeed is a dead letter already.
    """

    offset: int
    committed: int | None = None
    loss: Loss | None = None
    history_end: int = 0
    told_end: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Tells topics of one name apart.

    Attributes:
        name: written beside every committed offset: the topic's id, and that of its states; empty where nothing is
            known.
        is_anew: it is not the one that was recorded.
    """

    name: str = ""
    is_anew: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """What Kafka has of a partition.

    Attributes:
        begin: the earliest offset.
        end: the offset that the next event will get.
        origin: which topic it is.
    """

    begin: int
    end: int
    origin: Origin


def start_of(committed: int | None, origin: str, log: Log) -> Start:
    """Choose where a partition is read from; that is from its beginning if the committed offset means nothing in it.

    Args:
        committed: the group's offset, if there is one.
        origin: the origin's name as it was when it was committed; empty if nobody wrote it down.
        log: as it is now.
    """
    is_other = origin != log.origin.name if origin and log.origin.name else log.origin.is_anew
    if is_other:
        told_end = committed if committed is not None and _is_same_log(origin, log) and committed <= log.end else 0
        return Start(log.begin, loss=Loss.MADE_ANEW, history_end=log.end, told_end=told_end)
    if committed is None:
        return Start(log.begin)
    if committed > log.end:
        return Start(log.begin, loss=Loss.CUT_OFF)
    if committed < log.begin:
        return Start(log.begin, loss=Loss.DELETED_UNREAD)
    return Start(committed, committed)


def _is_same_log(origin: str, log: Log) -> bool:
    """Whether only the states are others: then it is still known how far the events were done."""
    before, now = (name.partition(" ")[0] for name in (origin, log.origin.name))
    return before == now != ""
