"""What stands before the command: which configuration, and what overrides it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
import typer

from schemas.errors import ConfigurationError
from streams.logs import LogFormat, configure_logging
from streams.settings import ListenAddress, Settings, load_settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options of one run.

    Attributes:
        config: the configuration file.
        metrics_listen: instead of `metrics.listen`.
        log_format: instead of `log_format`.
    """

    config: Path
    metrics_listen: str | None
    log_format: LogFormat | None

    def settings(self, purpose: Literal["command", "service"] = "command") -> Settings:
        """Read the configuration and begin to log: a service from INFO on, a command what a person must act on.

        Raises:
            ConfigurationError: with all problems.
        """
        settings = load_settings(self.config, os.environ)
        if self.metrics_listen is not None:
            try:
                listen = ListenAddress.parse(self.metrics_listen)
            except ValueError as exc:
                raise ConfigurationError(f"--metrics-listen {exc}") from exc
            settings = settings.model_copy(update={"metrics": settings.metrics.model_copy(update={"listen": listen})})
        if self.log_format is not None:
            settings = settings.model_copy(update={"log_format": self.log_format})
        configure_logging(settings.log_format, "INFO" if purpose == "service" else "ERROR")
        if purpose == "service":
            _tell_of_plaintext(settings)
        return settings


def invocation_of(context: typer.Context) -> Invocation:
    """The global options, from within a command."""
    invocation = context.find_object(Invocation)
    if invocation is None:
        raise RuntimeError("the command was called without the main program")
    return invocation


def _tell_of_plaintext(settings: Settings) -> None:
    """Say once what can be read on the way to LDAP."""
    connection = settings.connection
    if connection.encrypted:
        return
    what = "passwords and all entries"
    if connection.server.loopback or not connection.allow_plaintext:
        log.info("link_not_encrypted", detail=f"{what} travel unencrypted, within this machine alone")
        return
    log.warning(
        "link_not_encrypted",
        detail=f"{what} travel unencrypted to {connection.server}: set connection.start_tls, or use ldaps://",
    )
