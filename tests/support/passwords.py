"""Events that carry passwords, and whom slapd lets in with which: for the tests of passwords on their way."""

from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

import ldap3
import orjson
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from streams.kafka import Cluster
from streams.kafka.received import received
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import POLICY_DN
from streams.settings import Settings
from tests.support.directory_dump import admin_connection, connected
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import PREFIX, Emitted, IdentitySource

MARKER: Final = "zq9.Geheim"
"""In every password: it must be found nowhere but in the input."""

POLICY: Final = {"pwdMinLength": "12", "pwdInHistory": "3", "pwdCheckQuality": "2"}
TOO_SHORT: Final = f"{MARKER}!"
LOCK: Final = "pwdAccountLockedTime"

_NUMBERS: Final = count(1)


def fresh_password() -> str:
    """One that the policy takes, and that nobody has had."""
    return f"{MARKER}-{next(_NUMBERS)}-pässword"


def with_password(event: Emitted, password: str) -> Emitted:
    """The same event, which carries a password too."""
    body = {**orjson.loads(event.value["bizData"]), "password": password}
    return replace(event, value={**event.value, "bizData": orjson.dumps(body).decode()})


def password_event(source: IdentitySource, account: str, password: str, **more: Any) -> Emitted:
    """An `update_password` of now."""
    source.now += 1
    value = {
        "eventType": f"{PREFIX}ud:user:update_password",
        "eventTime": str(source.now),
        "bizData": {"userId": account, "password": password, **more},
    }
    return Emitted(account, account=True, value=value)


@dataclass
class Staff:
    """An installation that synchronizes passwords, and the accounts of its tests."""

    flow: Flow
    source: IdentitySource
    worker: RunningWorker

    @property
    def slapd(self) -> Slapd:
        """The directory."""
        return self.flow.slapd

    def publish(self, *events: Emitted) -> None:
        """Write events to Kafka, and wait until they are done."""
        self.flow.publish(events)
        until(self.flow.is_idle, "an idle worker", detail=lambda: "\n".join(self.flow.tails()))

    def created(self, username: str, password: str, home: str = "o", **more: Any) -> Emitted:
        """The event of a new account; its id is its name."""
        self.source.add_account(username, username, home, **more)
        return with_password(self.source.events[-1], password)

    def changed(self, username: str, password: str | None = None, **changes: Any) -> Emitted:
        """The event of a change of an account."""
        self.source.change_account(username, **changes)
        event = self.source.events[-1]
        return event if password is None else with_password(event, password)

    def set(self, account: str, password: str, **more: Any) -> Emitted:
        """The event of a new password."""
        return password_event(self.source, account, password, **more)

    def dn(self, username: str, home: str = "Org") -> str:
        """Where an account's entry is."""
        return f"uid={username},ou={home},{self.slapd.target_dn}"

    def lets_in(self, username: str, password: str, home: str = "Org") -> bool:
        """Whether slapd takes the password of an account."""
        return lets_in(self.slapd, self.dn(username, home), password)

    def entry(self, username: str) -> dict[str, list[bytes]]:
        """All attributes of an account's entry."""
        return entry(self.slapd, self.dn(username))

    def state(self, username: str) -> dict[str, Any]:
        """An account's state."""
        return self.flow.states(self.flow.settings.topics.account_states)[username]

    def refusals(self, username: str) -> list[dict[str, str]]:
        """The headers of an account's dead letters."""
        letters = self.flow.messages(self.flow.settings.topics.dead_letters)
        found = (received(message) for message in letters if message.key() == username.encode())
        return [{name: value.decode() for name, value in letter.headers} for letter in found if letter is not None]


def lets_in(slapd: Slapd, dn: str, password: str) -> bool:
    """Whether slapd takes a password."""
    try:
        with connected(slapd, dn, password) as connection:
            connection.bind()
    except LDAPInvalidCredentialsResult:
        return False
    return True


def entry(slapd: Slapd, dn: str) -> dict[str, list[bytes]]:
    """All attributes of an entry."""
    with admin_connection(slapd) as connection:
        connection.search(dn, "(objectClass=*)", search_scope=ldap3.BASE, attributes=["*", "+"])
        return dict((connection.response or [])[0]["raw_attributes"])


def set_policy(slapd: Slapd, name: str, value: str) -> None:
    """Change the default password policy."""
    change = {name: [(ldap3.MODIFY_REPLACE, [value])]}
    with admin_connection(slapd) as connection:
        connection.modify(POLICY_DN, change)  # type: ignore[no-untyped-call]  # ldap3 gives it no types


def sync_administrator(flow: Flow) -> None:
    """Let the worker be an administrator whom the password policy binds; slapd lets the rootdn do anything."""
    (flow.folder / "ldap-password").write_text(flow.slapd.sync_password)


def rewind(settings: Settings, topic: str) -> None:
    """Have the workers' group read a topic from its beginning again; its last worker may just have been killed."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": 0})
    group = settings.kafka.application_id
    with Cluster(settings) as cluster:
        until(lambda: not cluster.has_members(group), "an empty group", 20)
        places = [TopicPartition(*place, 0) for place in cluster.end_offsets([topic])]
    for future in admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)]).values():
        for place in future.result(10).topic_partitions:
            if place.error is not None:
                raise AssertionError(place.error)
