"""Formulas as LaTeX, printed from the tree that was checked.

Only commands that every renderer knows; nothing depends on macros of a site. Broadcasting is
written out: ``X W^T + b`` adds ``1 b^T``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .errors import ExpressionError
from .expression import ALIASES, Expr, flat, postorder
from .formula import Node, Vocabulary, read_formula
from .functions import ELEMENTWISE as KNOWN
from .matrix import NoMatrixFormError, to_matrix
from .parse import typed

if TYPE_CHECKING:
    from .derivation import Derivation
    from .notation import Step

ATOM, POWER, PRODUCT, ELEMENTWISE, FROBENIUS, SUM = range(9, 3, -1)
TRANSPOSED = r"^{\mathsf{T}}"
ONES = r"\mathbf{1}"
GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
]  # fmt: skip
LETTERS = {**{name: f"\\{name}" for name in GREEK}, "lam": r"\lambda", "eps": r"\varepsilon", "nabla": r"\nabla"}
FUNCTIONS = {
    **{
        name: f"\\{name}"
        for name in ["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "max", "min", "det"]
    },
    "trace": r"\operatorname{tr}",
    "logdet": r"\log\det",
    "sigmoid": r"\sigma",
    "log_softmax": r"\operatorname{log\,softmax}",
    "Phi": r"\Phi",
    "phi": r"\varphi",
}
SCALARS = ("number", "size", "pi", "entry", "delta", "kdelta", ":", "inner")
NAMED = ("name", "upstream", "differential")
ACCENTS = {"hat": "hat", "bar": "bar", "tilde": "tilde"}


class Kind(Protocol):
    """What is known of the value of a part of a formula."""

    @property
    def scalar(self) -> bool:
        """Whether it is one number."""

    @property
    def vector(self) -> bool:
        """Whether it is a column that is a vector in NumPy."""

    @property
    def upright(self) -> bool:
        """Whether it stays a column when it is broadcast."""

    @property
    def row(self) -> bool:
        """Whether there can be more than one row."""

    @property
    def column(self) -> bool:
        """Whether there can be more than one column."""


def aligned(lines: Sequence[str]) -> str:
    r"""Print lines below one another, aligned at their ``&``; a fraction keeps its distance from what follows.

    Examples
    --------
    >>> print(aligned([r"y &= \frac{a}{b}", "z &= c", "w &= d"]))
    \begin{aligned}
    y &= \frac{a}{b} \\[0.8em]
    z &= c \\
    w &= d
    \end{aligned}
    """
    ends = [r" \\[0.8em]" if r"\frac" in line else r" \\" for line in lines[:-1]]
    body = "\n".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def name_latex(name: str, spelling: Mapping[str, str] | None = None) -> str:
    r"""Print a name: Greek letters, digits and what follows an underscore below, primes.

    Examples
    --------
    >>> print(name_latex("G_Z"), name_latex("W2"), name_latex("delta_l"), name_latex("x_hat"), name_latex("f'"))
    G_{Z} W_{2} \delta_{l} \hat{x} f'
    """
    if spelling and name in spelling:
        return spelling[name]
    stem = name.rstrip("'")
    primes = name[len(stem) :]
    head, _, tail = stem.partition("_")
    letters = head.rstrip("0123456789")
    digits = head[len(letters) :]
    differential = len(letters) == 2 and letters[0] == "d"
    shown = LETTERS.get(letters, letters if len(letters) == 1 or differential else rf"\mathrm{{{letters}}}")
    if tail in ACCENTS:
        shown, tail = rf"\{ACCENTS[tail]}{{{shown}}}", ""
    below = digits + (name_latex(tail) if tail and not tail.isdigit() else tail)
    return shown + (f"_{{{below}}}" if below else "") + primes


def letters_latex(letters: tuple[str, ...]) -> str:
    """Print index letters side by side, with commas if one of them is long."""
    shown = [name_latex(letter) if letter.isidentifier() else letter for letter in letters]
    return ("," if any(len(letter) > 1 and letter[0] != "(" for letter in letters) else "").join(shown)


def count_latex(count: float | str) -> str:
    """Print a number, or the name of a dimension."""
    if isinstance(count, str):
        return " ".join([name_latex(dim) if len(dim) == 1 else rf"\text{{{dim}}}" for dim in count.split("*")])
    return str(count) if isinstance(count, int) else f"{count:.10g}"


def bracketed(text: str) -> str:
    """Put parentheses around a formula, tall ones around a tall formula."""
    tall = "\\frac" in text or "\\sum" in text or "pmatrix" in text
    return rf"\left({text}\right)" if tall else f"({text})"


def is_fraction(node: Node) -> bool:
    """Whether a quotient is one of numbers or lengths, which is printed small."""
    return node.op == "/" and all(arg.op in ("number", "size") for arg in node.args)


class Printer:
    """Prints formulas.

    Parameters
    ----------
    seen : dict
        What kind of value each part has, from an evaluation; without it ``*`` is elementwise.
    spelling : dict
        LaTeX for names that are to be printed otherwise than by `name_latex`.
    ranks : dict
        How many axes the names have, for parts that were not evaluated.
    """

    def __init__(
        self,
        seen: Mapping[Node, Kind],
        spelling: Mapping[str, str] | None = None,
        ranks: Mapping[str, int] | None = None,
    ) -> None:
        self.seen, self.spelling, self.ranks = seen, spelling or {}, ranks or {}

    def latex(self, node: Node) -> str:
        """Print a formula."""
        return self.show(node)[0]

    def inside(self, node: Node, binding: int) -> str:
        """Print a part, in parentheses if it binds less tightly than `binding`."""
        text, own = self.show(node)
        # x^1^T would not compile, and a transposed fraction needs its parentheses
        raised = binding == ATOM and node.op in NAMED and ("^" in text or r"\frac" in text)
        return text if own >= binding and not raised else bracketed(text)

    def bare(self, node: Node) -> str:
        """Print a part without the author's parentheses, where something else encloses it."""
        return self.latex(node.args[0] if node.op == "group" else node)

    def name(self, name: str) -> str:
        """Print a name, in the spelling that was asked for."""
        return name_latex(name, self.spelling)

    def is_scalar(self, node: Node) -> bool:
        """Whether a part is a scalar, as far as is known."""
        if node in self.seen:
            return self.seen[node].scalar
        if node.op == "name":
            return self.ranks.get(node.info) == 0
        if (
            node.op == "call"
            and node.info[0] not in KNOWN
            and (node.info[0] in ("trace", "tr", "det", "logdet", "norm") or node.info[0][0].isupper())
        ):
            return True
        if node.op == "juxtaposed" and self.is_row_by_column(node):
            return True
        entrywise = node.op in (*"+-*/^", "**", "neg", "group", "call", "juxtaposed")
        return all(map(self.is_scalar, node.args)) if entrywise else node.op in SCALARS

    def is_row_by_column(self, node: Node) -> bool:
        """Whether a product is ``u^T ... v``, a number."""
        first, (_, last) = node.args[0], node.args
        while first.op == "juxtaposed":
            first = first.args[0]
        ends = (first.args[0], last) if first.op in ("T", "numpy T") else (first, last)
        return first is not ends[0] and all(end.op == "name" and self.ranks.get(end.info) == 1 for end in ends)

    def show(self, node: Node) -> tuple[str, int]:
        """Print a formula, and say how tightly it binds."""
        info, args = node.info, node.args
        match node.op:
            case "number":
                return count_latex(info), ATOM if info >= 0 else SUM
            case "name" | "upstream":
                return self.name(info), ATOM
            case "size":
                return count_latex(info), ATOM
            case "pi":
                return r"\pi", ATOM
            case "ones":
                return rf"{ONES}_{{{count_latex(info)}}}", ATOM
            case "eye":  # beside an array I the identity is bold
                return (r"\mathbf{I}" if "I" in self.ranks else "I") + f"_{{{count_latex(info)}}}", ATOM
            case "delta":
                return rf"\delta_{{{letters_latex(info)}}}", ATOM
            case "kdelta":
                return rf"\boldsymbol{{\delta}}_{{{letters_latex(info)}}}", ATOM
            case "differential":
                return "d" + self.name(info), ATOM
            case "derivative":
                return self.derivative(node)
            case "group":
                return bracketed(self.latex(args[0])), ATOM
            case "neg":
                return "-" + self.inside(args[0], FROBENIUS), SUM
            case "+" | "-":
                left, right = self.repeated(args[0], node, SUM), self.repeated(args[1], node, FROBENIUS)
                return f"{left} {node.op} {right}", SUM
            case ":":
                return f"{self.inside(args[0], POWER)} : {self.inside(args[1], POWER)}", FROBENIUS
            case "inner":
                return rf"\langle {self.latex(args[0])},\, {self.latex(args[1])} \rangle", ATOM
            case "*" | "/" | "@" | "juxtaposed":
                return self.product(node)
            case "^":
                return f"{self.inside(args[0], ATOM)}^{{{self.bare(args[1])}}}", POWER
            case "**":
                sign = "" if self.is_scalar(args[0]) else r"\circ "
                return f"{self.inside(args[0], ATOM)}^{{{sign}{self.bare(args[1])}}}", POWER
            case "T":
                if args[0].op == "inverse":
                    return self.inside(args[0].args[0], ATOM) + r"^{-\mathsf{T}}", POWER
                return self.inside(args[0], ATOM) + TRANSPOSED, POWER
            case "numpy T":
                if args[0] in self.seen and self.seen[args[0]].vector and not self.seen[args[0]].upright:
                    return self.show(args[0])
                return self.inside(args[0], ATOM) + TRANSPOSED, POWER
            case "inverse":
                return self.inside(args[0], ATOM) + "^{-1}", POWER
            case "upright" | "derived":
                return self.show(args[0])
            case "entry":
                return self.entry(args[0], info), ATOM
            case "sum":
                return rf"\sum_{{{letters_latex(info)}}} {self.inside(args[0], ELEMENTWISE)}", ELEMENTWISE
            case "mask":
                sign = ">" if info == ">" else "="
                return rf"[{self.latex(args[0])} {sign} {self.latex(args[1])}]", ATOM
        return self.call(node)

    def entry(self, base: Node, subscripts: tuple[str, ...]) -> str:
        """``X_{ij}``."""
        text = self.inside(base, ATOM)
        if base.op in (*NAMED, "entry") and "_" in text:  # x_1_i would not compile
            text = f"({text})"
        return f"{text}_{{{letters_latex(subscripts)}}}"

    def derivative(self, node: Node) -> tuple[str, int]:
        """A fraction, or ``d/dX`` in front of what is longer than a name."""
        (top,), (name, letters) = node.args, node.info
        below = rf"\partial {self.entry(Node('name', info=name), letters) if letters else self.name(name)}"
        if top.op == "derived":
            inner = self.latex(top.args[0])
            inner = bracketed(inner) if self.show(top.args[0])[1] <= SUM else inner
            return rf"\frac{{\partial}}{{{below}}} {inner}", PRODUCT
        return rf"\frac{{\partial {self.latex(top)}}}{{{below}}}", ATOM

    def product(self, node: Node) -> tuple[str, int]:
        """Products and quotients of all kinds."""
        left, right = node.args
        if is_fraction(node):
            return rf"\tfrac{{{self.bare(left)}}}{{{self.bare(right)}}}", ATOM
        if node.op == "/":
            if not self.is_scalar(right):
                below = self.repeated(right, node, POWER)
                return rf"{self.repeated(left, node, ELEMENTWISE)} \oslash {below}", ELEMENTWISE
            return rf"\frac{{{self.bare(left)}}}{{{self.bare(right)}}}", PRODUCT
        if node.op == "*" and not (self.is_scalar(left) or self.is_scalar(right)):
            return rf"{self.repeated(left, node, POWER)} \odot {self.repeated(right, node, POWER)}", ELEMENTWISE
        first, second = self.inside(left, PRODUCT), self.inside(right, POWER)
        if right.op == "sum" or (node.op == "*" and self.show(right)[1] == PRODUCT):
            second = self.latex(right)
        if node.op == "@" and left in self.seen and self.seen[left].vector and not self.seen[left].upright:
            first, second = self.row_times(left, right)
        numbers = (left.op == "number" or is_fraction(left)) and right.op == "number"
        between = r"\cdot " if numbers else self.gap(left, right)
        return f"{first} {between}{second}", PRODUCT

    def row_times(self, left: Node, right: Node) -> tuple[str, str]:
        """``v @ B``, a vector from the left: ``v^T u``, or as a vector again ``B^T v``."""
        if self.seen[right].column:
            return self.inside(right, ATOM) + TRANSPOSED, self.inside(left, POWER)
        return self.inside(left, ATOM) + TRANSPOSED, self.inside(right, POWER)

    def gap(self, left: Node, right: Node) -> str:
        """A thin space beside entries and differentials."""
        airy = ("entry", "delta", "kdelta", "differential", "derivative", "call", "sum")
        left = left.args[-1] if left.op == "juxtaposed" else left
        left, right = (part.args[0] if part.op in ("T", "numpy T") else part for part in (left, right))
        in_front = left.op == "number" or is_fraction(left)
        return r"\, " if left.op in airy or (right.op in airy and not in_front) else ""

    def repeated(self, part: Node, whole: Node, binding: int) -> str:
        """Print an operand, with the ones that broadcasting implies."""
        if part not in self.seen or whole not in self.seen:
            return self.inside(part, binding)
        mine, result = self.seen[part], self.seen[whole]
        if (mine.row, mine.column) == (result.row, result.column):
            return self.inside(part, binding)
        text, below = self.inside(part, POWER), ONES
        if mine.scalar:
            below += (ONES if result.column and result.row else "") + (TRANSPOSED if result.column else "")
            if part.op == "number" and part.info == 1:
                return below
            return rf"{text}\, {below}"
        if mine.row and mine.upright:
            return text + ONES + TRANSPOSED
        return ONES + (self.inside(part, ATOM) + TRANSPOSED if mine.row else text)

    def call(self, node: Node) -> tuple[str, int]:
        """A function by name."""
        name, options = node.info
        name = ALIASES.get(name, name)
        special = SPECIAL.get(name)
        if special is not None:
            return special(self, node)
        shown = FUNCTIONS.get(name)
        if shown is None:
            stem = name.rstrip("'")
            short = len(stem) == 1 or stem in LETTERS or name in self.spelling
            shown = self.name(name) if short else OPERATOR % name.replace("_", r"\_")
        below = rf"_{{\text{{axis {options['axis']}}}}}" if "axis" in options else ""
        return shown + below + bracketed(", ".join(self.bare(arg) for arg in node.args)), ATOM

    def total(self, node: Node) -> tuple[str, int]:
        """A sum over axes: a product with ones."""
        arg, axis = node.args[0], node.info[1].get("axis")
        value = self.seen.get(arg)
        row = ONES + TRANSPOSED
        if value is not None and not value.column:
            return f"{row} {self.inside(arg, POWER)}", PRODUCT
        if axis is None:
            return f"{row} {self.inside(arg, POWER)} {ONES}", PRODUCT
        if axis == 0 and node.info[1].get("keepdims"):
            return f"{row} {self.inside(arg, POWER)}", PRODUCT
        return f"{self.inside(arg, ATOM) + TRANSPOSED if axis == 0 else self.inside(arg, POWER)} {ONES}", PRODUCT

    def norm(self, node: Node) -> tuple[str, int]:
        """The Frobenius norm of a matrix, the length of a vector."""
        (arg,), value = node.args, self.seen.get(node.args[0])
        is_matrix = arg.op == "name" and self.ranks.get(arg.info) == 2 if value is None else value.column and value.row
        return rf"\lVert {self.bare(arg)} \rVert{'_F' * is_matrix}", ATOM


