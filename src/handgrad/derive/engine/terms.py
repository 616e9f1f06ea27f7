"""The one structure: a sum of indexed terms.

A term is a coefficient and factors such as ``X[n,i]``; letters that are not free are summed.
A factor is ``(node, letters, power)``, a term is ``(coefficient, factors)``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from handgrad.derive.language.dims import Shape, flat
from handgrad.derive.language.functions import MASKS
from handgrad.derive.language.numerals import whole as whole_number

SMALL = 1e-5  # no smaller number is added to one that is larger


class Letter:
    """A letter of an indexed term: the same letter is the same object. It runs over `dim`."""

    __slots__ = ("dim",)

    def __init__(self, dim: str) -> None:
        self.dim = dim


Letters: TypeAlias = tuple[Letter, ...]
Factor: TypeAlias = "tuple[Node, Letters, float]"
Term: TypeAlias = tuple[float, tuple[Factor, ...]]


class Node:
    """An array that terms refer to: a name, a sum of terms, or a function of another node.

    Attributes
    ----------
    op : str
        ``"name"``, ``"size"``, ``"delta"``, ``"sum"``, or the function that is applied.
    info : object
        The name, the name of the elementwise function, the axis, or the node of an exponent.
    arg : Node or None
        What the function is applied to.
    sum : Sum or None
        The terms of a sum.
    shape : tuple
        The axes; `dims` is the same without grouping.
    index : int
        Arguments are made before the nodes that use them: a topological order.
    symmetric : bool
        Whether both orders of its letters give the same entry.
    children : list of Node
        The nodes that the value is computed from, each once, in order of appearance.
    """

    __slots__ = ("arg", "children", "dims", "index", "info", "op", "shape", "sum", "symmetric")

    def __init__(self, op: str, info: Any, arg: "Node | None", total: "Sum | None", shape: Shape, index: int) -> None:
        self.op, self.info, self.arg, self.sum, self.shape = op, info, arg, total, shape
        self.dims = tuple([letter for axis in shape for letter in axis])
        self.index = index
        self.symmetric = False
        self.children = nodes_in(total.terms) if total is not None else [*dict.fromkeys(self.args)]

    @property
    def args(self) -> "list[Node]":
        """What a function is applied to; of a power, the base and the exponent."""
        if self.arg is None:
            return []
        return [self.arg, self.info] if self.op == "**" else [self.arg]


class Sum:
    """A sum of terms with its free letters, grouped into axes."""

    __slots__ = ("axes", "free", "terms")

    def __init__(self, axes: Iterable[Letters], terms: Iterable[Term]) -> None:
        self.axes = tuple(axes)
        self.terms = tuple(terms)
        self.free: Letters = tuple([letter for axis in self.axes for letter in axis])

    @property
    def shape(self) -> Shape:
        """The dimensions of the axes."""
        return tuple([tuple([letter.dim for letter in axis]) for axis in self.axes])

    def at(self, letters: Sequence[Letter]) -> tuple[Term, ...]:
        """The terms with `letters` in place of the free ones, and summed letters of their own."""
        terms = []
        for coefficient, factors in self.terms:
            new: dict[Letter, Letter] = dict(zip(self.free, letters))
            renamed = []
            for node, old, power in factors:
                for letter in old:
                    if letter not in new:
                        new[letter] = Letter(letter.dim)
                renamed.append((node, tuple([new[letter] for letter in old]), power))
            terms.append((coefficient, tuple(renamed)))
        return tuple(terms)


def nodes_in(terms: Iterable[Term]) -> list[Node]:
    """The nodes that terms refer to, in order of appearance."""
    return list({node: None for _, factors in terms for node, _, _ in factors})


def reachable(roots: Iterable[Node]) -> list[Node]:
    """Nodes and what they are computed from, in topological order."""
    found: set[Node] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += node.children
    return sorted(found, key=lambda node: node.index)


def terms_of(factor: Factor) -> Sequence[Term]:
    """What an entry of a sum stands for, term by term; of anything else, itself."""
    node, letters, power = factor
    return node.sum.at(letters) if node.sum is not None and power == 1 else [(1, (factor,))]


def grouped(node: Node, letters: Letters) -> list[Letters]:
    """The letters of a node, axis by axis, with empty axes of length 1."""
    if len(letters) == len(node.shape) and () not in node.shape:
        return [(letter,) for letter in letters]
    rest = iter(letters)
    return [tuple([next(rest) for _ in axis]) for axis in node.shape]


def summed(factors: Iterable[Factor], free: Iterable[Letter]) -> list[Letter]:
    """The letters that are summed, in order of appearance."""
    found: dict[Letter, None] = {}
    for _, letters, _ in factors:
        for letter in letters:
            found[letter] = None
    for letter in free:
        found.pop(letter, None)
    return list(found)


def linked(factors: Iterable[Factor]) -> list[list[Factor]]:
    """Group the factors that share letters."""
    groups: list[list[Factor]] = []
    for factor in factors:
        touching = [g for g in groups if any(set(ls) & set(factor[1]) for _, ls, _ in g)]
        groups = [g for g in groups if g not in touching]
        groups.append([*(one for g in touching for one in g), factor])
    return groups


def times(*groups: Sequence[Term]) -> list[Term]:
    """The product of sums, multiplied out."""
    product: list[Term] = [(1, ())]
    for group in groups:
        product = [(a * b, left + right) for a, left in product for b, right in group]
    return product


def sum_deltas(factors: tuple[Factor, ...], free: Letters, graph: "Graph") -> tuple[Factor, ...]:
    """Sum over the letters of Kronecker deltas: ``sum_j A[i,j] delta[j,k] = A[i,k]``, ``sum_i delta[i,i] = n``.

    Of two free letters that a delta makes equal the others are written with the first: ``A[i] delta[i,k]``.
    """
    if not any([node.op == "delta" for node, _, _ in factors]):
        return factors
    for at, (node, letters, _) in enumerate(factors):
        if node.op != "delta":
            continue
        i, j = letters
        rest = factors[:at] + factors[at + 1 :]
        if i is j and i not in free and not any(i in ls for _, ls, _ in rest):
            rest += ((graph.leaf("size", i.dim), (), 1),)
        old, new = (j, i) if j not in free else (i, j)
        if old not in free:
            moved = tuple([(n, tuple([new if l is old else l for l in ls]), p) for n, ls, p in rest])
            return sum_deltas(moved, free, graph)
    for at in range(len(factors)):
        node, letters, _ = factors[at]
        if node.op == "delta" and letters[0] in free:
            first, second = sorted(letters, key=free.index)
            factors = tuple([(n, tuple([first if l is second and k != at else l for l in ls]), p)
                             for k, (n, ls, p) in enumerate(factors)])  # fmt: skip
    return tuple([f for f in factors if not (f[0].op == "delta" and f[1][0] is f[1][1] and f[1][0] in free)])


def gather(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Join powers of the same entry."""
    if len(factors) == 1:
        return factors
    powers: dict[tuple[Node, Letters], float] = {}
    for node, letters, power in factors:
        if node.symmetric and (node, letters[::-1]) in powers:
            letters = letters[::-1]
        powers[node, letters] = powers.get((node, letters), 0) + power
    if len(powers) == len(factors):
        return factors
    return tuple([(node, letters, 1 if p > 0 and node.op == "call" and node.info in MASKS else p)
                  for (node, letters), p in powers.items() if p])  # fmt: skip


