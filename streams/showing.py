"""A message's value for people, without secrets."""

import re
from typing import Any, Final

import orjson

from schemas.codec import redacted
from schemas.secrets import is_secret

_SHOWN: Final = 4096
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_WORD: Final = re.compile(r"\w+")


def shown_value(value: bytes | None) -> Any:
    """What may be shown of a value: a JSON document without its secrets, or a text that says or is something else.

    What is not JSON cannot be cleaned: it is shown, cut at 4 KiB, only if no word in it names a secret.
    """
    if value is None:
        return "no value"
    clean = redacted(value)
    if clean is not None:
        return orjson.loads(clean)
    text = value.decode("utf-8", "replace")
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if any(is_secret(word) for word in _WORD.findall(plain)):
        return f"{len(value)} bytes that are not JSON and speak of a password: not shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(value)} bytes)"
