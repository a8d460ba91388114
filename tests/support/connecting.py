"""Connections of our own to a sandboxed slapd."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ldap_sink.protocol.connection import Connection
from streams.sandbox.slapd import Slapd


@asynccontextmanager
async def connected(slapd: Slapd, port: int | None = None, **options: Any) -> AsyncIterator[Connection]:
    """A connection bound as the rootdn, on slapd's port or another (a proxy's); dropped at the end of the block."""
    connection = await Connection.open(slapd.host, port or slapd.port, **options)
    try:
        await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
        yield connection
    finally:
        connection.abort(ConnectionAbortedError("the test is over"))
        await connection.wait_closed()


def person(name: str, **more: Sequence[bytes]) -> Mapping[str, Sequence[bytes]]:
    """The attributes of an inetOrgPerson."""
    return {"objectClass": [b"inetOrgPerson"], "cn": [name.encode()], "sn": [b"Any"], **more}


def unit(name: str) -> Mapping[str, Sequence[bytes]]:
    """The attributes of an organizational unit."""
    return {"objectClass": [b"organizationalUnit"], "ou": [name.encode()]}
