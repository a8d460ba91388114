"""A company whose tree is damaged by hand: what a verification must find, and mend."""

from typing import Any

from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree
from tests.support.identity_source import IdentitySource
from tests.support.verification import Line

LOCK = "pwdAccountLockedTime"
CLASSES = ["inetOrgPerson", "uidObject", "top"]
"""Of the accounts: one of them can be taken away."""


def company(size: int) -> IdentitySource:
    """Organizations three deep, and accounts, one in nine of them disabled."""
    source = IdentitySource()
    tops = size // 50
    for top in range(tops):
        source.add_organization(f"t{top}", f"Top, {top}")
        source.add_organization(f"m{top}", f"Middle {top}", f"t{top}")
        source.add_organization(f"l{top}", f"Low {top}", f"m{top}", description="lowest")
    for number in range(size):
        home = f"{'tml'[number % 3]}{number % tops}"
        source.add_account(f"a{number}", f"user{number}", home, name=f"王 {number}", mail=f"user{number}@example.com")
        if number % 9 == 8:
            source.enable_account(f"a{number}", enabled=False)
    return source


class Vandal:
    """Damages the tree of `company` by hand, each account once.

    Args:
        connection: ldap3's, of the administrator.

    Attributes:
        expected: what a report must say of it.
    """

    def __init__(self, slapd: Slapd, connection: Any) -> None:
        self.expected: list[Line] = []
        self._target = slapd.target_dn
        self._connection = connection
        self._dns = {entry["uid"][0].decode(): dn for dn, entry in read_tree(slapd).items() if "uid" in entry}

    def dn(self, number: int) -> str:
        """Where an account stands."""
        return self._dns[f"user{number}"]

    def damage(self, number: int) -> None:
        """In one of eight ways."""
        dn, identifier, connection = self.dn(number), f"a{number}", self._connection
        mail = f"user{number}@example.com"
        match number % 8:
            case 0:
                connection.modify(dn, {"mail": [("MODIFY_REPLACE", ["wrong@example.com"])]})
                self.expected.append(("changed", identifier, ("mail",)))
            case 1:
                connection.modify(dn, {"displayName": [("MODIFY_DELETE", [])]})
                self.expected.append(("changed", identifier, ("displayName",)))
            case 2:
                connection.modify(dn, {"mail": [("MODIFY_ADD", [f"second.{mail}"])]})
                self.expected.append(("changed", identifier, ("mail",)))
            case 3:
                connection.delete(dn)
                self.expected.append(("missing", identifier, ()))
            case 4:
                connection.modify_dn(dn, dn.split(",")[0], new_superior=self._target)
                self.expected.append(("misplaced", identifier, ()))
            case 5:
                connection.modify_dn(dn, f"uid=renamed{number}")
                self.expected.append(("misplaced", identifier, ()))
            case 6:
                connection.delete(dn)
                connection.add(dn, CLASSES, {"uid": f"user{number}", "cn": "another", "sn": "another"})
                self.expected += [("missing", identifier, ()), ("unmanaged", None, ())]
            case 7:
                connection.modify(dn, {"objectClass": [("MODIFY_DELETE", ["uidObject"])]})
                self.expected.append(("changed", identifier, ("objectClass",)))

    def damage_more(self, number: int) -> None:
        """Organizations, and the lock of a disabled account; and put foreign things beside ours.

        Args:
            number: from this account on, nobody was touched.
        """
        target, connection = self._target, self._connection
        disabled = next(other for other in range(number, number + 9) if other % 9 == 8)
        connection.modify(self.dn(disabled), {LOCK: [("MODIFY_DELETE", [])]})
        self.expected.append(("changed", f"a{disabled}", (LOCK,)))
        connection.add(f"uid=stranger,{target}", CLASSES, {"uid": "stranger", "cn": "x", "sn": "x"})
        self.expected.append(("unmanaged", None, ()))
        connection.add(f"cn=printer,{target}", ["device"], {"cn": "printer"})
        connection.modify(self.dn(disabled + 1), {"title": [("MODIFY_ADD", ["Dr."])]})
        top = f"ou=Top\\, 0,{target}"
        connection.modify(top, {"description": [("MODIFY_ADD", ["nonsense"])]})
        self.expected.append(("changed", "t0", ("description",)))
        connection.modify_dn(f"ou=Low 0,ou=Middle 0,{top}", "ou=Sunk 0", new_superior=target)
        self.expected.append(("misplaced", "l0", ()))
