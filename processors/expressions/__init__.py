"""IDaaS's expression language: read and checked with the configuration, evaluated for each record."""

from processors.expressions.compiler import Expression, compile_expression
from processors.expressions.errors import EvaluationError, ExpressionError

__all__ = ["EvaluationError", "Expression", "ExpressionError", "compile_expression"]
