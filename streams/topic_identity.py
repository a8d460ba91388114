"""Which topics the states were made from: a topic that is made anew has another id (design section 6).

What lay on an input topic before, or in a state topic, cannot be had again by reading on: only a complete full push
makes the states whole. Until then a `ResyncNeeded` stands on the control topic; `TopicIds` after it end that.
"""

from collections.abc import Mapping
from typing import Final

from schemas.control import TopicIds
from schemas.control_codec import encode_decision
from streams.control import ControlView, command_id, view_of
from streams.kafka import Cluster, Message, TopicReport, Verdict, publish_all, read_to_end
from streams.settings import Settings, TopicNames

REMEDY: Final = "publish a full push (`ldapflow publish --push`), then run `ldapflow verify`"


def present_ids(settings: Settings) -> Mapping[str, str]:
    """The ids that the topics of the configuration have now; missing ones are left out.

    Raises:
        CommandFailed: Kafka does not answer, or refuses.
    """
    with Cluster(settings) as cluster:
        return cluster.topic_ids(settings.topics.all)


def sources_of_states(topics: TopicNames) -> tuple[str, ...]:
    """The topics without which the states are not what they were: inputs, and the states themselves."""
    return topics.organization_events, topics.account_events, topics.organization_states, topics.account_states


def made_anew(recorded: Mapping[str, str] | None, present: Mapping[str, str]) -> tuple[str, ...]:
    """The topics that have another id than the recorded one."""
    known = recorded or {}
    return tuple(name for name, identity in present.items() if known.get(name, identity) != identity)


def record_topic_ids(settings: Settings) -> tuple[TopicReport, ...]:
    """Write the ids of all topics down, unless that would hide that events or states were lost.

    Returns:
        What is to be said about topics that were made anew.

    Raises:
        CommandFailed: Kafka does not answer, or refuses.
    """
    present = present_ids(settings)
    control = settings.topics.control
    if control not in present:  # it could not be created, which has been said
        return ()
    view = view_of(read_to_end(settings, [control]))
    others = made_anew(view.topic_ids, present)
    lost = [name for name in others if name in sources_of_states(settings.topics)]
    if not lost and view.resync_needed is None and _lacks(view, present):
        decision = TopicIds({**(view.topic_ids or {}), **present})
        publish_all(settings, [Message(control, command_id(decision), encode_decision(decision))], lambda _: None)
    return tuple(
        TopicReport(
            name,
            Verdict.ADVICE,
            f"was made anew, what it held is gone: {REMEDY}" if name in lost else "was made anew, what it held is gone",
        )
        for name in others
    )


def _lacks(view: ControlView, present: Mapping[str, str]) -> bool:
    recorded = view.topic_ids or {}
    return any(recorded.get(name) != identity for name, identity in present.items())
