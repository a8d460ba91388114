"""The configuration in the words of `ldap_sink`."""

import errno
from pathlib import Path

from ldap_sink.settings import DirectorySettings, Encryption
from schemas.errors import ConfigurationError
from streams.settings.model import Settings
from streams.settings.secret_files import read_secret
from streams.settings.sections import Connection


def directory_settings(settings: Settings) -> DirectorySettings:
    """How the directory is reached; the password's file is read again for every connection."""
    connection = settings.connection
    return DirectorySettings(
        host=connection.server.host,
        port=connection.server.port,
        admin_dn=str(connection.admin_dn),
        password=lambda: _password(connection),
        target_dn=settings.sync.target_dn,
        target_entry_uuid=settings.sync.target_entry_uuid,
        encryption=_encryption(connection),
        certificate_fingerprints=connection.certificate_fingerprints,
        ca_file=connection.ca_file,
        allow_plaintext=connection.allow_plaintext,
        source_address=settings.source_address,
        connect_timeout=connection.connect_timeout_seconds,
        operation_timeout=connection.operation_timeout_seconds,
    )


def require_target(settings: Settings) -> None:
    """See that the target is recorded: whoever corrects or compares must know that it is still that entry.

    Raises:
        ConfigurationError: it is not.
    """
    if settings.sync.target_entry_uuid is None:
        raise ConfigurationError("sync.target_entry_uuid is not recorded: run `ldapflow pin`")


def _encryption(connection: Connection) -> Encryption:
    if connection.server.tls:
        return Encryption.LDAPS
    return Encryption.START_TLS if connection.start_tls else Encryption.NONE


def _password(connection: Connection) -> bytes:
    if connection.admin_password_file is None:
        return connection.admin_password.get_secret_value().encode()
    return _read(connection.admin_password_file)


def _read(path: Path) -> bytes:
    try:
        return read_secret(path).encode()
    except ValueError as exc:
        raise OSError(errno.EACCES, str(exc)) from exc
