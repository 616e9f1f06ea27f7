"""Read an expression tree as indexed terms."""

from collections.abc import Sequence
from typing import Any

from handgrad.derive.language.determinants import DETERMINANTS, by_factors
from handgrad.derive.language.dims import Shape, flat
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.expression import Expr, elementwise, number
from handgrad.derive.language.functions import ALONG, kind
from handgrad.derive.language.numerals import whole
from handgrad.derive.language.shapes import matched, read_row
from handgrad.derive.language.trees import numbered

from .terms import (
    Factor,
    Graph,
    Letter,
    Letters,
    Node,
    Sum,
    Term,
    collect,
    counted,
    gather,
    grouped,
    nodes_in,
    summed,
    terms_of,
    times,
)  # fmt: skip

LARGE = 1e4  # no larger number is multiplied into a sum
LONGEST = 50  # factors of one product: einsum has 52 letters, and the time grows with the cube


def fresh(shape: Shape) -> list[Letters]:
    """New letters for every axis of a shape."""
    return [tuple([Letter(dim) for dim in axis]) for axis in shape]


def lower(root: Expr, graph: Graph) -> Sum:
    """Turn an expression into a sum of indexed terms over the nodes of `graph`.

    Parameters
    ----------
    root : Expr
        The expression.
    graph : Graph
        Receives the nodes.

    Returns
    -------
    Sum
    """
    number, unique = numbered([root])
    if any([expr.op in DETERMINANTS for expr in unique]):
        number, unique = numbered([root := by_factors(root)])
    uses = [0] * len(unique)
    for arg in [arg for expr in unique for arg in expr.args]:
        uses[number[id(arg)]] += 1
    memo: list[Sum] = []
    for at, expr in enumerate(unique):
        value = _lower_one(expr, [memo[number[id(arg)]] for arg in expr.args], graph)
        # A sum that is used twice is one value: h + relu(h @ A), H - mean(H).
        memo.append(_single(value, graph) if uses[at] > 1 and value.free else value)
    return memo[number[id(root)]]


def _lower_one(expr: Expr, args: list[Sum], graph: Graph) -> Sum:
    op = expr.op
    if op in ("name", "size"):
        axes = fresh(expr.shape)
        node = graph.leaf(op, expr.info, expr.shape)
        return Sum(axes, [(1, ((node, flat(axes), 1),))])
    if op in ("number", "ones", "zeros"):
        value = expr.info if op == "number" else float(op == "ones")
        return Sum(fresh(expr.shape), [(value, ())] if value else [])
    if op == "eye":
        axes = fresh(expr.shape)
        return Sum(axes, [(1, tuple([graph.delta(i, j) for i, j in zip(*axes)]))])
    if op == "reshape":
        letters = iter(args[0].free)
        return Sum([tuple([next(letters) for _ in axis]) for axis in expr.shape], args[0].terms)
    if op == "T" and len(args[0].terms) == 1:
        return _turned(args[0])
    if op == "neg":
        return Sum(args[0].axes, times([(-1, ())], args[0].terms))
    if expr.row:
        return _contraction(expr, args, graph)
    if op in ("+", "-", "*", "/", "**"):
        return _arithmetic(expr, args, graph)
    return _function(expr, args[0], graph)


def _contraction(expr: Expr, args: list[Sum], graph: Graph) -> Sum:
    inputs, output = read_row(expr.row)
    if expr.op == "@" and len(args[0].axes) == 2 and _is_product(args[1]):  # X @ Q @ (X @ K).T has parentheses
        args = [_together(arg, part.op == "T", graph) if _is_product(arg) else arg
                for arg, part in zip(args, expr.args)]  # fmt: skip
    letters: dict[str, Letters] = {}
    groups: list[Sequence[Term]] = []
    for arg, axes in zip(args, inputs):
        at: list[Letter] = []
        for axis, own in zip(axes, arg.axes):
            for name, part in zip(axis, [own] if len(axis) == 1 else [(l,) for l in own]):
                at += letters.setdefault(name, tuple([Letter(l.dim) for l in part]))
        if len(arg.terms) > 1 and (len(args) > 1 or expr.op == "T"):
            coefficient, factor = graph.wrap(arg)
            arg = Sum(arg.axes, [(coefficient, (factor,))])
        groups.append(arg.at(at))
    terms = times(*groups)
    longest = max([len(factors) for _, factors in terms] or [0])
    if longest > LONGEST:
        raise ExpressionError(f"a product of {longest} factors is too long to derive; at most {LONGEST}")
    free: list[Letters] = []
    for axis in output:
        here: list[Letter] = []
        for name in axis:
            new = letters[name]
            if any([letter in part for part in free for letter in new]):
                new = tuple([Letter(l.dim) for l in new])
                terms = times(terms, [(1, tuple(map(graph.delta, letters[name], new)))])
            here += new
        free.append(tuple(here))
    # A letter that is summed although no factor has it counts its axis.
    kept = {letter for part in free for letter in part}
    lost = [l for part in letters.values() for l in part if l not in kept]
    value = Sum(free, [counted(term, lost, graph) for term in terms])
    if expr.op == "mean":
        sizes = tuple([(graph.leaf("size", l.dim), (), -1) for l in lost])
        value = Sum(free, times(value.terms, [(1, sizes)]))
    return value


