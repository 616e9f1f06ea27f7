"""The derivation in matrix notation: ``dL = G : dY``, and one factor after another moves across.

Every line reads the same indexed terms; what moves is the bracket.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from handgrad.derive.engine.sweep import Link, upstream
from handgrad.derive.engine.terms import Node, reachable
from handgrad.derive.language.formula import tokenize
from handgrad.derive.language.matrix import (  # fmt: skip
    Matrix,
    NoMatrixFormError,
    add,
    around,
    atom,
    call,
    diagonal,
    divided,
    factors_of,
    flip,
    hadamard,
    has_matrix_form,
    identity,
    inner,
    is_identity,
    negative,
    number,
    ones,
    opposite,
    ordered,
    over,
    power,
    product,
    to_matrix,
    turned,
    varies,
    walk,
)
from handgrad.derive.spelling.program import written_out
from handgrad.derive.spelling.result import Result

from .forward import differentials, forward_steps
from .index import defining, definition, has_loss, index_node_steps, index_steps, new_lines, no_way
from .reasons import held, inserted, link_rule, rule_with_values, with_values
from .steps import Step

MOST = 200  # lines, more than any differential needs to come free


class Pair(NamedTuple):
    """A summand ``left : right``; the differential is in `right`."""

    left: Matrix
    right: Matrix


def show_pairs(pairs: list[Pair]) -> str:
    """Print a sum of Frobenius products; of scalars it is a product."""
    return str(add([_joined(pair) for pair in pairs], [1] * len(pairs)))


def _joined(pair: Pair) -> Matrix:
    """The summand as one matrix, with its sign in front."""
    left, right = pair
    if left.scalar:
        return product(left, right)
    if negative(left):
        return opposite(_joined(Pair(opposite(left), right)))
    if negative(right):
        return opposite(_joined(Pair(left, opposite(right))))
    return inner(left, right)


def move(pair: Pair, name: str) -> tuple[Pair, str]:
    """Take the outermost operation off the differential; say by which rule.

    A differential is linear: these are all the operations that can hold it.
    """
    left, right = pair
    if right.kind == "atom":
        return pair, ""
    before, mine, after = around(right, name)
    if right.kind == "T":
        return Pair(flip(left), flip(right)), "A:B = A^T:B^T"
    if right.kind == "product":
        return _move_product(left, right, name)
    if _has_number(right, name):
        while _has_number(right, name):  # all at once
            if right.kind == "over":
                right, scalar = right.parts
                left = over(left, scalar)
            else:
                scalar, right = right.parts
                left = product(left, scalar) if left.scalar else product(scalar, left)
        return Pair(left, right), "" if left.scalar else "A : (c B) = (c A) : B"
    if right.kind == "scale":
        scalar, rest = right.parts
        return Pair(_dot(left, rest), scalar), "" if left.scalar else "A : (b C) = (A : C) b"
    if right.kind == "hadamard":
        return Pair(hadamard(left, *before, *after), mine), "C : (A * B) = (C * A) : B"
    if right.kind == "over" and mine.scalar:
        over_all = product(flip(ones(right.rows)), over(left, *after), ones(right.columns))
        return Pair(over_all, mine), "A : (b / C) = (1^T (A / C) 1) b"
    if right.kind == "over":
        return Pair(over(left, *after), mine), "C : (A / B) = (C / B) : A"
    if right.kind == "inner":
        rules = ["A:B = B:A"] * bool(after) + ["c (A:B) = (c A):B"] * (str(left) not in ("1", "-1"))
        return Pair(product(left, *before, *after), mine), ", ".join(rules)
    if right.info == "tr":
        return _move_trace(left, mine, name)
    return Pair(diagonal(left, mine.rows, mine.columns), mine), "A : diag(B) = diag(A) : B"


def _has_number(m: Matrix, name: str) -> bool:
    """Whether a matrix is multiplied or divided by a number that does not vary."""
    if m.kind == "scale":
        return not varies(m.parts[0], name)
    return divided(m)


def settled(pair: Pair, name: str) -> Pair:
    """A product of numbers, with the differential last: numbers commute."""
    while pair.left.scalar and (pair.right.kind == "scale" or divided(pair.right)):
        pair, _ = move(pair, name)
    return pair


def _dot(left: Matrix, right: Matrix) -> Matrix:
    """``A : B``, with numbers outside; of scalars their product."""
    if left.kind == "scale":
        return product(left.parts[0], _dot(left.parts[1], right))
    if divided(left):
        return over(_dot(left.parts[0], right), left.parts[1])
    return product(left, right) if left.scalar else inner(left, right)


def _move_product(left: Matrix, right: Matrix, name: str) -> tuple[Pair, str]:
    before, mine, after = around(right, name)
    if mine.kind == "T":
        return Pair(flip(left), turned(right)), "x^T y = y^T x" if right.scalar else "A:B = A^T:B^T"
    if before and after and right.scalar:
        moved = product(left, flip(product(*before)), flip(product(*after)))
        return Pair(moved, mine), "u^T A v = (u v^T) : A"
    if after:
        return Pair(product(left, flip(product(*after))), product(*before, mine)), "C:(AB) = (C B^T):A"
    moved = product(flip(product(*before)), left)
    return Pair(moved, mine), "a^T b = a:b" if right.scalar else "C:(AB) = (A^T C):B"


def _move_trace(left: Matrix, m: Matrix, name: str) -> tuple[Pair, str]:
    if m.kind != "product":
        return Pair(product(left, identity(m.rows)), m), "tr(A) = I:A"
    before, mine, after = around(m, name)
    if mine.kind == "T":
        return Pair(left, call("tr", flip(m), (), ())), "tr(A) = tr(A^T)"
    if after:
        return Pair(left, call("tr", product(*after, *before, mine), (), ())), "tr(AB) = tr(BA)"
    return Pair(product(left, flip(product(*before))), mine), "tr(A^T B) = A:B"


def frobenius_steps(d: Result) -> list[Step]:
    """Write the derivation with differentials."""
    steps: list[Step] = []
    if d.root.dims:
        steps += forward_steps(d)
    else:
        for node in reversed(d.sweep.path):
            if not d.is_given(node):
                steps += _node_steps(node, d)
        steps += _written_out(steps, d)
    if d.variable is d.root and not d.root.dims:
        steps.append(Step(f"d{d.wrt}/d{d.wrt}", "1", "a number changes with itself"))
    elif d.variable not in d.sweep.path:
        steps.append(Step(f"d{d.labels[d.root]}/d{d.wrt}", "0", no_way(d)))
    steps += _layout_step(d)
    return [_definition(node, d) for node in _mentioned(steps, d)] + steps


def _written_out(steps: list[Step], d: Result) -> list[Step]:
    """The gradient as it is printed, if the last line has another form."""
    result = d.in_shape.result
    in_letters = any(["[" in step.right for step in steps[-1:]]) or not has_matrix_form(result)
    if in_letters or has_loss(result) or d.variable not in d.sweep.path:
        return []
    total, final = to_matrix(d.spell(d.sweep.adjoints[d.variable])), to_matrix(result)
    return _rewritten(total, final, "collect", d) if ordered(total) != ordered(final) else []


def _mentioned(steps: list[Step], d: Result) -> list[Node]:
    """The named values that the steps speak of, and those that these speak of."""
    words = {token.text for step in steps for token in tokenize(step.right)}
    found: set[Node] = set()
    for node in [*reversed(d.defined())] * 2:
        # The loss sees the first value: where that is all, its name says enough.
        known = d.is_given(node) and len(d.sweep.path) == 3 and not found
        label = d.labels[node]
        if node is d.root or label in words or ("d" + label in words and not known):
            found.add(node)
            words |= {token.text for token in tokenize(_definition(node, d).right)}
    return [node for node in d.defined() if node in found]


def _definition(node: Node, d: Result) -> Step:
    try:
        right = str(to_matrix(written_out(node, d.refer)))
        return Step(d.labels[node], right, defining(node, d))
    except NoMatrixFormError:
        return definition(node, d)


def _node_steps(node: Node, d: Result) -> list[Step]:
    name, top = "d" + d.labels[node], "d" + d.labels[d.root]
    links = d.sweep.links[node][::-1]
    start, pairs = [], []
    try:
        for link in links:
            above = to_matrix(d.spell(upstream(link.parent, d.sweep)))
            parts = [settled(Pair(above, part), name) for part in differentials(link, d)]
            pairs += parts
            if not d.is_total(link.parent):
                parts = [Pair(above, atom("d" + d.labels[link.parent], *(*link.parent.shape, (), ())[:2]))]
            start += parts
        adjoint = d.sweep.adjoints[node]
        final = to_matrix(d.spell(adjoint)) if adjoint.terms else number(0)
    except NoMatrixFormError:
        return index_node_steps(node, d)
    reason = _reason(links, d)
    lines = [(show_pairs(pairs), reason)]
    if show_pairs(start) != show_pairs(pairs) and not _nested([link.parent for link in links], d):
        known = [link.parent for link in links if d.is_given(link.parent) and not d.is_total(link.parent)]
        why = ["chain rule", *[link_rule(d.sweep.links[value][0], d) for value in known]] if len(links) > 1 else []
        lines = [(show_pairs(start), ", ".join(why)), *lines]
    while len(lines) < MOST and any(pair.right.kind != "atom" for pair in pairs):
        moved = [move(pair, name) for pair in pairs]
        seen = [rule for (pair, rule), old in zip(moved, pairs) if rule and show_pairs([pair]) != show_pairs([old])]
        pairs = [pair for pair, _ in moved]
        lines.append((show_pairs(pairs), ", ".join(dict.fromkeys([one for rule in seen for one in rule.split(", ")]))))
    steps = new_lines(top, lines)
    total = add([pair.left for pair in pairs])
    its_name = d.labels[d.sweep.named[node]] if node in d.sweep.named else ""
    if str(total) == its_name:  # what comes back has come before
        return [*steps, Step(f"{top}/{name}", its_name, "", result=True)]
    same = ordered(total) == ordered(final)
    steps.append(Step(f"{top}/{name}", str(final if same else total), "", result=True))
    if not same:
        steps += _rewritten(total, final, d.sweep.reasons[node], d)
    if its_name and node is not d.variable:
        steps.append(Step("", its_name, "its name"))
    return steps


def _nested(parents: Sequence[Node], d: Result) -> bool:
    """Whether one of several values is computed from another, so that its differential has that of the other."""
    inner = [parent for parent in parents if parent is not d.root]
    # What sends nothing back because two ways cancel does so in neither of them.
    silent = [node for node in d.sweep.path if len(d.sweep.links[node]) > 1 and not d.sweep.adjoints[node].terms]
    return any([one is not other and one in reachable([other]) for one in (*inner, *silent) for other in inner])


def _reason(links: Sequence[Link], d: Result) -> str:
    """What licenses the differentials of all parents of a node, and which part of them this is."""
    found: list[str] = []
    for link in links:
        rule = link_rule(link, d)
        others = [other for other in link.parent.children if other in d.sweep.path and other is not link.child]
        found += [rule, *[f"only {d.labels[link.child]} varies"] * bool(others and not rule.startswith("only"))]
    return ", ".join([*dict.fromkeys(found), *held(links, d)])


def _rewritten(total: Matrix, final: Matrix, reason: str, d: Result) -> list[Step]:
    """From the sum of all parts to the result: what has a name is put in first, then a rule is used."""
    gone = _cancelled(total, final)
    if gone:
        return [Step("", str(final), f"cancel {', '.join(gone)}")]
    inside, put_in, left = with_values(total, final, reason, d)
    told = f"insert {', '.join(put_in)}" if put_in else inserted(str(total), str(final), d)
    if put_in and ordered(inside) not in (ordered(total), ordered(final)) and not left:
        return [Step("", str(inside), told), *_rewritten(inside, final, reason, d)]
    rule = rule_with_values(str(total), str(final), reason, d)
    return [Step("", str(final), rule if reason != "collect" else told or _why(total, final, d))]


def _why(total: Matrix, final: Matrix, d: Result) -> str:
    """What turns the sum of all parts into the result, where no name is put in."""
    before, after = str(total), str(final)
    total, final = [_without_numbers(m) for m in (total, final)]
    if total.kind == "inner":
        return _inner_rule(total, final)
    rules = [
        rule for rule, holds in SHAPES.items() if any(map(holds, walk(total))) and not any(map(holds, walk(final)))
    ]
    if rules:
        return ", ".join(rules)
    words = re.split(r"[ ()-](?!T)", before)
    mirrored = [label for other, label in d.labels.items() if other.symmetric and other.op != "delta"
              and any(f"{label}{sign}" in words and f"{label}{sign}" not in after for sign in ("^T", "^-T"))]  # fmt: skip
    if not mirrored:
        return "collect"
    return f"{' and '.join(mirrored)} {'is' if len(mirrored) == 1 else 'are'} symmetric"


def _is_outer(m: Matrix) -> bool:
    """Whether a product is a column times a row, or has them side by side."""
    return m.kind == "product" and any([not part.columns for part in m.parts[:-1]])


def _repeats_a_row(m: Matrix) -> bool:
    """Whether a product is the sum over the rows of ``A * (1 v^T)``."""
    first, last = (m.parts[0], m.parts[-1]) if m.kind == "product" else (m, m)
    rows = [part for part in first.parts if _is_outer(part) and str(part.parts[0]) == str(ones(part.rows))]
    return first.kind == "hadamard" and bool(rows) and str(last) == str(ones(last.rows))


# What turns a shape of the sum into one of the result.
SHAPES: dict[str, Callable[[Matrix], bool]] = {
    "tr(AB) = tr(BA), tr(x y^T) = y^T x": lambda m: m.info == "tr" and any(map(_is_outer, walk(m))),
    "(A * (1 v^T)) 1 = A v": _repeats_a_row,
}


def _cancelled(total: Matrix, final: Matrix) -> list[str]:
    """What stands above and below the line in one summand, if the result is what is left."""
    gone: dict[str, None] = {}
    summands = total.parts if total.kind == "sum" else (total,)
    left = [_shortened(part, gone) for part in summands]
    signs = total.info if total.kind == "sum" else ()
    return [*gone] if gone and ordered(add(left, signs)) == ordered(final) else []


def _shortened(m: Matrix, gone: dict[str, None]) -> Matrix:
    """A product without the factors that cancel, which are put into `gone`."""
    powers: dict[str, tuple[Matrix, float]] = {}
    for side, factor in factors_of(m):
        plain = factor.kind != "power" or factor.parts[1].kind != "number"
        base, exponent = (factor, number(1)) if plain else factor.parts
        _, before = powers.get(str(base), (base, 0))
        by = exponent.info if side == "*" else -exponent.info
        if before * by < 0:
            gone[str(base)] = None
        powers[str(base)] = base, before + by
    above, below = [[_raised(base, sign * by) for base, by in powers.values() if sign * by > 0] for sign in (1, -1)]
    made = hadamard(*above) if above else number(1)
    return over(made, hadamard(*below)) if below else made


def _raised(base: Matrix, exponent: float) -> Matrix:
    return base if exponent == 1 else power(base, number(exponent))


def _without_numbers(m: Matrix) -> Matrix:
    while m.kind in ("scale", "over"):
        m = m.parts[m.kind == "scale"]
    return m


def _moves(c: Matrix, ab: Matrix) -> list[tuple[Pair, str]]:
    """What becomes of ``C : (A B)`` when a factor moves to the other side."""
    if ab.kind != "product":
        return []
    a, *middle, b = ab.parts
    return [
        (Pair(product(c, flip(b)), product(a, *middle)), "C:(AB) = (C B^T):A"),
        (Pair(product(flip(a), c), product(*middle, b)), "C:(AB) = (A^T C):B"),
    ]


def _turned_sign(m: Matrix) -> Matrix:
    """A product with ``B - A`` for ``A - B``."""
    if m.kind == "sum":
        return add(list(m.parts), [-sign for sign in m.info])
    if m.kind == "T":
        return flip(_turned_sign(*m.parts))
    if m.kind in ("product", "inner"):
        return Matrix(m.kind, (_turned_sign(m.parts[0]), *m.parts[1:]), m.info, m.rows, m.columns)
    return m


def _multiplied_out(m: Matrix) -> Matrix:
    """``A C - B C`` for ``(A - B) C``."""
    first, *others = m.parts or (m,)
    if m.kind != "product" or first.kind != "sum":
        return m
    return add([product(part, *others) for part in first.parts], first.info)


def _inner_rule(total: Matrix, final: Matrix) -> str:
    """What makes something else of ``A : B``."""
    left, right = total.parts
    if any(map(is_identity, total.parts)):
        return "A:I = tr(A)"
    if final.info == "tr":
        return "A:B = tr(A^T B)"
    if final.kind == "inner":
        wanted = ordered(final), ordered(_turned_sign(final))
        for moved, rule in [*_moves(left, right), *_moves(right, left)]:
            if ordered(inner(*moved)) in wanted:
                return rule
            if ordered(inner(*map(_multiplied_out, moved))) in wanted:
                return f"{rule}, multiply out"
            if ordered(inner(*map(flip, moved))) in wanted:
                return f"{rule}, A:B = A^T:B^T"
        mirrored = {str(flip(left)), str(flip(right))} == {str(part) for part in final.parts}
        return "A:B = A^T:B^T" if mirrored else "collect"
    if left.rows and left.columns:
        return "A : (u v^T) = u^T A v"
    return "a:b = a^T b" if left.rows else "a:b = a b^T"


def _layout_step(d: Result) -> list[Step]:
    if d.layout_name == "shape":
        return []
    named = [label for label in d.labels.values() if not label.startswith("J_")]  # steps of the other notation
    try:
        right = to_matrix(d.spell(d.arranged(d.layout_name), named))
    except NoMatrixFormError:
        return []
    # An array with one axis is a column here; the derivative of a number by a column is a row in these layouts.
    right = flip(right) if d.derivative_is_row() else right
    return [Step("J", str(right), f"{d.layout_name} layout")]


STEPS: dict[str, Callable[[Result], list[Step]]] = {"index": index_steps, "frobenius": frobenius_steps}
