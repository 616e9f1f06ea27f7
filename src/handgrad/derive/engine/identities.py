"""What is known of the values of functions: identities that make an adjoint shorter."""

from collections.abc import Sequence

from .lower import shifted_power
from .terms import (
    Factor,
    Graph,
    Letters,
    Node,
    Term,
    canonical,
    collect,
    counted,
    grouped,
    nodes_in,
    opened,
    summed,
    terms_of,
    times,
)

CENTRED = "what is centred sums to zero"
SOFTMAX = "a softmax sums to one"
CANCELLED = "a sum over itself is one"
JOINED = "two functions of one value make one"
POWERS = "powers of one value make one"
QUOTIENTS = {("sinh", "cosh"): "tanh", ("sin", "cos"): "tan"}
SIGNS = {("sign", "z"): "abs", ("sign", "abs"): "z"}


def shortened(terms: tuple[Term, ...], free: Letters, graph: Graph) -> tuple[tuple[Term, ...], str]:
    """Apply the identities to the terms of an adjoint; say which one did something."""
    kept = summed_up = list(terms)
    if not graph.ops.isdisjoint(("size", "softmax")):  # without a mean and a softmax nothing is centred
        kept = [term for term in terms if not vanishes(term, free, graph)]
        summed_up = [sum_softmax(term, free, graph) for term in kept]
    folded = [folded_sum(term, free) for term in summed_up]
    joined = [(coefficient, join(factors, graph)) for coefficient, factors in folded]
    why = (
        [CENTRED] * (len(kept) < len(terms))
        + [SOFTMAX] * (summed_up != kept)
        + [CANCELLED] * (folded != summed_up)
        + ([_joint_rule(kept)] if joined != folded else [])
    )
    return (collect(joined, free, graph), ", ".join(why)) if why else (terms, "")


def _joint_rule(terms: Sequence[Term]) -> str:
    return POWERS if any([node.op == "**" for node in nodes_in(terms)]) else JOINED


def vanishes(term: Term, free: Letters, graph: Graph) -> bool:
    """Whether a factor is summed by itself and centred: ``sum_n R[n]`` of ``R[n] = X[n] - sum_m X[m] / n``."""
    _, factors = term
    for at, (node, letters, power) in enumerate(factors):
        if node.sum is None or power != 1 or not (lonely := alone(at, factors, free)):
            continue
        for summed_here in (*[(letter,) for letter in lonely], lonely):
            kept = tuple([l for l in letters if l not in summed_here])
            inner = collect(_summed_over(node.sum.at(letters), summed_here, kept, graph), kept, graph)
            if all([vanishes(term, kept, graph) for term in inner]):
                return True
    return False


def _summed_over(terms: Sequence[Term], letters: Letters, kept: Letters, graph: Graph) -> list[Term]:
    """Terms that are summed over letters; beside a softmax they are multiplied out, which sums to one."""
    found = [counted(term, letters, graph) for term in terms]
    if not any([node.op == "softmax" for node in nodes_in(terms)]):
        return found
    return [sum_softmax(new, kept, graph) for term in found for new in opened(term, terms_of, kept, graph)]


def alone(at: int, factors: tuple[Factor, ...], free: Letters) -> Letters:
    """The summed letters of a factor that no other factor has."""
    every = [*free, *[letter for _, letters, _ in factors for letter in letters]]
    return tuple([letter for letter in factors[at][1] if every.count(letter) == 1])


def sum_softmax(term: Term, free: Letters, graph: Graph) -> Term:
    """``sum_j P[i,j]`` is 1 where P is a softmax."""
    coefficient, factors = term
    for at, (node, letters, power) in enumerate(factors):
        if node.op == "softmax" and power == 1:
            own = grouped(node, letters)[node.info]
            if set(own) <= set(alone(at, factors, free)):
                others = [l for l in summed(factors, free) if l not in own]
                left = counted((coefficient, factors[:at] + factors[at + 1 :]), others, graph)
                return sum_softmax(left, free, graph)
    return term


def folded_sum(term: Term, free: Letters) -> Term:
    """``sum_j P[i,j] / r[i]`` is 1 where ``r[i] = sum_j P[i,j]``: the sum is r, which cancels."""
    coefficient, factors = term
    for below in factors:
        node, letters, power = below
        if power >= 0 or node.sum is None or len(node.sum.terms) != 1:
            continue
        ((number, inner),) = node.sum.at(letters)
        arrays = {(n, p) for n, _, p in inner}
        above = tuple([f for f in factors if (f[0], f[2]) in arrays])
        rest = tuple([f for f in factors if f not in above and f is not below])
        lonely = {*summed(above, letters)}.isdisjoint([*free, *[l for _, ls, _ in rest for l in ls]])
        if lonely and summed(inner, letters) and canonical(above, letters) == canonical(inner, letters):
            left = ((node, letters, power + 1),) if power != -1 else ()
            return folded_sum((coefficient / number, (*rest, *left)), free)
    return term


def join(factors: tuple[Factor, ...], graph: Graph) -> tuple[Factor, ...]:
    """``relu(z) * (z > 0)`` is ``relu(z)``, ``sinh(z) / cosh(z)`` is ``tanh(z)``, ``z**(g - 1) * z`` is ``z**g``."""
    for factor in factors:
        for other in factors if factor[0].arg is not None else ():
            made = _joined(factor, other, graph) if factor[1] == other[1] else None
            if made is not None:
                return join((*[f for f in factors if f not in (factor, other)], *made), graph)
    return factors


def _joined(factor: Factor, other: Factor, graph: Graph) -> tuple[Factor, ...] | None:
    """What two functions of one entry are, or a function and its argument."""
    (node, letters, power), (second, _, exponent) = factor, other
    assert node.arg is not None
    if node.op == "**" and second is node.arg and power == 1:
        return shifted_power(factor, [(exponent, ())], graph)
    if node.op == second.op == "**" and node.arg is second.arg and node is not second:
        return shifted_power(factor, times([(exponent, ())], terms_of((second.info, (), 1))), graph)
    if node.info == second.info == "exp" and node.index < second.index and _opposite(node, second, letters, graph):
        return factor, (node, letters, -exponent)
    pair = node.info, "z" if second is node.arg else second.info if second.arg is node.arg else None
    if pair == ("relu", "step") and power > 0 and exponent == 1:
        return (factor,)
    if pair in SIGNS and power == abs(exponent) == 1:
        name, power = SIGNS[pair], exponent
    elif pair in QUOTIENTS and power == -exponent:
        name = QUOTIENTS[pair]
    else:
        return None
    made = graph.function("call", name, node.arg, node.arg.shape) if name != "z" else node.arg
    return ((made, letters, power),)


def _opposite(node: Node, other: Node, letters: Letters, graph: Graph) -> bool:
    """Whether two functions have arguments that add up to nothing: ``exp(z)`` and ``exp(-z)``."""
    terms = [term for arg in node.args + other.args for term in terms_of((arg, letters, 1))]
    return not collect(terms, letters, graph)