def _is_product(value: Sum) -> bool:
    """Whether a matrix is one product of matrices."""
    return len(value.free) == 2 and len(value.terms) == 1 and bool(summed(value.terms[0][1], value.free))


def _turned(value: Sum) -> Sum:
    return Sum(value.axes[::-1], value.terms)


def _together(value: Sum, turned: bool, graph: Graph) -> Sum:
    """A product as one factor; of a transpose it is the product that was transposed."""
    return _turned(_single(_turned(value), graph)) if turned else _single(value, graph)


def _align(arg: Sum, axes: Sequence[Letters]) -> Sum:
    """Give an operand the letters of the result; axes are matched from the last one back."""
    own = axes[len(axes) - len(arg.axes) :]
    letters = [l for mine, axis in zip(arg.axes, own) if mine for l in axis]
    return Sum(axes, arg.at(letters))


def _arithmetic(expr: Expr, args: list[Sum], graph: Graph) -> Sum:
    axes = fresh(tuple([p or q for p, q in matched(args[0].shape, args[1].shape)]))
    a, b = [_align(arg, axes) for arg in args]
    if expr.op in ("+", "-"):
        a, b = without_norms(a), without_norms(b)
        return Sum(axes, a.terms + (b.terms if expr.op == "+" else tuple(times([(-1, ())], b.terms))))
    if expr.op == "**":  # by a number: arithmetic() has turned arrays into exp and log
        return named_power(a, b, graph)
    if expr.op == "/":
        a, b = _over(a, b, graph)
    if not (_is_scale(a, b) or _is_scale(b, a)):
        a, b = _single(a, graph), _single(b, graph)
    terms = [(c, gather(factors) if len(factors) > LONGEST else factors)
             for c, factors in times(a.terms, b.terms) if not _is_zero((c, factors))]  # fmt: skip
    return Sum(axes, [(c, _as_softmax(factors, graph)) for c, factors in terms])


def _is_zero(term: Term) -> bool:
    """Whether a factor is a sum of which nothing is left, such as ``X - X``."""
    return any([node.sum is not None and not node.sum.terms for node, _, _ in term[1]])


def _over(a: Sum, b: Sum, graph: Graph) -> tuple[Sum, Sum]:
    """Divide: the two factors of ``a / b``. ``1 / (1 + exp(-Z))`` and ``exp(Z) / (1 + exp(Z))`` are sigmoids."""
    found = one_plus_exp(b)
    if found is None:
        return a, power(b, -1, graph)
    exp, z = found
    if len(a.terms) == 1 and exp in a.terms[0][1]:
        coefficient, factors = a.terms[0]
        at = factors.index(exp)
        return Sum(a.axes, [(coefficient, factors[:at] + factors[at + 1 :])]), _call("sigmoid", z, graph)
    return a, _call("sigmoid", Sum(z.axes, times([(-1, ())], z.terms)), graph)


def one_plus_exp(value: Sum) -> tuple[Factor, Sum] | None:
    """Recognise ``1 + exp(Z)``: give the factor ``exp(Z)``, and Z."""
    if len(value.terms) != 2:
        return None
    (one, nothing), (coefficient, factors) = sorted(value.terms, key=lambda term: len(term[1]))
    if one != 1 or nothing or coefficient != 1 or not _is_one_exp(factors, value.free):
        return None
    return factors[0], Sum(value.axes, argument(factors[0]))


def _is_exp(factor: Factor) -> bool:
    """Whether a factor is an entry of ``exp(Z)``."""
    node, _, exponent = factor
    return node.op == "call" and node.info == "exp" and exponent == 1


