"""IDaaS's expression language: read and checked with the configuration, evaluated for each record."""

from processors.expressions.compiler import ORGANIZATION_PATH, Expression, compile_expression
from processors.expressions.errors import EvaluationError, ExpressionError

__all__ = ["ORGANIZATION_PATH", "EvaluationError", "Expression", "ExpressionError", "compile_expression"]
