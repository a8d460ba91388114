"""What a benchmark needs of an installation: a configuration for its own Kafka and slapd, and the topics."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ldap_sink.session import read_entry_uuid
from streams.kafka import create_topics
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd
from streams.settings import Settings, load_settings
from streams.settings.directory import directory_settings

CONFIGURATION = "ldapflow.yaml"
PASSWORD_FILE = "password"  # noqa: S105 - a file's name


def install(folder: Path, slapd: Slapd, broker: Kafka, /, **sections: Mapping[str, Any]) -> Settings:
    """Write a configuration into a folder, record the target in it, and make the topics.

    Args:
        folder: where to.
        slapd: the directory; the administrator is its rootdn.
        broker: Kafka.
        sections: of the configuration, merged with what is needed in any case.
    """
    write_secret(folder / PASSWORD_FILE, slapd.admin_password)
    document: dict[str, dict[str, Any]] = {
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "connection": {
            "server": slapd.uri,
            "admin_dn": slapd.admin_dn,
            "admin_password_file": PASSWORD_FILE,
            "allow_plaintext": True,
        },
        "sync": {"target_dn": slapd.target_dn},
        "metrics": {"listen": f"127.0.0.1:{free_port()}"},
    }
    for name, values in sections.items():
        document[name] = {**document.get(name, {}), **values}
    path = folder / CONFIGURATION
    path.write_bytes(orjson.dumps(document))
    settings = load_settings(path, {})
    create_topics(settings)
    found = asyncio.run(read_entry_uuid(directory_settings(settings), settings.sync.target_dn))
    document["sync"]["target_entry_uuid"] = found
    path.write_bytes(orjson.dumps(document))
    return load_settings(path, {})


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(secret)


def environment() -> dict[str, str]:
    """Of the program, when it runs in that folder."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "LDAPFLOW_CONFIG": CONFIGURATION}
