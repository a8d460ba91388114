"""How fast the LDAP connection is, beside ldap3, on a slapd of its own: adds, and a paged read of what was added.

Run from the checkout: `python -m benchmarks.protocol [--json]`. Our connection has 32 adds in flight, ldap3 one: it
cannot do more. CPU is that of the client.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import ldap3
import orjson

from benchmarks.machine import machine
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


class Stopwatch:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def rates(self, count: int) -> dict[str, float]:
        """What was done since."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"per_second": round(count / wall), "cpu_us_each": round(cpu / count * 1e6, 1)}


async def ours(slapd: Slapd) -> dict[str, dict[str, float]]:
    """Add and read by our connection."""
    connection = await Connection.open(slapd.host, slapd.port)
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    numbers = iter(range(ENTRIES))

    async def write() -> None:
        for number in numbers:
            await connection.add(f"uid={number},{slapd.target_dn}", attributes(number))

    watch = Stopwatch()
    await asyncio.gather(*(write() for _ in range(IN_FLIGHT)))
    adds = watch.rates(ENTRIES)
    watch, found = Stopwatch(), 0
    async for page in connection.pages(slapd.target_dn, "(objectClass=person)", []):
        found += len(page)
    reads = watch.rates(found)
    await connection.close()
    return {"adds": adds, "paged_read": reads}


def theirs(slapd: Slapd) -> dict[str, dict[str, float]]:
    """Add and read by ldap3."""
    connection = ldap3.Connection(
        ldap3.Server(slapd.uri), slapd.admin_dn, slapd.admin_password, client_strategy=ldap3.SAFE_SYNC, auto_bind=True
    )
    adds = rates_of(lambda: [add(connection, slapd, number) for number in range(ENTRIES, ENTRIES + FEWER)])
    search = connection.extend.standard.paged_search
    reads = rates_of(lambda: list(search(slapd.target_dn, "(telephoneNumber=*)", attributes=["*"])))
    connection.unbind()
    return {"adds": adds, "paged_read": reads}


def add(connection: ldap3.Connection, slapd: Slapd, number: int) -> object:
    """Add one entry by ldap3."""
    return connection.add(f"uid={number},{slapd.target_dn}", attributes=attributes(number))  # type: ignore[no-untyped-call]


def rates_of(act: Callable[[], list[object]]) -> dict[str, float]:
    """How fast the list is made."""
    watch = Stopwatch()
    return watch.rates(len(act()))


def compare() -> dict[str, Any]:
    """Both."""
    with Slapd() as slapd:
        own = asyncio.run(ours(slapd))
        other = theirs(slapd)
    return {
        what: {
            **own[what],
            **{f"ldap3_{name}": value for name, value in other[what].items()},
            "ratio": round(own[what]["per_second"] / other[what]["per_second"], 1),
            "cpu_ratio": round(other[what]["cpu_us_each"] / own[what]["cpu_us_each"], 1),
        }
        for what in own
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    found = compare()
    if arguments.json:
        document = {"benchmark": "protocol", "machine": machine(), "entries": ENTRIES, "in_flight": IN_FLIGHT, **found}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for what, rates in found.items():
        sys.stdout.write(f"{what}\n" + "".join(f"  {name:<20}{value:>12,}\n" for name, value in rates.items()))


if __name__ == "__main__":
    main()
