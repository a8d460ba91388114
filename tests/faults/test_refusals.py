"""A refusal whose code does not say whose fault it is: the event's, or the directory's (design section 5)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource

# insufficientAccessRights for this entry alone.
_REFUSE_ONE = f"""\
dn: {DATABASE_CONFIG_DN}
changetype: modify
add: olcAccess
olcAccess: {{0}}to dn.regex="^uid=refused," by * read
"""


@pytest.mark.timeout(240)
def test_a_directory_that_is_read_only_for_a_moment_costs_no_event(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """Right after an event that really is at fault, when the last probe has just succeeded."""
    source = IdentitySource()
    for number in range(100):
        source.add_account(f"a{number}", f"user{number}", "ou_root")
    slapd = fresh_slapd()
    slapd.modify_configuration(_REFUSE_ONE)
    flow = Flow(tmp_path, kafka, slapd, topic_prefix, connection={"admin_dn": slapd.sync_dn})
    (tmp_path / "ldap-password").write_text(slapd.sync_password)
    with flow:
        worker = flow.worker()
        source.add_account("refused", "refused", "ou_root")
        flow.publish(source.events)
        del source.accounts["refused"]
        until(lambda: worker.metric("ldapflow_dead_letters_total") == 1, "the dead letter")
        flow.settle(source)

        slapd.set_read_only(True)
        made = len(source.events)
        for number in range(100):
            source.change_account(f"a{number}", mail=f"m{number}@example.com")
        flow.publish(source.events[made:])
        until(lambda: refusals(flow) > 0, "refusals")
        slapd.set_read_only(False)
        flow.settle(source, 120)
        letters = flow.messages(flow.settings.topics.dead_letters)
        assert [letter.key() for letter in letters] == [b"refused"]


def refusals(flow: Flow) -> float:
    """Changes of entries that slapd was unwilling to make."""
    name, result = "ldapflow_directory_operations_total", "unwillingToPerform"
    return sum(worker.metric(name, operation="modify", result=result) for worker in flow.workers)
