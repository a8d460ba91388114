"""A worker that keeps its states in files (`state_store: rocksdb`), on real servers."""

import resource
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest

from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import State, Status
from streams.kafka import Message, publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.flow import Flow, until

MANY_STATES = 20_000  # more than the buffers hold
SMALL_FILE_BYTES = 1 << 20


def test_no_room_for_the_files_ends_the_worker_with_one_clear_line(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses to write a file, while a partition is read back; nothing is left in the folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix, state_store="rocksdb") as flow:
        topics, states = flow.settings.topics, list[Message]()
        for number in range(MANY_STATES):
            record = record_of(Kind.ACCOUNT, {"userId": f"a{number}", "note": token_hex(500)})
            state = State(record, 1, 1, 1, Status.OUT_OF_SCOPE, 1, (1, number))
            states.append(Message(topics.account_states, record.id.encode(), encode_state(state)))
        publish_all(flow.settings, states, lambda _: None)
        worker = flow.worker(wait=False)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, SMALL_FILE_BYTES))
        until(
            lambda: worker.process.poll() is not None,
            "the end of the worker",
            detail=lambda: worker.log.read_text()[-3000:],
        )
        last = worker.log.read_text().splitlines()[-1]
        assert worker.process.returncode == 1
        assert last.startswith("state_store: the files in ")
        assert "File too large" in last
    assert not [*scratch.iterdir()]