def _is_one_exp(factors: Sequence[Factor], free: Letters) -> bool:
    """Whether a product is an entry of ``exp(Z)``, and not summed: ``1 + sum(exp(z))`` is no ``1 + exp(z)``."""
    return len(factors) == 1 and _is_exp(factors[0]) and set(factors[0][1]) <= set(free)


def argument(factor: Factor) -> Sequence[Term]:
    """The terms of what an elementwise function is applied to."""
    node, letters, _ = factor
    assert node.arg is not None
    return terms_of((node.arg, letters, 1))


def exp_sum(node: Node) -> tuple[Node, Letters, Letters, int] | None:
    """Recognise ``sum(exp(Z), axis)``: give Z, its letters, those that are left, and the axis."""
    if node.sum is None or len(node.sum.terms) != 1 or len(node.sum.terms[0][1]) != 1:
        return None
    coefficient, (factor,) = node.sum.terms[0]
    inside, letters, _ = factor
    if coefficient != 1 or not _is_exp(factor) or inside.arg is None:
        return None
    axes = grouped(inside, letters)
    lost = [at for at, axis in enumerate(axes) if axis and axis[0] not in node.sum.free]
    kept = tuple([l for at, axis in enumerate(axes) for l in axis if at not in lost])
    if len(lost) != 1 or kept != node.sum.free:
        return None
    return inside.arg, letters, kept, lost[0]


def _as_softmax(factors: tuple[Factor, ...], graph: Graph) -> tuple[Factor, ...]:
    """``exp(Z) / sum(exp(Z), axis)`` is a softmax."""
    for below in factors:
        found = exp_sum(below[0]) if below[2] == -1 else None
        if found is None:
            continue
        z, letters, kept, axis = found
        for above in factors:
            mine = dict(zip(letters, above[1]))
            if above[0].arg is z and _is_exp(above) and tuple([mine[letter] for letter in kept]) == below[1]:
                made = graph.function("softmax", axis, z, z.shape), above[1], 1
                return tuple([made if f is above else f for f in factors if f is not below])
    return factors


def _is_scale(value: Sum, other: Sum) -> bool:
    """Whether a factor may be multiplied into every term: a number, or a scalar if there is one term.

    Names go into a sum of numbers that has them: ``c * (1 - c)`` is ``c - c**2``, but ``k * (t - s)`` stays a product.
    """
    if len(value.terms) > 1 or any([letters for _, factors in value.terms for _, letters, _ in factors]):
        return False
    if len(other.terms) > 1 and any([abs(c) > LARGE for c, _ in value.terms]):
        return False  # Z - (1 - M) * 1e9: multiplied out it would cost the digits of Z
    names = [] if other.free else [node for node in nodes_in(other.terms) if not node.children]
    return len(other.terms) < 2 or all([node in names for node in nodes_in(value.terms)])


def _single(value: Sum, graph: Graph) -> Sum:
    """One term without summed letters, so that a product of sums stays a product."""
    if len(value.terms) == 1 and not summed(value.terms[0][1], value.free):
        return value
    coefficient, factor = graph.wrap(value)
    return Sum(value.axes, [(coefficient, (factor,))])


def power(value: Sum, exponent: float, graph: Graph) -> Sum:
    """Raise every entry to a constant power."""
    exponent = whole(exponent)
    if exponent in (0, 1):
        return Sum(value.axes, [(1, ())]) if exponent == 0 else value
    value = _single(value, graph)
    coefficient, factors = value.terms[0]
    plain = coefficient == 1 and len(factors) == 1 and factors[0][2] == 1
    if exponent != int(exponent) and factors and not plain:
        # sqrt(x**2) is not x: a fractional power goes around a whole entry
        _, factor = graph.wrap(value, split=False)
        coefficient, factors = 1, (factor,)
    if exponent < 0 and _is_zero((1, factors)):
        raise ExpressionError("division by zero")
    try:
        scale = float(coefficient) ** exponent
    except OverflowError:
        raise ExpressionError(f"{coefficient} ** {exponent} is not a number to derive with") from None
    raised = tuple([(node, letters, whole(p * exponent)) for node, letters, p in factors])
    return Sum(value.axes, [(coefficient**exponent if abs(scale) < 1e15 else scale, raised)])


