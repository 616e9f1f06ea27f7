"""From adjoints to a short program: which intermediate values get a name, which are written out."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from handgrad.derive.engine.identities import join
from handgrad.derive.engine.lower import power
from handgrad.derive.engine.rules import constant
from handgrad.derive.engine.simplify import factor_out, share
from handgrad.derive.engine.terms import (
    Factor,
    Graph,
    Letters,
    Node,
    Sum,
    Term,
    collect,
    gather,
    grouped,
    linked,
    nodes_in,
    opened,
    reachable,
    shared_number,
    summed,
    terms_of,
    times,
)
from handgrad.derive.language.dims import CONSTANTS
from handgrad.derive.language.expression import Expr, arithmetic, name_expr
from handgrad.derive.language.functions import ALONG, ARRAY, kind
from handgrad.derive.language.trees import postorder

from .spell import Names, spell

LONG = 12  # factors; a longer term is not multiplied out
SHORT = 9  # parts; a longer value that is used gets a name
OF_ENTRIES = ("call", "unknown", "**")


def letter(op: str) -> str:
    """What the value of a function is called; empty for what is none."""
    return "A" if op in OF_ENTRIES else ARRAY[op].letter if op in ARRAY else ""


def label_nodes(
    nodes: Sequence[Node], forward: int, root: Node, taken: set[str], scalar: str = "L"
) -> dict[Node, str]:  # fmt: skip
    """Name the nodes of an expression: Z for what a function is applied to, A for its value ...

    Parameters
    ----------
    nodes : list of Node
        All of them, in topological order.
    forward : int
        Nodes before this index belong to the expression, the others to its derivative.
    root : Node
        The output.
    taken : set of str
        Names that are in use.
    scalar : str
        What an output is called that is one number; E if that name is taken.

    Returns
    -------
    dict
        Leaves keep their own names; masks get none.
    """
    inside = {node.arg: node.op for node in nodes if node.arg is not None}
    wishes: dict[str, list[Node]] = {}
    labels: dict[Node, str] = {}
    for node in nodes:
        if node.op in ("name", "size", "delta"):
            labels[node] = str(node.info)
        elif node.op == "loss":
            labels[node] = node.info[0]
        elif node is root or (node.index < forward and not _needs_no_name(node)) or kind(node.op) in ALONG:
            if node is root and not node.shape:
                wish = scalar if scalar not in taken.union(labels.values()) else "E"
            else:
                wish = letter(node.op) or {"loss": "Y"}.get(inside.get(node, ""), "Z")
                if node.sum is not None and node not in inside:
                    wish = "R" if node is not root else "Y"
                if len(node.shape) < 2:
                    wish = "s" if not node.shape and wish == "R" else wish.lower()
            wishes.setdefault(wish, []).append(node)
    taken = taken | set(labels.values()) | {"G"}
    taken |= {name.rstrip("_") for name in taken}  # L_ and L look the same in LaTeX
    for wish, group in wishes.items():
        names = names_like(wish, len(group) == 1)
        labels |= zip(group, (name for name in names if name not in taken and f"d{name}" not in taken))
    return labels


def _needs_no_name(node: Node) -> bool:
    """Whether a node needs no name: it is made of constants only, as ``2 / pi``, or a mask."""
    children = [] if node.dims else node.children
    numbers = [child for child in children if child.op == "size" and child.info in CONSTANTS]
    return constant(node) or (bool(children) and len(numbers) == len(children))


def names_like(wish: str, alone: bool) -> Iterator[str]:
    """``Z``, ``Z1``, ``Z2`` ...; the first only for what is `alone`."""
    if alone:
        yield wish
    yield from (f"{wish}{number}" for number in count(1))


class Program(NamedTuple):
    """Named values, each an expression in the ones before it, and the result."""

    definitions: dict[str, Expr]
    result: Expr

    def each(self, change: Callable[[Expr], Expr]) -> "Program":
        """The program with every value changed."""
        return Program({label: change(expr) for label, expr in self.definitions.items()}, change(self.result))


def layer_gradients(adjoints: Mapping[Node, Node], functions: Sequence[Node]) -> set[Node]:
    """The gradients by what the layers of a network compute before their functions.

    They are what backpropagation hands from layer to layer; a single one is written out.
    """
    inside = {node.arg for node in functions}
    found = {adjoint for node, adjoint in adjoints.items()
             if node in inside and node.sum and any(summed(fs, node.sum.free) for _, fs in node.sum.terms)}  # fmt: skip
    return found if len(found) > 1 else set()


def write_program(
    value: Sum, graph: Graph, labels: dict[Node, str], forward: int, layers: Collection[Node] = (),
    flatten: bool = False, jacobian: bool = False,
) -> Program:  # fmt: skip
    """Decide which nodes get a name, and spell everything.

    Parameters
    ----------
    value : Sum
        The result.
    graph : Graph
        Where the nodes live.
    labels : dict
        The names that nodes may have.
    forward : int
        Nodes before this index belong to the expression, the others to its derivative.
    layers : set of Node
        The gradients that get a name each; see `layer_gradients`.
    flatten : bool
        Write everything out.
    jacobian : bool
        Whether the output is no number.

    Returns
    -------
    Program
    """
    nodes = reachable(nodes_in(value.terms))
    known = len(graph.nodes)
    uses, diagonal, multiplied, rooted = _uses(value, nodes)
    functions = {node.arg for node in graph.nodes[:forward] if not constant(node)}
    # What is only compared needs no name.
    arguments = {node.arg for node in nodes if not constant(node) or node.arg in functions}
    chain = "loss" in graph.ops  # what stands in the chain of an unknown loss keeps its name
    simple = set() if chain else simple_functions(nodes, uses)
    compared = {node.arg for node in nodes if constant(node)}  # written as it is elsewhere: equal to the last digit
    exprs: dict[Node, Expr] = {}
    open_sums: dict[Node, Sum] = {}  # what has no name: it is written out where it is used
    definitions: dict[str, Expr] = {}

    def refer(node: Node) -> Expr:
        if node not in exprs:
            total = node.sum
            if total is not None and node.index >= known:  # put together here, perhaps of what has no name
                flat = [new for term in total.terms for new in _flattened(term, total, open_sums)]
                exprs[node] = spell(Sum(total.axes, collect(flat, total.free, graph)), refer)
            else:
                exprs[node] = written_out(node, refer)
        return exprs[node]

    def used_in_place(node: Node, total: Sum) -> bool:
        """Whether a sum is too short for a name, or a product that what uses it may not need."""
        if node.index < forward or node in layers:
            return False
        if uses[node] > 1:
            return _is_repeated(total)
        if len(total.terms) == 1 and (jacobian or not value.free):
            return True
        if node in multiplied and shared_number(total.terms) != 1:  # two numbers meet
            return True
        return _is_repeated(total) or _is_plain(total, exprs) or _is_outer(total)

    for node in nodes:
        total = node.sum
        if total is not None:
            if node not in compared:
                total = _simplify(total, open_sums, graph, node.index >= forward, flatten)
            if used_in_place(node, total):
                open_sums[node] = total
                if any(len(factors) > LONG for _, factors in total.terms):  # now: later that is a recursion
                    exprs[node] = spell(total, refer)
                continue
            given = node.index < forward
            exprs[node] = spell(total if given else _in_front(total, known, graph), refer, given)
        in_place = flatten or node in simple or node in diagonal or (node in rooted and _is_squares(total))
        if not in_place and _deserves_name(
            node, refer(node), uses[node], labels, forward, arguments, layers, SHORT + (not chain)
        ):
            labels[node] = label = labels.get(node) or fresh_name(node.op, len(node.shape), labels.values())
            definitions[label] = exprs[node]
            exprs[node] = name_expr(label, node.shape)
        elif total is not None:
            open_sums[node] = total
    result = spell(_in_front(_simplify(value, open_sums, graph, True, flatten), known, graph), refer)
    if result.op == "name" and result.info in definitions:
        result = definitions.pop(result.info)
    return Program(definitions if chain else _needed(definitions, result), result)


def _needed(definitions: dict[str, Expr], result: Expr) -> dict[str, Expr]:
    """The definitions without those whose values have cancelled, which G in front of all does not let happen."""
    named = {expr.info for expr in postorder([*definitions.values(), result]) if expr.op == "name"}
    kept = {label: expr for label, expr in definitions.items() if label in named}
    return kept if len(kept) == len(definitions) else _needed(kept, result)


def _uses(value: Sum, nodes: Sequence[Node]) -> tuple[dict[Node, int], set[Node], set[Node], set[Node]]:
    """How often each node is used, and those of which the diagonal, a multiple, and a square root are taken."""
    uses = dict.fromkeys(nodes, 0)
    diagonal, multiplied, rooted = set(), set(), set()
    for terms in [value.terms, *(node.sum.terms for node in nodes if node.sum)]:
        for coefficient, factors in terms:
            for node, letters, exponent in factors:
                uses[node] += 1
                if exponent % 1 == 0.5:
                    rooted.add(node)
                if coefficient != 1:
                    multiplied.add(node)
                if node.sum and len(set(letters)) < len(letters):
                    diagonal.add(node)
    return uses, diagonal, multiplied, rooted


def simple_functions(nodes: Sequence[Node], uses: Mapping[Node, int]) -> set[Node]:
    """Functions of at most two names that are used once, and the arguments that nothing else uses.

    They need no name: ``1 + log(p / q)``. What an unknown loss or a layer of a network computes keeps its own.
    """
    found = {node for node in nodes if node.op in OF_ENTRIES and uses[node] == 1 and all(map(_is_short, node.args))}
    if not found:
        return found
    inside = Counter([arg for node in nodes for arg in node.args])
    found.difference_update(inside)
    only = Counter([arg for node in found for arg in node.args])
    return found.union([arg for arg in only if not uses[arg] and only[arg] == inside[arg]])


def _is_short(node: Node) -> bool:
    """Whether a value is a name, or computed entry by entry from at most two."""
    if node.sum is None:
        return not node.children
    terms, free = node.sum.terms, node.sum.free
    parts = sum([len(factors) or 1 for _, factors in terms])
    computed = any([other.children for other in nodes_in(terms)])
    return parts <= 2 and not computed and not any([summed(factors, free) for _, factors in terms])


def _is_squares(value: Sum | None) -> bool:
    """Whether a number is a sum of squares: its root is written as a norm."""
    return value is not None and not value.free and [[f[2] for f in factors] for _, factors in value.terms] == [[2]]


def _is_plain(value: Sum, exprs: dict[Node, Expr]) -> bool:
    """Whether a sum is one product of two arrays that have names."""
    factors = value.terms[0][1] if len(value.terms) == 1 else ()
    return len(factors) == 2 and all([node in exprs and exprs[node].size == 1 for node, _, _ in factors])


def _is_repeated(value: Sum) -> bool:
    """Whether a sum is one term without some of its letters: it is smaller where it is used."""
    used = {letter for _, factors in value.terms for _, letters, _ in factors for letter in letters}
    return len(value.terms) == 1 and not used.issuperset(value.free)


def _is_outer(value: Sum) -> bool:
    """Whether a sum is one product whose factors fall into groups without a common letter."""
    return len(value.terms) == 1 and len(linked(value.terms[0][1])) > 1


def fresh_name(op: str, rank: int, taken: Collection[str]) -> str:
    """A name for the value of a function: a capital for a matrix, with a number if it is taken."""
    wish = letter(op) or "T"
    return next(name for name in names_like(wish if rank == 2 else wish.lower(), True) if name not in taken)


def written_out(node: Node, names: Names) -> Expr:
    """What a node stands for, in terms of the nodes that it is computed from."""
    if node.sum is not None:
        return spell(node.sum, names)
    args = tuple(map(names, node.args))
    if node.op == "**":
        return arithmetic("**", *args)
    info = node.info[0] if node.op == "loss" else (node.info, False) if kind(node.op) in ALONG else node.info
    return Expr(node.op, args, info, shape=node.shape)


def _deserves_name(
    node: Node, expr: Expr, uses: int, labels: dict[Node, str], forward: int,
    arguments: set[Node | None], layers: Collection[Node], short: int,
) -> bool:  # fmt: skip
    if expr.size == 1 or _needs_no_name(node):
        return False
    if kind(node.op) in ALONG or node.op == "loss":
        return True
    if node.op in OF_ENTRIES and node.index < forward:
        return True
    if node.sum is None:
        return (expr.size > 2 and node.op != "**") or uses > 3
    if node in layers or (node in arguments and node.index < forward):
        return expr.size > 2
    most = 2 * SHORT if layers or len(node.dims) < 2 else short
    named = node in labels
    return (named and expr.size > most) or (uses > 1 and expr.size > (2 if named else SHORT))


def _simplify(value: Sum, open_sums: dict[Node, Sum], graph: Graph, factored: bool, flatten: bool) -> Sum:
    """Multiply single terms out, merge equal terms, and put common factors in front.

    In values, which are not `factored`, products stay in their parentheses: ``X @ Q @ (X @ K).T``.
    """
    if not any([node in open_sums for _, factors in value.terms for node, _, _ in factors]):
        return value
    flat = [new for term in value.terms for new in _flattened(term, value, open_sums)]

    def write_out(factor: Factor) -> Sequence[Term]:
        total = factor[0].sum
        stays = total and not (factored or flatten) and any([summed(factors, total.free) for _, factors in total.terms])
        return [(1, (factor,))] if stays else _written_out(factor, value.free, open_sums, graph)

    terms = [new for term in flat for new in opened(term, write_out, value.free, graph)]
    if factored and "**" in graph.ops:
        terms = [(c, join(factors, graph)) for c, factors in terms]
    merged = collect(terms, value.free, graph)
    if factored and len(merged) > 1:
        merged = share(factor_out(merged, value.axes, graph), value.free, graph)
    return Sum(value.axes, merged)


def take_out(value: Sum, graph: Graph) -> Sum:
    """Put the numbers and divisors of all terms in front: ``2 R - 2 R W W^T = 2 (R - R W W^T)``, ``a/r - b/r^2``."""
    terms = value.terms
    if len(terms) < 2:
        return value
    numbers = {coefficient for coefficient, _ in terms}
    scale = min(map(abs, numbers)) if min(numbers) < 0 < max(numbers) else 1
    multiples = {abs(number / scale) for number in numbers}
    scale = scale if multiples == {1} or (scale > 1 and all([m == int(m) for m in multiples])) else 1
    apart = any([node.op == "delta" for node in nodes_in(terms)])  # diag(a / r) - outer(b / r, c)
    powers = [{(node, letters): power for node, letters, power in factors
               if not letters or (node.sum and power < 0 and not apart and {*letters} <= {*value.free})}
              for _, factors in terms]  # fmt: skip
    common = [(*key, min([own.get(key, 0) for own in powers], key=abs)) for key in powers[0]
              if len({own.get(key, 0) > 0 for own in powers}) == 1]  # fmt: skip
    common = [factor for factor in common if factor[2] > 0 or (factor[2] and value.free)]  # n / s - r / s^3 is a number
    if scale == 1 and not common:
        return value
    over = tuple([(node, letters, -power) for node, letters, power in common])
    coefficient, inner = graph.wrap(Sum(value.axes, [(c / scale, gather(factors + over)) for c, factors in terms]))
    return Sum(value.axes, [(coefficient * scale, (*common, inner))])


def _in_front(value: Sum, known: int, graph: Graph) -> Sum:
    """Put numbers and divisors in front, also those of a sum that common factors have left."""
    taken = take_out(value, graph)
    if len(taken.terms) != 1 or max([node.index for node, _, _ in taken.terms[0][1]], default=0) < known:
        return taken
    terms = opened(taken.terms[0], lambda factor: _front(factor, known, graph), value.free, graph)
    return Sum(value.axes, [(c, _numbers_first(factors)) for c, factors in collect(terms, value.free, graph)])


def _numbers_first(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Lengths, the numbers as the expression has them, and then the arrays: ``n * norm(x) * norm(y)``."""
    numbers = [factor for factor in factors if not factor[1]]
    numbers.sort(key=lambda factor: (factor[0].op != "size", factor[0].index))
    return (*numbers, *[factor for factor in factors if factor[1]])


