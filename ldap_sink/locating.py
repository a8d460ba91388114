"""Where an entity's entry is: entryUUID is the truth, DNs are hints (design section 5, point 1)."""

from collections.abc import Iterable, Sequence

from ldap_sink.directory import Directory
from ldap_sink.marks import IdMark
from ldap_sink.outcomes import Anothers
from ldap_sink.protocol.filters import equality
from schemas.dn import DN
from schemas.entries import FoundEntry
from schemas.states import Binding


async def locate(
    directory: Directory, binding: Binding, guesses: Iterable[DN], attributes: Sequence[str]
) -> FoundEntry | None:
    """Find a bound entry below the target: at the guesses in turn, by its entryUUID then; None when it is nowhere."""
    tried = set()
    for dn in guesses:
        prepared = dn.prepared()
        if prepared in tried or not dn.is_below(directory.settings.target_dn):
            continue
        tried.add(prepared)
        found = await directory.read(dn, attributes)
        if found is not None and found.entry_uuid == binding.entry_uuid:
            return found
    # Last, because the index on entryUUID may be missing.
    hits = await directory.find(equality("entryUUID", binding.entry_uuid), attributes)
    return hits[0] if hits else None


async def locate_own(
    directory: Directory, binding: Binding, guesses: Iterable[DN], attributes: Sequence[str], mark: IdMark | None
) -> FoundEntry | None:
    """Find a bound entry as `locate` does; one that says that it belongs to another entity is that one's."""
    found = await locate_told(directory, binding, guesses, attributes, mark)
    return None if isinstance(found, Anothers) else found


async def locate_told(
    directory: Directory, binding: Binding, guesses: Iterable[DN], attributes: Sequence[str], mark: IdMark | None
) -> FoundEntry | Anothers | None:
    """Find a bound entry as `locate_own` does, and tell one that is another's from one that is nowhere."""
    if mark is None:
        return await locate(directory, binding, guesses, attributes)
    found = await locate(directory, binding, guesses, (*attributes, mark.attribute))
    is_anothers = found is not None and mark.other_id(found, await directory.subschema()) is not None
    return Anothers() if is_anothers else found


def guesses(binding: Binding, parent: DN | None) -> list[DN]:
    """Where a bound entry may be: under its name below the parent's present DN, else where it was last seen."""
    try:
        last = DN.parse(binding.dn)
        rdn = last.rdn
    except ValueError:
        return []  # a hint that cannot be read is none
    return [last] if parent is None else [parent.child(rdn), last]
