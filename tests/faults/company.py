"""What happens at a company while its servers fail."""

import random

from tests.support.identity_source import IdentitySource

ORGANIZATIONS = 60


def busy_company(events: int, seed: int, *, people: int = 1000) -> IdentitySource:
    """Sixty organizations and so many people, then changes of every sort until there are so many events.

    A tenth of the people may leave, for good: no id comes back, so no account ever has a second entry.
    """
    source, chooser = IdentitySource(), random.Random(seed)
    for number in range(ORGANIZATIONS):
        parent = f"o{chooser.randrange(number)}" if number > 5 else "ou_root"
        source.add_organization(f"o{number}", f"Einheit {number} 部门", parent)
    for number in range(people):
        source.add_account(f"a{number}", f"user{number}", _organization(chooser), name=f"Имя {number}")
    staying = people - people // 10
    leaving = [f"a{number}" for number in range(staying, people)]
    while len(source.events) < events:
        account = f"a{chooser.randrange(staying)}"
        match chooser.randrange(12):
            case 0:
                source.rename_organization(_organization(chooser), f"Neu {len(source.events)}")
            case 1 | 2 | 3:
                source.move_account(account, _organization(chooser))
            case 4 if leaving:
                source.delete_account(leaving.pop())
            case 5:
                source.change_account(account, username=f"renamed{len(source.events)}")
            case _:
                source.change_account(account, mail=f"m{len(source.events)}@example.com")
    return source


def _organization(chooser: random.Random) -> str:
    return f"o{chooser.randrange(ORGANIZATIONS)}"
