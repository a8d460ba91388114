"""Under which name an entity's entry is written: the wanted one, or another when somebody has that."""

from collections.abc import Mapping
from dataclasses import replace

from ldap_sink.outcomes import Applied, Waits
from ldap_sink.sink import Sink
from processors.rdn import numeric_rdn, temporary_rdn
from processors.wanted import EntryRules
from schemas.dn import DN, RDN, usual_name
from schemas.entries import WantedEntry
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Kind
from streams.worker.applying.attempt import Attempt


class Names:
    """Applies entries under the first name that they can have.

    Args:
        rules: of both kinds.
    """

    def __init__(self, sink: Sink, rules: Mapping[Kind, EntryRules]) -> None:
        self._sink = sink
        self._rules = rules

    async def apply(self, attempt: Attempt, wanted: WantedEntry, parent: DN) -> Applied | Waits:
        """Apply an entry below a parent.

        If another entity has the wanted name, it takes the qualified one, where that is configured. Who shall let a
        circle turn and can have neither takes a temporary one.

        Raises:
            Permanent: it must be qualified, and cannot be.
        """
        attempt.stands_aside = False
        outcome = await self._apply(attempt, wanted, parent)
        if _is_taken(outcome, parent.child(wanted.rdn)):
            qualified = self._rules[attempt.kind].qualified(wanted)
            other = None if qualified is None else await self._apply(attempt, qualified, parent)
            if isinstance(other, Applied):
                return other
        if attempt.aside and isinstance(outcome, Waits) and outcome.occupied is not None:
            outcome = await self._step_aside(attempt, wanted, parent)
            attempt.stands_aside = True
        return outcome

    async def _step_aside(self, attempt: Attempt, wanted: WantedEntry, parent: DN) -> Applied | Waits:
        name = temporary_rdn(wanted.rdn, attempt.identifier)
        try:
            return await self._apply(attempt, renamed(wanted, name), parent)
        except Permanent as exc:
            if exc.reason is not DeadLetterReason.REFUSED_BY_DIRECTORY:
                raise
            # The naming attribute takes but numbers, or not so many characters: servers say so in different codes. If
            # it was something else, that is refused again.
            number = numeric_rdn(wanted.rdn, attempt.identifier)
            return await self._apply(attempt, renamed(wanted, number), parent)

    async def _apply(self, attempt: Attempt, wanted: WantedEntry, parent: DN) -> Applied | Waits:
        outcome = await self._sink.apply(attempt.subject, wanted, parent, attempt.binding)
        attempt.changes += outcome.changes
        if outcome.binding is not None:  # also of one that waits
            attempt.bind(outcome.binding)
            attempt.until_recorded.callback(self._sink.settled, attempt.subject)
        return outcome


def _is_taken(outcome: Applied | Waits, dn: DN) -> bool:
    """Whether it was the DN that another entity has, and not another entry that may become ours."""
    if not isinstance(outcome, Waits) or outcome.reason != "dn_occupied":
        return False
    return outcome.occupied is not None and outcome.occupied.matches(dn)


def renamed(wanted: WantedEntry, rdn: RDN) -> WantedEntry:
    """The same entry under another name."""
    names = {usual_name(ava.attribute): (ava.octets,) for ava in rdn.avas}
    attributes = {name: names.get(usual_name(name), values) for name, values in wanted.attributes.items()}
    return replace(wanted, rdn=rdn, attributes=attributes)
