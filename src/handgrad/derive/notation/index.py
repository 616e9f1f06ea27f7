"""The derivation in index notation: product rule, deltas, sums over deltas, chain rule."""

from collections.abc import Iterable, Sequence

from handgrad.derive.engine.lower import fresh
from handgrad.derive.engine.sweep import upstream
from handgrad.derive.engine.terms import (
    Node,
    Sum,
    Term,
    collect,
    counted,
    grouped,
    reachable,
    times,
)
from handgrad.derive.language.dims import flat
from handgrad.derive.language.expression import Expr
from handgrad.derive.language.matrix import has_matrix_form, ordered, to_matrix
from handgrad.derive.language.numpy_text import bracketed
from handgrad.derive.language.trees import postorder
from handgrad.derive.spelling.entries import IndexPrinter, Lettering
from handgrad.derive.spelling.program import OF_ENTRIES, written_out
from handgrad.derive.spelling.result import Result

from .reasons import cancelled, delta_rule, held, inserted, is_rule, link_rule, rule_with_values, with_values
from .steps import Step

OWN = "pqrstuvw"  # the letters of the variable


def index_steps(d: Result) -> list[Step]:
    """Write the derivation, entry by entry."""
    return [definition(node, d) for node in d.defined()] + derivative_steps(d)


def derivative_steps(d: Result) -> list[Step]:
    """The lines that derive, without the definitions before them."""
    steps: list[Step] = []
    for node in reversed(d.sweep.path):
        if not d.is_given(node):
            steps += index_node_steps(node, d)
    if d.variable is d.root or d.variable not in d.sweep.path:
        adjoint, letters = d.sweep.adjoints[d.variable], _lettering(d.variable, d)
        why = "an entry changes with itself only" if d.variable is d.root else no_way(d)
        right = d.printer.sum(adjoint.terms, adjoint.free, letters)
        steps.append(Step(_ratio(d.variable, d, letters), right, why))
    return steps + _layout_step(d)


def no_way(d: Result) -> str:
    """Why a derivative is zero before anything is computed."""
    occurs = d.variable in reachable([d.root])
    return f"no slope reaches {d.wrt}" if occurs else f"{d.wrt} does not occur"


def definition(node: Node, d: Result) -> Step:
    """What a named value stands for."""
    axes = node.sum.axes if node.sum is not None else fresh(node.shape)
    letters = d.printer.lettering().add(flat(axes))
    index = letters.show(axes)
    if node.sum is not None:
        right = d.printer.sum(node.sum.terms, node.sum.free, letters)
    elif node.op in OF_ENTRIES:
        right = d.printer.written_out(node, flat(axes), letters)
    elif node.op in ("max", "min"):
        axis = "" if node.info == -1 else f", axis={node.info}"
        right = f"{node.op}({d.refer(node.args[0])}{axis})" + index
    else:
        right = f"{written_out(node, d.refer)}{index}"
    return Step(d.labels[node] + index, right, defining(node, d))


def defining(node: Node, d: Result) -> str:
    """The reason of a definition: a second derivative derives the first."""
    return f"the derivative by {d.first.wrt}" if d.first and node is d.root else "definition"


def _lettering(node: Node, d: Result) -> Lettering:
    """Letters for the derivative by a node: those of the output, and others for those of the node."""
    free, rank = d.sweep.adjoints[node].free, len(d.root.dims)
    return d.printer.lettering().add(free[:rank]).add(free[rank:], OWN)


def _ratio(node: Node, d: Result, letters: Lettering) -> str:
    """The name of the derivative by a node: ``dL/dW[p,q]``."""
    axes, rank = d.sweep.adjoints[node].axes, len(d.root.shape)
    return f"d{d.labels[d.root]}{letters.show(axes[:rank])}/d{d.labels[node]}{letters.show(axes[rank:])}"


def new_lines(left: str, lines: Iterable[tuple[str, str]]) -> list[Step]:
    """Steps with one left side, given the right sides and the reasons; what repeats the line before is left out."""
    steps: list[Step] = []
    for right, reason in lines:
        if not steps or right != steps[-1].right:
            steps.append(Step("" if steps else left, right, reason))
    return steps


