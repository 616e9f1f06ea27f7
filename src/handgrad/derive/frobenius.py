"""The derivation in matrix notation: ``dL = G : dY``, and one factor after another moves across.

Every line reads the same indexed terms; what moves is the bracket.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .formula import tokenize
from .index import definition, derivative_steps, index_node_steps, link_rule
from .matrix import (
    Matrix,
    NoMatrixFormError,
    add,
    atom,
    call,
    flip,
    hadamard,
    identity,
    inner,
    negative,
    number,
    ones,
    over,
    product,
    to_matrix,
)  # fmt: skip
from .notation import IndexPrinter, Step
from .program import Program
from .sweep import Link, upstream
from .terms import Node, Sum

if TYPE_CHECKING:
    from .derivation import Derivation


MOVES = 200  # more than any line has operations


class Pair(NamedTuple):
    """A summand ``left : right``; the differential is in `right`."""

    left: Matrix
    right: Matrix


def show_pairs(pairs: list[Pair]) -> str:
    """Print a sum of Frobenius products; of scalars it is a product."""
    whole = add([_joined(pair) for pair in pairs], [1] * len(pairs))
    return str(whole)


def _joined(pair: Pair) -> Matrix:
    """The summand as one matrix, with its sign in front."""
    left, right = pair
    if left.scalar:
        return product(left, right)
    for part in pair:
        if negative(part):
            minus = number(-1)
            left, right = [product(minus, side) if side is part else side for side in pair]
            return product(minus, _joined(Pair(left, right)))
    return inner(left, right)


def varies(m: Matrix, name: str) -> bool:
    """Whether the differential `name` is in a part."""
    waiting = [m]
    while waiting:
        part = waiting.pop()
        if part.kind == "atom" and part.info == name:
            return True
        waiting += part.parts
    return False


def move(pair: Pair, name: str) -> tuple[Pair, str]:
    """Take the outermost operation off the differential; say by which rule.

    A differential is linear: these are all the operations that can hold it.
    """
    left, right = pair
    if right.kind == "T":
        return Pair(flip(left), flip(right)), "A:B = A^T:B^T"
    if right.kind == "product":
        return _move_product(left, right, name)
    if right.kind == "scale":
        scalar, rest = right.parts
        if varies(scalar, name):
            return Pair(_dot(left, rest), scalar), "A : (b C) = (A : C) b"
        return Pair(product(scalar, left), rest), "A : (c B) = (c A) : B" if scalar.info != -1 else ""
    if right.kind == "hadamard":
        others = [part for part in right.parts if not varies(part, name)]
        (mine,) = [part for part in right.parts if varies(part, name)]
        return Pair(_times(left, others), mine), "C : (A * B) = (C * A) : B"
    if right.kind == "over" and right.parts[0].scalar and not right.scalar:
        over_all = product(flip(ones(right.rows)), over(left, right.parts[1]), ones(right.columns))
        return Pair(over_all, right.parts[0]), "A : (b / C) = (1^T (A / C) 1) b"
    if right.kind == "over":
        return Pair(over(left, right.parts[1]), right.parts[0]), "C : (A / B) = (C / B) : A"
    if right.kind == "inner":
        mine, other = right.parts if varies(right.parts[0], name) else right.parts[::-1]
        return Pair(product(left, other), mine), "A:B = B:A"
    (mine,) = right.parts
    if right.info == "tr":
        return _move_trace(left, mine, name)
    return Pair(call("diag", left, mine.rows, mine.columns), mine), "A : diag(B) = diag(A) : B"


def _dot(left: Matrix, right: Matrix) -> Matrix:
    """``A : B``; of scalars their product."""
    return product(left, right) if left.scalar else inner(left, right)


def _times(left: Matrix, rest: list[Matrix]) -> Matrix:
    if left.kind == "scale":
        return product(left.parts[0], hadamard(left.parts[1], *rest))
    return product(left, hadamard(*rest) if len(rest) > 1 else rest[0]) if left.scalar else hadamard(left, *rest)


def _move_product(left: Matrix, right: Matrix, name: str) -> tuple[Pair, str]:
    at = next(k for k, part in enumerate(right.parts) if varies(part, name))
    if right.parts[at].kind == "T":
        rule = "x^T y = y^T x" if right.scalar else "A:B = A^T:B^T"
        turned = product(*[flip(part) for part in reversed(right.parts)])
        return Pair(flip(left), turned), rule
    before, mine, after = right.parts[:at], right.parts[at], right.parts[at + 1 :]
    if before and after and right.scalar:
        moved = product(left, flip(product(*before)), flip(product(*after)))
        return Pair(moved, mine), "u^T A v = (u v^T) : A"
    if after:
        rest = product(*before, mine)
        moved = product(left, flip(product(*after)))
        return Pair(moved, rest), "C:(AB) = (C B^T):A"
    moved = product(flip(product(*before)), left)
    rule = "a^T b = a:b" if right.scalar else "C:(AB) = (A^T C):B"
    return Pair(moved, mine), rule


def _move_trace(left: Matrix, m: Matrix, name: str) -> tuple[Pair, str]:
    if m.kind not in ("product", "T"):
        return Pair(product(left, identity(m.rows)), m), "tr(A) = I:A"
    parts = m.parts if m.kind == "product" else (m,)
    at = next(k for k, part in enumerate(parts) if varies(part, name))
    if parts[at].kind == "T":
        turned = call("tr", product(*[flip(part) for part in reversed(parts)]), (), ())
        return Pair(left, turned), "tr(A) = tr(A^T)"
    others = (*parts[at + 1 :], *parts[:at])
    if at < len(parts) - 1:
        turned = call("tr", product(*others, parts[at]), (), ())
        return Pair(left, turned), "tr(AB) = tr(BA)"
    return Pair(product(left, flip(product(*others))), parts[at]), "tr(A^T B) = A:B"


def frobenius_steps(d: "Derivation") -> list[Step]:
    """Write the derivation with differentials."""
    steps: list[Step] = []
    if d.root.dims:
        steps += _forward(d)
    else:
        for node in reversed(d.sweep.path):
            if node is not d.root and not d.is_upstream(node):
                steps += _node_steps(node, d)
    if d.variable is d.root and not d.root.dims:
        steps.append(Step(f"d{d.wrt}/d{d.wrt}", "1", "a number changes with itself"))
    if d.variable not in d.sweep.adjoints:
        steps.append(Step(f"d{d.labels[d.root]}/d{d.wrt}", "0", f"{d.wrt} does not occur"))
    needed = _mentioned(steps, d)
    return [_definition(node, d) for node in needed] + steps + _layout_step(d)


def _mentioned(steps: list[Step], d: "Derivation") -> list[Node]:
    """The named values that the steps speak of, and those that these speak of."""
    words = {token.text for step in steps for token in tokenize(step.right)}
    found: set[Node] = set()
    for node in reversed(d.defined()):
        # The loss sees the first value: where that is all, its name says enough.
        known = d.is_upstream(node) and len(d.sweep.path) == 3
        label = d.labels[node]
        if node is d.root or label in words or ("d" + label in words and not known):
            found.add(node)
            words |= {token.text for token in tokenize(_definition(node, d).right)}
    return [node for node in d.defined() if node in found]


def _definition(node: Node, d: "Derivation") -> Step:
    try:
        right = str(to_matrix(d.spell(node.sum) if node.sum else d.function_expr(node)))
        return Step(d.labels[node], right, "definition")
    except NoMatrixFormError:
        return definition(node, d, IndexPrinter(d.labels))[0]


def _differentials(link: Link, d: "Derivation") -> list[Matrix]:
    """The terms of ``d parent``, as matrices."""
    found = []
    for slot in link.slots:
        mark = Node("name", "d" + d.labels[slot.child], None, None, slot.child.shape, -1)
        coefficient, factors = slot.term
        parts = (*factors[: slot.at], (mark, slot.letters, 1), *factors[slot.at :])
        axes = d.group(link.parent, link.letters)
        found.append(to_matrix(d.spell(Sum(axes, [(coefficient, parts)]))))
    return found


def _node_steps(node: Node, d: "Derivation") -> list[Step]:
    name, top = "d" + d.labels[node], "d" + d.labels[d.root]
    left = f"{top}/d{d.labels[node]}"
    steps: list[Step] = []
    start, pairs = [], []
    try:
        for link in reversed(d.sweep.links[node]):
            above = to_matrix(d.spell(upstream(link.parent, d.sweep)))
            parts = _differentials(link, d)
            if link.parent is not d.root:
                whole = atom("d" + d.labels[link.parent], *(*link.parent.shape, (), ())[:2])
                start.append(Pair(above, whole))
            else:
                start += [Pair(above, part) for part in parts]
            pairs += [Pair(above, part) for part in parts]
        adjoint = d.sweep.adjoints[node]
        final = str(to_matrix(d.spell(adjoint))) if adjoint.terms else "0"
    except NoMatrixFormError:
        return index_node_steps(node, d, IndexPrinter(d.labels))
    reason = ", ".join(dict.fromkeys([link_rule(link, node, d) for link in reversed(d.sweep.links[node])]))
    lines = [(show_pairs(pairs), reason)]
    if len(d.sweep.links[node]) == 1 and show_pairs(start) != show_pairs(pairs):
        lines = [(show_pairs(start), ""), *lines]
    for _ in range(MOVES):
        moved = [move(pair, name) if pair.right.kind != "atom" else (pair, "") for pair in pairs]
        if pairs == [pair for pair, _ in moved]:
            break
        seen = [rule for (pair, rule), old in zip(moved, pairs) if rule and show_pairs([pair]) != show_pairs([old])]
        pairs = [pair for pair, _ in moved]
        lines.append((show_pairs(pairs), ", ".join(dict.fromkeys(seen))))
    last = ""
    for right, rule in lines:
        if right != last:
            steps.append(Step("" if steps else top, right, rule))
            last = right
    total = pairs[0].left if len(pairs) == 1 else add([pair.left for pair in pairs], [1] * len(pairs))
    done = all(pair.right.kind == "atom" for pair in pairs)
    if done and str(total) != final:
        steps.append(Step(left, str(total), "", result=True))
        steps.append(Step("", final, _why(str(total), final, node, d)))
    else:
        steps.append(Step(left, final, "" if done else "entry by entry", result=True))
    if node in d.sweep.named and node is not d.variable:
        steps.append(Step("", d.labels[d.sweep.named[node]], "its name"))
    return steps


def _why(before: str, after: str, node: Node, d: "Derivation") -> str:
    """What turns the sum of all parts into the result."""
    if d.sweep.reasons[node] != "collect":
        return d.sweep.reasons[node]
    turned = [label for other, label in d.labels.items() if other.symmetric and other.op != "delta"
              and any(f"{label}{sign}" in before.replace("(", " ").split() and f"{label}{sign}" not in after
                      for sign in ("^T", "^-T"))]  # fmt: skip
    if not turned:
        return "collect"
    return f"{' and '.join(turned)} {'is' if len(turned) == 1 else 'are'} symmetric"


def _forward(d: "Derivation") -> list[Step]:
    """For an output that is no scalar: the differentials, and the derivative where it is a matrix."""
    steps: list[Step] = []
    by_parent: dict[Node, list[tuple[Node, Link]]] = {}
    for node, links in d.sweep.links.items():
        for link in links:
            by_parent.setdefault(link.parent, []).append((node, link))
    try:
        for parent in sorted(by_parent, key=lambda node: node.index):
            parts = [part for _, link in by_parent[parent] for part in _differentials(link, d)]
            total = parts[0] if len(parts) == 1 else add(parts, [1] * len(parts))
            rules = dict.fromkeys([link_rule(link, node, d) for node, link in by_parent[parent]])
            if len(by_parent[parent]) > 1 and any([rule.startswith("only") for rule in rules]):
                rules = dict.fromkeys(["product rule"] * _multiply(parent, by_parent[parent]) or ["term by term"])
            steps.append(Step(f"d{d.labels[parent]}", str(total), ", ".join(rules)))
        if d.variable in d.sweep.adjoints:
            top, why = f"d{d.labels[d.root]}", "the matrix in front of the differential"
            program = d.program if d.layout_name == "shape" else d.layout("shape").program
            if not {*program.definitions} <= {*d.labels.values()}:  # something has a name that no line defines
                program = Program({}, d.spell(d.arranged("shape")))
            for name, expr in program.definitions.items():
                if name.startswith("J_"):
                    steps += [
                        Step(f"{top}/d{name[2:]}", str(to_matrix(expr)), why, result=True),
                        Step("", name, "its name"),
                    ]
            steps.append(Step(f"{top}/d{d.wrt}", str(to_matrix(program.result)), why, result=True))
    except NoMatrixFormError:
        steps += derivative_steps(d)
    return steps


def _multiply(parent: Node, links: Sequence[tuple[Node, Link]]) -> bool:
    """Whether two of what varies are factors of one term."""
    varying = {node for node, _ in links}
    terms = parent.sum.terms if parent.sum else ()
    return any([len(varying & {node for node, _, _ in factors}) > 1 for _, factors in terms])


def _layout_step(d: "Derivation") -> list[Step]:
    if d.layout_name == "shape":
        return []
    try:
        right = str(to_matrix(d.spell(d.arranged(d.layout_name))))
    except NoMatrixFormError:
        return []
    return [Step("J", right, f"{d.layout_name} layout")]
