"""The reverse sweep: from the output back to the variable, one adjoint per node."""

from typing import NamedTuple

from handgrad.derive.language.dims import flat

from .identities import shortened
from .lower import fresh
from .rules import Slot, constant, differential
from .simplify import cheapest, factor_out, over_one_divisor, share
from .terms import Factor, Graph, Letter, Letters, Node, Sum, Term, collect, counted, reachable, summed, times


class Link(NamedTuple):
    """How a node depends on a child: the differential of `parent`, the slots of `child` in it."""

    parent: Node
    child: Node
    letters: Letters
    slots: list[Slot]


class Sweep(NamedTuple):
    """What the reverse sweep found.

    Attributes
    ----------
    path : list of Node
        The nodes between the variable and the output, the output last.
    links : dict
        For every node of the path, how the nodes that use it depend on it.
    adjoints : dict
        For every node of the path, and for the variable, the derivative of the output: its axes are the
        output's, then the node's.
    named : dict
        The nodes that stand for adjoints which deserve a name.
    reasons : dict
        For every node, what turned the sum over its uses into its adjoint.
    """

    path: list[Node]
    links: dict[Node, list[Link]]
    adjoints: dict[Node, Sum]
    named: dict[Node, Node]
    reasons: dict[Node, str]


def dependents(root: Node, wrt: Node) -> list[Node]:
    """The nodes that lie between `wrt` and `root`, in topological order."""
    nodes, found = reachable([root]), {wrt}
    for node in nodes:
        if not found.isdisjoint(node.children) and not constant(node):
            found.add(node)
    return [node for node in nodes if node in found]


def sweep(root: Node, wrt: Node, graph: Graph) -> Sweep:
    """Derive `root` with respect to `wrt`.

    Parameters
    ----------
    root, wrt : Node
        The output and the variable.
    graph : Graph
        Receives the nodes of the derivative.

    Returns
    -------
    Sweep

    Notes
    -----
    The adjoint of a node is the sum over the nodes that use it of their adjoint times their
    derivative (multivariable chain rule): a term in which the slot ``d child[letters]`` has been
    dropped, so that its letters are free.
    """
    path = dependents(root, wrt)
    on_path = set(path)
    links: dict[Node, list[Link]] = {node: [] for node in path}
    found = Sweep(path, links, {wrt: Sum(fresh(root.shape) + fresh(wrt.shape), ())}, {}, {})
    for node in reversed(path):
        if node is root:
            found.adjoints[node] = _identity(node, graph)
        elif links[node]:
            _adjoint(node, found, root, graph)
        # What changes nothing sends nothing back.
        if node is wrt or node not in found.adjoints or not (found.adjoints[node].terms or root.dims):
            continue
        letters, slots = differential(node, graph)
        children = dict.fromkeys(slot.child for slot in slots if slot.child in on_path)
        for child in children:
            links[child].append(Link(node, child, letters, [s for s in slots if s.child is child]))
    return found._replace(path=[node for node in path if node is root or links[node]])


def _identity(node: Node, graph: Graph) -> Sum:
    """The derivative of the output by itself: a delta for every letter."""
    out, own = fresh(node.shape), fresh(node.shape)
    pairs = [pair for a, b in zip(out, own) for pair in zip(a, b)]
    return Sum(out + own, [(1, tuple([graph.delta(i, j) for i, j in pairs]))])


def _adjoint(node: Node, found: Sweep, root: Node, graph: Graph) -> None:
    axes = fresh(root.shape) + fresh(node.shape)
    free = flat(axes)
    out, own = free[: len(root.dims)], free[len(root.dims) :]
    terms: list[Term] = []
    for link in reversed(found.links[node]):
        terms += chain(upstream(link.parent, found), link, out, own, graph)
    merged, cheaper = cheapest(collect(terms, free, graph), free, graph, root)
    merged, shorter = shortened(merged, free, graph)
    merged, joined = over_one_divisor(merged, free, graph)
    found.reasons[node] = ", ".join(filter(None, [cheaper, shorter, joined])) or "collect"
    found.adjoints[node] = adjoint = graph.find(Sum(axes, share(factor_out(merged, axes, graph), free, graph)))
    if not trivial(adjoint):
        found.named[node] = graph.sum_node(adjoint)


def upstream(parent: Node, found: Sweep) -> Sum:
    """The adjoint of a node, through its name if it has one."""
    adjoint = found.adjoints[parent]
    if parent in found.named:
        return Sum(adjoint.axes, [(1, ((found.named[parent], adjoint.free, 1),))])
    return adjoint


def chain(above: Sum, link: Link, out: Letters, own: Letters, graph: Graph) -> list[Term]:
    """The chain rule for one link: ``sum_Y dL/dY[..] dY[..]/dX[own]``."""
    terms: list[Term] = []
    for slot in link.slots:
        start = above.at(out + link.letters)
        for term in times(start, [slot.term]):
            coefficient, factors = counted(term, [l for l in link.letters if l not in slot.letters], graph)
            terms.append((coefficient, drop(factors, slot.letters, own, graph)))
    return terms


def drop(factors: tuple[Factor, ...], slot: Letters, own: Letters, graph: Graph) -> tuple[Factor, ...]:
    """Free the letters of a slot: they become `own`; a repeated letter leaves a delta."""
    new: dict[Letter, Letter] = {}
    deltas = []
    for old, letter in zip(slot, own):
        if old in new:
            deltas.append(graph.delta(new[old], letter))
        new.setdefault(old, letter)
    renamed = [(node, tuple([new.get(l, l) for l in letters]), p) for node, letters, p in factors]
    return tuple(renamed + deltas)


def trivial(value: Sum) -> bool:
    """Whether a value is too short to deserve a name."""
    if len(value.terms) != 1:
        return not value.terms
    factors = value.terms[0][1]
    large = [1 for node, letters, _ in factors if letters and node.op != "delta"]
    return len(large) <= 1 and not summed(factors, value.free)
