"""How many tries there may be, and which spellings of a login or address count as one."""

import pytest

from streams.authentication.rates import Rate, Rates, same_address, same_login


def test_one_login_has_its_number_of_tries_in_any_minute() -> None:
    rates = Rates(per_login_per_minute=2, per_address_per_minute=100)
    assert [rates.admit("mei", f"192.0.2.{now}", now) for now in (0, 30, 59)] == [0, 0, 1]
    assert [rates.admit("mei", f"192.0.2.{now}", now) for now in (60, 61, 90)] == [0, 29, 0]


def test_one_address_has_its_number_of_tries_in_any_minute() -> None:
    rates = Rates(per_login_per_minute=100, per_address_per_minute=2)
    assert [rates.admit(f"login{now}", "192.0.2.1", now) for now in (0, 30, 59)] == [0, 0, 1]


def test_a_try_that_is_refused_does_not_count() -> None:
    """Or whoever never stops trying would lock the owner out for ever; neither limit is used up by the other."""
    rates = Rates(per_login_per_minute=1, per_address_per_minute=2)
    assert rates.admit("mei", "192.0.2.1", 0) == 0
    assert [rates.admit("mei", "192.0.2.1", 10) for _ in range(5)] == [50] * 5
    assert rates.admit("jo", "192.0.2.1", 10) == 0


def test_what_is_over_is_forgotten() -> None:
    """Random logins must not fill the memory."""
    rate = Rate(10)
    for number in range(1000):
        rate.count(str(number), 0.0)
    rate.count("later", 61.0)
    assert len(rate) == 1


@pytest.mark.parametrize("spelling", ["MEI WANG", " mei  wang ", "meiwang", "Mei-Wang", "\uff2d\uff25\uff29 wang"])
def test_spellings_that_mean_one_login_share_their_tries(spelling: str) -> None:
    """A matching rule ignores case, spaces and hyphens; each spelling would be ten tries more."""
    assert same_login(spelling) == same_login("Mei Wang")


def test_other_logins_do_not() -> None:
    assert same_login("mei1") != same_login("mei2")
    assert same_login("王伟") != same_login("王芳")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("unknown", "unknown", True),
    ],
)
def test_the_addresses_of_one_caller_share_their_tries(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a column
    assert (same_address(one) == same_address(other)) is same
