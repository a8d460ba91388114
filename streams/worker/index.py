"""Sets of things by a key."""

from collections.abc import Hashable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Member = TypeVar("_Member", bound=Hashable)


class Index(Generic[_Key, _Member]):
    """Which members have a key; a key without members costs nothing."""

    def __init__(self) -> None:
        self._members: dict[_Key, set[_Member]] = {}

    def __contains__(self, key: _Key) -> bool:
        return key in self._members

    def __getitem__(self, key: _Key) -> AbstractSet[_Member]:
        return self._members.get(key, frozenset())

    def add(self, key: _Key, member: _Member) -> None:
        """Note that a member has the key."""
        members = self._members.get(key)
        if members is None:
            self._members[key] = {member}
        else:
            members.add(member)

    def discard(self, key: _Key, member: _Member) -> None:
        """Note that a member has the key no more, if it had."""
        members = self._members.get(key)
        if members is not None:
            members.discard(member)
            if not members:
                del self._members[key]
