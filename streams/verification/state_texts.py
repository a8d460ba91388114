"""Of a state's JSON only the part that is needed, where `encode_state` wrote it: the record first, then all else.

Within a text of JSON no quotation mark is without a backslash, so what is searched for from the end of the record on is
never found in a text of somebody else's.
"""

from typing import Any, Final

import orjson

from schemas.state_codec import STATE_KEYS

_RECORD: Final = b'{"record":'
_AFTER_RECORD: Final = b',"recordTime":'
_BINDING: Final = b',"binding":{"entryUUID":"%b"'


def without_record(text: bytes) -> tuple[dict[str, Any], bool]:
    """Read a state but for its record, which is most of it; and say whether it is where it should be.

    Raises:
        ValueError: it is no JSON.
    """
    at = text.rfind(_AFTER_RECORD)
    document: dict[str, Any] = orjson.loads(text if at < 0 else b"{" + memoryview(text)[at + 1 :])
    if len(document) == len(STATE_KEYS) - 1 and text.startswith(_RECORD):
        return document, True
    return orjson.loads(text), False


def record_bound_to(text: bytes, entry_uuid: bytes) -> Any:
    """The record of a state; None if the state is not bound to that entry, or has no record.

    Args:
        text: of a state whose record is where it should be.
        entry_uuid: of an entry.

    Raises:
        ValueError: it is no JSON.
    """
    at = text.rfind(_AFTER_RECORD)
    if text.find(_BINDING % entry_uuid, at) < 0:
        return None
    return orjson.loads(memoryview(text)[len(_RECORD) : at])
