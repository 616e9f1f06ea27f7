"""Inverses and determinants that are known: of an inverse, of ``diag(v)``, of a product of square matrices."""

from collections.abc import Iterator
from functools import reduce
from operator import add, mul

from .expression import Expr, length, value_of
from .trees import postorder, replaced


def by_factors(root: Expr) -> Expr:
    """Write determinants factor by factor, and an inverse of an inverse as the matrix.

    Examples
    --------
    >>> from handgrad.derive.language.parse import parse
    >>> square = ("n",), ("n",)
    >>> print(by_factors(parse("logdet(A @ inv(inv(X)))", {"A": square, "X": square})))
    logdet(A) + logdet(X)
    """
    return replaced(root, tuple(DETERMINANTS), lambda expr: DETERMINANTS[expr.op](expr.args[0]))


def _inverse(x: Expr) -> Expr | None:
    if x.op == "diag":
        made: Expr = (1 / x.args[0]).diag()
        return made
    if x.op == "inv":
        return x.args[0]
    return x if x.op == "eye" else None


def _det(x: Expr) -> Expr:
    found = [(Expr("det", (part,)), below) for part, below in _factors(x, False)]
    return reduce(mul, [1 / det if below else det for det, below in found])


def _logdet(x: Expr) -> Expr:
    logs = [(_log(part, length(x, 0)), below) for part, below in _factors(x, True)]
    return reduce(add, [-log if below else log for log, below in logs])


def _log(factor: Expr, count: Expr) -> Expr:
    """What a factor adds to a log-determinant; a number does so once for each row."""
    if factor.shape:
        return abs(factor.args[0]).log().sum() if factor.op == "diag" else Expr("logdet", (factor,))
    positive = all([part.op in ("size", "*", "/") or (value_of(part) or 0) > 0 for part in postorder([factor])])
    made: Expr = count * (factor if positive else abs(factor)).log()
    return made


def _factors(x: Expr, numbers: bool) -> Iterator[tuple[Expr, bool]]:
    """The square matrices whose product a matrix is, and whether it is divided by them; with `numbers` these too."""
    waiting = [(x, False)]
    while waiting:
        part, below = waiting.pop()
        if not part.shape:
            yield part, below
        elif part.op == "inv":
            waiting.append((part.args[0], not below))
        elif part.op in ("T", "@") and all([arg.shape == x.shape for arg in part.args]):
            waiting += [(arg, below) for arg in reversed(part.args)]
        elif numbers and part.op == "neg":
            waiting.append((part.args[0], below))
        elif numbers and part.op == "*" and not all([arg.shape for arg in part.args]):
            waiting += [(arg, below) for arg in part.args]
        elif numbers and part.op == "/" and not part.args[1].shape:  # c / A is no multiple of A
            waiting += [(part.args[1], not below), (part.args[0], below)]
        else:
            yield part, below


DETERMINANTS = {"inv": _inverse, "det": _det, "logdet": _logdet}
