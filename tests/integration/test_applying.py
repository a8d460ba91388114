"""One state to its entry on a real slapd, while the directory and the view say different things."""

from collections.abc import Callable

import pytest

from ldap_sink.probe_entries import PROBE_PREFIX
from schemas.errors import Halting
from streams.sandbox.slapd import Slapd
from streams.settings import Settings
from tests.support.applying import ApplierBench, account
from tests.support.configuration import SMALLEST, load
from tests.support.proxy import Proxy
from tests.support.sink import ADD, has_request, open_bench

__all__ = ["load"]  # the fixture


@pytest.fixture
def settings(load: Callable[..., Settings]) -> Settings:
    return load(SMALLEST)


async def test_a_directory_that_is_read_only_now_and_then_makes_no_dead_letter(
    fresh_slapd: Callable[..., Slapd], proxy: Callable[..., Proxy], settings: Settings
) -> None:
    """It refuses the event twice, and takes the probe between: another probe, after the second refusal, says why."""
    slapd = fresh_slapd()
    front = proxy(slapd.port)
    async with open_bench(slapd, port=front.port) as bench:
        read_only = iter([True, False, True])

        def flap(chunk: bytes) -> bytes:
            if has_request(chunk, ADD):
                expected = next(read_only, None)
                if expected is not None:
                    assert (PROBE_PREFIX.encode() in chunk) is not expected
                    slapd.set_read_only(expected)
            return chunk

        front.on_request = flap
        with pytest.raises(Halting) as caught:
            await ApplierBench(bench, settings).apply(account("a1", "mei"))
        assert (caught.value.reason, next(read_only, None)) == ("write_refused", None)
