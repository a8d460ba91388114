"""Both stores of the states of one's own partitions, and the folder that one of them lives in."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import randbytes

import pytest

from schemas.errors import CommandFailed
from streams.worker.states import rocksdb_store
from streams.worker.states.scratch_folder import ScratchFolder
from streams.worker.states.stores import StateStore, StateStoreName, new_store

LIMITED = """\
import resource
from streams.worker.states.stores import new_store

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
store = new_store("rocksdb")
blob = open("/dev/urandom", "rb").read(1 << 20)
for number in range(1 << 12):
    store.write(number % 3, [(b"%d %d" % (number, at), blob[at : at + 1000]) for at in range(0, 100_000, 1000)])
"""
HOLDING = """\
import sys
from streams.worker.states.stores import new_store

store = new_store("rocksdb")
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders of a test are."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest) -> Iterator[StateStore]:
    name: StateStoreName = request.param
    made = new_store(name)
    yield made
    made.close()


def test_what_was_written_last_is_found(store: StateStore) -> None:
    """Within one write and from write to write."""
    store.write(1, [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")])
    store.write(1, [(b"b", b"3")])
    assert [store.get(1, key) for key in (b"a", b"b", b"c")] == [b"2", b"3", None]


def test_what_was_removed_is_not_found_until_it_is_written_again(store: StateStore) -> None:
    """Removing what is not there is no fault."""
    store.write(1, [(b"a", b"1"), (b"b", b"1"), (b"a", None), (b"c", None)])
    assert [store.get(1, key) for key in (b"a", b"b", b"c")] == [None, b"1", None]
    store.write(1, [(b"a", b"2")])
    assert store.get(1, b"a") == b"2"


def test_a_partition_is_dropped_without_the_others(store: StateStore) -> None:
    """And begins anew when it comes back."""
    for partition in (0, 1, 2, 256):
        store.write(partition, [(b"a", b"%d" % partition)])
    store.drop(1)
    assert [store.get(partition, b"a") for partition in (0, 1, 2, 256)] == [b"0", None, b"2", b"256"]
    store.write(1, [(b"b", b"new")])
    assert [store.get(1, key) for key in (b"a", b"b")] == [None, b"new"]


def test_states_that_do_not_fit_into_the_buffers_are_found(store: StateStore) -> None:
    """Those in files, and the newest of those that were written again."""
    for version in (b"1", b"2"):
        for first in range(0, 20_000, 1000):
            store.write(first % 3, [(b"k%d" % number, version * 900) for number in range(first, first + 1000)])
    assert all(store.get(number // 1000 * 1000 % 3, b"k%d" % number) == b"2" * 900 for number in range(20_000))


def test_writes_that_are_faster_than_the_disk_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """RocksDB refuses them until its buffers are written: small ones are always full."""
    monkeypatch.setattr(rocksdb_store, "_WRITE_BUFFER_BYTES", 1 << 16)
    made = new_store("rocksdb")
    states = {b"k%d" % number: randbytes(1000) for number in range(5_000)}
    pairs = [*states.items()]
    for first in range(0, len(pairs), 50):
        made.write(1, pairs[first : first + 50])
    found = {key: made.get(1, key) for key in states}
    made.close()
    assert found == states


def test_a_store_that_is_closed_leaves_nothing(place: Path) -> None:
    made = new_store("rocksdb")
    [folder] = place.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    made.close()
    assert not [*place.iterdir()]


@pytest.mark.parametrize("name", ["memory", "rocksdb"])
def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(
    place: Path, name: StateStoreName
) -> None:
    """Whichever it has: after a disk that was full, states of persons must not lie there for ever."""
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603 - our own
        assert other.stdout is not None
        other.stdout.readline()
        new_store(name).close()
        assert len([*place.iterdir()]) == 1
        other.send_signal(signal.SIGKILL)
        other.wait(30)
        new_store(name).close()
        assert not [*place.iterdir()]


def test_nothing_but_folders_of_our_own_is_taken_for_such_a_rest(place: Path) -> None:
    """Not a file of that name, nor what a link leads to."""
    precious = place / "precious"
    precious.mkdir()
    (place / "x-link").symlink_to(precious)
    (place / "x-file").touch()
    ScratchFolder("x-").remove()
    assert {path.name for path in place.iterdir()} == {"precious", "x-link", "x-file"}


def test_where_nothing_can_be_written_states_are_kept_in_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose file system is read-only: there is no place for temporary files."""

    def refuse() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(tempfile, "gettempdir", refuse)
    new_store("memory").close()
    with pytest.raises(CommandFailed, match=r"^No usable temporary directory found in .*: set TMPDIR to a folder"):
        new_store("rocksdb")


def test_a_place_that_was_named_is_not_exchanged_for_another(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """As Python does, perhaps for one in memory; it is told in one line, with the remedy."""
    monkeypatch.setenv("TMPDIR", str(place / "gone"))
    with pytest.raises(CommandFailed, match=r"^cannot make a folder in .*gone: No such file or directory: set TMPDIR"):
        ScratchFolder("x-")


def test_files_that_cannot_be_written_are_told_with_the_remedy(place: Path) -> None:
    """The limit of a file's size stands for a full disk: the system refuses to write, in the midst of it."""
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", LIMITED],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "TMPDIR": str(place)},
    )
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("schemas.errors.CommandFailed: state_store: the files in ")
    assert "File too large" in last
    assert last.endswith(": make room there, or set TMPDIR to another disk, or write `state_store: memory`")
