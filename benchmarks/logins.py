"""How fast logins are answered, beside raw simple binds on the same slapd in the same run.

Run from the checkout: `python -m benchmarks.logins [--json] [--logins N]`. The service runs in a process of its own, as
it does in production; HTTP, the search, the bind and the second look at the entry are all in its time. Numbers are for
comparing two versions on one machine; the ratio to raw binds is less of a machine's own than the others.
"""

import argparse
import asyncio
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.installation import environment, install, write_secret
from benchmarks.machine import machine
from ldap_sink.protocol.connection import Connection
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings

LOGINS: Final = 5000
AT_ONCE: Final = 16
PEOPLE: Final = 1000
READY_SECONDS: Final = 60
_UNLIMITED: Final = 10**9
_PASSWORD: Final = secrets.token_urlsafe(12)
_TOKEN: Final = secrets.token_urlsafe(12)


def people() -> str:
    """Entries in LDIF. Their passwords are not hashed: a slow hash would hide what the service itself costs."""
    entries = (
        f"dn: uid=u{number},{Slapd.target_dn}\nobjectClass: inetOrgPerson\nobjectClass: top\nuid: u{number}\ncn: c\n"
        f"sn: s\nmail: u{number}@example.com\nuserPassword: {_PASSWORD}\n"
        for number in range(PEOPLE)
    )
    return "\n".join(entries)


async def measure(count: int, act: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    """Do something so many times, `AT_ONCE` side by side: how many a second, and milliseconds of the slowest."""
    took: list[float] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            began = time.perf_counter()
            await act(number % PEOPLE)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - began
    return {
        "per_second": round(count / seconds),
        "p50_ms": round(quantiles(took)[1] * 1e3, 2),
        "p99_ms": round(quantiles(took, n=100)[98] * 1e3, 2),
    }


async def raw(slapd: Slapd, count: int) -> dict[str, float]:
    """Simple binds, each connection used for one at a time."""
    free = [await Connection.open(slapd.host, slapd.port) for _ in range(AT_ONCE)]

    async def bind(number: int) -> None:
        connection = free.pop()
        await connection.bind(f"uid=u{number},{slapd.target_dn}", _PASSWORD.encode())
        free.append(connection)

    measured = await measure(count, bind)
    for connection in free:
        await connection.close()
    return measured


async def served(settings: Settings, count: int) -> dict[str, float]:
    """Logins by mail address over HTTP."""
    url, headers = f"http://{settings.authentication.listen}/v1/authenticate", {"Authorization": f"Bearer {_TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await _ready(session, f"http://{settings.metrics.listen}/readyz")

        async def log_on(number: int) -> None:
            body = orjson.dumps({"login": f"u{number}@example.com", "password": _PASSWORD})
            async with session.post(url, data=body) as response:
                if response.status != 200:  # noqa: PLR2004 - OK
                    raise RuntimeError(f"{response.status} {await response.text()}")

        return await measure(count, log_on)


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                async with session.get(url) as response:
                    if response.ok:
                        return
            except aiohttp.ClientConnectionError:
                pass  # it is starting
            await asyncio.sleep(0.1)


def configure(folder: Path, slapd: Slapd, kafka: Kafka) -> Settings:
    """Write a configuration whose service knows no limit of tries."""
    write_secret(folder / "token", _TOKEN)
    authentication = {
        "enabled": True,
        "listen": f"127.0.0.1:{free_port()}",
        "token_file": "token",
        "rate": {"per_login_per_minute": _UNLIMITED, "per_address_per_minute": _UNLIMITED},
    }
    return install(folder, slapd, kafka, kafka={"account_partitions": 1}, authentication=authentication)


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[None]:
    """`ldapflow auth` in a process of its own."""
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams.cli.main", "auth"),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()


async def compare(folder: Path, slapd: Slapd, settings: Settings, count: int) -> dict[str, Any]:
    """Both, the shorter one first to warm slapd up."""
    await raw(slapd, PEOPLE)
    async with service(folder):
        logins = await served(settings, count)
    binds = await raw(slapd, count)
    return {"logins": logins, "raw_binds": binds, "ratio": round(logins["per_second"] / binds["per_second"], 3)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--logins", type=int, default=LOGINS, help=f"how many of each; default {LOGINS}")
    arguments = parser.parse_args()
    options = SlapdOptions(policy={}, entries=people(), overlays=("index mail,mobile eq",))
    with tempfile.TemporaryDirectory(prefix="ldapflow-logins-") as name, Kafka() as kafka, Slapd(options) as slapd:
        settings = configure(Path(name), slapd, kafka)
        found = asyncio.run(compare(Path(name), slapd, settings, arguments.logins))
    if arguments.json:
        document = {"benchmark": "logins", "machine": machine(), "count": arguments.logins, "at_once": AT_ONCE, **found}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for what in ("logins", "raw_binds"):
        numbers = found[what]
        sys.stdout.write(
            f"{what:<12}{numbers['per_second']:>10,.0f} /s   p50 {numbers['p50_ms']:>7.1f} ms   p99"
            f" {numbers['p99_ms']:>7.1f} ms\n"
        )
    sys.stdout.write(f"{'ratio':<12}{found['ratio']:>10.2f}\n")


if __name__ == "__main__":
    main()
