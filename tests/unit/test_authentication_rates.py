"""How many tries there may be, and which spellings of a login or address count as one."""

import pytest

from streams.authentication.rates import Complaints, Rate, Rates, same_address, same_login


def test_one_login_has_its_number_of_tries_in_any_minute() -> None:
    rates = Rates(per_login_per_minute=2, per_address_per_minute=100)
    assert [rates.admit("mei", f"192.0.2.{now}", now) for now in (0, 30, 59)] == [0, 0, 1]
    assert [rates.admit("mei", f"192.0.2.{now}", now) for now in (60, 61, 90)] == [0, 29, 0]


def test_one_address_has_its_number_of_tries_in_any_minute() -> None:
    rates = Rates(per_login_per_minute=100, per_address_per_minute=2)
    assert [rates.admit(f"login{now}", "192.0.2.1", now) for now in (0, 30, 59)] == [0, 0, 1]


def test_a_try_after_a_quiet_minute_is_one_like_any_other() -> None:
    """Of the same login, and of another one from the same address."""
    rates = Rates(per_login_per_minute=1, per_address_per_minute=1)
    assert [rates.admit(*who, now) for who, now in ((("a", "x"), 0), (("b", "x"), 61), (("b", "y"), 122))] == [0, 0, 0]


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


def test_what_a_caller_does_wrong_is_told_once_a_minute() -> None:
    """From all addresses of a network together: log and memory are not a stranger's to fill."""
    complaints = Complaints()
    told = [complaints.is_due("wrong_token", f"2001:db8::{number:x}", number) for number in range(61)]
    assert [number for number, due in enumerate(told) if due] == [0, 60]
    assert complaints.is_due("malformed", "2001:db8::1", 61)


@pytest.mark.parametrize("spelling", ["MEI WANG", " mei  wang ", "meiwang", "Mei-Wang", "\uff2d\uff25\uff29 wang"])
def test_spellings_that_mean_one_login_share_their_tries(spelling: str) -> None:
    """A matching rule ignores case, spaces and hyphens; each spelling would be ten tries more."""
    assert same_login(spelling) == same_login("Mei Wang")


@pytest.mark.parametrize(("one", "other"), [("\u0390", "\u03aa\u0301"), ("7", "0007"), ("\u01f0", "J\u030c")])
def test_spellings_of_other_rules_share_their_tries_too(one: str, other: str) -> None:
    """Letters that have no composed capital; whole numbers (integerMatch) with zeros before them."""
    assert same_login(one) == same_login(other)


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
