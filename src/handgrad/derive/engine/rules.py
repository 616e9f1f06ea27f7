"""The differential of one node: the product rule for sums, one row for every array function."""

from collections.abc import Sequence
from typing import NamedTuple

from handgrad.derive.language.dims import flat
from handgrad.derive.language.functions import ARRAY, ELEMENTWISE
from handgrad.derive.language.parse import parse

from .lower import fresh, lower, shifted_power
from .terms import Factor, Graph, Letter, Letters, Node, Sum, Term, collect, gather


class Slot(NamedTuple):
    """One term of a differential: ``coefficient * factors * d child[letters]``.

    The differential stands before factor number `at`.
    """

    child: Node
    letters: Letters
    term: Term
    at: int

    def filled(self, factors: tuple[Factor, ...]) -> Term:
        """The term with factors in place of the differential."""
        coefficient, others = self.term
        return coefficient, others[: self.at] + factors + others[self.at :]


def constant(node: Node) -> bool:
    """Whether a function is flat wherever it has a derivative."""
    return node.op == "call" and ELEMENTWISE[node.info].derivative == "0"


def differential(node: Node, graph: Graph) -> tuple[Letters, list[Slot]]:
    """Give the differential of a node: its free letters, and the terms.

    Parameters
    ----------
    node : Node
        A sum or a function.
    graph : Graph
        Receives the nodes of the derivative.

    Returns
    -------
    letters : tuple of Letter
    slots : list of Slot

    Notes
    -----
    Sums follow the product rule; functions the rows of `ELEMENTWISE` and `ARRAY`.
    """
    if node.sum is not None:
        return node.sum.free, [slot for term in node.sum.terms for slot in product_rule(term)]
    assert node.arg is not None
    if node.op in ("call", "unknown"):
        axes = fresh(node.shape)
        letters = flat(axes)
        slope = elementwise_derivative(node, graph, axes)
        return letters, [Slot(node.arg, letters, term, len(term[1])) for term in slope]
    if node.op == "**":
        return _power_rule(node, node.arg, graph)
    if node.op == "loss":
        letters = tuple([Letter(dim) for dim in node.arg.dims])
        upstream = graph.leaf("name", upstream_name(node), node.info[1])
        return (), [Slot(node.arg, letters, (1, ((upstream, letters, 1),)), 1)]
    return _array_function(node, node.arg, graph)


_RULES_READ: dict[str, Sum] = {}  # elementwise rules, for arrays with one axis


def upstream_name(loss: Node) -> str:
    """The name of the gradient of an unknown loss: G for L, G_K for any other K."""
    return "G" if loss.info[0] == "L" else "G_" + loss.info[0]


def _power_rule(node: Node, base: Node, graph: Graph) -> tuple[Letters, list[Slot]]:
    """``d(a^g) = g a^(g-1) da + a^g log(a) dg``; the exponent is a number."""
    exponent = node.info
    letters = tuple(map(Letter, base.dims))
    lower_power = shifted_power((node, letters, 1), [(-1, ())], graph)
    log = graph.function("call", "log", base, base.shape)
    return letters, [
        Slot(base, letters, (1, ((exponent, (), 1), *lower_power)), 2),
        Slot(exponent, (), (1, ((node, letters, 1), (log, letters, 1))), 2),
    ]


def product_rule(term: Term) -> list[Slot]:
    """``d(a b^p) = da b^p + p a b^(p-1) db``, one slot for every factor."""
    coefficient, factors = term
    slots = []
    for at, (node, letters, power) in enumerate(factors):
        inner: tuple[Factor, ...] = ((node, letters, power - 1),) if power != 1 else ()
        rest = factors[:at] + inner + factors[at + 1 :]
        slots.append(Slot(node, letters, (coefficient * power, rest), at + len(inner)))
    return slots


