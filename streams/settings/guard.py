"""The deletion guard of the configuration in the words of `processors.guarding`."""

from collections.abc import Mapping
from typing import Final

from processors.guarding import GuardLimits
from schemas.events import Kind
from streams.settings.model import Settings

_MS_PER_MINUTE: Final = 60_000


def guard_limits(settings: Settings) -> Mapping[Kind, GuardLimits]:
    """The limits of each kind."""
    guard = settings.sync.deletion_guard
    window = guard.window_minutes * _MS_PER_MINUTE
    counts = {Kind.ACCOUNT: guard.accounts, Kind.ORGANIZATION: guard.organizations}
    return {kind: GuardLimits(count, guard.percent, window) for kind, count in counts.items()}
