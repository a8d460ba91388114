"""The sections about users and organizations in the words of `processors.wanted`."""

from collections.abc import Mapping

from processors.mapping import compile_mapping
from processors.wanted import EntryRules
from schemas.events import Kind
from streams.settings.model import Settings


def entry_rules(settings: Settings) -> Mapping[Kind, EntryRules]:
    """The rules of each kind; what the object classes demand only the server's schema knows."""
    users, organizations = settings.users, settings.organizations
    return {
        Kind.ACCOUNT: EntryRules(
            users.object_classes,
            users.rdn,
            compile_mapping(users.rows, "user"),
            id_attribute=users.id_attribute,
            qualify=users.rdn_conflict == "qualify",
        ),
        Kind.ORGANIZATION: EntryRules(
            organizations.object_classes,
            organizations.rdn,
            compile_mapping(organizations.rows, "organization"),
            id_attribute=organizations.id_attribute,
        ),
    }
