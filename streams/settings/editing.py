"""Changing one value of a configuration file; every other character of it stays as it is."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

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
    edited = _edited(text, section, key, value, after)
    if edited is None or not _only_changed(text, edited, section, key):
        raise CommandFailed(f"the section {section} cannot be edited as it is written: write `{key}: {value}` there")
    return edited


def _edited(text: str, section: str, key: str, value: str, after: str) -> str | None:
    keys = _value_of(YAML(typ="safe", pure=True).compose(text), section)
    if not isinstance(keys, MappingNode):
        return None
    places = {key_node.value: (key_node, value_node) for key_node, value_node in keys.value}
    if key in places:
        key_node, value_node = places[key]
        if not isinstance(value_node, ScalarNode):
            return None
        start, end = value_node.start_mark.index, value_node.end_mark.index
        if start == end:  # nothing stands behind the colon
            start = end = text.index(":", key_node.end_mark.index) + 1
            value = f" {value}"
        return f"{text[:start]}{value}{text[end:]}"
    if after not in places:
        return None
    key_node, value_node = places[after]
    end = value_node.end_mark.index
    if keys.flow_style:
        return f"{text[:end]}, {key}: {value}{text[end:]}"
    end += len(_REST_OF_LINE.match(text, end)[0])  # type: ignore[index]  # matches always
    line_end = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:end]}{line_end}{' ' * key_node.start_mark.column}{key}: {value}{text[end:]}"


def _value_of(node: object, key: str) -> object:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value_node for key_node, value_node in pairs if key_node.value == key), None)


def _only_changed(before: str, after: str, section: str, key: str) -> bool:
    """Whether both texts say the same but for that key: an edit is never trusted unread."""
    try:
        return _without(before, section, key) == _without(after, section, key)
    except ConfigurationError:  # the edit made it unreadable
        return False


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
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
