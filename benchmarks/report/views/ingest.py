"""How fast a directory is filled."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.report.axis import shown
from benchmarks.report.charts import Bar, BarChart
from benchmarks.report.view import Goal, View

_HEADING: Final = (
    "slapd",
    "workers",
    "entries/s",
    "operations/s",
    "CPU of each worker, of slapd, of Kafka",
    "generator, entries/s",
    "`ldapadd`, entries/s",
    "operations, as a share of the generator's",
)
_WANTED: Final = {True: 0.9, False: 0.5}
"""How many operations one worker shall get done, as a share of the generator's; by whether slapd is durable."""


def ingest(document: Mapping[str, Any]) -> View:
    """See `View`."""
    results = document["results"]
    sources = {"workers": "worker", "raw load generator": "generator", "ldapadd": "ldapadd"}
    groups = tuple(
        (
            f"{_durability(one)}, {_workers(one)}",
            tuple(Bar(name, one[source]["entries_per_second"]) for name, source in sources.items()),
        )
        for one in results
    )
    shares = tuple((f"{_durability(one)}, {_workers(one)}", tuple(_shares(one))) for one in results)
    charts = {
        "ingest": BarChart("Filling an empty directory", "entries a second", groups),
        "ingest-operations": BarChart("Operations of workers, as a share of the raw generator's", "share", shares),
    }
    goals = tuple(_goal(one) for one in results if one["workers"] == 1)
    return View(_HEADING, tuple(map(_row, results)), charts, goals)


def _shares(one: Mapping[str, Any]) -> Iterator[Bar]:
    yield Bar("found", one["ratio_operations"])
    if one["workers"] == 1:
        yield Bar("wanted", _WANTED[one["durable"]])


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    worker = one["worker"]
    seconds = worker["seconds"]
    shares = [f"{worker[f'worker_{number}_cpu_seconds'] / seconds:.0%}" for number in range(one["workers"])]
    shares += [f"{worker[f'{name}_cpu_seconds'] / seconds:.0%}" for name in ("slapd", "kafka")]
    return (
        _durability(one),
        str(one["workers"]),
        shown(worker["entries_per_second"]),
        shown(worker["operations_per_second"]),
        ", ".join(shares),
        shown(one["generator"]["entries_per_second"]),
        shown(one["ldapadd"]["entries_per_second"]),
        f"{one['ratio_operations']:.2f}",
    )


def _goal(one: Mapping[str, Any]) -> Goal:
    wanted, found = _WANTED[one["durable"]], one["ratio_operations"]
    what = f"operations a second of one worker, slapd {_durability(one)}"
    return Goal(what, f"{wanted} of a raw load generator", f"{found:.2f}", found >= wanted)


def _durability(one: Mapping[str, Any]) -> str:
    return "durable" if one["durable"] else "not durable"


def _workers(one: Mapping[str, Any]) -> str:
    return "1 worker" if one["workers"] == 1 else f"{one['workers']} workers"