def canonical(factors: Sequence[Factor], free: Letters) -> tuple[Any, ...]:
    """A name for a term that does not depend on what its summed letters are called."""
    number: dict[Letter, int] = {letter: at for at, letter in enumerate(free)}
    found = {node.index: (letters, power) for node, letters, power in factors if not node.symmetric}
    if len(found) == len(factors):  # every array occurs once: their own order is as good as any
        return tuple([(index, found[index][1], tuple([number.setdefault(l, len(number)) for l in found[index][0]]))
                      for index in sorted(found)])  # fmt: skip
    left, key = list(factors), []
    while left:
        best: Any = None
        for at, (node, letters, power) in enumerate(left):
            places = [number.get(letter, 1000) for letter in letters]
            if node.symmetric:
                places.sort()
            rank = (places.count(1000), node.index, power, places)
            if best is None or rank < best[0]:
                best = rank, at
        (_, index, power, _), at = best
        node, letters, _ = left.pop(at)
        places = [number.setdefault(letter, len(number)) for letter in letters]
        key.append((index, power, tuple(sorted(places) if node.symmetric else places)))
    return tuple(key)


def counted(term: Term, lost: Iterable[Letter], graph: "Graph") -> Term:
    """A term that is summed over letters: times the size of each that no factor has."""
    coefficient, factors = term
    present = {letter for _, letters, _ in factors for letter in letters}
    sizes = tuple([(graph.leaf("size", l.dim), (), 1) for l in lost if l not in present])
    return coefficient, factors + sizes


def opened(term: Term, write_out: Callable[[Factor], Sequence[Term]], free: Letters, graph: "Graph") -> list[Term]:
    """A term with factors written out as sums, multiplied out; a letter that this takes away is counted."""
    coefficient, factors = term
    product = times([(coefficient, ())], *map(write_out, factors))
    return [counted(new, summed(factors, free), graph) for new in product]


def collect(terms: Sequence[Term], free: Letters, graph: "Graph") -> tuple[Term, ...]:
    """Sum over deltas, join powers and merge equal terms; a letter that cancels is counted."""
    merged: dict[Any, Term] = {}
    for coefficient, factors in terms:
        left = sum_deltas(factors, free, graph)
        factors = gather(left)
        if factors is not left:
            _, factors = counted((1, factors), summed(left, free), graph)
        if len(terms) == 1:
            return ((coefficient, factors),) if coefficient else ()
        key = canonical(factors, free), not factors and abs(coefficient) < SMALL  # 1 - p + 1e-12 keeps its 1e-12
        if key in merged:
            coefficient += merged[key][0]
            factors = merged[key][1]
        merged[key] = (coefficient, factors)
    return tuple(term for term in merged.values() if term[0])


