"""What is kept of an account as bytes is what was put in."""

import uuid
from dataclasses import replace

import pytest

from schemas.events import Kind
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, Binding, Status
from streams.worker.states.packing import entry_key, pack, unpack
from streams.worker.states.seen import Seen
from tests.support.redrives import TARGET, bound, seen

FULL = seen(
    "a",
    "o1",
    "o2",
    partition=11,
    revision=(2**31 - 1, 2**40),
    is_deleted=True,
    is_bound=True,
    binding=Binding(str(uuid.UUID(int=7)), "uid=a,ou=研发\\, 中国,dc=example", TARGET, 1_700_000_000_123),
    status=Status.HELD,
    status_time=1_700_000_000_456,
    removed_at=1_700_000_000_789,
    reason="deletion_guard",
    awaited=AwaitsOrganization("o3"),
    offset=2**40,
    name="N",
)


@pytest.mark.parametrize(
    "entity",
    [
        pytest.param(seen("a"), id="nothing"),
        pytest.param(FULL, id="everything"),
        *(pytest.param(replace(FULL, status=status), id=status.value) for status in Status),
        pytest.param(replace(FULL, awaited=AwaitsEntity("b")), id="awaits one of its kind"),
        pytest.param(replace(FULL, awaited=AwaitsEntity("b", Kind.ORGANIZATION)), id="awaits an organization's leave"),
        pytest.param(replace(FULL, awaited=AwaitsChildren()), id="awaits children"),
        pytest.param(replace(FULL, awaited=AwaitsTime()), id="awaits time"),
        pytest.param(bound(seen("a"), entry="no uuid"), id="no uuid"),
        pytest.param(bound(seen("a"), entry=str(uuid.UUID(int=2**127)).upper()), id="upper case"),
        pytest.param(
            replace(seen("a"), binding=Binding(str(uuid.uuid4()), "uid=a", "another target", 1)), id="another target"
        ),
    ],
)
def test_what_comes_out_is_what_was_put_in(entity: Seen) -> None:
    """The offset as well, which does not count when two are compared."""
    unpacked = unpack("a", pack(entity), TARGET)
    assert (unpacked, unpacked.offset) == (entity, entity.offset)


def test_entries_with_different_uuids_have_different_keys() -> None:
    """However odd they are written; those as RFC 4530 says need 16 bytes."""
    canonical = str(uuid.UUID(int=0x0123456789ABCDEF << 64))
    odd = [canonical.upper(), canonical.replace("-", ""), canonical[:-1], "0123456789abcdef", ""]
    assert len({entry_key(canonical), *map(entry_key, odd)}) == 1 + len(odd)
    assert len(entry_key(canonical)) == 16
