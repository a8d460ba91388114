"""Writing a value into a configuration leaves everything else as it was."""

import os
from pathlib import Path

import pytest

from schemas.errors import CommandFailed
from streams.settings.editing import append_item, replace_file, set_scalar

UUID = "0b0f0c8a-1111-2222-3333-444455556666"


def pinned(text: str) -> str:
    return set_scalar(text, "sync", "target_entry_uuid", UUID, after="target_dn")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sync:\n  target_entry_uuid: null  # pin\n", f"sync:\n  target_entry_uuid: {UUID}  # pin\n"),
        ("sync:\n  target_entry_uuid: 'x'\n  a: 1\n", f"sync:\n  target_entry_uuid: {UUID}\n  a: 1\n"),
        ("sync:\n  target_entry_uuid:\n  a: 1\n", f"sync:\n  target_entry_uuid: {UUID}\n  a: 1\n"),
        ("sync:\n  target_entry_uuid:   # pin\n", f"sync:\n  target_entry_uuid: {UUID}   # pin\n"),
        ("sync: {target_entry_uuid: null, a: 1}", f"sync: {{target_entry_uuid: {UUID}, a: 1}}"),
        ("sync:\n  target_entry_uuid:", f"sync:\n  target_entry_uuid: {UUID}"),
    ],
)
def test_a_value_is_replaced_where_it_stands(before: str, after: str) -> None:
    assert pinned(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sync:\n  target_dn: o=x\n", f"sync:\n  target_dn: o=x\n  target_entry_uuid: {UUID}\n"),
        ("sync:\n  target_dn: o=x", f"sync:\n  target_dn: o=x\n  target_entry_uuid: {UUID}"),
        (
            "sync:\n    target_dn: 'o=x'  # here\n    # next\n    passwords: false\n",
            f"sync:\n    target_dn: 'o=x'  # here\n    target_entry_uuid: {UUID}\n    # next\n    passwords: false\n",
        ),
        ("sync: {target_dn: 'o=x', a: 1}\n", f"sync: {{target_dn: 'o=x', target_entry_uuid: {UUID}, a: 1}}\n"),
        ("sync:\r\n  target_dn: o=x\r\n", f"sync:\r\n  target_dn: o=x\r\n  target_entry_uuid: {UUID}\r\n"),
    ],
)
def test_a_missing_key_is_added_behind_its_neighbour(before: str, after: str) -> None:
    assert pinned(before) == after


def test_everything_else_survives() -> None:
    """Comments, order, quotes, folded texts, and characters outside of ASCII."""
    before = """\
# Büro 😀
name:   "héad"   # name
users:
    mapping:
        - {attribute: cn,   expression: 'a'}
sync:

  # where
  target_dn: ou=büro,dc=example   # ü
  zeta: 1
  alpha: >-
    folded
    text
"""
    assert pinned(before) == before.replace("# ü\n", f"# ü\n  target_entry_uuid: {UUID}\n")


@pytest.mark.parametrize(
    "text",
    [
        "sync:\n  target_dn: >-\n    ou=x\n  a: 1\n",
        "base: &b {target_dn: o=x}\nsync: *b\n",
        "sync:\n  target_entry_uuid: [a]\n",
        "sync: x\n",
        "sync: {}\n",
    ],
)
def test_what_cannot_be_edited_safely_is_left_to_a_person(text: str) -> None:
    with pytest.raises(CommandFailed, match=f"write `target_entry_uuid: {UUID}` there"):
        pinned(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("c:\n  a: 1  # x\n  b: 2\n", "c:\n  a: 1  # x\n  pins: [new]\n  b: 2\n"),
        ("c:\n  pins: []  # x\n  a: 1\n", "c:\n  pins: [new]  # x\n  a: 1\n"),
        ("c:\n  pins: null\n", "c:\n  pins: [new]\n"),
        ("c:\n  pins:\n  a: 1\n", "c:\n  pins: [new]\n  a: 1\n"),
        ("c:\n  pins: [old]  # x\n", "c:\n  pins: [old, new]  # x\n"),
        ("c: {pins: ['old'], a: 1}\n", "c: {pins: ['old', new], a: 1}\n"),
        ("c:\n  pins: [\n    old,  # x\n  ]\n", "c:\n  pins: [\n    old, new,  # x\n  ]\n"),
        ("c:\n  pins:\n    - old  # x\n  # y\n  a: 1\n", "c:\n  pins:\n    - old  # x\n    - new\n  # y\n  a: 1\n"),
        ("c:\n  pins:\n  - old", "c:\n  pins:\n  - old\n  - new"),
    ],
)
def test_an_item_is_added_to_a_list_and_nothing_else_changes(before: str, after: str) -> None:
    assert append_item(before, "c", "pins", "new", after="a") == after


@pytest.mark.parametrize("text", ["c:\n  pins: {a: 1}\n", "base: &b [old]\nc:\n  pins: *b\n", "c: x\n"])
def test_a_list_that_cannot_be_edited_safely_is_left_to_a_person(text: str) -> None:
    with pytest.raises(CommandFailed, match="add new to its pins"):
        append_item(text, "c", "pins", "new", after="a")


def test_a_replaced_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, "new")
    assert (real.read_text(), real.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o640, True)


def test_a_replacement_that_fails_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "real.yaml"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_file(path, "\ud800")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("real.yaml", "old")]


def test_the_group_stays_in_a_folder_that_gives_its_own(tmp_path: Path) -> None:
    """A group that may read the folder must not come to read the configuration."""
    others = [12345] if os.geteuid() == 0 else [group for group in os.getgroups() if group != os.getegid()]
    if not others:
        pytest.skip("this user has one group alone")
    path = tmp_path / "real.yaml"
    path.write_text("old")
    os.chown(tmp_path, -1, others[0])
    tmp_path.chmod(0o2770)
    replace_file(path, "new")
    assert path.stat().st_gid == os.getegid()
