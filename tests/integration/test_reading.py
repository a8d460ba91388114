"""The whole target on a real slapd, page by page."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ldap_sink.directory import Directory
from ldap_sink.reading import read_target
from schemas.dn import RDN
from schemas.errors import Halting, Retryable
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.sink import make_target, settings_for, unit


async def test_reads_the_whole_target_page_by_page(slapd: Slapd) -> None:
    """Itself left out."""
    settings = settings_for(slapd, *make_target(slapd))
    async with Directory(settings, may_write=lambda: True) as directory:
        added = [await directory.add(unit(settings.target_dn.child(RDN.of("ou", name))), ["ou"]) for name in "abc"]
    pages = [page async for page in read_target(settings, ["ou"], page_size=2)]
    assert len(pages) == 2
    assert [found for page in pages for found in page] == added


async def test_another_target_is_not_read(slapd: Slapd) -> None:
    """A verification of the wrong directory would find everything missing."""
    settings = replace(
        settings_for(slapd, *make_target(slapd)), target_entry_uuid="00000000-0000-0000-0000-000000000000"
    )
    with pytest.raises(Halting) as caught:
        _ = [page async for page in read_target(settings, ["ou"])]
    assert caught.value.reason == "target_changed"


async def test_a_limit_of_the_server_is_no_end_of_the_tree(fresh_slapd: Callable[..., Slapd]) -> None:
    """What came before it is not everything: told, not returned as if it were."""
    slapd = fresh_slapd(SlapdOptions(size_limit=3))
    settings = settings_for(slapd, *make_target(slapd))
    async with Directory(settings, may_write=lambda: True) as directory:
        for name in "abcdef":
            await directory.add(unit(settings.target_dn.child(RDN.of("ou", name))))
    limited = replace(settings, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    with pytest.raises(Retryable) as caught:
        _ = [page async for page in read_target(limited, ["ou"], page_size=2)]
    assert caught.value.reason == "size_limit_exceeded"
