"""The derivation engine: from an expression to its derivative, step by step. Pure Python."""

from .derivation import Derivation, derive
from .errors import DerivationError, ExpressionError
from .expression import symbols

__all__ = ["Derivation", "DerivationError", "ExpressionError", "derive", "symbols"]
