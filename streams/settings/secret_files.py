"""Secrets come from a file that only its owner may read, or from the environment; a literal is refused."""

import stat
from pathlib import Path
from typing import Any, Final

from streams.settings.document import Document

# section, setting; the file's setting has `_file` behind it. The last: the switch without which nothing is read.
_SECRETS: Final = (
    ("connection", "admin_password", None),
    ("authentication", "token", "enabled"),
)
_CLIENT_SECRETS: Final = ("password", "passphrase", "secret", ".pem")


def resolve_secrets(document: Document, folder: Path) -> None:
    """Put the contents of secret files where the secrets belong, and report whatever is wrong with them.

    Args:
        document: is changed in place.
        folder: the one of the configuration file; relative paths begin there.
    """
    for section, key, switch in _SECRETS:
        values = document.values.get(section)
        if isinstance(values, dict):
            _resolve(document, values, (section, key), folder, wanted=switch is None or _on(values.get(switch)))
    kafka = document.values.get("kafka")
    client = kafka.get("client") if isinstance(kafka, dict) else None
    if isinstance(client, dict):
        for key in client:
            path = ("kafka", "client", key)
            if not key.endswith(_CLIENT_SECRETS):
                continue
            if path not in document.from_environment:
                document.report(path, "must not be written out: give it as ${ENV_NAME}")
            else:
                client[key] = _without_line_end(client[key])


def _on(value: object) -> bool:
    return str(value).lower() in {"true", "yes", "on", "1"}


def _resolve(document: Document, values: dict[str, Any], path: tuple[str, str], folder: Path, *, wanted: bool) -> None:
    key = path[1]
    file_key = f"{key}_file"
    name = values.get(file_key)
    if values.get(key) is not None:
        if name is not None:
            document.report(path, f"does not go with {file_key}: keep one of them")
        elif path not in document.from_environment:
            document.report(path, f"must not be written out: use {file_key}, or give it as ${{ENV_NAME}}")
        else:
            values[key] = _without_line_end(values[key])
            if not values[key] and not document.is_faulty(path):
                document.report(path, "is empty: set the environment variable")
    elif isinstance(name, str) and wanted:
        file_path = (path[0], file_key)
        values[key] = "unknown"  # so that nobody reports it as missing besides
        if document.is_faulty(file_path):  # a missing variable left half a path, or none
            return
        try:
            values[key] = read_secret(folder / name)
        except ValueError as exc:
            document.report(file_path, str(exc))


def read_secret(path: Path) -> str:
    """Read a secret; one line end behind it is dropped.

    Raises:
        ValueError: says what is wrong with the file, and what to do; never its contents.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ValueError(f"{path} is not a file: name one")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"{path} may be used by others than its owner: chmod 600 {path}")
        content = path.read_bytes()
    except FileNotFoundError as exc:
        raise ValueError(f"{path} does not exist: create it, with mode 600") from exc
    except OSError as exc:
        raise ValueError(f"{path} cannot be read ({exc.strerror}): correct its place or its owner") from exc
    try:
        secret = content.decode()
    except UnicodeDecodeError as exc:
        raise ValueError(f"{path} is not UTF-8 text: write the secret into it as text") from exc
    secret = _without_line_end(secret)
    if not secret:
        raise ValueError(f"{path} is empty: write the secret into it")
    return secret


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
