"""Why all writing stops, and what an operator does about each reason."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class HaltReason(StrEnum):
    """Values of the label `reason` of the metric `ldapflow_halted`; the gate adds its `brake`."""

    BIND_REFUSED = "bind_refused"
    CA_FILE_UNREADABLE = "ca_file_unreadable"
    CERTIFICATE_NOT_PINNED = "certificate_not_pinned"
    CERTIFICATE_REFUSED = "certificate_refused"
    CONFIDENTIALITY_REQUIRED = "confidentiality_required"
    ENTRY_UUID_UNREADABLE = "entry_uuid_unreadable"
    INVALID_CREDENTIALS = "invalid_credentials"
    LOCK_INEFFECTIVE = "lock_ineffective"
    PASSWORD_UNREADABLE = "password_unreadable"  # noqa: S105 - a reason's name
    PLAINTEXT_REFUSED = "plaintext_refused"
    REFERRAL = "referral"
    SCHEMA_UNREADABLE = "schema_unreadable"
    START_TLS_REFUSED = "start_tls_refused"
    STRONGER_AUTH_REQUIRED = "stronger_auth_required"
    TARGET_CHANGED = "target_changed"
    TARGET_MISSING = "target_missing"
    TARGET_NOT_PINNED = "target_not_pinned"
    TARGET_UNREADABLE = "target_unreadable"
    TLS_TOO_OLD = "tls_too_old"
    WRITE_REFUSED = "write_refused"


_ENCRYPT: Final = "set connection.start_tls, or use ldaps://"

# The ends of sentences that begin with what was found.
REMEDIES: Final[Mapping[HaltReason, str]] = {
    HaltReason.BIND_REFUSED: "have the server let connection.admin_dn log on",
    HaltReason.CA_FILE_UNREADABLE: "correct connection.ca_file: a file in PEM with the authority's certificate",
    HaltReason.CERTIFICATE_NOT_PINNED: (
        "if the server really has a new one, run `ldapflow fingerprint --pin` and restart; if not, somebody is between"
        " it and us"
    ),
    HaltReason.CERTIFICATE_REFUSED: (
        "correct connection.ca_file or the name in connection.server, or, if the certificate is really the server's,"
        " run `ldapflow fingerprint --pin`; then restart"
    ),
    HaltReason.CONFIDENTIALITY_REQUIRED: _ENCRYPT,
    HaltReason.ENTRY_UUID_UNREADABLE: "give connection.admin_dn the right to read entryUUID and entryCSN",
    HaltReason.INVALID_CREDENTIALS: "correct connection.admin_dn or the password",
    HaltReason.LOCK_INEFFECTIVE: (
        "load the ppolicy overlay with a default policy that has pwdLockout TRUE, or choose `disabled_accounts: keep`"
        " or `disabled_accounts: remove`"
    ),
    HaltReason.PASSWORD_UNREADABLE: (
        "put the password, readable for this user, into the file that connection.admin_password_file names, or into"
        " what connection.admin_password refers to"
    ),
    HaltReason.PLAINTEXT_REFUSED: f"{_ENCRYPT}; connection.allow_plaintext allows it all the same",
    HaltReason.REFERRAL: "name the server that holds the target and takes writes in connection.server",
    HaltReason.SCHEMA_UNREADABLE: "give connection.admin_dn the right to read subschemaSubentry and what it names",
    HaltReason.START_TLS_REFUSED: "give the server a certificate, or use ldaps://",
    HaltReason.STRONGER_AUTH_REQUIRED: _ENCRYPT,
    HaltReason.TARGET_CHANGED: (
        "bring that entry back, or correct connection.server and restart, or, if this one is meant, run `ldapflow pin`"
        " and restart"
    ),
    HaltReason.TARGET_MISSING: (
        "create it, bring it back, or correct sync.target_dn; if it is another entry than before, run `ldapflow pin`"
        " and restart"
    ),
    HaltReason.TARGET_NOT_PINNED: "run `ldapflow pin` and restart",
    HaltReason.TARGET_UNREADABLE: "give connection.admin_dn the right to read sync.target_dn",
    HaltReason.TLS_TOO_OLD: "let the server speak TLS 1.2 or newer",
    HaltReason.WRITE_REFUSED: "give connection.admin_dn the right to write there, or make the server take writes again",
}
