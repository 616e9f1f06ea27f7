"""Terms in index notation: letters for their indices, entries, sums."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, count

from handgrad.derive.engine.terms import Factor, Letter, Letters, Node, Term, grouped, summed
from handgrad.derive.language.functions import MASKS
from handgrad.derive.language.numerals import ratio, show_exponent, show_number

POOL = "ijklmnabcefghuvwxyzopqrst"


class Lettering:
    """Names for letters: a dimension's own letter where it is free, then others.

    Parameters
    ----------
    names : dict
        Letters that have a name.
    taken : collection of str
        Names of arrays and of lengths: ``sum_n x[n] / n`` would say two things with one ``n``.
    pool : str
        What letters are called whose own name is taken.
    """

    def __init__(self, names: Mapping[Letter, str], taken: Collection[str], pool: str = POOL) -> None:
        self.names: dict[Letter, str] = dict(names)
        self.taken, self.pool = taken, pool

    def add(self, letters: Sequence[Letter], pool: str = "") -> "Lettering":
        """Name further letters, from `pool` if one is given."""
        for letter in letters:
            if letter not in self.names:
                self.names[letter] = self._pick(letter, pool)
        return self

    def _pick(self, letter: Letter, pool: str) -> str:
        taken = {*self.names.values(), *self.taken}
        numbered = (f"{letter.dim[0]}{number}" for number in count(1))
        wishes = chain(pool or letter.dim[0], self.pool, numbered)
        return next(wish for wish in wishes if wish[0].isalpha() and wish not in taken)

    def show(self, letters: Sequence[Letters]) -> str:
        """Show an index, axis by axis: ``[n,i]``, ``[(i,k),0]``."""
        parts = []
        for axis in letters:
            inside = ",".join([self.names[letter] for letter in axis])
            parts.append(f"({inside})" if len(axis) > 1 else inside or "0")
        return f"[{','.join(parts)}]" if parts else ""


def split(factor: Factor) -> list[Letters]:
    """The letters of a factor, axis by axis."""
    return [axis for axis in grouped(factor[0], factor[1]) if axis]


def names_first(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """The factors of a product; of numbers, names before what is computed and a differential: ``-2 x exp(-x^2) dx``."""
    if len(factors) < 2 or any([letters for _, letters, _ in factors]):
        return factors
    return tuple(sorted(factors, key=lambda factor: bool(factor[0].children) or factor[0].index < 0))


class IndexPrinter:
    """Prints terms in index notation; a node without a name is written out."""

    def __init__(self, labels: Mapping[Node, str]) -> None:
        self.labels = labels
        self.taken = {label for node, label in labels.items() if node.op != "delta"}
        arrays = {label for node, label in labels.items() if node.op not in ("size", "delta")}
        self.delta = "kdelta" if "delta" in arrays else "delta"
        own = {dim[0] for node in labels for dim in node.dims}  # the letters of dimensions come last
        self.pool = "".join(sorted(POOL, key=lambda letter: letter in own))

    def lettering(self, names: Mapping[Letter, str] | None = None) -> Lettering:
        """Letters for what this prints."""
        return Lettering(names or {}, self.taken, self.pool)

    def sum(self, terms: Sequence[Term], free: Letters, letters: Lettering) -> str:
        """A sum of terms; `letters` names the free ones."""
        if len(terms) == 1 and terms[0][0] == 1 and len(terms[0][1]) == 1:
            ((node, own, power),) = terms[0][1]
            if node.sum and node not in self.labels and power == 1 and set(own) <= set(free):
                return self.sum(node.sum.at(own), free, letters)  # without parentheses
        text = ""
        for coefficient, factors in terms:
            sign = ("-" if coefficient < 0 else "") if not text else " - " if coefficient < 0 else " + "
            text += sign + self.term(abs(coefficient), factors, free, letters)
        return text or "0"

    def term(self, coefficient: float, factors: Sequence[Factor], free: Letters, letters: Lettering) -> str:
        """One term: the numbers, the sum sign, the factors, what divides."""
        lonely = summed(factors, free)
        inner = self.lettering(letters.names).add(lonely)
        above, below = ratio(coefficient)
        words = [show_number(above)] if above != 1 else []
        numbers = factors if inner.names else names_first(tuple(factors))
        words += [self.factor(f, inner) for f in numbers if f[2] > 0 and not f[1]]
        if lonely:
            words.append("sum_" + "".join([inner.names[letter] for letter in lonely]))
        last = sorted(factors, key=lambda factor: factor[0].op == "delta")
        words += [self.factor(f, inner) for f in last if f[2] > 0 and f[1]]
        if not words or words[-1].startswith("sum_"):
            words.append("1")
        divisors = [show_number(below)] * (below != 1)
        divisors += [self.factor((n, ls, -p), inner) for n, ls, p in factors if p < 0]
        if divisors:
            words += ["/", divisors[0] if len(divisors) == 1 else f"({' '.join(divisors)})"]
        return " ".join(words)

    def factor(self, factor: Factor, letters: Lettering) -> str:
        """One factor, to its power."""
        node, own, power = factor
        text = self.entry(node, own, letters)
        if power == 0.5:
            return f"sqrt{text}" if text.startswith("(") else f"sqrt({text})"
        if power != 1 and self.is_power(node):
            text = f"({text})"
        return text if power == 1 else f"{text}^{show_exponent(power)}"

    def is_power(self, node: Node) -> bool:
        """Whether an entry is printed with an exponent."""
        return node.op == "**" and node not in self.labels

    def entry(self, node: Node, own: Letters, letters: Lettering) -> str:
        """One entry of an array."""
        if node.op == "delta":
            return self.delta + letters.show([own[:1], own[1:]])
        if node.op == "size":
            return str(node.info)
        if node in self.labels:
            return self.labels[node] + letters.show(grouped(node, own))
        return self.written_out(node, own, letters)

    def written_out(self, node: Node, own: Letters, letters: Lettering) -> str:
        """One entry of an array, by what it stands for."""
        if node.sum is not None:
            return f"({self.sum(node.sum.at(own), own, letters)})"
        assert node.arg is not None
        if node.op == "**":
            base, exponent = self.entry(node.arg, own, letters), self.entry(node.info, (), letters)
            return f"{f'({base})' if self.is_power(node.arg) else base}^{exponent}"
        if node.op in ("call", "unknown"):
            inside = self.entry(node.arg, own, letters)
            inside = inside[1:-1] if node.arg.sum is not None and inside.startswith("(") else inside
            if node.info in MASKS:
                terms = node.arg.sum.at(own) if node.arg.sum and node.arg not in self.labels else ()
                right = "0"
                if [c for c, _ in terms] == [1, -1]:  # a > b rather than a - b > 0
                    inside, right = [self.term(1, factors, own, letters) for _, factors in terms]
                return f"({inside} {MASKS[node.info]} {right})"
            return f"{node.info}({inside})"
        name = node.info[0] if node.op == "loss" else node.op
        return f"{name}({self.labels[node.arg]})" + letters.show(split((node, own, 1)))