class Graph:
    """The nodes of one derivation; equal nodes are made once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Any, Node] = {}
        self.ops: set[str] = set()  # of all nodes but sums

    def _new(self, key: Any, op: str, info: Any, arg: Node | None, total: Sum | None, shape: Shape) -> Node:
        node = self._known[key] = Node(op, info, arg, total, shape, len(self.nodes))
        self.nodes.append(node)
        return node

    def leaf(self, op: str, info: str, shape: Shape = ()) -> Node:
        """A name, a size, or the Kronecker delta of a dimension."""
        self.ops.add(op)
        node = self._known.get((op, info)) or self._new((op, info), op, info, None, None, shape)
        node.symmetric = op == "delta"
        return node

    def delta(self, i: Letter, j: Letter) -> Factor:
        """The factor ``delta[i,j]``."""
        return self.leaf("delta", i.dim, ((i.dim,), (i.dim,))), (i, j), 1

    def function(self, op: str, info: Any, arg: Node, shape: Shape) -> Node:
        """A function of a node."""
        self.ops.add(op)
        key = op, info, arg.index
        node = self._known.get(key) or self._new(key, op, info, arg, None, shape)
        node.symmetric = arg.symmetric and op in ("inv", "call", "**")
        return node

    def key(self, value: Sum) -> Any:
        """What a sum is known by, whatever its letters are called."""
        return tuple([(c, canonical(factors, value.free)) for c, factors in value.terms]), value.shape

    def find(self, value: Sum) -> Sum:
        """A sum of an array's entries by the node that it is a multiple of, if there is one: ``-z`` for ``-sum x``."""
        if not all([len(factors) == 1 and summed(factors, value.free) for _, factors in value.terms]):
            return value
        number = shared_number(value.terms)
        node = self._known.get(self.key(Sum(value.axes, [(c / number, factors) for c, factors in value.terms])))
        return Sum(value.axes, [(number, ((node, value.free, 1),))]) if node else value

    def sum_node(self, value: Sum) -> Node:
        """A node for a sum of terms."""
        key = self.key(value)
        if key in self._known:
            return self._known[key]
        shape: Shape = key[1]
        node = self._new(key, "sum", None, None, value, shape)
        if len(shape) == 2 and shape[0] == shape[1]:
            swapped = value.axes[1] + value.axes[0]
            other = [(c, canonical(sum_deltas(factors, swapped, self), swapped)) for c, factors in value.terms]
            # The order of the terms says nothing.
            node.symmetric = {k: c for c, k in key[0]} == {k: c for c, k in other}
        return node

    def wrap(self, value: Sum, whole: bool = False, split: bool = True) -> tuple[float, Factor]:
        """One factor that stands for a sum, and the coefficient in front of it.

        Letters that no term has are left out unless the `whole` array is wanted, its axes in their
        order; the coefficient is 1 unless it may be `split` off.
        """
        terms = collect(value.terms, value.free, self)
        used = {letter for _, factors in terms for _, letters, _ in factors for letter in letters}
        axes = [tuple([l for l in axis if whole or l in used]) for axis in value.axes]
        alone = not whole and not used.intersection(value.free)  # a number has no axes, not even of length 1
        kept = [] if alone else [axis for axis, own in zip(axes, value.axes) if axis or not own]
        free = flat(axes)
        coefficient = shared_number(terms) if split else 1
        if len(terms) == 1 and terms[0][0] == coefficient and len(terms[0][1]) == 1:
            node, letters, power = terms[0][1][0]
            alike = power == 1 and letters == free and node.op != "delta"  # an identity is no array by itself
            if alike and node.shape == tuple([tuple([l.dim for l in a]) for a in kept]):
                return coefficient, (node, free, 1)
        if coefficient != 1:
            terms = tuple([(whole_number(c / coefficient), factors) for c, factors in terms])
        found = Sum(kept, terms)
        if split and len(terms) == 2:
            turned = Sum(kept, [(-c, factors) for c, factors in reversed(terms)])
            if self.key(turned) in self._known:  # y - x beside x - y
                coefficient, found = -coefficient, turned
        return coefficient, (self.sum_node(found), found.free, 1)


def shared_number(terms: Sequence[Term]) -> float:
    """What the coefficients of all terms have in common; negative if they all are."""
    if len({abs(c) for c, _ in terms}) != 1:
        return -1 if len(terms) > 1 and all([c < 0 for c, _ in terms]) else 1
    return terms[0][0] if len({c for c, _ in terms}) == 1 else abs(terms[0][0])
