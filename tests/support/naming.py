"""Names of every sort that no two siblings share by accident, as a directory compares names."""

import random
from collections.abc import Callable
from typing import Final

from schemas.dn import RDN

_WORDS: Final = (
    *("研发", "销售部", "王 梅", "개발", "開発", "総務部", "さくら", "ｶﾞｲﾄﾞ", "المبيعات", "عمر خيام", "Продажи", "Иван"),
    *("Ärzte", "straße", "ΣΊΣΥΦΟΣ", "naïve", "🚀", "👩‍💻 team", "𠮷野家", "Mei", "ops", "van der Berg"),
    *("a,b", "x+y", '"quoted"', "back\\slash", "<lt>", "semi;colon", "#hash", "eq=ual", "R&D", "100%", "(*)", "O'Neil"),
)
_EDGES: Final = ("", "", "", "", "", " ", "  ", "#", '"', "\\")
_INNER: Final = (" ", "  ", "   ", "-", ", ", "")
_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    str.upper,
    str.lower,
    str.title,
    str.swapcase,
    lambda text: text.replace(" ", "  "),
    lambda text: f" {text}",
)


class Names:
    """Makes names that differ from all it made before, also after a directory has prepared them (RFC 4518)."""

    def __init__(self, chooser: random.Random) -> None:
        self._chooser = chooser
        self._taken: set[object] = set()

    def fresh(self, tag: str = "") -> str:
        """Make a name; `tag` stands in the middle of it."""
        while True:
            pick = self._chooser.choice
            number = str(self._chooser.randrange(1000)) if self._chooser.random() < 0.5 else ""
            middle = pick(_INNER).join(filter(None, (pick(_WORDS), tag, number, pick((*_WORDS, "")))))
            name = pick(_EDGES) + middle + pick((*_EDGES[:7], "\\"))
            if self._take(name):
                return name

    def respelled(self, name: str) -> str:
        """Spell a name otherwise, in case or spaces, so that a directory takes both for the same; else as it is."""
        spellings = [change(name) for change in _SPELLINGS]
        others = [text for text in spellings if text != name and _prepared(text) == _prepared(name)]
        return self._chooser.choice(others) if others else name

    def _take(self, name: str) -> bool:
        prepared = _prepared(name)
        if prepared in self._taken:
            return False
        self._taken.add(prepared)
        return True


def _prepared(name: str) -> object:
    return RDN.of("ou", name).prepared()
