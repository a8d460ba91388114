"""`ldapflow demo`: events of a made-up company become a directory, before one's eyes."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from schemas.dn import DN, PreparedDN
from schemas.entries import FoundEntry
from schemas.errors import CommandFailed
from schemas.events import EventType, Kind
from streams.demo.sample import CHANGES, COMPANY, Change, Company, Subject, changes_of, sample_file
from streams.demo.screen import Screen
from streams.demo.stage import Stage
from streams.interruption import Interruption
from streams.sandbox.fetch import KAFKA_VERSION

_INTERRUPTED: Final = 130  # 128 and SIGINT, as shells have it
_APPLIED_SECONDS: Final = 120
_HAPPENED: Final = {
    EventType.ACCOUNT_CREATE: "Somebody joined",
    EventType.ACCOUNT_UPDATE: "Somebody was renamed",
    EventType.ACCOUNT_MOVE: "Somebody was moved to another organization",
    EventType.ACCOUNT_DELETE: "Somebody left",
    EventType.ORGANIZATION_UPDATE: "An organization was renamed",
    EventType.ORGANIZATION_MOVE: "An organization was moved below another one",
}


def run_demo(*, keep: bool) -> int:
    """Show the whole way of some events on real servers in a temporary folder.

    Args:
        keep: everything goes on running at the end, until Ctrl-C.

    Returns:
        The exit code: 130 when it was interrupted.

    Raises:
        CommandFailed: a server is missing, or something did not happen in time.
    """
    interruption, screen = Interruption(), Screen()
    with interruption.watched():
        try:
            with Stage(interruption) as stage:
                _Tour(stage, screen, interruption).run(keep=keep)
        except KeyboardInterrupt:
            screen.say()
            screen.say("Interrupted; everything is stopped and removed.")
            return _INTERRUPTED
    screen.say()
    screen.say("Everything is stopped and removed. To look around, leave it running: ldapflow demo --keep")
    return 0


class _Tour:
    """The acts of the demo, one after the other."""

    def __init__(self, stage: Stage, screen: Screen, interruption: Interruption) -> None:
        self._stage = stage
        self._screen = screen
        self._interruption = interruption

    def run(self, *, keep: bool) -> None:
        company, changes = (_lines(sample_file(name)) for name in (COMPANY, CHANGES))
        self._screen.say(("ldapflow demo: an identity service's events become an OpenLDAP directory", "bold"))
        self._set_up()
        target = self._stage.settings.sync.target_dn
        before = Company().after(company)
        after = before.after(changes)
        start = time.monotonic()
        found_before = self._publish(COMPANY, company, before.entries(target))
        rate = len(company) / (time.monotonic() - start)
        waited = self._stage.events_counted("waiting")
        self._screen.say(
            f"  {rate:.0f} events/s from the file to LDAP, in no helpful order:"
            f" {waited} times an event came before the organization that it needs, and waited"
        )
        found_after = self._publish(CHANGES, changes, after.entries(target))
        self._screen.title("What happened to whom")
        for change in changes_of(changes):
            self._tell(change, found_before, found_after)
        self._screen.title("The directory now")
        self._screen.tree(target, {entry.dn.prepared(): entry for entry in found_after.values()})
        if keep:
            self._look_around()
            self._stay()
        else:
            with self._screen.step("stopping") as step:
                self._stage.close()
                step.done = "worker, Kafka and slapd are stopped"

    def _set_up(self) -> None:
        stage = self._stage
        with self._screen.step("starting slapd") as step:
            stage.start_slapd()
            step.done = f"slapd at {stage.slapd.uri}"
        with self._screen.step(f"starting Kafka {KAFKA_VERSION} (the first time, its jars are fetched)") as step:
            stage.start_kafka()
            step.done = f"Kafka {KAFKA_VERSION} at {stage.kafka.bootstrap_servers}"
        with self._screen.step("ldapflow pin") as step:
            stage.write_configuration()
            found = stage.pin()
            step.done = f"ldapflow pin: {stage.slapd.target_dn} is the entry {found}"
        with self._screen.step("ldapflow topics create") as step:
            step.done = f"ldapflow topics create: {stage.create_topics()} topics"
        with self._screen.step("ldapflow worker") as step:
            stage.start_worker()
            step.done = "ldapflow worker: ready"

    def _publish(self, name: str, lines: Sequence[bytes], wanted: Mapping[Subject, DN]) -> Mapping[Subject, FoundEntry]:
        """Publish events and wait until the directory is what they say."""
        with self._screen.step(f"ldapflow publish {name}") as step:
            step.done = f"ldapflow publish {name}: {self._stage.publish(lines)} events"
        with self._screen.step("writing to LDAP") as step:
            found = self._wait_for(wanted)
            kinds = [kind for kind, _ in found]
            step.done = (
                f"LDAP holds exactly what the events say: {kinds.count(Kind.ORGANIZATION)} organizations"
                f" and {kinds.count(Kind.ACCOUNT)} accounts"
            )
        return found

    def _wait_for(self, wanted: Mapping[Subject, DN]) -> Mapping[Subject, FoundEntry]:
        names = {subject: dn.prepared() for subject, dn in wanted.items()}
        found: Mapping[PreparedDN, FoundEntry] = {}

        def arrived() -> bool:
            nonlocal found
            self._stage.check_health()
            found = self._stage.entries()
            return found.keys() == set(names.values())

        def late() -> str:
            missing = [dn for subject, dn in wanted.items() if names[subject] not in found]
            surplus = [entry.dn for name, entry in found.items() if name not in names.values()]
            some = next(iter((*missing, *surplus)), "")
            return f"{len(missing)} entries are missing and {len(surplus)} are too many, among them {some}"

        self._interruption.wait_until(arrived, _APPLIED_SECONDS, late)
        return {subject: found[name] for subject, name in names.items()}

    def _tell(self, change: Change, before: Mapping[Subject, FoundEntry], after: Mapping[Subject, FoundEntry]) -> None:
        old, new = before.get(change.subject), after.get(change.subject)
        self._screen.say()
        self._screen.say((_HAPPENED.get(change.type, str(change.type)), "cyan"))
        rows = [("before", "-" if old is None else str(old.dn)), ("after", "-" if new is None else str(new.dn))]
        if old is not None and new is not None:
            below = {subject for subject, entry in before.items() if entry.dn.is_below(old.dn)}
            for subject in (change.subject, *below):
                if subject in after and before[subject].entry_uuid != after[subject].entry_uuid:
                    raise CommandFailed(f"{before[subject].dn} was made anew instead of being renamed")
            same = f"the same entry, {new.entry_uuid}"
            rows.append(("entryUUID", same + (f"; so are the {len(below)} below it" if below else "")))
        self._screen.rows(*rows)

    def _look_around(self) -> None:
        stage, slapd = self._stage, self._stage.slapd
        connect = ("-H", slapd.uri, "-D", slapd.admin_dn, "-y", str(stage.password_file))
        search = ("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", *connect, "-b", slapd.target_dn, "(objectClass=*)")
        publish = ("ldapflow", "--config", str(stage.config), "publish", str(sample_file(CHANGES)))
        self._screen.title("To look around")
        self._screen.rows(
            ("the entries", shlex.join(search)),
            ("more events", shlex.join(publish)),
            ("configuration", str(stage.config)),
            ("worker's log", str(stage.worker_log)),
        )

    def _stay(self) -> None:
        self._screen.say()
        self._screen.say("Everything goes on running in ", str(self._stage.folder), "; Ctrl-C stops and removes it.")

        def broken() -> bool:
            self._stage.check_health()
            return False

        self._interruption.wait_until(broken, float("inf"), str)


def _lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()
