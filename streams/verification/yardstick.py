"""By what entries are compared: the configuration, and the server's schema."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from ldap_sink.drift import DriftFinder
from ldap_sink.locking import LOCK_ATTRIBUTE
from ldap_sink.subschema import Subschema
from processors.comparing import Comparer
from processors.wanted import EntryRules
from schemas.dn import DN
from schemas.entries import FoundEntry
from schemas.events import Kind
from streams.settings import DisabledAccounts, Settings
from streams.settings.entry_rules import entry_rules
from streams.snapshot import Stored
from streams.verification.organizations import Organization


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What is the same for all comparisons of a run.

    Attributes:
        rules: of both kinds, with what the object classes demand.
        attributes: what must be read of an entry.
    """

    target_dn: DN
    source_node: str
    rules: Mapping[Kind, EntryRules]
    drifts: DriftFinder
    removes_disabled: bool
    passwords: bool
    attributes: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings, subschema: Subschema) -> Self:
        """Take what the configuration and the server say."""
        rules = {
            kind: replace(rule, required=frozenset(subschema.required(rule.object_classes)))
            for kind, rule in entry_rules(settings).items()
        }
        disabled = settings.sync.disabled_accounts
        locks = disabled is DisabledAccounts.LOCK
        names = [row.attribute for rule in rules.values() for row in rule.mapping.rows if not row.on_create]
        names += [rule.id_attribute for rule in rules.values() if rule.id_attribute is not None]
        names += [LOCK_ATTRIBUTE] if locks else []
        return cls(
            target_dn=settings.sync.target_dn,
            source_node=settings.sync.source_node,
            rules=rules,
            drifts=DriftFinder(subschema, locks),
            removes_disabled=disabled is DisabledAccounts.REMOVE,
            passwords=settings.sync.passwords,
            attributes=tuple(dict.fromkeys(("objectClass", *names))),
        )

    def comparer(self, organizations: Mapping[str, Organization]) -> Comparer:
        """Compare by an organization tree."""
        return Comparer(
            self.rules, organizations.get, self.drifts, self.source_node, self.removes_disabled, self.passwords
        )

    def is_others(self, stored: Stored, found: FoundEntry) -> bool:
        """Whether an entry says that it belongs to another entity."""
        return self.drifts.is_others(self.rules[stored.kind].id_attribute, stored.id, found)

    def kind_of(self, found: FoundEntry) -> Kind | None:
        """Of which kind an entry is by its object classes; None when it is none of ours."""
        kinds = (Kind.ACCOUNT, Kind.ORGANIZATION)
        return next((k for k in kinds if self.drifts.has_classes(self.rules[k].object_classes, found)), None)
