"""Writes a random history, step by step; each step leaves the source in a state that a directory can show."""

import random
from collections import defaultdict
from typing import Final

from tests.support.identity_source import ROOT, IdentitySource, Organization
from tests.support.naming import Names

SOURCE_NODE: Final = "src"
_TEXTS: Final = (None, None, "", "two words", "  spaces  ", "описание, 说明 🚀", "#1; a=b")
_STEPS: Final = {
    "add_organization": 5,
    "rename_organization": 5,
    "respell_organization": 3,
    "describe_organization": 2,
    "move_organization": 5,
    "delete_organization": 4,
    "recreate_organization": 3,
    "exchange_organization_names": 3,
    "reuse_organization_name": 2,
    "add_account": 8,
    "change_account": 8,
    "switch_account": 2,
    "rename_account": 5,
    "respell_account": 4,
    "move_account": 5,
    "change_homes": 5,
    "move_by_pair": 5,
    "delete_account": 4,
    "recreate_account": 3,
    "exchange_usernames": 4,
    "reuse_username": 4,
}
_LATER_STEPS: Final = {**_STEPS, "replace_organization": 4}


class Author:
    """Writes one history into `source`.

    Args:
        later_steps: take the steps too that were thought of later; without them old seeds tell their old histories.

    Attributes:
        closed: how many of the source's events belong to moments that are over.
        top: the organization, right below the source node, that holds everything in scope.
        outside: an organization out of scope, right below the root; half of the histories use it.
    """

    def __init__(self, chooser: random.Random, namespace: str, *, later_steps: bool = True) -> None:
        self.chooser = chooser
        self.source = IdentitySource(source_node=SOURCE_NODE)
        self.closed = 0
        self.top, self.outside = f"{namespace}-top", f"{namespace}-outside"
        self.top_name = f"history {namespace}"
        self._namespace = namespace
        self._names = Names(chooser)
        self._steps = _LATER_STEPS if later_steps else _STEPS
        self._leaves_scope = chooser.random() < 0.5
        self._gone_accounts: list[str] = []
        self._gone_organizations: list[str] = []
        self._above: defaultdict[str, set[str]] = defaultdict(set)
        self._deleted: set[str] = set()

    def begin(self) -> None:
        """Make what every history starts with."""
        self.source.add_organization(self.top, self.top_name, SOURCE_NODE)
        self.source.add_organization(self.outside, f"{self.top_name} outside", ROOT)
        for step in (self._add_organization, self._add_organization, self._add_account, self._add_account):
            step()

    def step(self) -> None:
        """Do one thing; some emit several events, some none if there is nothing to do it to."""
        [name] = self.chooser.choices(list(self._steps), list(self._steps.values()))
        getattr(self, f"_{name}")()
        self._note()

    def watch(self) -> None:
        """Forget what `never_left` knows: it is about what happens from now on."""
        self._above.clear()
        self._deleted.clear()
        self._note()

    def never_left(self, identifier: str) -> bool:
        """Whether no order of the events since `watch` takes it out of scope, by any mixture of its ancestors."""
        seen: set[str] = set()
        found = [identifier]
        while found:
            current = found.pop()
            if current not in seen:
                seen.add(current)
                found += self._above[current]
        return self.outside not in seen and identifier not in self._deleted

    def _note(self) -> None:
        for organization in self.source.organizations.values():
            self._above[organization.id].add(organization.parent)
        for account in self.source.accounts.values():
            self._above[account.id].update(account.homes)

    # -- organizations -----------------------------------------------------------------------------------------------

    def _add_organization(self, identifier: str | None = None) -> None:
        identifier = identifier or f"{self._namespace}-o{len(self.source.events)}"
        description = self.chooser.choice(_TEXTS)
        self.source.add_organization(identifier, self._names.fresh(), self._any_home(), description)

    def _rename_organization(self) -> None:
        for organization in self._some_organizations(1):
            self.source.rename_organization(organization.id, self._names.fresh())

    def _respell_organization(self) -> None:
        for organization in self._some_organizations(1):
            self.source.rename_organization(organization.id, self._names.respelled(organization.name))

    def _describe_organization(self) -> None:
        for organization in self._some_organizations(1):
            self.source.describe_organization(organization.id, self.chooser.choice(_TEXTS))

    def _move_organization(self) -> None:
        for organization in self._some_organizations(1):
            parent = self._any_home()
            if not self._is_at_or_below(parent, organization.id):
                self.source.move_organization(organization.id, parent)

    def _delete_organization(self) -> None:
        """First everything in it goes to its parent, one way or another."""
        for organization in self._some_organizations(1):
            for child in [child for child in self.source.organizations.values() if child.parent == organization.id]:
                self.source.move_organization(child.id, organization.parent)
            for account in [account for account in self.source.accounts.values() if organization.id in account.homes]:
                if len(account.homes) == 1:
                    self.source.add_user(organization.parent, account.id)
                self.source.remove_user(organization.id, account.id)
            self.source.delete_organization(organization.id)
            self._deleted.add(organization.id)
            self._gone_organizations.append(organization.id)

    def _replace_organization(self) -> None:
        """A new one of the same name takes its place and everything in it."""
        for organization in self._some_organizations(1):
            new = f"{self._namespace}-o{len(self.source.events)}"
            self.source.add_organization(new, organization.name, organization.parent, self.chooser.choice(_TEXTS))
            for child in [child for child in self.source.organizations.values() if child.parent == organization.id]:
                self.source.move_organization(child.id, new)
            for account in [account for account in self.source.accounts.values() if organization.id in account.homes]:
                self.source.add_user(new, account.id)
                self.source.remove_user(organization.id, account.id)
            self.source.delete_organization(organization.id)
            self._deleted.add(organization.id)
            self._gone_organizations.append(organization.id)

    def _recreate_organization(self) -> None:
        if self._gone_organizations:
            self._add_organization(self._gone_organizations.pop())

    def _exchange_organization_names(self) -> None:
        """Two siblings swap their names, or three rotate them."""
        siblings = defaultdict(list)
        for organization in self._some_organizations(100):
            siblings[organization.parent].append(organization)
        for family in siblings.values():
            if len(family) > 1:
                chosen = family[: self.chooser.choice((2, 3))]
                names = [organization.name for organization in chosen]
                for organization, name in zip(chosen, [*names[1:], names[0]], strict=True):
                    self.source.rename_organization(organization.id, name)
                return

    def _reuse_organization_name(self) -> None:
        for organization in self._some_organizations(1):
            name = organization.name
            self.source.rename_organization(organization.id, self._names.fresh())
            self.source.add_organization(f"{self._namespace}-o{len(self.source.events)}", name, organization.parent)

    def _some_organizations(self, number: int) -> list[Organization]:
        those = [held for held in self.source.organizations.values() if held.id not in {self.top, self.outside}]
        return self.chooser.sample(those, min(number, len(those)))

    def _is_at_or_below(self, identifier: str, ancestor: str) -> bool:
        while identifier in self.source.organizations:
            if identifier == ancestor:
                return True
            identifier = self.source.organizations[identifier].parent
        return False

    # -- accounts ----------------------------------------------------------------------------------------------------

    def _add_account(self, identifier: str | None = None) -> None:
        identifier = identifier or f"{self._namespace}-a{len(self.source.events)}"
        self.source.add_account(identifier, self._fresh_username(), *self._some_homes(), **self._attributes())

    def _change_account(self) -> None:
        for identifier in self._some_accounts(1):
            self.source.change_account(identifier, **self._attributes())

    def _switch_account(self) -> None:
        for identifier in self._some_accounts(1):
            self.source.enable_account(identifier, enabled=not self.source.accounts[identifier].enabled)

    def _rename_account(self) -> None:
        for identifier in self._some_accounts(1):
            self.source.change_account(identifier, username=self._fresh_username())

    def _respell_account(self) -> None:
        for identifier in self._some_accounts(1):
            username = self.source.accounts[identifier].username
            self.source.change_account(identifier, username=self._names.respelled(username))

    def _move_account(self) -> None:
        for identifier in self._some_accounts(1):
            self.source.move_account(identifier, *self._some_homes())

    def _change_homes(self) -> None:
        """One home more, or one less if there are several."""
        for identifier in self._some_accounts(1):
            homes = self.source.accounts[identifier].homes
            home = self._any_home()
            if home not in homes:
                self.source.add_user(home, identifier, primary=self.chooser.random() < 0.5)
            elif len(homes) > 1:
                self.source.remove_user(home, identifier)

    def _move_by_pair(self) -> None:
        """A move as remove and add, in either order, with or without the update that says the same."""
        for identifier in self._some_accounts(1):
            old = self.chooser.choice(self.source.accounts[identifier].homes)
            new = self._any_home()
            if new in self.source.accounts[identifier].homes:
                return
            removes_first = self.chooser.random() < 0.5
            if removes_first:
                self.source.remove_user(old, identifier)
            self.source.add_user(new, identifier, primary=self.chooser.random() < 0.5)
            if not removes_first:
                self.source.remove_user(old, identifier)
            if self.chooser.random() < 0.5:
                self.source.move_account(identifier, *self.source.accounts[identifier].preferred)

    def _delete_account(self) -> None:
        for identifier in self._some_accounts(1):
            self._remove(identifier)

    def _recreate_account(self) -> None:
        if self._gone_accounts:
            self._add_account(self._gone_accounts.pop())

    def _exchange_usernames(self) -> None:
        """Two accounts swap their names, or three rotate them; of one organization if there is such a one."""
        accounts = [self.source.accounts[identifier] for identifier in self._some_accounts(100)]
        if not accounts:
            return
        neighbours = [other.id for other in accounts if other.preferred[0] == accounts[0].preferred[0]]
        chosen = (neighbours if len(neighbours) > 1 else [account.id for account in accounts])[
            : self.chooser.choice((2, 2, 3))
        ]
        names = [self.source.accounts[identifier].username for identifier in chosen]
        for identifier, name in zip(chosen, [*names[1:], *names[:1]], strict=True):
            self.source.change_account(identifier, username=name)

    def _reuse_username(self) -> None:
        """A new id takes the name of one that is renamed or deleted right before."""
        for identifier in self._some_accounts(1):
            held = self.source.accounts[identifier]
            username, homes = held.username, held.homes
            if self.chooser.random() < 0.5:
                self._remove(identifier)
            else:
                self.source.change_account(identifier, username=self._fresh_username())
            self.source.add_account(f"{self._namespace}-a{len(self.source.events)}", username, *homes)

    def _remove(self, identifier: str) -> None:
        self.source.delete_account(identifier)
        self._deleted.add(identifier)
        self._gone_accounts.append(identifier)

    def _some_accounts(self, number: int) -> list[str]:
        return self.chooser.sample(list(self.source.accounts), min(number, len(self.source.accounts)))

    def _attributes(self) -> dict[str, str | None]:
        number = self.chooser.randrange(1000)
        return {
            "name": self.chooser.choice((None, "", self._names.fresh())),
            "mail": self.chooser.choice((None, f"m{number}@example.com", f"M{number}@Example.com")),
            "phone": self.chooser.choice((None, f"1380000{number:04}")),
            "description": self.chooser.choice(_TEXTS),
        }

    def _fresh_username(self) -> str:
        # Accounts are also found by their user names, in the whole directory: one namespace must not meet another's.
        return self._names.fresh(self._namespace)

    def _any_home(self) -> str:
        homes = [home for home in self.source.organizations if home != self.outside or self._leaves_scope]
        return self.chooser.choice(homes)

    def _some_homes(self) -> list[str]:
        return list(dict.fromkeys(self._any_home() for _ in range(self.chooser.choice((1, 1, 2, 3)))))
