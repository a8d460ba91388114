"""A glance at the bytes of a state sees what reading all of it does."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import decode_state, encode_state
from schemas.states import Awaited, AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, Binding, State, Status
from streams.worker.states.seen import glance, seen_of

TARGET = "00000000-0000-4000-8000-000000000001"

ids = st.sampled_from(["o1", "o2", "部", 7])
times = st.integers(0, 2**53)
units = st.fixed_dictionaries(
    {"organizationalUnitId": ids}, optional={"primary": st.booleans(), "organizationalUnitName": st.text()}
)
fields = st.fixed_dictionaries(
    {"userId": st.just("a"), "organizationalUnitId": st.just("a")},
    optional={
        "organizationalUnits": st.lists(units, max_size=3) | st.none(),
        "primaryOrganizationalUnitId": ids | st.just("") | st.none(),
        "organizationalUnitName": st.sampled_from(["", "Sales"]),
        "parentId": ids | st.just("a") | st.none(),
        "status": st.sampled_from(["enabled", "disabled"]),
    },
)
awaited: st.SearchStrategy[Awaited] = st.sampled_from(
    [AwaitsChildren(), AwaitsTime(), AwaitsOrganization("o1"), AwaitsEntity("b"), AwaitsEntity("b", Kind.ORGANIZATION)]
)
bindings = st.builds(Binding, st.uuids().map(str), st.text(), st.sampled_from([TARGET, "another"]), times)


@st.composite
def states(draw: st.DrawFn, kind: Kind) -> State:
    document: Any = draw(fields | st.none())
    return State(
        record=None if document is None else record_of(kind, document),
        record_time=draw(times),
        event_time=draw(times),
        received_time=draw(times),
        status=draw(st.sampled_from(Status)),
        status_time=draw(times),
        writer=(draw(st.integers(0, 2**31 - 1)), draw(times)),
        deleted_at=draw(times | st.none()),
        removed_at=draw(times | st.none()),
        binding=draw(bindings | st.none()),
        reason=draw(st.none() | st.sampled_from(["", "foreign_entry"])),
        awaited=draw(awaited | st.none()),
    )


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
def test_a_glance_sees_what_reading_does(kind: Kind, data: st.DataObject) -> None:
    state = data.draw(states(kind))
    value = encode_state(state)
    seen, expected = glance(kind, "a", 3, value, TARGET, 5), seen_of(kind, "a", 3, decode_state(kind, value), TARGET, 5)
    assert (seen, seen.offset) == (expected, expected.offset)


BOUND: dict[str, Any] = orjson.loads(
    encode_state(
        State(
            record_of(Kind.ACCOUNT, {"userId": "a", "organizationalUnits": [{"organizationalUnitId": "o1"}]}),
            *(1, 1, 1, Status.APPLIED, 1, (1, 1)),
            binding=Binding("u", "uid=a", TARGET, 1),
        )
    )
)


@pytest.mark.parametrize("awaited", [None, {"time": True}], ids=["at a glance", "by reading"])
@pytest.mark.parametrize(
    "odd",
    [
        *({"binding": {**BOUND["binding"], name: 3}} for name in ("entryUUID", "dn", "target")),
        {"binding": {**BOUND["binding"], "boundAt": "now"}},
        {"binding": "u"},
        {"writer": ["a", "b"]},
        {"writer": [1, None]},
        {"record": "a"},
        {"record": [1]},
    ],
    ids=str,
)
def test_a_state_of_other_types_is_refused_before_anybody_relies_on_it(odd: dict[str, Any], awaited: object) -> None:
    """The view compares and packs what it is given: there the failure would end the worker."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        glance(Kind.ACCOUNT, "a", 0, orjson.dumps({**BOUND, "waitingFor": awaited, **odd}), TARGET)


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"5", b"{", orjson.dumps({"record": {}, "waitingFor": None})])
def test_what_is_no_state_is_refused(value: bytes) -> None:
    """By one of the failures that `decode_state` has."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        glance(Kind.ACCOUNT, "a", 0, value, TARGET)
