"""What a check finds: for people on one line, for programs as JSON."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from schemas.errors import CommandFailed, ConfigurationError, Halting, LdapflowError
from schemas.halt_reasons import REMEDIES


class Verdict(Enum):
    """What is to be said of a finding; its value is the mark before its line."""

    FINE = "✓"
    FAULT = "✗"
    ADVICE = "!"
    SKIPPED = "–"  # noqa: RUF001 - meant: a dash, no minus


_OK: Final = {Verdict.FINE: True, Verdict.FAULT: False}
_MARKS: Final = "".join(verdict.value for verdict in Verdict)
_ASCII: Final = {Verdict.FINE: "ok", Verdict.FAULT: "FAULT", Verdict.ADVICE: "!", Verdict.SKIPPED: "-"}

# Lines for the operator are `what is wrong: what to do`; the last colon counts that is neither quoted nor within ( ).
_LINE: Final = re.compile(r"(?P<text>.+?): (?P<remedy>(?:(?!: )[^`(]|`[^`]*`|\([^)]*\))+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has found.

    Attributes:
        text: what was found.
        remedy: the end of a sentence that begins with `text`: what to do.
    """

    verdict: Verdict
    text: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, and the check that found it."""

    check: str
    finding: Finding

    def __str__(self) -> str:
        """`✗ check: what was found: what to do`."""
        return self._behind(self.finding.verdict.value)

    def shown_in(self, encoding: str | None) -> str:
        """The same, with words instead of marks where the encoding lacks one of them; None: of a stream of text."""
        try:
            _MARKS.encode(encoding or "utf-8")
        except UnicodeEncodeError:
            return self._behind(_ASCII[self.finding.verdict])
        return str(self)

    def _behind(self, mark: str) -> str:
        finding = self.finding
        return f"{mark} {self.check}: {finding.text}" + (f": {finding.remedy}" if finding.remedy else "")

    def document(self) -> dict[str, object]:
        """As JSON; `ok` is null for advice and for what was skipped."""
        finding = self.finding
        ok = _OK.get(finding.verdict)
        return {"check": self.check, "ok": ok, "text": finding.text, "remedy": finding.remedy}


def fine(text: str) -> Finding:
    """All is well."""
    return Finding(Verdict.FINE, text)


def fault(text: str, remedy: str) -> Finding:
    """A run would fail, or do the wrong thing."""
    return Finding(Verdict.FAULT, text, remedy)


def advice(text: str, remedy: str) -> Finding:
    """A run would work, but might do better."""
    return Finding(Verdict.ADVICE, text, remedy)


def skipped(reason: str) -> Finding:
    """It was not looked at."""
    return Finding(Verdict.SKIPPED, f"not looked at: {reason}")


def faults_of(error: LdapflowError) -> list[Finding]:
    """What a failure is as findings."""
    match error:
        case Halting(reason=reason, detail=detail):
            return [fault(detail, REMEDIES[reason])]
        case ConfigurationError(problems=problems):
            return [_divided(problem) for problem in problems]
        case CommandFailed():
            return [_divided(str(error))]
        case _:
            return [fault(str(error), "try again; if it stays, see the server's log")]


def _divided(line: str) -> Finding:
    found = _LINE.fullmatch(line)
    return Finding(Verdict.FAULT, line) if found is None else fault(found["text"], found["remedy"])
