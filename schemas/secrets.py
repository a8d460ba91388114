"""Which keys hold secrets, and a document without them (design section 4, "Passwords on the way")."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from schemas.events import Json

_SECRET: Final = re.compile(r"password|passwd|secret(?!ar)|pwd", re.IGNORECASE)  # a secretary is none
# What is said *about* a password is no secret: passwordSet, passwordExpireTime, pwdStatus ...
_ABOUT: Final = re.compile(r"((?<!re)set|time|expired|status|verified|policy)$", re.IGNORECASE)


@lru_cache(maxsize=4096)  # the same keys come with every record
def is_secret(key: str) -> bool:
    """Tell whether the value below such a key must never be kept."""
    return bool(_SECRET.search(key)) and not _ABOUT.search(key)


def password_in(body: Mapping[str, Json]) -> bytes | None:
    """The password that an account's record carries, in UTF-8 (RFC 4519 section 2.41); None when it carries none.

    It must not be kept: neither in a state, nor in a log, nor in an error.
    """
    value = body.get("password")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # a producer may write digits as a number
    return value.encode() if isinstance(value, str) and value else None


def without_secrets(value: Json) -> Json:
    """Copy a document without its secrets, at any depth.

    A custom field is named by its `fieldName`: `{"fieldName": "password", "fieldValue": "x"}` is dropped as well.
    """
    if isinstance(value, dict):
        return {
            key: without_secrets(item)
            for key, item in value.items()
            if not is_secret(key) and not _is_secret_field(item)
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value if not _is_secret_field(item)]
    return value


def _is_secret_field(item: Json) -> bool:
    if not isinstance(item, dict):
        return False
    name = item.get("fieldName")
    return isinstance(name, str) and is_secret(name)
