"""Why a directory may not be the one that the states speak of (design section 6, step 3)."""

from collections.abc import Iterator

from streams.verification.comparison import Comparison


def doubts_about_tree(comparison: Comparison, bound: int, *, rebind: bool) -> Iterator[str]:
    """Say, each in a line for people, why nothing may be corrected.

    Args:
        comparison: has taken the whole tree.
        bound: how many states were bound to an entry when the tree was read.
        rebind: the entries have other entryUUIDs, or are gone, and that is known.
    """
    if not comparison.snapshot.count and comparison.findings.has_strangers:
        yield "there are no states at all, but entries: the state topics are empty; publish a full push first"
    elif not rebind and comparison.matched * 2 < bound:
        yield (
            f"of {bound} entries that are bound only {comparison.matched} are there: is this the directory, and may the"
            " administrator read all of it? If it came back from a backup, or is empty indeed:"
            " `ldapflow verify --rebind`"
        )
