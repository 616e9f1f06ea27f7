"""Differentials from the variable to an output that is no scalar, in matrix notation."""

from collections.abc import Sequence

from handgrad.derive.engine.sweep import Link
from handgrad.derive.engine.terms import Node, Sum, grouped
from handgrad.derive.language.formula import tokenize
from handgrad.derive.language.matrix import (  # fmt: skip
    Matrix,
    NoMatrixFormError,
    add,
    around,
    atom,
    diagonal,
    flip,
    hadamard,
    identity,
    is_identity,
    number,
    ones,
    ordered,
    over,
    product,
    replaced,
    to_matrix,
    turned,
    varies,
)
from handgrad.derive.language.trees import postorder
from handgrad.derive.spelling.program import Program
from handgrad.derive.spelling.result import Result

from .index import derivative_steps, new_lines
from .reasons import LONG, inserted, link_rule
from .steps import WIDTH, Step


def differentials(link: Link, d: Result) -> list[Matrix]:
    """The terms of ``d parent``, as matrices."""
    mark = Node("name", "d" + d.labels[link.child], None, None, link.child.shape, -1)
    filled = [slot.filled(((mark, slot.letters, 1),)) for slot in link.slots]
    return [to_matrix(d.spell(Sum(grouped(link.parent, link.letters), [term]))) for term in filled]


def forward_steps(d: Result) -> list[Step]:
    """The differentials, one put into the other, and the derivative where it is a matrix."""
    steps: list[Step] = []
    known: dict[str, Matrix] = {}  # every differential in terms of that of the variable
    try:
        for parent in d.sweep.path[1:]:
            links = [link for links in d.sweep.links.values() for link in links if link.parent is parent]
            parts = [part for link in links for part in differentials(link, d)]
            total = add(parts)
            rules = dict.fromkeys([link_rule(link, d) for link in links])
            if len(links) > 1 and any([rule.startswith("only") for rule in rules]):
                rules = dict.fromkeys([_joint_rule(links)])
            steps.append(Step(f"d{d.labels[parent]}", str(total), ", ".join(rules)))
            inside = replaced(total, known)
            if len(str(inside)) < LONG:
                known[f"d{d.labels[parent]}"] = inside
        if d.sweep.path:
            steps += _put_together(d, known if len(known) == len(steps) else {})
    except NoMatrixFormError:
        steps += derivative_steps(d)
    return steps


def _joint_rule(links: Sequence[Link]) -> str:
    """What licenses a differential in which several things vary: they may be factors of one term."""
    varying = {link.child for link in links}
    total = links[0].parent.sum
    assert total is not None
    moving = [[power for node, _, power in factors if node in varying] for _, factors in total.terms]
    if all([len(powers) < 2 for powers in moving]):
        return "term by term"
    return "quotient rule" if any([power < 0 for powers in moving for power in powers]) else "product rule"


def _put_together(d: Result, known: dict[str, Matrix]) -> list[Step]:
    """From the differentials, if all of them are known, to the derivative."""
    steps: list[Step] = []
    front: Matrix | None = None
    top, name, why = f"d{d.labels[d.root]}", f"d{d.wrt}", f"the matrix in front of d{d.wrt}"
    if known:
        *inner, _ = known
        whole, rules = known[top], dict[str, None]()
        front = in_front(whole, name, rules) if len(d.root.shape) == 1 == len(d.variable.shape) else None
        if inner and (front is not None or len(str(whole)) < WIDTH):
            told = ", ".join(inner) if len(inner) <= 4 else "all differentials"
            steps.append(Step("", str(whole), f"insert {told}"))
        if front is not None:
            moved = product(front, atom(name, d.variable.shape[0]))
            if rules and str(moved) != str(whole):
                steps.append(Step("", str(moved), ", ".join(rules)))
            steps.append(Step(f"{top}/{name}", str(front), why, result=True))
    program = d.in_shape
    final = to_matrix(program.result)
    named = [label for label in program.definitions if label.startswith("J_")]
    if front is not None and (named or _says_more(front, final, program, d)):
        return steps
    for label in named:
        reason = f"the matrix in front of d{label[2:]}"
        steps.append(Step(f"{top}/d{label[2:]}", str(to_matrix(program.definitions[label])), reason, result=True))
        steps.append(Step("", label, "its name"))
    if front is None:
        value = d.spell(d.arranged("shape"))  # by the names that the lines before it have
        unknown = any([str(part.info).startswith("J_") for part in postorder([value])])
        first = str(final if unknown else to_matrix(value))
        lines = new_lines("", [(first, why), (str(final), inserted(first, str(final), d) or "collect")])
        return [*steps, lines[0]._replace(left=f"{top}/{name}", result=True), *lines[1:]]
    return [*steps, Step("", str(final), inserted(str(front), str(final), d) or "collect")]


def _says_more(front: Matrix, final: Matrix, program: Program, d: Result) -> bool:
    """Whether the matrix in front of the differential is the better last line: shorter, and of defined names."""
    hidden = {label for node, label in d.labels.items() if node.children} - {*program.definitions}
    words = {token.text for token in tokenize(str(front))}
    return ordered(front) == ordered(final) or (len(str(front)) < len(str(final)) and not hidden.intersection(words))


def in_front(m: Matrix, name: str, rules: dict[str, None]) -> Matrix | None:
    """The matrix J of ``m = J dx``, for a column; None if it is not found. What was used is put into `rules`."""
    if m.kind == "atom":
        return identity(m.rows)
    if m.kind == "sum":
        parts = [in_front(part, name, rules) for part in m.parts]
        found = [part for part in parts if part is not None]
        return add(found, m.info) if len(found) == len(parts) else None
    before, mine, after = around(m, name)
    others = before + after
    if m.kind == "product" and m.scalar and not before:
        rules["x^T y = y^T x"] = None
        return in_front(turned(m), name, rules)
    if m.kind == "over" and mine.kind == "hadamard" and not others[0].scalar:  # (r * dx) / x = (r / x) * dx
        still = next(part for part in mine.parts if not varies(part, name))
        divided = [over(part, others[0]) if part is still else part for part in mine.parts]
        return in_front(hadamard(*divided), name, rules)
    front = None if mine.columns or m.kind in ("call", "inner") else in_front(mine, name, rules)
    if front is None:
        return None
    if m.kind == "over":
        v = others[0]
        if v.scalar:
            return over(front, v)
        if mine.scalar:
            rules["c / v = (1 / v) c"] = None
            return product(over(number(1), v), front)
        if is_identity(front):
            rules["u / v = diag(1 / v) u"] = None
            return product(diagonal(over(number(1), v), v.rows, v.rows), front)
        rules["(A u) / v = (A / (v 1^T)) u"] = None
        return over(front, product(v, flip(ones(front.columns))))
    if m.kind == "hadamard":
        v = hadamard(*others)
        rules["v * u = diag(v) u"] = None
        return product(diagonal(v, v.rows, v.rows), front)
    if m.kind == "scale" and after:
        rules["(a^T b) c = c a^T b"] = None
    if m.kind == "product" and after:  # what stands behind a column is a number
        rules["c a^T b = (a^T b) c"] = None
        return product(product(*after), *before, front)
    return product(*others, front)
