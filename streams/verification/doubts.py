"""Why a directory may not be the one that the states speak of (design section 6, step 3)."""

from collections.abc import Iterator

from streams.verification.snapshot import Snapshot


def doubts_about_tree(snapshot: Snapshot, matched: int, *, has_strangers: bool, rebind: bool) -> Iterator[str]:
    """Say, each in a line for people, why the directory may not be the one that the states speak of.

    Args:
        snapshot: all states.
        matched: how many entries were found that a state is bound to.
        has_strangers: there are entries of our classes that belong to nobody.
        rebind: the entries have other entryUUIDs, and that is known.
    """
    if not snapshot.count and has_strangers:
        yield "there are no states at all, but entries: the state topics are empty; publish a full push first"
    elif not rebind and matched * 2 < snapshot.bound:
        yield (
            f"of {snapshot.bound} entries that are bound only {matched} are there: is this the directory, and may the"
            " administrator read all of it? If it came back from a backup, or is empty indeed:"
            " `ldapflow verify --rebind`"
        )
