"""Why one line follows from the one before it: what is put in, what cancels, and by which rule."""

import re
from collections.abc import Sequence
from itertools import pairwise

from handgrad.derive.engine.identities import JOINED, POWERS, SOFTMAX
from handgrad.derive.engine.simplify import DIVISOR, MULTIPLIED
from handgrad.derive.engine.sweep import Link
from handgrad.derive.engine.terms import Letters, Node, Term, sum_deltas
from handgrad.derive.language.formula import tokenize
from handgrad.derive.language.functions import ELEMENTWISE
from handgrad.derive.language.matrix import Matrix, has_matrix_form, replaced, to_matrix
from handgrad.derive.spelling.program import written_out
from handgrad.derive.spelling.result import Result

ALGEBRA = (MULTIPLIED, DIVISOR)
IDENTITIES = (SOFTMAX, JOINED, POWERS)
LONG = 240  # characters: what is longer is not put into what comes after it


def inserted(before: str, after: str, d: Result) -> str:
    """The named values of one line that the next one writes out, or in which they cancel."""
    labels = to_insert(before, after, "", d)
    if labels:
        return f"insert {', '.join(labels)}"
    cancelled = _vanished(before, after, d)
    return f"cancel {', '.join(cancelled)}" * bool(cancelled)


def to_insert(before: str, after: str, reason: str, d: Result) -> list[str]:
    """The named values that are put in before a rule makes the next line of the one before it."""
    gone = _vanished(before, after, d)
    if reason in IDENTITIES:  # what is known of functions does not ask what they are applied to
        sums = _sums(d)
        return [label for label in gone if label not in sums]
    return [label for label in gone if not any([_cancels(label, term) for term in re.split(r" [+-] ", before)])]


def with_values(total: Matrix, final: Matrix, reason: str, d: Result) -> tuple[Matrix, list[str], list[str]]:
    """A line with the values put in that the next one writes out: the line, which they are, and what is left of them."""
    inside, put_in = total, dict[str, None]()
    names = to_insert(str(total), str(final), reason, d)
    while names and len(str(inside)) < LONG:
        # What the result may name stays a name.
        labels = [label for label in names if not put_in or label not in d.in_shape.definitions]
        put_in |= dict.fromkeys(labels)
        meanings = {d.labels[node]: written_out(node, d.refer) for node in d.graph.nodes
                    if d.labels.get(node) in labels and node.children}  # fmt: skip
        inside = replaced(inside, {label: to_matrix(m) for label, m in meanings.items() if has_matrix_form(m)})
        again = to_insert(str(inside), str(final), reason, d)
        names = again if again != names else []
    return inside, [*put_in], names


def _sums(d: Result) -> set[str]:
    """The names of sums, and not of functions."""
    return {label for node, label in d.labels.items() if node.sum is not None}


def _cancels(label: str, term: str) -> bool:
    """Whether a value stands above and below the line."""
    words = [word for word in _words(term) if word not in ("sqrt", "(")]
    below = [word for sign, word in pairwise(words) if sign == "/"]
    return 0 < below.count(label) < words.count(label)


def _words(line: str) -> list[str]:
    """The names and signs of a line."""
    return [token.text for token in tokenize(line)]


def _vanished(before: str, after: str, d: Result) -> list[str]:
    """Which of the values that a line names the next one does not name."""
    left, right = _words(before), _words(after)
    return [label for node, label in d.labels.items() if node.children and label in left and label not in right]


def rule_with_values(before: str, after: str, reason: str, d: Result) -> str:
    """The rule that makes one line of another, with the values that are put in on the way."""
    put_in: list[str] = []
    if is_rule(reason):
        sums = _sums(d)
        put_in = [label for label in to_insert(before, after, reason, d) if reason in IDENTITIES or label in sums]
    return reason + f", insert {', '.join(put_in)}" * bool(put_in)


def is_rule(reason: str) -> bool:
    """Whether a reason stays the reason where names are put in as well."""
    return reason.endswith(ALGEBRA) or reason in IDENTITIES


def link_rule(link: Link, d: Result) -> str:
    """What licenses the derivative of a node by a child."""
    parent = link.parent
    if parent.op == "loss":
        return f"{link.slots[0].term[1][0][0].info} is the gradient of {parent.info[0]}"
    if parent.op == "**":
        return "power rule" if link.child is parent.arg else "d a^x = a^x log(a) dx"
    if parent.op == "call":
        normal = ", phi is the normal density and Phi its integral" * ("phi(" in ELEMENTWISE[parent.info].derivative)
        return f"derivative of {parent.info}{normal}"
    if parent.op == "unknown":
        return f"{parent.info}' is the derivative of {parent.info}"
    if parent.sum is None:
        return f"differential of {parent.op}"
    found = [[power for other, _, power in factors if other is link.child] for _, factors in parent.sum.terms]
    if max(map(len, found)) > 1:
        return "product rule"
    if any(power != 1 for powers in found for power in powers):
        return "power rule"
    return f"only {d.labels[link.child]} varies"


def held(links: Sequence[Link], d: Result) -> list[str]:
    """What stands still in the derivatives by a node, although it depends on that node too."""
    moving = {link.child for link in links}
    for other in d.sweep.path:
        if moving.intersection(other.children):
            moving.add(other)
    parts = dict.fromkeys([other for link in links for other in link.parent.children if other is not link.child])
    still = [d.labels[other] for other in parts if other in moving and other in d.labels]
    return [f"{', '.join(still[:-1])}{' and ' * (len(still) > 1)}{still[-1]} held fixed"] if still else []


def delta_rule(terms: Sequence[Term], merged: Sequence[Term], d: Result) -> str:
    """What a sum over deltas makes of terms: two that are equal by symmetry become one."""
    nodes = [node for _, factors in merged for node, _, _ in factors] if len(merged) < len(terms) else []
    turned = [node for node in nodes if node.symmetric and node.op != "delta"]
    named = [next((d.labels[one] for one in (node, *node.args) if one in d.labels), "") for node in turned]
    return ", ".join(["sum over the deltas", *dict.fromkeys([f"{label} is symmetric" for label in named if label])])


def cancelled(terms: Sequence[Term], free: Letters, d: Result) -> list[str]:
    """What stands above and below the line in one term."""
    labels: dict[str, None] = {}
    for _, factors in terms:
        powers: dict[tuple[Node, Letters], float] = {}
        for node, letters, power in sum_deltas(factors, free, d.graph):
            if powers.setdefault((node, letters), power) * power < 0 and node in d.labels:
                labels[d.labels[node]] = None
    return [f"cancel {', '.join(labels)}"] * bool(labels)
