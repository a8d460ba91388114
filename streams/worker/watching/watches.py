"""Everything that looks at the state view for entities that must be applied again."""

from collections.abc import Callable
from time import monotonic

from schemas.events import Kind
from streams.control import ControlView
from streams.settings import Settings
from streams.worker.states.state_view import StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.binding_watch import BindingWatch
from streams.worker.watching.deletion_guard import HeldWatch
from streams.worker.watching.path_watch import PathWatch
from streams.worker.watching.pending_watch import PendingWatch
from streams.worker.watching.redriving import Redrives
from streams.worker.watching.scope_watch import ScopeWatch
from streams.worker.watching.stranger_watch import StrangerWatch
from streams.worker.watching.waiting_room import WaitingRoom


class Watches:
    """The watches of one worker; they share one backlog.

    Args:
        owns: whether a partition of a kind is ours, and none of its states is still to be made again from history.
        uses_path: the values of organizations are made of the names of those above.

    Attributes:
        room: of those who wait.
        held: watches deletions that wait for a person.
        strangers: watches entries that are nobody's and stand in somebody's way.
    """

    def __init__(
        self,
        settings: Settings,
        view: StateView,
        control: ControlView,
        redriver: Redrives,
        owns: Callable[[Kind, int], bool],
        *,
        uses_path: bool,
    ) -> None:
        sync = settings.sync
        self._backlog = backlog = Backlog()
        self.room = WaitingRoom(view, redriver, sync.source_node, owns, monotonic, backlog)
        self.held = HeldWatch(view, control, redriver, owns, backlog)
        self.strangers = StrangerWatch(view, redriver, owns, backlog)
        self._bindings = BindingWatch(view, redriver, owns)
        self._scope = ScopeWatch(view, redriver, sync.source_node, sync.target_dn, owns, backlog)
        self._pending = PendingWatch(view, redriver, owns, backlog) if sync.incremental else None
        self._paths = PathWatch(view, redriver, owns, backlog) if uses_path else None

    async def work(self) -> None:
        """Take the looks that are asked for, for ever.

        What was asked for before is forgotten: nothing was ours yet, and an assignment has everything looked at.
        """
        self._backlog.forget()
        await self._backlog.work()

    def look(self) -> None:
        """Ask for all that a look of every 30 s is not too much for."""
        self.room.sweep()
        self._bindings.look()
        self.held.look()
        if self._pending is not None:
            self._pending.look()

    def look_at_everything(self) -> None:
        """Ask for a look after an assignment: what the former owner noticed may have been lost with it."""
        self.look()
        self._scope.look_at_everything()
        if self._paths is not None:
            self._paths.look_at_everything()
