"""Changing one value or list of a configuration file; every other character of it stays as it is."""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.errors import CommandFailed, ConfigurationError
from streams.settings.document import read_document

_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?")


def set_scalar(text: str, section: str, key: str, value: str, *, after: str) -> str:
    """Give a key of a section another value, or add the key.

    Args:
        text: a configuration that has the section.
        section: a key of the file.
        key: a key of the section.
        value: as YAML writes it.
        after: the key of the section behind which a new one is added.

    Raises:
        CommandFailed: the file is written in a way that cannot be edited so; it says what to write by hand.
    """
    keys = _keys(text, section)
    place = keys.get(key)
    edited = None
    if place is None:
        edited = _with_new_key(text, keys.get(after), f"{key}: {value}")
    elif isinstance(place.value, ScalarNode):
        edited = _replaced(text, place, value)
    if edited is None or not _only_changed(text, edited, section, key):
        raise CommandFailed(f"the section {section} cannot be edited as it is written: write `{key}: {value}` there")
    return edited


def append_item(text: str, section: str, key: str, item: str, *, after: str) -> str:
    """Add an item to the end of a list of a section, or add the list.

    Args:
        text: a configuration that has the section.
        section: a key of the file.
        key: a key of the section: a list of scalars, or null.
        item: as YAML writes it.
        after: the key of the section behind which a new one is added.

    Raises:
        CommandFailed: as `set_scalar`.
    """
    keys = _keys(text, section)
    place = keys.get(key)
    edited = None
    if place is None:
        edited = _with_new_key(text, keys.get(after), f"{key}: [{item}]")
    elif isinstance(place.value, ScalarNode) or not place.value.value:
        edited = _replaced(text, place, f"[{item}]")
    elif isinstance(place.value, SequenceNode):
        edited = _appended(text, place.value, item)
    if (
        edited is None
        or not _only_changed(text, edited, section, key)
        or _said(edited, section, key) != [*(_said(text, section, key) or ()), item]
    ):
        raise CommandFailed(f"the section {section} cannot be edited as it is written: add {item} to its {key}")
    return edited


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a key stands, its value, and whether its section is written between braces."""

    key: ScalarNode
    value: Node
    in_flow: bool


def _keys(text: str, section: str) -> Mapping[str, _Place]:
    keys = _value_of(YAML(typ="safe", pure=True).compose(text), section)
    if not isinstance(keys, MappingNode):
        return {}
    return {key_node.value: _Place(key_node, value_node, keys.flow_style) for key_node, value_node in keys.value}


def _replaced(text: str, place: _Place, value: str) -> str:
    start, end = place.value.start_mark.index, place.value.end_mark.index
    if start == end:  # nothing stands behind the colon
        start = end = text.index(":", place.key.end_mark.index) + 1
        value = f" {value}"
    return f"{text[:start]}{value}{text[end:]}"


def _with_new_key(text: str, before: _Place | None, line: str) -> str | None:
    if before is None:
        return None
    end = before.value.end_mark.index
    if before.in_flow:
        return f"{text[:end]}, {line}{text[end:]}"
    return _with_line(text, end, before.key.start_mark.column, line)


def _appended(text: str, items: SequenceNode, item: str) -> str:
    last = items.value[-1]
    end = last.end_mark.index
    if items.flow_style:
        return f"{text[:end]}, {item}{text[end:]}"
    return _with_line(text, end, items.start_mark.column, f"- {item}")


def _with_line(text: str, end: int, column: int, line: str) -> str:
    """Add a line behind the one in which something ends."""
    end += len(_REST_OF_LINE.match(text, end)[0])  # type: ignore[index]  # matches always
    line_end = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:end]}{line_end}{' ' * column}{line}{text[end:]}"


def _value_of(node: object, key: str) -> object:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value_node for key_node, value_node in pairs if key_node.value == key), None)


def _only_changed(before: str, after: str, section: str, key: str) -> bool:
    """Whether both texts say the same but for that key: an edit is never trusted unread."""
    try:
        return _without(before, section, key) == _without(after, section, key)
    except ConfigurationError:  # the edit made it unreadable
        return False


def _said(text: str, section: str, key: str) -> Any:
    return read_document("", text, os.environ).values[section].get(key)


def _without(text: str, section: str, key: str) -> Mapping[str, object]:
    values = read_document("", text, os.environ).values
    return {**values, section: {name: value for name, value in values[section].items() if name != key}}


def replace_file(path: Path, text: str) -> None:
    """Put a text in the place of a file at once; mode and owner stay, and a link stays a link.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    target = path.resolve()
    status = target.stat()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            made = os.fstat(file.fileno())  # the folder may give its own group
            if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
