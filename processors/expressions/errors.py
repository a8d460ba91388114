"""What can be wrong with an expression: its text, or what it meets in a record."""


class ExpressionError(ValueError):
    """The text is not an expression; found when the configuration is read.

    Attributes:
        reason: what is wrong, and what would be right.
        line: counted from 1.
        column: counted from 1, in characters.
    """

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


class EvaluationError(ValueError):
    """A record holds something that the expression cannot work on. The text names types, never values."""
