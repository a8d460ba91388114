"""Whether a full push is needed: topics were made anew, or events were lost (design section 6, "Topics made anew").

What is found is written to the control topic: every worker obeys it, also one that starts later, until the ids of the
topics are written after it.
"""

import asyncio
import random
from collections.abc import Mapping
from typing import Final, Self

import structlog

from schemas.control import ResyncNeeded
from schemas.errors import CommandFailed, Retryable
from streams.control import ControlReader, decide
from streams.kafka import Publisher
from streams.settings import Settings
from streams.topic_identity import REMEDY, made_anew, present_ids, sources_of_states
from streams.worker.delivery.agents import wirings
from streams.worker.delivery.resuming import Loss, Origin

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = (0.2, 5.0)
_BETWEEN: Final = "; "


class TopicsMadeAnew(RuntimeError):
    """Topics were deleted and created again under a running worker: what it knows of them is wrong; start it again."""


class Resync:
    """Finds out and remembers that a full push is needed; used as `async with`."""

    def __init__(self, settings: Settings, publisher: Publisher, control: ControlReader) -> None:
        self._settings = settings
        self._publisher = publisher
        self._control = control
        self._ids: Mapping[str, str] = {}
        self._unwritten: list[str] = []
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Compare the topics with those that were recorded.

        Raises:
            CommandFailed: Kafka does not answer.
        """
        self._ids = await asyncio.to_thread(self._present)
        for name in made_anew(self._control.view.topic_ids, self._ids):
            reason = f"topic {name} {Loss.MADE_ANEW.value} ({self._ids[name]})"
            if reason not in self._recorded:
                self._need(reason)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    @property
    def reason(self) -> str | None:
        """Why a full push is needed, and what to do, in one line; None when none is."""
        reasons = self._recorded or _BETWEEN.join(dict.fromkeys(self._unwritten))
        return f"{reasons}: {REMEDY}" if reasons else None

    @property
    def lost_states(self) -> bool:
        """Whether the states are not those that the recorded topics held: who is bound to which entry is a guess."""
        topics = self._settings.topics
        others = made_anew(self._control.view.topic_ids, self._ids)
        return any(name in others for name in (topics.organization_states, topics.account_states))

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Of each input topic, what an offset in it depends on: which topic it is, and in which its states lie."""
        others, origins = made_anew(self._control.view.topic_ids, self._ids), {}
        for wiring in wirings(self._settings):
            topics = (wiring.input_topic, wiring.state_topic)
            name = " ".join(self._ids[topic] for topic in topics if topic in self._ids)
            origins[wiring.input_topic] = Origin(name, is_anew=any(topic in others for topic in topics))
        return origins

    def note(self, topic: str, loss: Loss) -> None:
        """Take in that something of a topic was lost; returns at once."""
        if loss is Loss.MADE_ANEW and self.origins[topic].is_anew:
            return  # that was found at the start
        self._need(f"topic {topic} {loss.value}")

    async def watch(self, seconds: float = _LOOK_SECONDS) -> None:
        """Look again and again whether the topics are still the same.

        Args:
            seconds: between two looks.

        Raises:
            TopicsMadeAnew: they are not.
        """
        while True:
            await asyncio.sleep(seconds)
            try:
                present = await asyncio.to_thread(self._present)
            except CommandFailed:  # Kafka is away, which others tell
                continue
            if others := made_anew(self._ids, present):
                raise TopicsMadeAnew(f"{', '.join(others)} {Loss.MADE_ANEW.value}: start the worker again")

    def _present(self) -> Mapping[str, str]:
        sources = sources_of_states(self._settings.topics)
        return {name: identity for name, identity in present_ids(self._settings).items() if name in sources}

    @property
    def _recorded(self) -> str:
        decided = self._control.view.resync_needed
        return decided.decision.reason if decided is not None and isinstance(decided.decision, ResyncNeeded) else ""

    def _need(self, reason: str) -> None:
        log.error("resync_needed", reason=reason, remedy=REMEDY)
        self._unwritten.append(reason)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        wait = _RETRY_SECONDS[0]
        while self._unwritten:
            found = list(self._unwritten)
            reasons = dict.fromkeys([*filter(None, self._recorded.split(_BETWEEN)), *found])
            try:
                await decide(self._publisher, self._settings, ResyncNeeded(_BETWEEN.join(reasons)))
                await self._control.catch_up()
            except (Retryable, CommandFailed) as exc:
                log.warning("resync_not_written_yet", error=str(exc))
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads clients, hides nothing
                wait = min(wait * 2, _RETRY_SECONDS[1])
            else:
                del self._unwritten[: len(found)]
