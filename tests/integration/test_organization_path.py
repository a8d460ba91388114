"""`organization.path` in a mapping: what is made of it follows every organization above, by real workers."""

from pathlib import Path

import orjson

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource
from tests.support.program import ldapflow
from tests.support.sink import make_target

ORGANIZATIONS = {
    "mapping": [
        {"attribute": "ou", "field": "organization.organizationalUnitName"},
        {"attribute": "description", "expression": 'ArrayJoin(organization.path, " / ")'},
    ]
}


def descriptions(slapd: Slapd, target: str) -> dict[str, str]:
    """Of each organization, by its DN relative to the target."""
    entries = read_tree(slapd, target, operational=False)
    return {
        dn.removesuffix(f",{target}"): entry["description"][0].decode()
        for dn, entry in entries.items()
        if "description" in entry
    }


def test_the_path_follows_names_and_places_above(tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str) -> None:
    """A rename and a move above reach whoever is below, once; `explain` sees no difference, nor is anything left."""
    target, _ = make_target(slapd)
    source = IdentitySource()
    source.add_organization("low", "Optics", "mid")  # waits until those above have come
    source.add_organization("mid", "Lab", "top")
    source.add_organization("top", "R&D")
    source.add_organization("other", "研发")
    source.add_account("mei", "mei", "low")
    with Flow(
        tmp_path, kafka, slapd, topic_prefix, sync={"target_dn": str(target)}, organizations=ORGANIZATIONS
    ) as flow:
        worker = flow.worker()

        def settle(expected: dict[str, str], done: int) -> int:
            flow.publish(source.events[done:])
            until(
                lambda: descriptions(slapd, str(target)) == expected and flow.is_idle(),
                f"{expected}",
                detail=lambda: "\n".join([str(descriptions(slapd, str(target))), *flow.tails()]),
            )
            return len(source.events)

        done = settle(
            {
                "ou=研发": "研发",
                "ou=R&D": "R&D",
                "ou=Lab,ou=R&D": "R&D / Lab",
                "ou=Optics,ou=Lab,ou=R&D": "R&D / Lab / Optics",
            },
            0,
        )
        source.rename_organization("top", "Research")
        done = settle(
            {
                "ou=研发": "研发",
                "ou=Research": "Research",
                "ou=Lab,ou=Research": "Research / Lab",
                "ou=Optics,ou=Lab,ou=Research": "Research / Lab / Optics",
            },
            done,
        )
        source.move_organization("mid", "other")
        settle(
            {
                "ou=Research": "Research",
                "ou=研发": "研发",
                "ou=Lab,ou=研发": "研发 / Lab",
                "ou=Optics,ou=Lab,ou=研发": "研发 / Lab / Optics",
            },
            done,
        )
        explained = ldapflow("explain", "low", "--json", folder=tmp_path)
        assert explained.returncode == 0, explained.stderr
        told = orjson.loads(explained.stdout)
        assert (told["difference"], told["why"][-1]) == ([], "the entry is as it should be")
        before = read_tree(slapd, str(target))
        flow.publish(source.events)
        until(flow.is_idle, "an idle worker")
        assert read_tree(slapd, str(target)) == before
        assert worker.stop() == 0
