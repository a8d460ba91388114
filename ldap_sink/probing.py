"""Tells whose fault a refusal is when its code does not: can anything be written below the target (section 5)?"""

import asyncio
import secrets
import time
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict, Judged
from schemas.dn import RDN
from schemas.entries import Add, Delete
from schemas.errors import DeadLetterReason, Halting, LdapflowError, Permanent, Retryable

PROBE_PREFIX: Final = "ldapflow-probe-"

_OTHER: Final = 80  # RFC 4511: also what slapd says when its database is full
_KEEP_SECONDS: Final = 10.0


class Prober:
    """Adds an entry below the target and removes it; what that says holds for 10 s."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._lock = asyncio.Lock()
        self._judgement: LdapflowError | None = None
        self._judged_at = float("-inf")

    async def judge(self, refusal: Judged) -> LdapflowError:
        """Say what a refusal means.

        Returns:
            `Permanent` if others are not refused: this event is at fault. Else `Retryable` or `Halting`.
        """
        async with self._lock:
            if time.monotonic() - self._judged_at >= _KEEP_SECONDS:
                self._judgement = await self.probe()
                self._judged_at = time.monotonic()
        return self._judgement or Permanent(DeadLetterReason.REFUSED_BY_DIRECTORY, refusal.detail)

    async def probe(self) -> LdapflowError | None:
        """Add an entry and remove it; returns why that is not possible, or None when it is."""
        name = f"{PROBE_PREFIX}{secrets.token_hex(8)}"
        target = self._directory.settings.target_dn
        change = Add(
            target.child(RDN.of("ou", name)),
            {"objectClass": (b"organizationalUnit", b"top"), "ou": (name.encode(),)},
        )
        try:
            await self._remove_older()
            found = await self._directory.add(change)
            await self._directory.delete(Delete(found.dn), found)
        except Judged as exc:
            if exc.code == _OTHER:
                return Retryable("other", exc.detail)
            return Halting("write_refused", f"the administrator cannot write below {target}: {exc.detail}")
        except Conflict as exc:
            return Retryable("probe_disturbed", exc.detail)
        except (Retryable, Halting) as exc:
            return exc
        except Permanent as exc:
            return Halting("write_refused", f"a probe entry below {target} is refused: {exc.detail}")
        return None

    async def _remove_older(self) -> None:
        """Remove what a probe that was interrupted has left."""
        for found in await self._directory.find(f"(ou={PROBE_PREFIX}*)"):
            await self._directory.delete(Delete(found.dn), found)
