"""Algebra on a sum of terms: multiply out where that cancels, and put in front what terms share."""

from collections.abc import Sequence
from itertools import product

from handgrad.derive.language.dims import flat

from .identities import SOFTMAX, join, sum_softmax
from .lower import power as raised
from .terms import Factor, Graph, Letters, Node, Sum, Term, collect, gather, linked, nodes_in, opened, summed

MULTIPLIED = "multiply out"
DIVISOR = "common denominator"


def cheapest(terms: tuple[Term, ...], free: Letters, graph: Graph, root: Node) -> tuple[tuple[Term, ...], str]:
    """Multiply out where that cancels: ``((1 - y) / (1 - a) - y / a) a (1 - a) = a - y``, ``x - y - (x - z) = z - y``.

    Say what is used beside the rules of arithmetic.
    """
    cancels = any(map(_divides, nodes_in(terms)))
    overlap = _overlap(terms)
    if not cancels and not overlap and len(terms) < 2:
        return terms, ""
    known = -1 if overlap else root.index  # a value of the forward pass is there, but two of them may cancel
    best, used = _multiplied_out(terms, False, cancels, known, free, graph)
    if not used and cancels and overlap:
        best, used = _multiplied_out(terms, True, cancels, known, free, graph)
    return best, used


def _multiplied_out(
    terms: tuple[Term, ...], every: bool, cancels: bool, known: int, free: Letters, graph: Graph
) -> tuple[tuple[Term, ...], str]:
    """The terms with sums of quotients multiplied out, if there are none or if asked with `every` sum.

    Up to three levels deep; the terms as they were if that is longer.
    """
    best, why, used = terms, "", ""
    for _ in range(3):
        nodes = [node for _, factors in terms for node, _, power in factors if power == 1 or len(_entrywise(node)) == 1]
        found = {node for node in nodes if _divides(node) and not every} or {*filter(_entrywise, nodes)}
        multiplied = _opened(found, terms, free, graph)
        summed_up = [sum_softmax(term, free, graph) for term in multiplied]
        why = why or ", ".join([MULTIPLIED] * bool(found) + [SOFTMAX]) * (summed_up != multiplied)
        terms = collect(summed_up, free, graph)
        if len(terms) > max(len(best), 2):
            break
        cancels = cancels or _size(terms) < _size(multiplied)
        if cancels and cost(terms, known) < cost(best, known):
            best, used = terms, why or MULTIPLIED
    return best, used


def over_one_divisor(terms: tuple[Term, ...], free: Letters, graph: Graph) -> tuple[tuple[Term, ...], str]:
    """Put terms over one divisor where that cancels: ``1 / r - x / r^2 = c / r^2`` where ``r = c + x``."""
    if len(terms) < 2:
        return terms, ""
    single = {node for node in nodes_in(terms) if len(_entrywise(node)) == 1}
    written = [*terms, *[term for node in single for term in _entrywise(node)]]
    below = [node for _, factors in written for node, _, power in factors if power < 0 and _entrywise(node)]
    if len({*below}) == len(below):
        return terms, ""
    plain = collect([(c, join(factors, graph)) for c, factors in _opened(single, terms, free, graph)], free, graph)
    powers = [{(node, letters): power for node, letters, power in factors} for _, factors in plain]
    for node, letters in [key for key in powers[0] if key[0] in below and {*key[1]} <= {*free}]:
        own = [power.get((node, letters), 0) for power in powers]
        if len({*own}) < 2 or any([(p - min(own)) % 1 for p in own]):
            continue
        above = [(c, gather((*factors, (node, letters, -min(own))))) for c, factors in plain]
        for _ in range(2):  # the sum that divides may be made of another
            sums = {one for _, factors in above for one, _, power in factors if power > 0 and _entrywise(one)}
            again = [(c, join(factors, graph)) for c, factors in _opened(sums, above, free, graph)]
            above = [*collect(again, free, graph)]
            found = tuple([(c, gather((*factors, (node, letters, min(own))))) for c, factors in above])
            if len(found) <= len(terms) or cost(found, -1) < cost(terms, -1):
                return found, DIVISOR
    return terms, ""


def _overlap(terms: tuple[Term, ...]) -> bool:
    """Whether terms hold sums that have an array in common, with one another or with what stands beside them."""
    if len(terms) < 2:
        return False
    inside = [{inner for _, factors in _entrywise(node) for inner, _, _ in factors if inner.op != "size"} or {node}
              for node in nodes_in(terms)]  # fmt: skip
    return len(set().union(*inside)) < sum(map(len, inside))


def _size(terms: Sequence[Term]) -> float:
    """How many terms and factors there are, ``x^2`` being two: less where something cancels."""
    return sum([1 + sum([abs(power) for _, _, power in factors]) for _, factors in terms])


def _entrywise(node: Node) -> Sequence[Term]:
    """The terms of a sum in which nothing is summed over letters; none of any other node."""
    terms = node.sum.terms if node.sum else ()
    return () if node.sum is None or any(summed(factors, node.sum.free) for _, factors in terms) else terms


def _divides(node: Node) -> bool:
    """Whether a sum has quotients of its own size, which a product may cancel."""
    if node.sum is None:
        return False
    below = [inner for _, factors in node.sum.terms for inner, _, power in factors if power < 0]
    return any([inner.dims or (not node.dims and inner.op != "size") for inner in below]) and bool(_entrywise(node))


def _opened(found: set[Node], terms: Sequence[Term], free: Letters, graph: Graph) -> list[Term]:
    """Terms with the sums that were found written out, and multiplied out."""

    def write_out(factor: Factor) -> Sequence[Term]:
        node, letters, power = factor
        if node not in found or not node.sum:
            return [(1, (factor,))]
        return raised(Sum([letters], node.sum.at(letters)), power, graph).terms

    return [new for term in terms for new in opened(term, write_out, free, graph)]


