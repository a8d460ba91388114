"""Whether what is searched for is indexed. Pure: nothing is asked here."""

from collections.abc import Iterator, Sequence

from ldap_sink.database_configuration import DatabaseConfiguration
from ldap_sink.subschema import Subschema
from streams.checking.findings import Finding, advice, fine
from streams.checking.schema_checks import entry_plans
from streams.settings import Settings


def searched_attributes(settings: Settings, subschema: Subschema) -> Sequence[str]:
    """The attributes by which entries are looked for below the target, each by one name."""
    names = ["entryUUID"]
    for plan in entry_plans(settings):
        names += [row.attribute for row in plan.rows if row.identifier]
        names += [] if plan.id_attribute is None else [plan.id_attribute]
    if settings.authentication.enabled:
        names += settings.users.sign_in_ids
    return list({_type(name, subschema): name.partition(";")[0] for name in reversed(names)}.values())[::-1]


def index_findings(
    searched: Sequence[str], database: DatabaseConfiguration | None, subschema: Subschema
) -> Iterator[Finding]:
    """Advise an index for equality on everything that is searched for.

    Args:
        searched: attributes.
        database: None when it could not be read.
        subschema: knows the attributes' synonyms.
    """
    if database is None:
        lines = ", ".join(f"`{_line(name)}`" for name in searched)
        yield advice(
            "cn=config may not be read, so the indexes are not known", f"see that the target's database has {lines}"
        )
        return
    indexed = {_type(name, subschema) for name in database.equality_indexes}
    missing = [name for name in searched if _type(name, subschema) not in indexed]
    for name in missing:
        yield advice(
            f"{name} is searched for and has no eq index, so each search reads the whole database",
            f"add `{_line(name)}` to {database.name}",
        )
    if not missing:
        yield fine(f"{', '.join(searched)} {'is' if len(searched) == 1 else 'are'} indexed")


def _type(name: str, subschema: Subschema) -> str:
    return subschema.key(name).partition(";")[0]


def _line(attribute: str) -> str:
    return f"olcDbIndex: {attribute} eq"
