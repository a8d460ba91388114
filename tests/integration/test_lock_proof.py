"""Whether a locked account is kept out: proved on servers that do it, and on those that only seem to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ldap3
import pytest

from ldap_sink.lock_proof import prove_lock
from ldap_sink.settings import DirectorySettings
from schemas.errors import Halting, Retryable
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN, POLICY_DN
from tests.support.directory_dump import read_tree
from tests.support.proxy import Proxy
from tests.support.sink import BIND, MODIFY, leave_probe, make_target, once, settings_for, watched, write


def settings_of(slapd: Slapd, **changes: Any) -> DirectorySettings:
    """Settings with a target of its own."""
    return settings_for(slapd, *make_target(slapd), **changes)


async def halted(settings: DirectorySettings) -> Halting:
    """Why the proof failed."""
    with pytest.raises(Halting) as caught:
        await prove_lock(settings)
    return caught.value


def remains(slapd: Slapd, settings: DirectorySettings) -> list[str]:
    """What is below the target."""
    return sorted(set(read_tree(slapd, str(settings.target_dn))) - {str(settings.target_dn)})


@pytest.mark.parametrize("as_rootdn", [True, False])
async def test_a_policy_with_lockout_is_proof(fresh_slapd: Callable[..., Slapd], as_rootdn: bool) -> None:  # noqa: FBT001 - a case
    """Also for an administrator whom the policy binds; no probe stays, not even an older one."""
    slapd = fresh_slapd(SlapdOptions(policy={}))
    settings = settings_of(slapd)
    if not as_rootdn:
        settings = replace(settings, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    leave_probe(slapd, settings.target_dn)
    await prove_lock(settings)
    assert remains(slapd, settings) == []


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (SlapdOptions(), "pwdAccountLockedTime is refused"),
        (SlapdOptions(modules=("ppolicy",)), "still logs on"),
        (SlapdOptions(policy={"pwdLockout": "FALSE"}), "still logs on"),
    ],
    ids=["no module", "no overlay", "no lockout"],
)
async def test_without_lockout_the_ways_out_are_named(
    fresh_slapd: Callable[..., Slapd], options: SlapdOptions, found: str
) -> None:
    """Whether the attribute is refused, or accepted and ignored."""
    slapd = fresh_slapd(options)
    settings = settings_of(slapd)
    halting = await halted(settings)
    assert halting.reason == "lock_ineffective"
    for words in (found, "pwdLockout TRUE", "disabled_accounts: keep", "disabled_accounts: remove"):
        assert words in str(halting)
    assert remains(slapd, settings) == []


async def test_a_bind_that_never_succeeds_proves_nothing(fresh_slapd: Callable[..., Slapd]) -> None:
    """Where no entry below the target may log on, the lock is not what keeps it out."""
    slapd = fresh_slapd(SlapdOptions(policy={}))
    settings = settings_of(slapd)
    rule = f'{{0}}to dn.subtree="{settings.target_dn}" attrs=userPassword by * none'
    slapd.modify_configuration(f"dn: {DATABASE_CONFIG_DN}\nchangetype: modify\nadd: olcAccess\nolcAccess: {rule}\n")
    halting = await halted(settings)
    assert (halting.reason, "even before it is locked" in halting.detail) == ("lock_ineffective", True)


@pytest.mark.parametrize("moment", [MODIFY, BIND], ids=["before the lock", "before the bind"])
async def test_a_probe_that_somebody_removes_proves_nothing(
    fresh_slapd: Callable[..., Slapd], proxy: Callable[..., Proxy], moment: int
) -> None:
    """Neither that the lock is refused, nor that it keeps anybody out: it is tried again."""
    slapd = fresh_slapd(SlapdOptions(policy={}))
    front = proxy(slapd.port)
    settings = settings_of(slapd, port=front.port)
    # The third bind is that of the locked probe.
    left = [None] * (2 if moment == BIND else 0)

    def interfere(chunk: bytes) -> bytes | None:
        def act() -> None:
            if left:
                left.pop()
                return
            [dn] = remains(slapd, settings)
            write(slapd, lambda admin: admin.delete(dn))

        return once(moment, act)(chunk)

    front.on_request = interfere
    with pytest.raises(Retryable) as caught:
        await prove_lock(settings)
    assert caught.value.reason == "probe_disturbed"


async def test_a_password_that_is_refused_proves_nothing(fresh_slapd: Callable[..., Slapd]) -> None:
    """The policy has more against the probe's password than it can satisfy."""
    slapd = fresh_slapd(SlapdOptions(policy={"pwdCheckQuality": "2", "pwdMinLength": "100"}))
    settings = settings_of(slapd, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    halting = await halted(settings)
    assert (halting.reason, "password is refused" in halting.detail) == ("lock_ineffective", True)


async def test_the_other_target_is_not_touched(fresh_slapd: Callable[..., Slapd]) -> None:
    """Not even by a probe."""
    slapd = fresh_slapd(SlapdOptions(policy={}))
    settings = settings_of(slapd)
    before = read_tree(slapd, str(settings.target_dn), operational=True)
    with pytest.raises(Halting) as caught:
        await prove_lock(replace(settings, target_entry_uuid="00000000-0000-0000-0000-000000000000"))
    assert caught.value.reason == "target_changed"
    assert read_tree(slapd, str(settings.target_dn), operational=True) == before


async def test_a_directory_halted_for_it_goes_on_when_mended(fresh_slapd: Callable[..., Slapd]) -> None:
    """The proof is made again at each look; once it has succeeded, it is not asked for any more."""
    slapd = fresh_slapd(SlapdOptions(policy={"pwdLockout": "FALSE"}))
    settings = settings_of(slapd)
    proofs = 0

    async def proof(_: object) -> None:
        nonlocal proofs
        proofs += 1
        await prove_lock(settings)

    async with watched(settings) as opened:
        await opened.until(None)
        opened.directory.halt(await halted(settings), proof)
        for _ in range(3):
            await opened.until("lock_ineffective")
        lockout = {"pwdLockout": [(ldap3.MODIFY_REPLACE, ["TRUE"])]}
        write(slapd, lambda admin: admin.modify(POLICY_DN, lockout))
        await opened.until(None)
        made = proofs
        slapd.restart()
        await opened.until("connection_lost")
        await opened.until(None)
        assert proofs == made
