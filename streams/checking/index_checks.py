"""Whether what is searched for is indexed, and who the administrator is to the server. Pure: nothing is asked here."""

from collections.abc import Iterator, Sequence

from ldap_sink.database_configuration import DatabaseConfiguration
from ldap_sink.subschema import Subschema
from schemas.dn import DN
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


def policy_findings(admin_dn: DN, database: DatabaseConfiguration | None) -> Iterator[Finding]:
    """Say whether the server's password policy holds for what the administrator writes (slapo-ppolicy(5))."""
    remedy = (
        "where passwords must obey a policy, let connection.admin_dn be an entry with write access, and without manage"
    )
    if database is None:
        yield advice("the password policy does not hold for the rootdn, nor for who has manage", remedy)
    elif database.root_dn is not None and database.root_dn.matches(admin_dn):
        yield advice("connection.admin_dn is the rootdn: no password policy, limit or access rule holds for it", remedy)
    else:
        yield fine("connection.admin_dn is not the rootdn: the password policy holds unless an access rule has manage")


def _type(name: str, subschema: Subschema) -> str:
    return subschema.key(name).partition(";")[0]


def _line(attribute: str) -> str:
    return f"olcDbIndex: {attribute} eq"
