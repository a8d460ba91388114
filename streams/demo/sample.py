"""The sample company: where its files are, and what a directory should hold that has taken their events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from schemas.codec import Envelope, open_envelope
from schemas.dn import DN, RDN
from schemas.events import ROOT_ORGANIZATION, EventType, Kind, Record
from schemas.records import record_of

COMPANY: Final = "company.jsonl"
CHANGES: Final = "changes.jsonl"

Subject: TypeAlias = tuple[Kind, str]

_DELETIONS: Final = frozenset({EventType.ACCOUNT_DELETE, EventType.ORGANIZATION_DELETE})


def sample_file(name: str) -> Path:
    """Where `COMPANY` or `CHANGES` is."""
    return Path(__file__).with_name(name)


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the sample: its type and its subject."""

    type: EventType
    subject: Subject


def changes_of(lines: Iterable[bytes]) -> list[Change]:
    """What the events are, in their order."""
    return [Change(envelope.type, (envelope.kind or Kind.ACCOUNT, envelope.subject)) for envelope in _opened(lines)]


@dataclass(frozen=True, slots=True)
class Company:
    """The records that the source has. Reckoned from the events alone: a second opinion on what the worker does.

    It knows whole records and deletions, each subject's events in order, and the default names of entries.
    """

    records: Mapping[Subject, Record] = field(default_factory=dict)

    def after(self, lines: Iterable[bytes]) -> "Company":
        """The company once these events have happened."""
        records = dict(self.records)
        for envelope in _opened(lines):
            kind, identifier = envelope.kind or Kind.ACCOUNT, envelope.subject
            if envelope.type in _DELETIONS:
                records.pop((kind, identifier), None)
            else:
                records[kind, identifier] = record_of(kind, envelope.body)
        return Company(records)

    def entries(self, target: DN) -> Mapping[Subject, DN]:
        """Where each subject's entry should stand below the target."""
        return {subject: self._dn(subject, target) for subject in self.records}

    def _dn(self, subject: Subject, target: DN) -> DN:
        record = self.records[subject]
        if record.kind is Kind.ACCOUNT:
            above, rdn = record.primary_id, RDN.of("uid", str(record.fields["username"]))
        else:
            above, rdn = record.parent_id, RDN.of("ou", str(record.fields["organizationalUnitName"]))
        if above is None or above == ROOT_ORGANIZATION:
            return target.child(rdn)
        return self._dn((Kind.ORGANIZATION, above), target).child(rdn)


def _opened(lines: Iterable[bytes]) -> Iterable[Envelope]:
    return map(open_envelope, lines)
