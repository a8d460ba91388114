"""Names of topics that no other test uses."""

_DEFAULT_NAMES = (
    "idaas.organizations",
    "idaas.accounts",
    "ldapflow.organizations",
    "ldapflow.accounts",
    "ldapflow.dead-letters",
    "ldapflow.control",
    "ldapflow.jobs",
)


def topic_names(prefix: str) -> dict[str, str]:
    """The section `kafka.topics` with all seven names."""
    return {name: f"{prefix}.{name}" for name in _DEFAULT_NAMES}
