"""Whether the server's schema takes the entries that the mapping makes (RFC 4512). Pure: nothing is asked here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ldap_sink.subschema import OBJECT_CLASS, Subschema
from processors.expressions.shapes import gives_array
from processors.mapping import MappingRow
from streams.checking.findings import Finding, Verdict, advice, fault, fine
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """What the configuration says of one kind of entries.

    Attributes:
        section: of the configuration.
        rdn: the attribute that names them.
    """

    section: str
    object_classes: Sequence[str]
    rows: Sequence[MappingRow]
    rdn: str
    id_attribute: str | None

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """What is written, each with the setting that says so."""
        yield from ((f"{self.section}.mapping", row.attribute) for row in self.rows)
        if self.id_attribute is not None:
            yield f"{self.section}.id_attribute", self.id_attribute


def entry_plans(settings: Settings) -> Iterator[EntryPlan]:
    """Both kinds."""
    for section in ("users", "organizations"):
        part = settings.users if section == "users" else settings.organizations
        yield EntryPlan(section, part.object_classes, part.rows, part.rdn, part.id_attribute)


def schema_findings(settings: Settings, subschema: Subschema) -> Iterator[Finding]:
    """Everything that the server would refuse."""
    for plan in entry_plans(settings):
        findings = list(_plan_findings(plan, subschema))
        yield from findings
        if not any(finding.verdict is Verdict.FAULT for finding in findings):
            count = len(list(plan.attributes))
            yield fine(
                f"{plan.section}: the server takes entries of {' and '.join(plan.object_classes)} with the"
                f" {count} mapped attributes"
            )
    if settings.authentication.enabled:
        for name in settings.users.sign_in_ids:
            yield from _searched("users.sign_in_ids", name, subschema)


def _plan_findings(plan: EntryPlan, subschema: Subschema) -> Iterator[Finding]:
    unknown = [name for name in plan.object_classes if not subschema.has_class(name)]
    for name in unknown:
        yield fault(
            f"{plan.section}.object_classes: the server does not know {name}", "correct its name, or load its schema"
        )
    if not unknown:  # what they require and allow would be told wrong
        yield from _structure(plan, subschema)
    for setting, name in plan.attributes:
        yield from _attribute(plan, setting, name, subschema, classes_known=not unknown)
    for row in plan.rows:
        yield from _several_values(plan, row, subschema)
        if row.identifier:
            yield from _searched(f"{plan.section}.mapping (identifier)", row.attribute, subschema)
    if plan.id_attribute is not None:
        yield from _searched(f"{plan.section}.id_attribute", plan.id_attribute, subschema)
    yield from _naming(plan, subschema)


def _structure(plan: EntryPlan, subschema: Subschema) -> Iterator[Finding]:
    structural = subschema.structural(plan.object_classes)
    where = f"{plan.section}.object_classes"
    if not structural:
        yield fault(
            f"{where}: none of {', '.join(plan.object_classes)} is structural", "add the one that says what it is"
        )
    elif len(structural) > 1:
        yield fault(f"{where}: {' and '.join(structural)} are structural, and neither inherits", "keep one of them")
    written = {subschema.key(name).partition(";")[0] for _, name in plan.attributes} | {OBJECT_CLASS}
    for name in sorted(subschema.required(plan.object_classes) - written):
        needing = next(one for one in plan.object_classes if name in subschema.required([one]))
        yield fault(f"{plan.section}.mapping: {needing} requires {name}", "add a row for it")


def _attribute(
    plan: EntryPlan, setting: str, name: str, subschema: Subschema, *, classes_known: bool
) -> Iterator[Finding]:
    if not subschema.has_attribute(name):
        yield fault(f"{setting}: the server does not know {name}", "correct its name, or load its schema")
    elif not subschema.modifiable(name):
        yield fault(f"{setting}: {name} is written by the server alone", _drop(plan, setting))
    elif classes_known and not subschema.allows(plan.object_classes, name):
        yield fault(
            f"{setting}: {' and '.join(plan.object_classes)} do not allow {name}",
            f"add a class that does to {plan.section}.object_classes, or {_drop(plan, setting)}",
        )


def _drop(plan: EntryPlan, setting: str) -> str:
    return "choose another attribute" if setting == f"{plan.section}.id_attribute" else "remove its row"


def _several_values(plan: EntryPlan, row: MappingRow, subschema: Subschema) -> Iterator[Finding]:
    if not subschema.single_valued(row.attribute):
        return
    where = f"{plan.section}.mapping: {row.attribute} takes one value"
    if isinstance(row.constant, tuple):
        if len(set(row.constant)) > 1:
            yield fault(f"{where}, and its constant has {len(set(row.constant))}", "keep one of them")
    elif gives_array(row.expression or row.field or "null"):
        yield advice(f"{where}, and its expression may give several", "put them together with ArrayJoin")


def _searched(setting: str, name: str, subschema: Subschema) -> Iterator[Finding]:
    """What is wrong with an attribute by which entries are found."""
    if not subschema.has_attribute(name):
        if setting == "users.sign_in_ids":  # the others are told as attributes that are written
            yield fault(f"{setting}: the server does not know {name}", "correct its name, or load its schema")
    elif subschema.equality(name) is None:
        yield fault(f"{setting}: {name} has no equality rule, so nothing is found by it", "choose another attribute")


def _naming(plan: EntryPlan, subschema: Subschema) -> Iterator[Finding]:
    if subschema.has_attribute(plan.rdn) and subschema.equality(plan.rdn) is None:
        yield fault(f"{plan.section}.rdn: {plan.rdn} has no equality rule, so it names nothing", "choose another one")
