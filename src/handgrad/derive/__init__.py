"""The derivation engine: from an expression to its derivative, step by step. Pure Python."""

from .calls import symbols
from .derivation import Derivation, derive
from .errors import DerivationError, ExpressionError

__all__ = ["Derivation", "DerivationError", "ExpressionError", "derive", "symbols"]
