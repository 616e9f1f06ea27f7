"""The derivation engine: from an expression to its derivative, step by step. Pure Python."""

from .derivation import Derivation, derive
from .language.calls import symbols
from .language.errors import DerivationError, ExpressionError

__all__ = ["Derivation", "DerivationError", "ExpressionError", "derive", "symbols"]
