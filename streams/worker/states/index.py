"""Sets of things by a key."""

from collections.abc import Hashable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Member = TypeVar("_Member", bound=Hashable)


class Index(Generic[_Key, _Member]):
    """Which members have a key; a key without members costs nothing, and one with a single member needs no set."""

    def __init__(self) -> None:
        self._single: dict[_Key, _Member] = {}
        self._several: dict[_Key, set[_Member]] = {}

    def __contains__(self, key: _Key) -> bool:
        return key in self._single or key in self._several

    def __getitem__(self, key: _Key) -> AbstractSet[_Member]:
        if key in self._single:
            return frozenset((self._single[key],))
        return self._several.get(key, frozenset())

    def count(self, key: _Key) -> int:
        """How many members have the key."""
        return 1 if key in self._single else len(self._several.get(key, ()))

    def add(self, key: _Key, member: _Member) -> None:
        """Note that a member has the key."""
        if key in self._several:
            self._several[key].add(member)
        elif key not in self._single:
            self._single[key] = member
        elif self._single[key] != member:
            self._several[key] = {self._single.pop(key), member}

    def discard(self, key: _Key, member: _Member) -> None:
        """Note that a member has the key no more, if it had."""
        if key in self._single:
            if self._single[key] == member:
                del self._single[key]
            return
        members = self._several.get(key)
        if members is not None:
            members.discard(member)
            if len(members) == 1:
                self._single[key] = members.pop()
                del self._several[key]
