"""How fast the LDAP connection is, beside ldap3, on a slapd of its own: adds, and a paged read of what was added.

Run from the checkout: `python -m benchmarks.protocol`. Numbers are for comparing two versions on one machine.
"""

import asyncio
import sys
import time
from collections.abc import Callable

import ldap3

from ldap_sink.protocol.connection import Connection
from streams.sandbox.slapd import Slapd

ENTRIES = 20_000
IN_FLIGHT = 32
FEWER = 2_000  # of ldap3, which takes longer


def attributes(number: int) -> dict[str, list[bytes]]:
    """What a person of the contract's example has."""
    name = b"%d" % number
    return {
        "objectClass": [b"inetOrgPerson"],
        "uid": [name],
        "cn": [b"Person " + name],
        "sn": [b"Any"],
        "mail": [name + b"@example.com"],
        "telephoneNumber": [b"+86 10 1234 5678"],
        "description": [b"x" * 60],
    }


def report(what: str, count: int, wall: float, cpu: float) -> None:
    """Print one line."""
    sys.stdout.write(f"{what:<20}{count / wall:>10,.0f} /s {cpu / count * 1e6:>8.1f} us of CPU each\n")


class Stopwatch:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def report(self, what: str, count: int) -> None:
        """Print what was done since."""
        report(what, count, time.perf_counter() - self._wall, time.process_time() - self._cpu)


async def ours(slapd: Slapd) -> None:
    """Add and read by our connection."""
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    numbers = iter(range(ENTRIES))

    async def write() -> None:
        for number in numbers:
            await connection.add(f"uid={number},{slapd.target_dn}", attributes(number))

    watch = Stopwatch()
    await asyncio.gather(*(write() for _ in range(IN_FLIGHT)))
    watch.report("add", ENTRIES)
    watch = Stopwatch()
    found = 0
    async for page in connection.pages(slapd.target_dn, "(objectClass=person)", []):
        found += len(page)
    watch.report("paged read", found)
    await connection.close()


def theirs(slapd: Slapd) -> None:
    """Add and read by ldap3."""
    connection = ldap3.Connection(
        ldap3.Server(slapd.uri), slapd.admin_dn, slapd.admin_password, client_strategy=ldap3.SAFE_SYNC, auto_bind=True
    )
    time_it("ldap3 add", lambda: [add(connection, slapd, number) for number in range(ENTRIES, ENTRIES + FEWER)])
    search = connection.extend.standard.paged_search
    time_it("ldap3 paged read", lambda: list(search(slapd.target_dn, "(telephoneNumber=*)", attributes=["*"])))
    connection.unbind()


def add(connection: ldap3.Connection, slapd: Slapd, number: int) -> object:
    """Add one entry by ldap3."""
    return connection.add(f"uid={number},{slapd.target_dn}", attributes=attributes(number))  # type: ignore[no-untyped-call]


def time_it(what: str, act: Callable[[], list[object]]) -> None:
    """Report how fast the list is made."""
    watch = Stopwatch()
    watch.report(what, len(act()))


def main() -> None:
    """Run all of it."""
    with Slapd() as slapd:
        asyncio.run(ours(slapd))
        theirs(slapd)


if __name__ == "__main__":
    main()
