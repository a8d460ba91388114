"""A broker that is reached by TLS with a login or a certificate too, and what its clients need for that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.sandbox.kafka import Kafka, KafkaTls
from tests.support.certificates import Authority, pkcs8

USER: Final = "flow"
PASSWORD: Final = "sasl-s3cret"  # noqa: S105 - of a broker that lives as long as the tests
KEY_PASSWORD: Final = "key-s3cret"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """A broker whose certificate is for `localhost`, not for the address; and files of its clients.

    Attributes:
        stranger: an authority that has nothing to do with it.
        locked_key: of `certificate`.
    """

    broker: Kafka
    authority: Path
    stranger: Path
    certificate: Path
    locked_key: Path

    @property
    def login(self) -> dict[str, str]:
        """Settings with which one gets in by a password, on `login_port`."""
        return {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
        }

    @property
    def mutual(self) -> dict[str, str]:
        """Settings with which one gets in by a certificate, on `mutual_port`."""
        return {
            "security.protocol": "ssl",
            "ssl.ca.location": str(self.authority),
            "ssl.certificate.location": str(self.certificate),
            "ssl.key.location": str(self.locked_key),
            "ssl.key.password": KEY_PASSWORD,
        }


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Start one; its certificates lie in the folder."""
    (folder / "stranger").mkdir()
    authority, stranger = Authority.make(folder), Authority.make(folder / "stranger")
    server, client = authority.issue("broker", "localhost"), authority.issue("client", "flow.example.com")
    keystore, locked = folder / "broker-keystore.pem", folder / "locked-key.pem"
    keystore.write_bytes(pkcs8(server.key) + server.certificate.read_bytes())
    locked.write_bytes(pkcs8(client.key, KEY_PASSWORD))
    with Kafka(tls=KafkaTls(keystore, authority.file)) as broker:
        broker.add_user(USER, PASSWORD)
        yield SecuredKafka(broker, authority.file, stranger.file, client.certificate, locked)