def named_power(value: Sum, exponent: Sum, graph: Graph) -> Sum:
    """Raise every entry to a power that may have a name, such as ``(1 - p)**g``; of ``exp(z)`` it is ``exp(g z)``."""
    if all([not factors for _, factors in exponent.terms]):
        return power(value, sum([c for c, _ in exponent.terms]), graph)
    log: Sequence[Term] | None = None
    plus = one_plus_exp(value)
    base = value.terms[0][1] if len(value.terms) == 1 and value.terms[0][0] == 1 else ()
    if plus is not None:
        log = _call("softplus", plus[1], graph).terms
    elif _is_one_exp(base, value.free):
        log = argument(base[0])
    if log is not None:
        return _call("exp", Sum(value.axes, times(exponent.terms, log)), graph)
    _, (raised_to, _, _) = graph.wrap(exponent, split=False)
    return _call(raised_to, value, graph, "**")


def shifted_power(factor: Factor, by: Sequence[Term], graph: Graph) -> tuple[Factor, ...]:
    """``a**(g - 1)`` for ``a**g``, and ``a**(h - 2 * g)`` for ``(a**g)**-2`` that is shifted by h."""
    node, letters, count = factor
    assert node.arg is not None
    own: Sequence[Term] = [(1, ((node.info, (), 1),))]
    if node.info.sum and len(node.info.sum.terms) > 1:  # g - 2 rather than (g - 1) - 1
        own = node.info.sum.at(())
    exponent = Sum((), collect([*times([(count, ())], own), *by], (), graph))
    base = Sum(grouped(node.arg, letters), [(1, ((node.arg, letters, 1),))])
    return named_power(base, exponent, graph).terms[0][1]


def _is_total(node: Node) -> bool:
    """Whether a number is a sum over letters, or a product; ``s - t`` is neither."""
    terms = node.sum.terms if node.sum and not node.shape else ()
    return len(terms) == 1 or any([letters for _, factors in terms for _, letters, _ in factors])


def without_norms(value: Sum) -> Sum:
    """Write out a number that is a sum, such as ``norm(X)**2``, where it is a term, alone or beside names."""
    terms: list[Term] = []
    for coefficient, factors in value.terms:
        sums = [factor for factor in factors if _is_total(factor[0]) and factor[2] == 1]
        rest = tuple([factor for factor in factors if factor not in sums])
        if len(sums) == 1 and not any([node.children for node, _, _ in rest]):
            assert sums[0][0].sum is not None
            terms += without_norms(Sum(value.axes, times([(coefficient, rest)], sums[0][0].sum.at(())))).terms
        else:
            terms.append((coefficient, factors))
    return Sum(value.axes, terms)


def _function(expr: Expr, arg: Sum, graph: Graph) -> Sum:
    op, info = expr.op, expr.info
    if len(arg.terms) > 1:
        arg = Sum(arg.axes, collect(arg.terms, arg.free, graph))
    if op == "call" and all(not factors for _, factors in arg.terms):
        value = elementwise(info, number(sum(c for c, _ in arg.terms))).info
        return Sum(arg.axes, [(value, ())] if value else [])
    if info in ("log", "log1p") and op == "call":
        plus = one_plus_exp(arg if info == "log" else Sum(arg.axes, ((1, ()), *arg.terms)))
        if plus is not None:
            return _call("softplus", plus[1], graph)
    if op in ("call", "unknown"):
        return _call(info, arg, graph, op)
    _, (node, _, _) = graph.wrap(arg, whole=True, split=False)
    axes, shape = fresh(expr.shape), expr.shape
    if kind(op) in ALONG:
        info = info[0]
        if kind(op) == "number":  # keepdims is a matter of the axes
            shape = tuple([axis for at, axis in enumerate(node.shape) if info not in (-1, at)])
    elif op == "loss":
        info = info, expr.args[0].shape
    free = flat(axes)
    return Sum(axes, [(1, ((graph.function(op, info, node, shape), free, 1),))])


def _call(name: Any, arg: Sum, graph: Graph, op: str = "call") -> Sum:
    """An elementwise function of a sum; ``log(sum(exp(Z), axis))`` is a function of Z."""
    _, (node, letters, _) = graph.wrap(arg, split=False)
    found = exp_sum(node) if name == "log" else None
    if found is not None:
        z, _, _, axis = found
        made = graph.function("logsumexp", axis, z, node.shape)
    else:
        made = graph.function(op, name, node, node.shape)
    return Sum(arg.axes, [(1, ((made, letters, 1),))])
