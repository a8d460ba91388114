"""Shows why streams/worker/delivery exists: the same faults on stock Faust lose events.

`scripts/soak --stock` runs it; it is no test, since what it shows is somebody else's fault.
"""

import signal
import sys
import tempfile
import time
from pathlib import Path

from streams.sandbox.kafka import Kafka
from tests.soak.delivery import Group, Source, judge

SECONDS = 45
PER_SECOND = 400


def main() -> int:
    """Joins and ends by SIGTERM alone, which a rolling restart is made of."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Kafka() as kafka,
        Group(kafka.bootstrap_servers, "stock", Path(folder), stock=True) as group,
    ):
        group.join()
        group.until(lambda: group.generation() > 0, "the first worker")
        with Source(group, PER_SECOND, most=50_000) as source:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                group.after_rebalance(group.join)
                group.after_rebalance(lambda: group.end(group.living()[0], signal.SIGTERM))
        handled = -1
        while handled != (handled := len(group.lines())):
            time.sleep(5)  # stock Faust may never commit the end: wait until nothing moves any more
        verdict = judge(group, source)
    print(f"stock Faust: {verdict}")  # noqa: T201 - the result
    print(f"{verdict.skipped} of {verdict.events} events were never handled")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
