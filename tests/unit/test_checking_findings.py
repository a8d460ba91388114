"""How findings are told."""

import pytest

from schemas.errors import CommandFailed, ConfigurationError, Halting, LdapflowError, Retryable
from schemas.halt_reasons import REMEDIES, HaltReason
from streams.checking.findings import Line, Verdict, advice, fault, faults_of, fine, skipped


@pytest.mark.parametrize(
    ("line", "text", "ok", "remedy"),
    [
        (Line("bind", fine("as cn=a")), "✓ bind: as cn=a", True, None),
        (Line("kafka", fault("it is away", "start it")), "✗ kafka: it is away: start it", False, "start it"),
        (Line("indexes", advice("none", "add one")), "! indexes: none: add one", None, "add one"),
        (
            Line("write", skipped("it needs bind")),
            f"{Verdict.SKIPPED.value} write: not looked at: it needs bind",
            None,
            None,
        ),
    ],
)
def test_each_verdict_has_its_mark_and_its_json(
    line: Line,
    text: str,
    ok: bool | None,  # noqa: FBT001 - a case
    remedy: str | None,
) -> None:
    """What is neither good nor bad is null."""
    assert str(line) == text
    assert line.document() == {"check": line.check, "ok": ok, "text": line.finding.text, "remedy": remedy}


MARKED = ["✓ a: x", "✗ a: x: y", "! a: x: y", f"{Verdict.SKIPPED.value} a: not looked at: x"]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", MARKED),
        (None, MARKED),  # of a stream in memory
        ("latin-1", ["ok a: x", "FAULT a: x: y", "! a: x: y", "- a: not looked at: x"]),
    ],
)
def test_words_stand_for_marks_that_the_terminal_lacks(encoding: str | None, shown: list[str]) -> None:
    """A fault is told from what is good everywhere."""
    findings = [fine("x"), fault("x", "y"), advice("x", "y"), skipped("x")]
    assert [Line("a", finding).shown_in(encoding) for finding in findings] == shown


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (
            Halting(HaltReason.TARGET_MISSING, "there is no ou=x"),
            "there is no ou=x",
            REMEDIES[HaltReason.TARGET_MISSING],
        ),
        (CommandFailed("Kafka at h:9092 is away: start it, or not"), "Kafka at h:9092 is away", "start it, or not"),
        (CommandFailed("Kafka refuses: give it the right (a: b)"), "Kafka refuses", "give it the right (a: b)"),
        (ConfigurationError("a.b: x is not in it: write `b: y`"), "a.b: x is not in it", "write `b: y`"),
        (CommandFailed("no colon"), "no colon", None),
        (Retryable("busy", "it is busy"), "it is busy", "try again; if it stays, see the server's log"),
    ],
)
def test_a_failure_is_a_fault_with_its_remedy(error: LdapflowError, text: str, remedy: str | None) -> None:
    """The remedy stands behind the last colon that is neither quoted nor in parentheses."""
    [finding] = faults_of(error)
    assert (finding.text, finding.remedy) == (text, remedy)


def test_every_problem_of_a_configuration_is_a_fault_of_its_own() -> None:
    """None hides another."""
    assert len(faults_of(ConfigurationError("a: b", "c: d"))) == 2