OPERATOR = r"\operatorname{%s}"
SPECIAL: dict[str, Callable[[Printer, Node], tuple[str, int]]] = {
    "sum": Printer.total,
    "norm": Printer.norm,
    "inv": lambda printer, node: (printer.inside(node.args[0], ATOM) + "^{-1}", POWER),
    "pinv": lambda printer, node: (printer.inside(node.args[0], ATOM) + "^{+}", POWER),
    "sqrt": lambda printer, node: (rf"\sqrt{{{printer.bare(node.args[0])}}}", ATOM),
    "abs": lambda printer, node: (rf"\lvert {printer.bare(node.args[0])} \rvert", ATOM),
    "kron": lambda printer, node: (
        rf"{printer.inside(node.args[0], POWER)} \otimes {printer.inside(node.args[1], POWER)}",
        ELEMENTWISE,
    ),
    "outer": lambda printer, node: (
        f"{printer.inside(node.args[0], POWER)} {printer.inside(node.args[1], ATOM)}{TRANSPOSED}",
        PRODUCT,
    ),
}


def matrix_text(expr: Expr) -> str:
    """An expression in matrix notation, or as NumPy writes it if it has no matrix form."""
    try:
        return str(to_matrix(expr))
    except NoMatrixFormError:
        return str(expr)


