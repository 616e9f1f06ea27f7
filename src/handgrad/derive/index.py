"""The derivation in index notation: product rule, deltas, sums over deltas, chain rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .expression import Expr, postorder
from .formula import tokenize
from .lower import fresh
from .notation import IndexPrinter, Lettering, Step
from .numpy_text import bracketed, plain
from .sweep import Link, upstream
from .terms import Graph, Letter, Letters, Node, Sum, Term, collect, counted, grouped, times

if TYPE_CHECKING:
    from .derivation import Derivation

OWN = "pqrstuvw"  # the letters of the variable


def index_steps(d: "Derivation") -> list[Step]:
    """Write the derivation, entry by entry."""
    printer = IndexPrinter(d.labels)
    return [step for node in d.defined() for step in definition(node, d, printer)] + derivative_steps(d)


def derivative_steps(d: "Derivation") -> list[Step]:
    """The lines that derive, without the definitions before them."""
    printer = IndexPrinter(d.labels)
    steps: list[Step] = []
    for node in reversed(d.sweep.path):
        if node is not d.root and not d.is_upstream(node):
            steps += index_node_steps(node, d, printer)
    if d.variable is d.root or d.variable not in d.sweep.adjoints:
        out, own = d.sweep_axes()
        letters, total = printer.lettering().add(_flat(out)).add(_flat(own), OWN), _flat(out) + _flat(own)
        right = printer.sum(d.sweep.adjoints[d.root].at(total) if d.variable is d.root else (), total, letters)
        why = "an entry changes with itself only" if d.variable is d.root else f"{d.wrt} does not occur"
        steps.append(Step(_ratio(d, d.variable, out, own, letters), right, why))
    return steps + _layout_step(d, printer)


def definition(node: Node, d: "Derivation", printer: IndexPrinter) -> list[Step]:
    """What a named value stands for."""
    if node.sum is not None:
        letters = printer.lettering().add(node.sum.free)
        left = d.labels[node] + letters.show(node.sum.axes)
        return [Step(left, printer.sum(node.sum.terms, node.sum.free, letters), "definition")]
    assert node.arg is not None
    axes = fresh(node.shape)
    letters = printer.lettering().add(_flat(axes))
    left = d.labels[node] + letters.show(axes)
    if node.op in ("call", "unknown"):
        right = f"{node.info}({printer.entry(node.arg, _flat(axes), letters)})"
    elif node.op in ("max", "min"):
        axis = "" if node.info == -1 else f", axis={node.info}"
        right = f"{node.op}({d.labels[node.arg]}{axis})" + letters.show(axes)
    else:
        right = plain(d.function_expr(node)) + letters.show(axes)
    return [Step(left, right, "definition")]


def _flat(axes: Sequence[Letters]) -> Letters:
    return tuple([letter for axis in axes for letter in axis])


def _ratio(d: "Derivation", node: Node, out: Sequence[Letters], own: Sequence[Letters], letters: Lettering) -> str:
    """The name of the derivative: ``dL/dW[p,q]``."""
    return f"d{d.labels[d.root]}{letters.show(out)}/d{d.labels[node]}{letters.show(own)}"


def partial(link: Link, own: Letters, graph: Graph) -> list[Term]:
    """The derivative of a node by one entry of a child: deltas in place of ``d child``."""
    terms = []
    for slot in link.slots:
        deltas = tuple([graph.delta(letter, mine) for letter, mine in zip(slot.letters, own)])
        coefficient, factors = slot.term
        terms.append((coefficient, factors[: slot.at] + deltas + factors[slot.at :]))
    return terms


def index_node_steps(node: Node, d: "Derivation", printer: IndexPrinter) -> list[Step]:
    """Say how the derivative by one node comes from those by the nodes that use it."""
    steps: list[Step] = []
    terms: list[Term] = []
    out, own = fresh(d.root.shape), grouped(node, _flat(fresh(node.shape)))
    base = printer.lettering().add(_flat(out)).add(_flat(own), OWN)
    names = dict(base.names)
    root_links = []
    for link in reversed(d.sweep.links[node]):
        raw = partial(link, _flat(own), d.graph)
        if link.parent is d.root:
            terms += Sum(grouped(d.root, link.letters) + own, raw).at(_flat(out) + _flat(own))
            root_links.append(link)
        else:
            letters = printer.lettering({l: names[l] for l in _flat(own)}).add(link.letters)
            for letter in link.letters:
                names.setdefault(letter, letters.names[letter])
            free = link.letters + _flat(own)
            short = collect(raw, free, d.graph)
            left = f"d{d.labels[link.parent]}{letters.show(grouped(link.parent, link.letters))}"
            left += f"/d{d.labels[node]}{letters.show(own)}"
            shown = printer.sum(raw, free, letters)
            steps.append(Step(left, shown, ", ".join([link_rule(link, node, d), *held(link, node, d)])))
            if printer.sum(short, free, letters) != shown:
                steps.append(Step("", printer.sum(short, free, letters), "sum over the deltas", True))
            joined = times(upstream(link.parent, d.sweep).at(_flat(out) + link.letters), short)
            terms += [counted(term, link.letters, d.graph) for term in joined]
    total = _flat(out) + _flat(own)
    letters = printer.lettering({l: names[l] for l in total})
    chained = printer.lettering(_unique(names, letters))
    left = _ratio(d, node, out, own, letters)
    rule = "chain rule" if len(root_links) < len(d.sweep.links[node]) else link_rule(root_links[0], node, d)
    adjoint = d.sweep.adjoints[node]
    result = adjoint.at(total)
    lines = [(printer.sum(terms, total, chained), rule)]
    merged = collect(terms, total, d.graph)
    keys = [{k: c for c, k in d.graph.key(Sum([total], one))[0]} for one in (terms, merged, result)]
    if any([factor[0].op == "delta" for _, factors in terms for factor in factors]):
        lines.append((printer.sum(merged, total, letters), _delta_rule(terms, merged, d)))
    elif keys[0] != keys[1]:
        lines.append((printer.sum(merged, total, letters), "collect"))
    if keys[1] != keys[2]:
        right = printer.sum(result, total, letters)
        lines.append((right, inserted(lines[-1][0], right, d) or d.sweep.reasons[node]))
    if node is d.variable or node in d.sweep.named:
        lines += _as_array(d.spell(adjoint), letters.show([*out, *own]))
    if node in d.sweep.named and node is not d.variable:
        lines.append((d.labels[d.sweep.named[node]] + letters.show([*out, *own]), "its name"))
    last = ""
    for right, reason in lines:
        if right != last:
            steps.append(Step(left, right, reason))
            left, last = "", right
    return steps


def _as_array(expr: Expr, index: str) -> list[tuple[str, str]]:
    """The last line, spelled with arrays, if it has one or two axes."""
    spelled = all(part.op not in ("einsum", "reshape") for part in postorder([expr]))
    if spelled and 1 <= len(expr.shape) <= 2 and expr.size > 1:
        return [(bracketed(expr) + index, "the same as an array")]
    return []


def _delta_rule(terms: Sequence[Term], merged: Sequence[Term], d: "Derivation") -> str:
    """What a sum over deltas makes of terms: two that are equal by symmetry become one."""
    nodes = [node for _, factors in merged for node, _, _ in factors] if len(merged) < len(terms) else []
    turned = [d.labels.get(node, d.labels.get(node.arg)) for node in nodes if node.symmetric and node.op != "delta"]  # type: ignore[arg-type]
    return ", ".join(["sum over the deltas", *dict.fromkeys([f"{label} is symmetric" for label in turned if label])])


def inserted(before: str, after: str, d: "Derivation") -> str:
    """The named values of one line that the next one writes out."""
    left, right = [[token.text for token in tokenize(text)] for text in (before, after)]
    gone = [word for word in dict.fromkeys(left) if word not in right and not ("/" in left and left.count(word) > 1)]
    labels = [label for node, label in d.labels.items() if node.children() and label in gone]
    return f"insert {', '.join(labels)}" if labels else ""


def _unique(names: dict[Letter, str], total: Lettering) -> dict[Letter, str]:
    """Keep the names that letters had in the lines above, where they do not clash."""
    kept = dict(total.names)
    for letter, name in names.items():
        if letter not in kept and name not in kept.values():
            kept[letter] = name
    return kept


def link_rule(link: Link, node: Node, d: "Derivation") -> str:
    """What licenses the derivative of a node by a child."""
    parent = link.parent
    if parent.op == "loss":
        return f"{link.slots[0].term[1][0][0].info} is the gradient of {d.labels[parent]}"
    if parent.sum is None:
        return function_rule(parent)
    found = [[power for other, _, power in factors if other is node] for _, factors in parent.sum.terms]
    if max(map(len, found)) > 1:
        return "product rule"
    if any(power != 1 for powers in found for power in powers):
        return "power rule"
    return f"only {d.labels[node]} varies"


def held(link: Link, node: Node, d: "Derivation") -> list[str]:
    """What stands still in the derivative of a node by a child, although it depends on that child too."""
    moving = {node}
    for other in d.sweep.path:
        if moving.intersection(other.children()):
            moving.add(other)
    still = [d.labels[other] for other in link.parent.children() if other in moving and other is not node]
    return [f"{' and '.join(still)} held fixed"] if still else []


def function_rule(node: Node) -> str:
    """What licenses the derivative of a function."""
    if node.op == "call":
        return f"derivative of {node.info}"
    return f"{node.info}' is the derivative of {node.info}" if node.op == "unknown" else f"differential of {node.op}"


def _layout_step(d: "Derivation", printer: IndexPrinter) -> list[Step]:
    """The last line of any other layout."""
    if d.layout_name == "shape":
        return []
    out, own = d.sweep_axes()
    letters = printer.lettering().add(_flat(out)).add(_flat(own), OWN)
    right = _ratio(d, d.variable, out, own, letters)
    return [Step("J" + letters.show(d.arrange(out, own)), right, f"{d.layout_name} layout")]
