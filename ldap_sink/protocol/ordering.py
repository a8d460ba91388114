"""The order of writes: one after the other where they depend on each other, otherwise side by side.

slapd runs the requests of one connection in parallel, and a later one can overtake an earlier one. So a write begins
only after the replies to all writes that it depends on: to the same DN, to its ancestors, to its descendants; a
ModifyDN has two DNs. Siblings never wait for each other.
"""

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from types import TracebackType
from typing import TypeAlias

DnPath: TypeAlias = Sequence[Hashable]
"""The prepared RDNs of a DN, the root's first."""


class DnLocks:
    """Locks on DNs. Two conflict when one DN is the other or stands above it.

    First come, first served among those that conflict; who waits never holds up one that it does not conflict with.
    Not reentrant: who holds a DN and asks for one below it waits for ever.
    """

    __slots__ = ("_root",)

    def __init__(self) -> None:
        self._root = _Node(None, ())

    def holding(self, *paths: DnPath) -> "Hold":
        """Lock the DNs, all of them at once, for the length of an `async with` block."""
        return Hold(self._root, paths)

    def __bool__(self) -> bool:
        """Whether any DN is locked or waited for."""
        return bool(self._root.here or self._root.below)


class _Node:
    """A DN that is asked for, or an ancestor of one.

    Attributes:
        here: who asked for this DN.
        below: who asked for a DN below it, and how many of them.
    """

    __slots__ = ("below", "children", "here", "key", "parent")

    def __init__(self, parent: "_Node | None", key: Hashable) -> None:
        self.parent = parent
        self.key = key
        self.children: dict[Hashable, _Node] = {}
        self.here: list[Hold] = []
        self.below: dict[Hold, int] = {}


class Hold:
    """One lock on some DNs; an asynchronous context manager that is used once."""

    __slots__ = ("_blocked_by", "_blocks", "_nodes", "_paths", "_root", "_turn")

    def __init__(self, root: _Node, paths: Sequence[DnPath]) -> None:
        self._root = root
        self._paths = paths
        self._nodes: list[_Node] = []
        self._blocks: list[Hold] = []
        self._blocked_by = 0
        self._turn: asyncio.Future[None] | None = None

    async def __aenter__(self) -> None:
        """Wait for all who asked before and conflict."""
        earlier: set[Hold] = set()
        for path in self._paths:
            earlier.update(self._conflicts(path))
        for path in self._paths:
            self._enter(path)
        if not earlier:
            return
        self._blocked_by = len(earlier)
        for hold in earlier:
            hold._blocks.append(self)  # noqa: SLF001 - its own class
        self._turn = asyncio.get_running_loop().create_future()
        try:
            await self._turn
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let those go on who waited for this one."""
        self._leave()

    def _conflicts(self, path: DnPath) -> Iterator["Hold"]:
        node = self._root
        yield from node.here
        for key in path:
            child = node.children.get(key)
            if child is None:
                return
            node = child
            yield from node.here
        yield from node.below

    def _enter(self, path: DnPath) -> None:
        node = self._root
        for key in path:
            node.below[self] = node.below.get(self, 0) + 1
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = _Node(node, key)
            node = child
        node.here.append(self)
        self._nodes.append(node)

    def _leave(self) -> None:
        for node in self._nodes:
            node.here.remove(self)
            self._unlink(node)
        self._nodes.clear()
        for hold in self._blocks:
            hold._blocked_by -= 1  # noqa: SLF001 - its own class
            turn = hold._turn  # noqa: SLF001
            if not hold._blocked_by and turn is not None and not turn.done():  # noqa: SLF001
                turn.set_result(None)
        self._blocks.clear()

    def _unlink(self, node: _Node) -> None:
        """Take this hold out of the ancestors, and drop the nodes that nobody needs any more."""
        parent = node.parent
        while parent is not None:
            count = parent.below[self] - 1
            if count:
                parent.below[self] = count
            else:
                del parent.below[self]
            if not node.here and not node.below:
                del parent.children[node.key]
            node, parent = parent, parent.parent
