"""What may happen to the target node, and that nothing is written until the right one is back, or another is pinned."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ldap_sink.settings import DirectorySettings
from schemas.dn import DN, RDN
from schemas.errors import Halting
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree
from tests.support.sink import entry_uuid, make_target, settings_for, unit, watched, write


@dataclass(frozen=True, slots=True)
class Mishap:
    """What somebody does to a node.

    Attributes:
        reason: of the halt.
        happen: does it, given a connection and the node.
        undo: brings the very same entry back; None: that cannot be done.
    """

    reason: str
    happen: Callable[[Any, DN], None]
    undo: Callable[[Any, DN], None] | None


def _renamed(admin: Any, target: DN) -> None:
    admin.modify_dn(str(target), f"{target.rdn}-away")


def _named_back(admin: Any, target: DN) -> None:
    admin.modify_dn(str(target.parent.child(RDN.parse(f"{target.rdn}-away"))), str(target.rdn))


def _moved(admin: Any, target: DN) -> None:
    admin.add(str(_elsewhere(target)), "organizationalUnit")
    admin.modify_dn(str(target), str(target.rdn), new_superior=str(_elsewhere(target)))


def _moved_back(admin: Any, target: DN) -> None:
    admin.modify_dn(str(_elsewhere(target).child(target.rdn)), str(target.rdn), new_superior=str(target.parent))


def _elsewhere(target: DN) -> DN:
    return target.parent.child(RDN.parse(f"{target.rdn}-elsewhere"))


def _deleted(admin: Any, target: DN) -> None:
    admin.delete(str(target))


def _made_anew(admin: Any, target: DN) -> None:
    admin.delete(str(target))
    admin.add(str(target), "organizationalUnit")


def _replaced(admin: Any, target: DN) -> None:
    other = RDN.parse(f"{target.rdn}-other")
    admin.add(str(target.parent.child(other)), "organizationalUnit")
    _renamed(admin, target)
    admin.modify_dn(str(target.parent.child(other)), str(target.rdn))


def _put_back(admin: Any, target: DN) -> None:
    admin.delete(str(target))
    _named_back(admin, target)


_MISHAPS = {
    "renamed": Mishap("target_missing", _renamed, _named_back),
    "moved": Mishap("target_missing", _moved, _moved_back),
    "deleted": Mishap("target_missing", _deleted, None),
    "made anew": Mishap("target_changed", _made_anew, None),
    "replaced": Mishap("target_changed", _replaced, _put_back),
}


@pytest.mark.parametrize("name", _MISHAPS)
async def test_each_stops_all_writing_until_it_is_mended(slapd: Slapd, name: str) -> None:
    """The regular look finds it and says what was expected and found; a pin mends what cannot be undone."""
    mishap = _MISHAPS[name]
    settings = settings_for(slapd, *make_target(slapd))
    target, before = settings.target_dn, settings.target_entry_uuid
    entry = unit(target.child(RDN.of("ou", "a")))
    async with watched(settings) as opened:
        await opened.until(None)
        write(slapd, lambda admin: mishap.happen(admin, target))
        state = await opened.until(mishap.reason)
        told = str(state.problem)
        assert str(target) in told
        assert f"{before}" in told
        assert "run `ldapflow pin` and restart" in told
        with pytest.raises(Halting):
            await opened.directory.add(entry)
        assert str(entry.dn) not in read_tree(slapd)
        if mishap.undo is not None:
            undo = mishap.undo
            write(slapd, lambda admin: undo(admin, target))
            await opened.until(None)
            await opened.directory.add(entry)
    if mishap.undo is None:
        await _pinned_again(slapd, settings)


async def _pinned_again(slapd: Slapd, settings: DirectorySettings) -> None:
    """What a restart after `ldapflow pin` does."""
    target = settings.target_dn
    if str(target) not in read_tree(slapd):
        write(slapd, lambda admin: admin.add(str(target), "organizationalUnit"))
    async with watched(replace(settings, target_entry_uuid=entry_uuid(slapd, target))) as opened:
        await opened.until(None)
        await opened.directory.add(unit(target.child(RDN.of("ou", "a"))))


def test_a_mishap_is_noticed_within_a_minute() -> None:
    """By default, even when the look takes all the time that an operation may take."""
    settings = DirectorySettings("h", 389, "cn=a", bytes, DN.parse("ou=x"), None)
    assert settings.target_check + settings.operation_timeout <= 60


async def test_another_node_in_its_place_is_told_with_both_ids(slapd: Slapd) -> None:
    """So that an operator sees which is which."""
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings) as opened:
        await opened.until(None)
        write(slapd, lambda admin: _made_anew(admin, settings.target_dn))
        state = await opened.until("target_changed")
        now = entry_uuid(slapd, settings.target_dn)
        assert f"has the entryUUID {now}, expected {settings.target_entry_uuid}" in str(state.problem)
