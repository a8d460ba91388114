"""What verifications found and did, as metrics."""

from itertools import product

from schemas.events import Kind
from schemas.jobs import EntryState, Job, Verification
from streams.metrics import Metrics


def show_found(metrics: Metrics, job: Job) -> None:
    """Set the gauges to what a verification found; one that has not ended, or found nothing out, changes none."""
    if not isinstance(job, Verification) or job.ended is None:
        return
    if job.report is not None:
        for kind, state in product(Kind, EntryState):
            metrics.verification_entries.labels(kind, state).set(job.report.counts.get((kind, state), 0))
        metrics.verification_duration.set((job.ended - job.started) / 1000)
    if job.succeeded:
        metrics.verification_last_success.set(job.ended / 1000)


def count_corrections(metrics: Metrics, job: Job) -> None:
    """Count what a verification corrected, from the record of its end."""
    if isinstance(job, Verification) and job.ended is not None:
        for (kind, action), count in job.corrections.items():
            metrics.verification_corrections.labels(kind, action).inc(count)
