"""States in files, by RocksDB: for more of them than should be in memory (`state_store: rocksdb`).

Faust has a store for RocksDB as well, which is not used: its caches may grow to 2 GiB a partition, it never closes a
database, it trusts files of earlier processes and of partitions that others have written meanwhile, and what cannot be
written while a table is read back is only a line in the log.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from schemas.errors import CommandFailed
from streams.worker.states.scratch_folder import STATES, ScratchFolder

_MIB: Final = 1 << 20
_WRITE_BUFFER_BYTES: Final = 8 * _MIB  # one that is filled, and one or two on their way to the disk
_WRITE_BUFFERS: Final = 3
_CACHE_BYTES: Final = 16 * _MIB  # the system caches files as well, in memory that it takes back when others need it
_LOG_BYTES: Final = _MIB
_OPEN_FILES: Final = 128
_BITS_A_KEY: Final = 10  # of the filter: one in a hundred that are not there is looked for in a file
_WOULD_WAIT: Final = "Result incomplete: Write stall"
_MANY: Final = 1 << 20
_PARTITION_BYTES: Final = 4


class RocksdbStore:
    """Keeps them in a database of its own, in a folder that goes with the process.

    Raises:
        CommandFailed: there is no room for its files.
    """

    def __init__(self) -> None:
        self._folder = ScratchFolder(STATES)
        with self._failing():
            self._database = Rdict(str(self._folder.path), _options())
            # Kafka has what a log of writes would save.
            self._writing = WriteOptions()
            self._writing.disable_wal = True  # type: ignore[assignment,method-assign]  # declared as a method, is none
            # A write that waits for the disk keeps Python's lock, and stops all threads, with Kafka's heartbeat.
            self._writing.no_slowdown = True

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The state of an entity."""
        with self._failing():
            found: bytes | None = self._database.get(_place(partition) + key)
        return found

    def write(self, partition: int, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Set some states, the later of one key over the earlier; None removes one."""
        self._change(lambda: self._database.write(_batch(partition, pairs), self._writing))

    def drop(self, partition: int) -> None:
        """Forget all states of a partition."""
        first, end = _place(partition), _place(partition + 1)
        self._change(lambda: self._database.delete_range(first, end, write_opt=self._writing))

    def _change(self, act: Callable[[], None]) -> None:
        with self._failing():
            while self._is_refused(act):
                self._database.flush()  # waits for the disk without Python's lock

    @staticmethod
    def _is_refused(act: Callable[[], None]) -> bool:
        """Whether the buffers were full, and nothing was done."""
        try:
            act()
        except Exception as exc:
            if str(exc) != _WOULD_WAIT:
                raise
            return True
        return False

    def close(self) -> None:
        """Remove everything."""
        with suppress(Exception):  # of no room for what is in its buffers, which nobody will read
            self._database.close()
        self._folder.remove()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            if type(exc) is not Exception:  # RocksDB's failures have no class of their own; all others are ours
                raise
            raise CommandFailed(
                f"state_store: the files in {self._folder.path} cannot be used: {_reason(exc)}: make room there, or set"
                " TMPDIR to another disk, or write `state_store: memory`"
            ) from exc


def _place(partition: int) -> bytes:
    return partition.to_bytes(_PARTITION_BYTES, "big")


def _batch(partition: int, pairs: Sequence[tuple[bytes, bytes | None]]) -> WriteBatch:
    place, batch = _place(partition), WriteBatch(raw_mode=True)
    for key, value in pairs:
        if value is None:
            batch.delete(place + key)
        else:
            batch.put(place + key, value)
    return batch


def _reason(exc: Exception) -> str:
    return " ".join(str(exc).split())


def _options() -> Options:
    options, blocks = Options(raw_mode=True), BlockBasedOptions()
    blocks.set_block_cache(Cache(_CACHE_BYTES))
    blocks.set_bloom_filter(_BITS_A_KEY, False)
    options.set_block_based_table_factory(blocks)
    options.create_if_missing(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(_WRITE_BUFFERS)
    # Only full buffers shall make a write wait: files that are yet to be merged cost reads some microseconds.
    options.set_level_zero_slowdown_writes_trigger(_MANY)
    options.set_level_zero_stop_writes_trigger(_MANY)
    options.set_soft_pending_compaction_bytes_limit(0)
    options.set_hard_pending_compaction_bytes_limit(0)
    options.set_max_open_files(_OPEN_FILES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_log_file_size(_LOG_BYTES)
    options.set_keep_log_file_num(1)
    options.set_stats_dump_period_sec(0)
    return options
