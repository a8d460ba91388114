"""Sets of things by a key."""

import random
from collections import defaultdict

from streams.worker.states.index import Index


def test_members_come_and_go() -> None:
    """One, several, the same twice, and none again."""
    index = Index[str, int]()
    assert (index["k"], "k" in index) == (frozenset(), False)
    for member in (1, 1, 2):
        index.add("k", member)
    assert (index["k"], index["other"]) == ({1, 2}, frozenset())
    for member in (3, 1):
        index.discard("k", member)
    assert (index["k"], "k" in index) == ({2}, True)
    index.discard("k", 2)
    index.discard("k", 2)
    assert (index["k"], "k" in index) == (frozenset(), False)


def test_it_is_a_set_for_each_key() -> None:
    """After any history."""
    index, plain, chance = Index[int, int](), defaultdict[int, set[int]](set), random.Random(7)
    for _ in range(3000):
        key, member = chance.randrange(4), chance.randrange(4)
        if chance.random() < 0.5:
            index.add(key, member)
            plain[key].add(member)
        else:
            index.discard(key, member)
            plain[key].discard(member)
        assert [index[one] for one in range(4)] == [plain[one] for one in range(4)]
        assert [one in index for one in range(4)] == [bool(plain[one]) for one in range(4)]
        assert [index.count(one) for one in range(4)] == [len(plain[one]) for one in range(4)]
