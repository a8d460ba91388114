"""Fixtures for every test: real servers, and a network to break."""

import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.proxy import Hook, Proxy
from tests.support.secured_kafka import SecuredKafka, secured_kafka

pytest_plugins = (
    "pytester",
    "tests.support.log_configuration",
    "tests.support.ratios",
    "tests.support.swallowed_errors",
)

# What is fast runs first, but for several processes: there it comes last, and fills the time that the others leave.
_FAST = ("unit", "properties", "contract")
_LONG = ("faults", "soak")
_LONG_FILES = ("test_histories.py", "test_verification_live.py", "test_verify_commands.py", "test_flow.py")

# Workers lock disabled accounts by default, which needs the ppolicy overlay with pwdLockout TRUE.
LOCKING = SlapdOptions(policy={})


def pytest_configure(config: pytest.Config) -> None:
    """Lets ldap3 2.9.1 import names that pyasn1 calls deprecated; all other warnings stay errors."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in the background so, and our programs would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("tagMap", "typeMap"):
        config.addinivalue_line("filterwarnings", f"ignore:{name} is deprecated:DeprecationWarning")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts fast tests first; long files, where several are run at a time."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return _FAST.index(folder) - len(_FAST) if folder in _FAST else 0

    def rank_of_several(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        is_long = folder in _LONG or item.path.name in _LONG_FILES
        return 0 if is_long else 2 if folder in _FAST else 1

    items.sort(key=rank_of_several if hasattr(config, "workerinput") else rank)


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """One slapd for all tests that neither break it nor mind other tests' entries."""
    with Slapd(LOCKING) as server:
        yield server


@pytest.fixture
def fresh_slapd() -> Iterator[Callable[..., Slapd]]:
    """Starts a slapd for this test alone: `fresh_slapd()` or `fresh_slapd(SlapdOptions(…))`."""
    with ExitStack() as stack:

        def start(options: SlapdOptions | None = None, *, log_level: str = "none") -> Slapd:
            return stack.enter_context(Slapd(options or LOCKING, log_level=log_level))

        yield start


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """The broker of `kafka`, and how it is reached by TLS."""
    with secured_kafka(tmp_path_factory.mktemp("kafka-tls")) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(secured: SecuredKafka) -> Kafka:
    """One broker for all tests that do not break it; each test names its topics and groups after `topic_prefix`."""
    return secured.broker


@pytest.fixture
def topic_prefix() -> str:
    """A name that no other test's topics and consumer groups begin with."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def fresh_kafka() -> Iterator[Callable[..., Kafka]]:
    """Starts a broker for this test alone, with `Kafka`'s arguments: about 2 s."""
    with ExitStack() as stack:

        def start(properties: Mapping[str, str] | None = None, *, advertised_port: int | None = None) -> Kafka:
            return stack.enter_context(Kafka(properties, advertised_port=advertised_port))

        yield start


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    """Puts a proxy in front of a server, with `Proxy`'s arguments: `proxy(slapd.port)`."""
    with ExitStack() as stack:

        def start(
            target_port: int,
            *,
            port: int | None = None,
            on_request: Hook | None = None,
            on_reply: Hook | None = None,
            record: bool = False,
        ) -> Proxy:
            made = Proxy(target_port, port=port, on_request=on_request, on_reply=on_reply, record=record)
            return stack.enter_context(made)

        yield start
