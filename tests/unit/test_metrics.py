"""The metrics are those of the contract, section 7."""

from streams.metrics import Metrics

CONTRACT = {
    "ldapflow_events_total": ["kind", "outcome"],
    "ldapflow_event_latency_seconds": [],
    "ldapflow_directory_operations_total": ["operation", "result"],
    "ldapflow_directory_operation_seconds": ["operation"],
    "ldapflow_directory_up": [],
    "ldapflow_halted": ["reason"],
    "ldapflow_consumer_lag": ["topic", "partition"],
    "ldapflow_retries_total": ["reason"],
    "ldapflow_dead_letters_total": ["reason"],
    "ldapflow_deletions_held": ["kind"],
    "ldapflow_verification_entries": ["kind", "state"],
    "ldapflow_waiting": ["kind", "reason"],
    "ldapflow_passwords_total": ["result"],
    "ldapflow_rereads_total": ["reason"],
    "ldapflow_duplicate_partitions": [],
    "ldapflow_resync_needed": [],
    "ldapflow_verification_corrections_total": ["kind", "action"],
    "ldapflow_verification_duration_seconds": [],
    "ldapflow_verification_last_success_timestamp_seconds": [],
    "ldapflow_authentications_total": ["result"],
}


def test_every_metric_of_the_contract_is_declared() -> None:
    """And no other of ours, apart from the one that names the process."""
    families = {family.name: family for family in Metrics().registry.collect() if family.name.startswith("ldapflow")}
    names = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert names == {*CONTRACT, "ldapflow"}


def test_every_metric_has_the_labels_of_the_contract() -> None:
    metrics = Metrics()
    declared = {
        metric.describe()[0].name: list(metric._labelnames)  # noqa: SLF001 - the library shows them only with values
        for metric in vars(metrics).values()
        if hasattr(metric, "_labelnames")
    }
    assert declared == {name.removesuffix("_total"): labels for name, labels in CONTRACT.items()}


def test_known_label_values_are_shown_before_the_first_case() -> None:
    """An alert on a dead letter needs a series that was 0 before."""
    text = Metrics().exposition().decode()
    assert 'ldapflow_dead_letters_total{reason="bad_rdn"} 0.0' in text
    assert 'ldapflow_events_total{kind="account",outcome="superseded"} 0.0' in text
    assert 'ldapflow_halted{reason="target_changed"} 0.0' in text
    assert 'ldapflow_halted{reason="brake"} 0.0' in text


def test_two_processes_in_one_have_registries_of_their_own() -> None:
    first, second = Metrics(), Metrics()
    first.retries.labels("busy").inc()
    assert b'retries_total{reason="busy"}' in first.exposition()
    assert b'retries_total{reason="busy"}' not in second.exposition()


def test_counters_are_one_series_each() -> None:
    assert b"_created" not in Metrics().exposition()


def test_the_display_name_is_a_metric() -> None:
    assert b'ldapflow_info{name="head-office",version="1.2"} 1.0' in Metrics("head-office", "1.2").exposition()
