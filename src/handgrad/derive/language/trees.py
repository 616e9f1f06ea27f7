"""Walks over trees, of expressions and of formulas."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .expression import Expr
    from .formula import Part

Tree = TypeVar("Tree", "Expr", "Part")


def postorder(roots: Iterable[Tree]) -> list[Tree]:
    """Every part of the trees once, arguments first, without recursion."""
    done: dict[int, Tree] = {}
    stack = list(roots)
    while stack:
        top = stack[-1]
        waiting = [arg for arg in top.args if id(arg) not in done]
        if id(top) in done or not waiting:
            done[id(top)] = top
            stack.pop()
        else:
            stack.extend(reversed(waiting))
    return list(done.values())


def numbered(roots: "Sequence[Expr]") -> "tuple[dict[int, int], list[Expr]]":
    """Give equal expressions the same number: the number of every part by its id, and a part for every number."""
    known: dict[Any, int] = {}
    number: dict[int, int] = {}
    unique: list[Expr] = []
    for expr in postorder(roots):
        key = expr.op, expr.info, expr.row, tuple([number[id(arg)] for arg in expr.args]), expr.shape
        if key not in known:
            known[key] = len(unique)
            unique.append(expr)
        number[id(expr)] = known[key]
    return number, unique


def replaced(root: "Expr", ops: Collection[str], replace: "Callable[[Expr], Expr | None]") -> "Expr":
    """The expression with other parts in place of some operations, if there are others."""
    made: dict[int, Expr] = {}
    for expr in postorder([root]):
        args = tuple([made[id(arg)] for arg in expr.args])
        changed = any([new is not old for new, old in zip(args, expr.args)])
        new = expr.on(args) if changed else expr
        made[id(expr)] = (replace(new) if expr.op in ops else None) or new
    return made[id(root)]
