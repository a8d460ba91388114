"""Under which name an entry steps aside."""

from schemas.dn import RDN
from schemas.entries import WantedEntry
from streams.worker.applying.naming import renamed


def test_the_naming_attribute_takes_the_temporary_name_by_whatever_name_it_is_mapped() -> None:
    """`rdn: userid` and a row for `uid` are one attribute: the old value must not be asked for beside the new name."""
    attributes = {"uid": (b"mei",), "cn": (b"Mei",)}
    name = RDN.of("userid", "mei-1")
    entry = renamed(WantedEntry(RDN.of("userid", "mei"), ("inetOrgPerson",), attributes, {}), name)
    assert (entry.rdn, entry.attributes) == (name, {"uid": (b"mei-1",), "cn": (b"Mei",)})