def _front(factor: Factor, known: int, graph: Graph) -> Sequence[Term]:
    """A sum after the `known` nodes, with what its terms share in front: ``(24 a - 48 b) c`` is ``24 (a - 2 b) c``."""
    node, letters, _ = factor
    taken = take_out(Sum(grouped(node, letters), terms_of(factor)), graph).terms
    return taken if len(taken) == 1 and node.index >= known else [(1, (factor,))]


def _flattened(term: Term, value: Sum, open_sums: dict[Node, Sum]) -> Sequence[Term]:
    """``1 + (a - b)`` needs no parentheses."""
    coefficient, factors = term
    if len(factors) == 1 < len(value.terms) and abs(coefficient) == 1:
        node, letters, exponent = factors[0]
        opens = exponent == 1 and node in open_sums and set(letters) <= set(value.free)
        if opens:
            return times([(coefficient, ())], open_sums[node].at(letters))
    return [term]


def _written_out(factor: Factor, free: Letters, open_sums: dict[Node, Sum], graph: Graph) -> Sequence[Term]:
    node, letters, exponent = factor
    if node not in open_sums:
        return [(1, (factor,))]
    inner = open_sums[node]
    if len(inner.terms) != 1:
        deltas = any([other.op == "delta" for other in nodes_in(inner.terms)])
        times_vector = deltas and len(free) < 2 and not {*letters} <= {*free}  # (I - 1 p^T) z
        if exponent == 1 and (times_vector or len(set(letters)) < len(letters)):  # of a trace of a sum
            return inner.at(letters)
        if exponent != 1 or (shared_number(inner.terms) == 1 and take_out(inner, graph) is inner):
            return [(1, (factor,))]
        coefficient, new = graph.wrap(Sum(grouped(node, letters), inner.at(letters)), whole=True)
        return times([(coefficient, ())], _front(new, 0, graph))
    if exponent == 1 and len(inner.terms[0][1]) <= LONG:
        return inner.at(letters)
    if exponent == 1 or exponent != int(exponent) or summed(inner.terms[0][1], inner.free):
        return [(1, (factor,))]
    return power(Sum([letters], inner.at(letters)), exponent, graph).terms