def elementwise_derivative(node: Node, graph: Graph, axes: list[Letters]) -> list[Term]:
    """The terms of ``f'(z)``; a derivative of several terms becomes one factor."""
    assert node.arg is not None
    letters = flat(axes)
    if node.op == "unknown":
        prime = graph.function("unknown", node.info + "'", node.arg, node.shape)
        return [(1, ((prime, letters, 1),))]
    rule = ELEMENTWISE[node.info].derivative
    if rule not in _RULES_READ:
        entries, own = (("i",),), Graph()
        read = lower(parse(rule, {"z": entries, "y": entries}), own)
        _RULES_READ[rule] = Sum(read.axes, collect(read.terms, read.free, own))
    slope = Sum(axes, _written_for({"z": node.arg, "y": node}, _RULES_READ[rule].terms, axes, graph))
    if len(slope.terms) > 1:
        return [(1, ((graph.sum_node(slope), letters, 1),))]
    return [(c, gather(factors)) for c, factors in slope.terms]


def _written_for(given: dict[str, Node], terms: Sequence[Term], axes: list[Letters], graph: Graph) -> list[Term]:
    """The terms of a rule about z and y, with nodes of a derivation in their place."""
    letters = flat(axes)

    def place(node: Node) -> Factor:
        if node.sum is not None:
            return graph.wrap(Sum(axes, _written_for(given, node.sum.terms, axes, graph)), split=False)[1]
        if node.op == "size":  # pi
            return graph.leaf("size", node.info), (), 1
        if node.arg is None:
            return given[node.info], letters, 1
        inner, own, _ = place(node.arg)
        return graph.function(node.op, node.info, inner, inner.shape), own, 1

    return [(c, tuple([(*place(node)[:2], power) for node, _, power in factors])) for c, factors in terms]


def _array_function(node: Node, arg: Node, graph: Graph) -> tuple[Letters, list[Slot]]:
    left, right = ARRAY[node.op].differential.removeprefix("y[").split("] = ")
    axes = fresh(arg.shape)
    named: dict[str, Letters] = {}

    def letters(names: str) -> Letters:
        """The letters for ``ik``, or for ``.k``: k stands where the function's axis is."""
        if "." not in names:
            for name in names:
                named[name] = named.get(name) or tuple(map(Letter, arg.shape[0]))
            return tuple([letter for name in names for letter in named[name]])
        whole = node.info == -1
        if names == ".":
            kept = [] if whole else [l for at, axis in enumerate(axes) for l in axis if at != node.info]
            return tuple(kept)
        own = [l for at, axis in enumerate(axes) if whole or at == node.info for l in axis]
        new = named.setdefault(names[1], tuple([Letter(l.dim) for l in own]))
        swap = dict(zip(own, new))
        return tuple([swap.get(l, l) for l in flat(axes)])

    slots, free = [], letters(left)
    for piece in right.replace("- ", "|- ").replace("+ ", "|+ ").split("|")[1:]:
        sign, *words = piece.split()
        factors: list[Factor] = []
        for word in words:
            head, _, names = word[:-1].partition("[")
            if head == "dz":
                own, at = letters(names), len(factors)
            else:
                factors.append((_helper(head, node, arg, graph), letters(names), 1))
        slots.append(Slot(arg, own, (-1 if sign == "-" else 1, tuple(factors)), at))
    return free, slots


def _helper(head: str, node: Node, arg: Node, graph: Graph) -> Node:
    """The array that a rule names: ``y``, ``(z==y)``, or a function of z such as ``inv(z)``."""
    if head == "y":
        return node
    if head != "(z==y)":
        return graph.function(head.removesuffix("(z)"), node.info, arg, arg.shape)
    axes = fresh(arg.shape)
    kept = [l for at, axis in enumerate(axes) for l in axis if node.info not in (-1, at)]
    free = flat(axes)
    gap = Sum(axes, [(1, ((arg, free, 1),)), (-1, ((node, tuple(kept), 1),))])
    return graph.function("call", "iszero", graph.sum_node(gap), arg.shape)