def index_node_steps(node: Node, d: Result) -> list[Step]:
    """Say how the derivative by one node comes from those by the nodes that use it."""
    steps: list[Step] = []
    terms: list[Term] = []
    links, total, rank = d.sweep.links[node][::-1], d.sweep.adjoints[node].free, len(d.root.dims)
    out, own = total[:rank], total[rank:]
    letters = _lettering(node, d)
    names = dict(letters.names)
    for link in links:
        raw = [slot.filled(tuple(map(d.graph.delta, slot.letters, own))) for slot in link.slots]
        free = link.letters + own
        if d.is_total(link.parent):
            terms += Sum([free], raw).at(total)
            continue
        here = d.printer.lettering({l: names[l] for l in own}).add(link.letters)
        # The chain rule calls letters as the lines above it do, where that does not clash.
        names |= {l: here.names[l] for l in link.letters if here.names[l] not in names.values()}
        left = f"d{d.labels[link.parent]}{here.show(grouped(link.parent, link.letters))}"
        left += f"/d{d.labels[node]}{here.show(grouped(node, own))}"
        short = collect(raw, free, d.graph)
        reason = ", ".join([link_rule(link, d), *held([link], d)])
        slopes = [(d.printer.sum(one, free, here), why) for one, why in ((raw, reason), (short, "sum over the deltas"))]
        steps += [step._replace(joined=not step.left) for step in new_lines(left, slopes)]
        joined = times(upstream(link.parent, d.sweep).at(out + link.letters), short)
        terms += [counted(term, link.letters, d.graph) for term in joined]
    rule = link_rule(links[0], d) if all(d.is_total(link.parent) for link in links) else "chain rule"
    first = d.printer.sum(terms, total, d.printer.lettering(names)), rule
    return steps + new_lines(_ratio(node, d, letters), _simplified(node, terms, first, letters, d))


def _simplified(
    node: Node, terms: Sequence[Term], first: tuple[str, str], letters: Lettering, d: Result
) -> list[tuple[str, str]]:
    """The line of the chain rule, and what becomes of its terms."""
    lines, adjoint, name = [first], d.sweep.adjoints[node], d.sweep.named.get(node)
    total, index = adjoint.free, letters.show(adjoint.axes)
    its_name = d.labels[name] + index if name else ""
    merged = collect(terms, total, d.graph)
    keys = [{k: c for c, k in d.graph.key(Sum([total], one))[0]} for one in (terms, merged, adjoint.terms)]
    deltas = any([factor[0].op == "delta" for _, factors in terms for factor in factors])
    if deltas or keys[0] != keys[1]:
        rules = [delta_rule(terms, merged, d)] * deltas + cancelled(terms, total, d)
        lines.append((d.printer.sum(merged, total, letters), ", ".join(rules) or "collect"))
    if lines[-1][0] == its_name:  # what comes back is what has come before
        return lines
    if keys[1] != keys[2]:
        right = d.printer.sum(adjoint.terms, total, letters)
        reason = d.sweep.reasons[node]
        told = "" if is_rule(reason) else inserted(lines[-1][0], right, d)
        lines.append((right, told or rule_with_values(lines[-1][0], right, reason, d)))
    spelled = d.spell(adjoint) if node is d.variable or (name and index) else None
    array = _as_array(spelled, index) if spelled else ""
    lines += [(array, f"the same {'as an array' if index else 'with arrays'}")] * bool(array)
    if node is d.variable:
        right = _as_array(d.in_shape.result, index) or _in_letters(d, letters)
        why = _last_rule(spelled if array or not index else None, lines[-1][0], right, d)
        lines += [(right, why)] * bool(why)
    elif name:
        lines.append((its_name, "its name"))
    return lines


def _last_rule(spelled: Expr | None, before: str, after: str, d: Result) -> str:
    """Why the printed gradient follows from the line before it; empty if it is that line."""
    told, result = inserted(before, after, d), d.in_shape.result
    if spelled is None or d.flatten or not (has_matrix_form(spelled) and has_matrix_form(result)):
        return told
    total, final = to_matrix(spelled), to_matrix(result)
    inside, put_in, _ = with_values(total, final, "collect", d)
    if put_in:
        told = f"insert {', '.join(put_in)}"
    collected = (put_in or not told) and ordered(inside) != ordered(final)
    return ", ".join([told] * bool(told) + ["collect"] * bool(collected))


def _as_array(expr: Expr, index: str) -> str:
    """An entry of what is spelled with arrays, if it has one or two axes; or a number that is made of arrays."""
    if not has_matrix_form(expr) or len(expr.shape) > 2 or expr.size == 1:
        return ""
    if expr.shape:
        return bracketed(expr) + index
    return str(expr) if any([part.shape for part in postorder([expr])]) and not has_loss(expr) else ""


def has_loss(expr: Expr) -> bool:
    """Whether an unknown loss is in an expression: a reader of ``G / L(Z)`` may ask whether L is a function."""
    return any([part.op == "loss" for part in postorder([expr])])


def _in_letters(d: Result, letters: Lettering) -> str:
    """The derivative as it is printed, where that is no array: a number made of numbers, or what needs its letters."""
    adjoint, result = d.sweep.adjoints[d.variable], d.in_shape.result
    if has_matrix_form(result) and not adjoint.axes and not has_loss(result):
        return str(to_matrix(result))
    named = IndexPrinter({node: label for node, label in d.labels.items() if node not in d.in_place})
    return named.sum(d.opened(adjoint), adjoint.free, letters)


def _layout_step(d: Result) -> list[Step]:
    """The last line of any other layout."""
    if d.layout_name == "shape":
        return []
    letters = _lettering(d.variable, d)
    left = "J" + letters.show(d.arranged(d.layout_name).axes)
    return [Step(left, _ratio(d.variable, d, letters), f"{d.layout_name} layout")]
