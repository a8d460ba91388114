"""How many tries there may be in a minute, of one login and from one address. Pure: the clock's answer is given."""

import ipaddress
import math
import unicodedata
from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 60.0

_IPV6_NETWORK_BITS: Final = 64  # what one customer gets at least (RFC 6177 section 2)


class Rate:
    """At most so many tries of one key in any minute; a try that is refused does not count.

    Args:
        per_minute: of each key.
    """

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._tries: dict[str, deque[float]] = {}
        self._swept = -math.inf

    def __len__(self) -> int:
        return len(self._tries)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next try is allowed; 0: now.

        Args:
            key: whose tries.
            now: monotonic seconds.
        """
        tries = self._tries.get(key)
        if tries is None:
            return 0.0
        while tries and tries[0] <= now - WINDOW_SECONDS:
            tries.popleft()
        if not tries:
            del self._tries[key]
            return 0.0
        return 0.0 if len(tries) < self._limit else tries[0] + WINDOW_SECONDS - now

    def count(self, key: str, now: float) -> None:
        """Take in a try that was allowed."""
        if now - self._swept >= WINDOW_SECONDS:
            self._swept = now
            self._tries = {key: tries for key, tries in self._tries.items() if tries[-1] > now - WINDOW_SECONDS}
        self._tries.setdefault(key, deque()).append(now)


class Rates:
    """Both limits of the configuration."""

    def __init__(self, per_login_per_minute: int, per_address_per_minute: int) -> None:
        self._logins = Rate(per_login_per_minute)
        self._addresses = Rate(per_address_per_minute)

    def admit(self, login: str, address: str, now: float) -> int:
        """Count a try if it is allowed.

        Args:
            login: as it was typed.
            address: of who asks.
            now: monotonic seconds.

        Returns:
            0, or the seconds after which it may be tried again.
        """
        login, address = same_login(login), same_address(address)
        wait = max(self._logins.wait(login, now), self._addresses.wait(address, now))
        if wait > 0:
            return math.ceil(wait)
        self._logins.count(login, now)
        self._addresses.count(address, now)
        return 0


class Complaints:
    """Which of the things that callers do wrong are worth a line: each of them once a minute for each caller."""

    def __init__(self) -> None:
        self._told = Rate(1)

    def is_due(self, what: str, address: str, now: float) -> bool:
        """Whether it was not told within the last minute; it counts as told then.

        Args:
            what: from a fixed set.
            address: of who asks. Nobody has shown a token yet: a network of addresses must not fill log or memory.
            now: monotonic seconds.
        """
        key = f"{what} {same_address(address)}"
        if self._told.wait(key, now):
            return False
        self._told.count(key, now)
        return True


def same_login(login: str) -> str:
    """Give one key to all spellings that a directory may take for one login.

    Matching rules ignore case, spaces, hyphens in telephone numbers and zeros before an integer (RFC 4517 section 4.2):
    each spelling would otherwise have tries of its own. Letters without accents and digits alone are kept, which is
    coarser than any of them.
    """
    # Folding may compose or take apart what was neither: hence before it and behind it.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", login).casefold())
    return "".join(filter(str.isalnum, folded)).lstrip("0")


def same_address(address: str) -> str:
    """Give one key to all addresses that one caller may use: those of an IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