def expression_latex(expr: Expr) -> str:
    """Print an expression in matrix notation."""
    parts = postorder([expr])
    arrays = {part.info: part.shape for part in parts if part.op == "name"}
    dims = {*flat(flat([part.shape for part in parts]))}
    dims |= {part.info for part in parts if part.op == "size"}
    ranks = {name: len(shape) for name, shape in arrays.items()}
    return Printer({}, None, ranks).latex(read_formula(str(to_matrix(expr)), Vocabulary(arrays, dims)))


class StepPrinter:
    """Prints the lines of a derivation as LaTeX, in the letters of the other claims."""

    def __init__(self, d: "Derivation", spelling: Mapping[str, str] | None = None) -> None:
        self.d = d
        letters = {*flat(flat(d.shapes.values()))}
        self.shapes = {label: node.shape for node, label in d.labels.items() if label not in letters}
        self.shapes |= {name: expr.shape for name, expr in d.definitions.items()} | d.shapes
        self.vocabulary = Vocabulary({"J", *self.shapes}, letters)
        shown: dict[str, str] = {}
        for name in self.shapes:
            other = shown.setdefault(name_latex(name, spelling), name)
            if other != name:
                raise ExpressionError(f"{other} and {name} look the same in LaTeX; rename one of them")
        self.printer = Printer({}, spelling, {name: len(shape) for name, shape in self.shapes.items()})

    def is_matrix(self) -> bool:
        """Whether the derivative can be written without letters."""
        return "einsum" not in str(self.d.gradient) and "reshape" not in str(self.d.gradient)

    def statement(self) -> str:
        """The derivative as an equation."""
        if not self.is_matrix():
            return self.result()
        above, below = self.printer.name(self.d.labels[self.d.root]), self.printer.name(self.d.wrt)
        return rf"\frac{{\partial {above}}}{{\partial {below}}} = {self.result()}"

    def result(self) -> str:
        """The derivative: as a matrix, or entry by entry if it has more than two axes."""
        d = self.d
        if self.is_matrix():
            return self.side(matrix_text(d.gradient))
        steps = d.steps("index")
        left = [step.left for step in steps if step.left][-1]
        right = [step.right for step in steps if step.left[:2] != "J["][-1]
        return f"{self.side(left)} = {self.side(right)}"

    def side(self, text: str) -> str:
        """One side of a line; what is NumPy in it, ``(G.T @ X)[p,q]``, is written in matrix notation."""
        node = read_formula(text, self.vocabulary) if text else None
        if node and node.op == "entry" and node.args[0].op not in NAMED:
            inside = typed(node.args[0], text, self.shapes, self.vocabulary.dimensions)
            base = read_formula(matrix_text(inside), self.vocabulary)
            node = Node("entry", (Node("group", (base,)) if node.args[0].op in ("group", "mask") else base,), node.info)
        return self.printer.bare(node) if node else ""

    def lines(self, steps: "Sequence[Step]", *, reasons: bool = True) -> str:
        """Lines, aligned at the equals sign, with their reasons."""
        lines = [
            f"{self.side(step.left)} &= {self.side(step.right)}"
            + (f" && {reason(step.rule)}" if reasons and step.rule else "")
            for step in steps
        ]
        return aligned(lines)


def reason(rule: str) -> str:
    r"""What licenses a line: an identity as a formula, anything else as words.

    Examples
    --------
    >>> print(reason("A:B = A^T:B^T"), reason("only G_Z varies"))
    A:B = A^{\mathsf{T}}:B^{\mathsf{T}} \text{only G\_Z varies}
    """
    if "=" in rule:
        rule = re.sub(r"\b1(?! /)", lambda _: ONES, rule)
        rule = re.sub(r"\b(diag|tr)\b", r"\\operatorname{\1}", rule)
        return rule.replace("^T", TRANSPOSED).replace("*", r"\odot").replace(", ", r",\ ")
    return r"\text{" + "".join(rf"\{char}" if char in "_#%&" else char for char in rule) + "}"
