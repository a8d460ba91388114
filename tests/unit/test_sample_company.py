"""The sample company of the demo: what its files are, and what is reckoned from them."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest

from schemas.codec import decode_event, open_envelope
from schemas.dn import DN
from schemas.events import ROOT_ORGANIZATION, TYPE_PREFIX, EventType, Kind
from streams.demo import generator
from streams.demo.sample import CHANGES, COMPANY, Company, changes_of, sample_file

TARGET = DN.parse("ou=company,dc=example,dc=com")
COMPANY_LINES = sample_file(COMPANY).read_bytes().splitlines()
CHANGE_LINES = sample_file(CHANGES).read_bytes().splitlines()
BEFORE = Company().after(COMPANY_LINES)
AFTER = BEFORE.after(CHANGE_LINES)
NOW = 1_760_000_000_000

# What RFC 4514 section 2.4 escapes, and where.
SPECIAL: Mapping[str, Callable[[str], bool]] = {
    **{character: (lambda name, character=character: character in name) for character in ',+"\\<>;='},  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    "# first": lambda name: name.startswith("#"),
    "space first": lambda name: name.startswith(" "),
    "space last": lambda name: name.endswith(" "),
    "two spaces": lambda name: "  " in name.strip(),
}


def bodies(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    return [open_envelope(line).body for line in lines]


def names(kind: Kind) -> list[str]:
    name = "username" if kind is Kind.ACCOUNT else "organizationalUnitName"
    return [str(record.fields[name]) for record in BEFORE.records.values() if record.kind is kind]


def depth(identifier: str) -> int:
    """1 for an organization right below the root."""
    parent = BEFORE.records[Kind.ORGANIZATION, identifier].parent_id
    return 1 if parent in {None, ROOT_ORGANIZATION} else 1 + depth(str(parent))


@pytest.mark.parametrize(("lines", "made"), [(COMPANY_LINES, generator.company), (CHANGE_LINES, generator.changes)])
def test_the_files_are_what_the_generator_makes(lines: Sequence[bytes], made: Callable[[], list[bytes]]) -> None:
    """Otherwise: scripts/make-sample-company."""
    assert list(lines) == made()


@pytest.mark.parametrize("line", COMPANY_LINES[:20] + CHANGE_LINES)
def test_events_are_written_as_idaas_writes_them(line: bytes) -> None:
    """The whole URN, the record as text, every number as text."""
    event = orjson.loads(line)
    assert set(event) == {"eventId", "eventType", "eventTime", "bizId", "bizData"}
    assert event["eventType"].startswith(TYPE_PREFIX)
    assert {type(value) for value in event.values()} == {str}
    assert not [value for value in orjson.loads(event["bizData"]).values() if isinstance(value, int | float)]


def test_every_line_is_an_event_that_a_worker_accepts() -> None:
    for line in COMPANY_LINES + CHANGE_LINES:
        envelope = open_envelope(line)
        assert envelope.kind is not None
        decode_event(envelope.kind, envelope.subject.encode(), line, NOW, 524_288)


def test_there_is_one_event_for_each_of_40_organizations_and_300_accounts() -> None:
    kinds = [open_envelope(line).kind for line in COMPANY_LINES]
    assert (kinds.count(Kind.ORGANIZATION), kinds.count(Kind.ACCOUNT), len(BEFORE.records)) == (40, 300, 340)


def test_organizations_are_nested_up_to_five_deep() -> None:
    depths = {depth(identifier) for kind, identifier in BEFORE.records if kind is Kind.ORGANIZATION}
    assert depths == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("special", SPECIAL)
def test_names_hold_all_that_a_dn_must_escape(kind: Kind, special: str) -> None:
    assert any(SPECIAL[special](name) for name in names(kind))


@pytest.mark.parametrize(
    "script", ["CJK UNIFIED", "HIRAGANA", "KATAKANA", "ARABIC", "CYRILLIC", "GREEK", "DEVANAGARI", "HANGUL", "ROBOT"]
)
def test_names_are_written_in_many_scripts(script: str) -> None:
    letters = set(
        "".join([*names(Kind.ORGANIZATION), *(str(body.get("displayName")) for body in bodies(COMPANY_LINES))])
    )
    assert any(unicodedata.name(letter, "").startswith(script) for letter in letters)


def test_latin_letters_carry_accents() -> None:
    assert set("ÉèüßŁØİŞễÑ") <= set("".join(str(body.get("displayName")) for body in bodies(COMPANY_LINES)))


def test_no_two_entries_have_the_same_name_for_a_directory() -> None:
    for company in (BEFORE, AFTER):
        entries = company.entries(TARGET).values()
        assert len({dn.prepared() for dn in entries}) == len(entries)


def test_many_come_before_what_they_stand_below() -> None:
    seen: set[str] = set()
    early = dict.fromkeys(Kind, 0)
    for line in COMPANY_LINES:
        envelope = open_envelope(line)
        kind = envelope.kind or Kind.ACCOUNT
        record = BEFORE.records[kind, envelope.subject]
        above = record.primary_id or record.parent_id
        early[kind] += above not in {*seen, ROOT_ORGANIZATION}
        seen.add(envelope.subject)
    assert early[Kind.ORGANIZATION] >= 10
    assert early[Kind.ACCOUNT] >= 100


def test_nobody_real_can_be_reached() -> None:
    accounts = [body for body in bodies(COMPANY_LINES) if "userId" in body]
    assert all(account["email"].endswith("@example.com") for account in accounts)
    assert all(account.get("phoneNumber", "7700900").startswith("7700900") for account in accounts)  # Ofcom's


def test_the_changes_are_of_every_sort_and_later() -> None:
    latest = max(int(orjson.loads(line)["eventTime"]) for line in COMPANY_LINES)
    assert all(int(orjson.loads(line)["eventTime"]) > latest for line in CHANGE_LINES)
    assert [change.type for change in changes_of(CHANGE_LINES)] == [
        EventType.ACCOUNT_UPDATE,
        EventType.ORGANIZATION_UPDATE,
        EventType.ORGANIZATION_MOVE,
        EventType.ACCOUNT_MOVE,
        EventType.ACCOUNT_DELETE,
        EventType.ACCOUNT_CREATE,
    ]


def test_the_changes_change_what_they_say() -> None:
    """A new name, a new place, gone, come: and of organizations, people stand below."""
    before, after = BEFORE.entries(TARGET), AFTER.entries(TARGET)
    renamed, unit_renamed, unit_moved, moved, leaver, joiner = (change.subject for change in changes_of(CHANGE_LINES))
    for subject in (renamed, unit_renamed):
        assert before[subject].parent == after[subject].parent
        assert before[subject].rdn != after[subject].rdn
    for subject in (moved, unit_moved):
        assert before[subject].parent != after[subject].parent
        assert before[subject].rdn == after[subject].rdn
    for subject in (unit_renamed, unit_moved):
        assert any(dn.is_below(after[subject]) for (kind, _), dn in after.items() if kind is Kind.ACCOUNT)
    assert (leaver in before, leaver in after) == (True, False)
    assert (joiner in before, joiner in after) == (False, True)
