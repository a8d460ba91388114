"""Damage in the directory of the made-up company, of several kinds, and what a verification must say of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final

from benchmarks.company import Company
from ldap_sink.protocol.connection import Connection
from schemas.dn import DN, RDN
from schemas.entries import AttributeChange, ModifyOperation

KINDS: Final = ("changed", "missing", "misplaced", "unmanaged")
IN_FLIGHT: Final = 32


class Damage:
    """Accounts all over the company, each with one kind of damage.

    Args:
        company: as it should be.
        count: how many of each kind.

    Attributes:
        found: what a verification must find: the count of each state.
        ids: who is damaged, by kind; a stranger has no id.
    """

    def __init__(self, company: Company, count: int) -> None:
        self._company = company
        step = company.accounts // (len(KINDS) * count)
        numbers = iter(range(0, company.accounts, step))
        self._numbers = {kind: [next(numbers) for _ in range(count)] for kind in KINDS}
        self.ids: dict[str, set[str | None]] = {
            kind: {company.account(number).id for number in of} for kind, of in self._numbers.items()
        }
        self.ids["unmanaged"] = {None}
        self.found = {**dict.fromkeys(KINDS, count), "same": company.accounts - (len(KINDS) - 1) * count}

    async def inflict(self, connection: Connection) -> None:
        """Write it, past all workers."""
        left = self._writes(connection)

        async def work() -> None:
            for write in left:
                await write()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))

    def _writes(self, connection: Connection) -> Iterator[Callable[[], Coroutine[Any, Any, object]]]:
        change = AttributeChange(ModifyOperation.REPLACE, "displayName", (b"somebody else",))
        for number in self._numbers["changed"]:
            yield partial(connection.modify, str(self._dn(number)), [change])
        for number in self._numbers["missing"]:
            yield partial(connection.delete, str(self._dn(number)))
        for number in self._numbers["misplaced"]:
            dn, other = self._dn(number), str(self._company.home(number + 1))
            yield partial(connection.modify_dn, str(dn), str(dn.rdn), delete_old_rdn=False, new_superior=other)
        for number in self._numbers["unmanaged"]:
            dn = self._company.home(number).child(RDN.of("uid", f"stranger{number}"))
            attributes = {"objectClass": (b"inetOrgPerson", b"top"), **dict.fromkeys(("cn", "sn"), (b"stranger",))}
            yield partial(connection.add, str(dn), attributes)

    def _dn(self, number: int) -> DN:
        return self._company.dn(number)
