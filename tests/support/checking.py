"""Everything that `ldapflow check` finds, within the test's own process."""

from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import Any

from streams.checking.plan import check_everything
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings import Settings
from tests.support.sink import make_target

Found = dict[str, list[str]]


def settings_of(broker: Kafka, slapd: Slapd, /, **sections: Any) -> Settings:
    """A configuration whose target is one of the test's own, and pinned."""
    target, target_uuid = make_target(slapd)
    base: dict[str, Any] = {
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "metrics": {"listen": "127.0.0.1:0"},
        "connection": {
            "server": slapd.uri,
            "admin_dn": slapd.admin_dn,
            "admin_password": slapd.admin_password,
        },
        "sync": {"target_dn": str(target), "target_entry_uuid": target_uuid},
    }
    for name, values in sections.items():
        base[name] = {**base.get(name, {}), **values} if isinstance(values, dict) else values
    return Settings.model_validate(base)


def as_sync(slapd: Slapd) -> dict[str, str]:
    """The connection of the administrator whom rules and limits bind."""
    return {"admin_dn": slapd.sync_dn, "admin_password": slapd.sync_password}


async def found(settings: Settings) -> Found:
    """What is found, by check: each line without the check's name."""
    told: Found = {}
    async with aclosing(check_everything(Path("x.yaml"), settings, lambda _: nullcontext(lambda _: None))) as findings:
        async for line in findings:
            told.setdefault(line.check, []).append(str(line).replace(f" {line.check}: ", " ", 1))
    return told


def marks(told: Found, *checks: str) -> str:
    """The marks of some checks."""
    return "".join(line[0] for check in checks for line in told[check])


def configure(slapd: Slapd, dn: str, line: str) -> None:
    """Add one line to the server's configuration."""
    attribute = line.partition(":")[0]
    slapd.modify_configuration(f"dn: {dn}\nchangetype: modify\nadd: {attribute}\n{line}\n")
