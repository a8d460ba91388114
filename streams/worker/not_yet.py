"""Settings whose work this version does not do yet: it says so at start instead of ignoring them."""

from collections.abc import Iterator

from schemas.errors import ConfigurationError
from streams.settings import DisabledAccounts, Settings


def refuse_what_is_missing(settings: Settings) -> None:
    """Raise ConfigurationError with one line for each setting that would be ignored."""
    problems = list(_missing(settings))
    if problems:
        raise ConfigurationError(*problems)


def _missing(settings: Settings) -> Iterator[str]:
    sync, users, organizations = settings.sync, settings.users, settings.organizations
    if sync.disabled_accounts is not DisabledAccounts.KEEP:
        yield (
            f"sync.disabled_accounts: {sync.disabled_accounts} is not in this version yet:"
            " write `disabled_accounts: keep`"
        )
    if not sync.incremental:
        yield "sync.incremental: false is not in this version yet: write `incremental: true`"
    if sync.passwords:
        yield "sync.passwords: true is not in this version yet: write `passwords: false`"
    if users.rdn_conflict != "wait":
        yield f"users.rdn_conflict: {users.rdn_conflict} is not in this version yet: write `rdn_conflict: wait`"
    if users.id_attribute is not None:
        yield "users.id_attribute is not in this version yet: remove it"
    if organizations.id_attribute is not None:
        yield "organizations.id_attribute is not in this version yet: remove it"
    if settings.state_store != "memory":
        yield f"state_store: {settings.state_store} is not in this version yet: write `state_store: memory`"
    if settings.kafka.client:
        yield "kafka.client: the worker's connection cannot be secured in this version yet: remove it"
