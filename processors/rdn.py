"""How entries are named (contract section 4, `rdn` and `rdn_conflict`)."""

import hashlib
from typing import Final

from schemas.dn import RDN, usual_name
from schemas.entries import Values
from schemas.errors import DeadLetterReason, Permanent

MAX_LENGTH: Final = 1024  # characters
_MARK_LENGTH: Final = 8
_DIGITS: Final = 12


def rdn_of(attribute: str, values: Values) -> RDN:
    """Name an entry by the values of its naming attribute.

    Raises:
        Permanent: `missing_value` without a value; `bad_rdn` with several values, or with one that is too long, not
            UTF-8, or nothing but spaces.
    """
    if not values:
        raise Permanent(DeadLetterReason.MISSING_VALUE, f"{attribute} names the entry, but has no value")
    if len(values) > 1:
        raise Permanent(DeadLetterReason.BAD_RDN, f"{attribute} names the entry, but has {len(values)} values")
    try:
        text = values[0].decode()
    except UnicodeDecodeError as exc:
        raise Permanent(DeadLetterReason.BAD_RDN, f"{attribute} names the entry, but is not UTF-8") from exc
    if len(text) > MAX_LENGTH:
        raise Permanent(
            DeadLetterReason.BAD_RDN,
            f"{attribute} names the entry, but has {len(text)} characters; {MAX_LENGTH} are allowed",
        )
    rdn = RDN.of(attribute, text)
    if not rdn.avas[0].prepared()[1]:
        raise Permanent(DeadLetterReason.BAD_RDN, f"{attribute} names the entry, but is nothing but spaces")
    return rdn


def qualifier_of(naming: str, identifier: str | None, id_attribute: str | None) -> str | None:
    """Choose the attribute that tells entries of one name apart: the identifier, else the id's; None if neither can.

    Args:
        naming: the attribute that names entries.
        identifier: the one by which entries are found.
        id_attribute: the one that holds the id.
    """
    for attribute in (identifier, id_attribute):
        if attribute is not None and ";" not in attribute and usual_name(attribute) != usual_name(naming):
            return attribute
    return None


def is_qualified(present: RDN, plain: RDN, qualifier: str) -> bool:
    """Say whether an entry has a name and, beside it, a qualifier of whatever value."""
    has_qualifier = any(usual_name(ava.attribute) == usual_name(qualifier) for ava in present.avas)
    return has_qualifier and set(plain.prepared()) <= set(present.prepared())


def temporary_rdn(rdn: RDN, entity_id: str) -> RDN:
    """Name an entry that steps aside until its wanted name is free: the name, and a mark that is the entity's own.

    Args:
        rdn: the wanted name; a qualifier is left out.
        entity_id: the account's or organization's.
    """
    ava = rdn.avas[0]
    mark = _digest(entity_id)[:_MARK_LENGTH]
    kept = ava.octets.decode()[: MAX_LENGTH - len(mark) - 1]
    return RDN.of(ava.attribute, f"{kept}-{mark}")


def numeric_rdn(rdn: RDN, entity_id: str) -> RDN:
    """Name such an entry where the directory refuses what `temporary_rdn` says: 12 digits fit nearly everywhere.

    The first is no zero, which an INTEGER must not begin with (RFC 4517 section 3.3.16).

    Args:
        rdn: the wanted name; a qualifier is left out.
        entity_id: the account's or organization's: a repeat must find the same name.
    """
    least = 10 ** (_DIGITS - 1)
    return RDN.of(rdn.avas[0].attribute, str(least + int(_digest(entity_id), 16) % (9 * least)))


def _digest(entity_id: str) -> str:
    return hashlib.sha256(entity_id.encode()).hexdigest()
