"""How much memory and time the snapshot and its comparison take: a made-up company against entries as they should be.

Run from the checkout: `python -m benchmarks.snapshot [ACCOUNTS]`. No server is needed: messages and entries are
made on the way. A million accounts must fit in a gigabyte.
"""

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.company import ORGANIZATIONS, Company
from ldap_sink.protocol.ber import SET, element, octet_string, sequence, text
from ldap_sink.subschema import Subschema
from schemas.entries import FoundEntry
from streams.settings import load_settings
from streams.verification.comparison import Comparison
from streams.verification.organizations import read_organizations
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick

ACCOUNTS: Final = 200_000
SETTINGS: Final = """\
connection:
  server: ldap://127.0.0.1:1
  admin_dn: cn=admin,dc=example,dc=com
  admin_password: ${PASSWORD}
sync:
  target_dn: ou=company,dc=example,dc=com
  target_entry_uuid: 00000000-0000-4000-8000-000000000001
  disabled_accounts: keep
"""


def resident() -> int:
    """Bytes of memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def report(what: str, count: int, before: int, began: float) -> None:
    """Print one line."""
    seconds = time.process_time() - began
    sys.stdout.write(
        f"{what:<12}{resident() >> 20:>6} MiB, {(resident() - before) / count:>6.0f} bytes each,"
        f" {seconds / count * 1e6:>6.1f} us of CPU each (making them included)\n"
    )


def content(entry: FoundEntry) -> bytes:
    """An entry as slapd sends it (RFC 4511 section 4.5.2)."""
    attributes = {**entry.attributes, "entryUUID": (entry.entry_uuid.encode(),)}
    encoded = (
        sequence(text(name), element(SET, b"".join(map(octet_string, values)))) for name, values in attributes.items()
    )
    return text(str(entry.dn)) + sequence(*encoded)


def main() -> None:
    """Read a snapshot, and compare it."""
    accounts = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ldapflow.yaml"
        path.write_text(SETTINGS)
        settings = load_settings(path, {"PASSWORD": "none"})
    yardstick = Yardstick.of(settings, Subschema.parse((), ()))
    company, count = Company(settings, yardstick, accounts), accounts + ORGANIZATIONS
    before, began = resident(), time.process_time()
    snapshot = Snapshot(settings)
    snapshot.take(company.messages())
    report("snapshot", count, before, began)
    began = time.process_time()
    comparison = Comparison(snapshot, read_organizations(snapshot), yardstick, bytearray(len(snapshot)))
    for page in company.pages():
        comparison.take_octets(map(content, page))
    comparison.finish()
    report("compared", count, before, began)
    for (kind, state), number in comparison.findings.report().counts.items():
        if number:
            sys.stdout.write(f"{kind.value} {state.value}: {number:,}\n")


if __name__ == "__main__":
    main()