def cost(terms: tuple[Term, ...], known: int) -> int:
    """How much there is to read: terms, factors, and once every elementwise sum that comes after the `known` ones."""
    seen: set[Node] = set()
    total, waiting = 0, list(terms)
    while waiting:
        _, factors = waiting.pop()
        total += 1 + len(factors)
        for node, _, _ in factors:
            if node not in seen and node.index > known:
                waiting += _entrywise(node)
            seen.add(node)
    return total


def _added_first(terms: Sequence[Term]) -> tuple[Term, ...]:
    """``b - a`` for ``-a + b``."""
    return tuple(sorted(terms, key=lambda term: term[0] < 0) if terms[0][0] < 0 else terms)


def factor_out(terms: tuple[Term, ...], axes: Sequence[Letters], graph: Graph) -> tuple[Term, ...]:
    """Put what all terms share in front: ``P G - P m = P (G - m)``."""
    if len(terms) < 2:
        return terms
    terms = _added_first(terms)
    free = flat(axes)
    common = [factor for factor in terms[0][1] if all(l in free for l in factor[1]) and
              all(factor in factors for _, factors in terms[1:])]  # fmt: skip
    apart = any(factor[0].op == "delta" and factor not in common for _, factors in terms for factor in factors)
    common = [factor for factor in common if not (apart and factor[1])]
    scale = abs(terms[0][0]) if len({abs(c) for c, _ in terms}) == 1 else 1
    entrywise = not apart and not any(summed(factors, free) for _, factors in terms)
    if not (common or (scale != 1 and entrywise)):
        return terms
    rest = [(c / scale, tuple([f for f in factors if f not in common])) for c, factors in terms]
    coefficient, inner = graph.wrap(Sum(axes, share(tuple(rest), tuple(free), graph)))
    return ((scale * coefficient, gather((*common, inner))),)


def share(terms: tuple[Term, ...], free: Letters, graph: Graph) -> tuple[Term, ...]:
    """Add what is multiplied by the same array: ``X^T a - X^T y = X^T (a - y)``, ``A x + A^T x = (A + A^T) x``."""
    if len(terms) < 2:
        return terms
    pairs = [(at, factor) for at, (_, factors) in enumerate(terms) for factor in factors if factor[0].op != "size"]
    for numbers, (at, factor) in product((False, True), pairs):
        group, others = [terms[at]], list(terms[:at])
        for other in terms[at + 1 :]:
            turned = _aligned(other, factor, free)
            if turned is not None and (numbers or _scalars(turned) == _scalars(terms[at])):
                group.append(turned)
            else:
                others.append(other)
        joined = _joined(group, free, graph, numbers) if len(group) > 1 else None
        if joined is not None:
            others.insert(at, joined)
            return share(tuple(others), free, graph)
    return terms


def _scalars(term: Term) -> set[Factor]:
    return {factor for factor in term[1] if not factor[1]}


def _aligned(term: Term, factor: Factor, free: Letters) -> Term | None:
    """The term with its summed letters renamed so that it has the factor, if it can."""
    node, letters, power = factor
    for other, own, exponent in term[1]:
        if (other, exponent) != (node, power) or len(set(own)) < len(own) or len(set(letters)) < len(letters):
            continue
        if node.symmetric and (own[0] in free) != (letters[0] in free):
            own = own[::-1]
        if all([a is b or (a not in free and b not in free) for a, b in zip(own, letters)]):
            renamed = dict(zip(own, letters))
            # A name that is taken is free for the letter whose own name it takes.
            renamed |= zip([l for l in letters if l not in own], [l for l in own if l not in letters])
            return term[0], tuple([(n, tuple([renamed.get(l, l) for l in ls]), p) for n, ls, p in term[1]])
    return None


def _has(factor: Factor, factors: Sequence[Factor]) -> bool:
    """Whether a factor is among others, perhaps as its mirror image."""
    node, letters, power = factor
    return factor in factors or (node.symmetric and (node, letters[::-1], power) in factors)


def _joined(group: Sequence[Term], free: Letters, graph: Graph, numbers: bool) -> Term | None:
    """What the terms share, times the sum of the rests; None if that is no array of at most two axes.

    Terms with different `numbers` are not joined before a matrix: it is dear to multiply.
    """
    group = _added_first(group)
    common = [factor for factor in group[0][1] if all(_has(factor, factors) for _, factors in group[1:])]
    outside = {letter for _, letters, _ in common for letter in letters} | set(free)
    rests = [(c, tuple([f for f in factors if not _has(f, common)])) for c, factors in group]
    kept = tuple(dict.fromkeys([l for _, rest in rests for _, letters, _ in rest for l in letters if l in outside]))
    own = [{l for _, letters, _ in rest for l in letters if l in outside} for _, rest in rests]
    lost = [letter for letter in kept if any([letter not in letters for letters in own])]
    repeated = lost and (any([node.op == "delta" for node, _, _ in common]) or not {*lost} <= {*free})
    if len(kept) > (1 if numbers else 2) or repeated or len(kept) > max(map(len, own)) or not (kept or numbers):
        return None
    for _, factors in rests:
        arrays = [factor for factor in factors if factor[1]]
        if any(node.op == "delta" for node, _, _ in arrays) or len(linked(arrays)) > 1:  # an outer product is dear
            return None
    inner = share(tuple(rests), kept, graph)
    if len(inner) == 1:
        return inner[0][0], (*common, *inner[0][1])
    coefficient, factor = graph.wrap(Sum([(letter,) for letter in kept], inner))
    return coefficient, gather((*common, factor))
