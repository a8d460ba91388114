"""Full pushes of an identity source, as events."""

from collections.abc import Iterable
from typing import Any

import orjson

from tests.support.identity_source import PREFIX, Emitted, IdentitySource


def full_push(source: IdentitySource, push_id: str, without: Iterable[str] = (), *, ends: bool = True) -> list[Emitted]:
    """Tell everything that a source holds, between two marks.

    Args:
        source: whose last event of each organization and account is whole.
        push_id: of the push.
        without: ids that are declared, but do not come.
        ends: the end mark comes.
    """
    whole = {event.key: event for event in source.events if event.key in {*source.organizations, *source.accounts}}
    numbers = {"organizations": len(source.organizations), "accounts": len(source.accounts)}
    told = [_pushed(event, push_id) for key, event in whole.items() if key not in set(without)]
    marks = [_mark(push_id, verb, numbers) for verb in ("begin", "end")]
    return [marks[0], *told, *(marks[1:] if ends else ())]


def _pushed(event: Emitted, push_id: str) -> Emitted:
    kind = "user" if event.account else "organizational_unit"
    return Emitted(event.key, event.account, {**event.value, "eventType": f"{PREFIX}ud:{kind}:push", "pushId": push_id})


def _mark(push_id: str, verb: str, numbers: dict[str, int]) -> Emitted:
    body: dict[str, Any] = {"pushId": push_id, **numbers}
    value = {"eventType": f"{PREFIX}ud:push:{verb}", "bizData": orjson.dumps(body).decode()}
    return Emitted(push_id, account=False, value=value)
