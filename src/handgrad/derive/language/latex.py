"""Formulas as LaTeX, printed from the tree that was checked.

Only commands that every renderer knows; nothing depends on macros of a site.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from .calls import is_loss
from .dims import CONSTANTS, flat
from .expression import Expr
from .formula import Part, Vocabulary, read_formula
from .matrix import ADDITION, ATOM, ELEMENTWISE, FROBENIUS, POWER, PRODUCT, NoMatrixFormError, to_matrix
from .names import ALIASES
from .trees import postorder

TRANSPOSED = r"^{\mathsf{T}}"
ONES = r"\mathbf{1}"
GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
]  # fmt: skip
COMPARED = {"==": "=", "!=": r"\neq", ">=": r"\geq", "<=": r"\leq"}
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


def dimension_latex(name: str) -> str:
    """Print the name of a dimension: a letter, or a word."""
    if len(name.partition("_")[0]) == 1:  # n, d_k
        return name_latex(name)
    return rf"\text{{{name.replace('_', chr(92) + '_')}}}"


def count_latex(count: float | str) -> str:
    """Print a number, or the name of a dimension."""
    if isinstance(count, str):
        return " ".join(map(dimension_latex, count.split("*")))
    head, _, power = (str(count) if isinstance(count, int) else f"{count:.10g}").partition("e")
    if not power:
        return head
    return rf"10^{{{int(power)}}}" if head == "1" else rf"{head} \cdot 10^{{{int(power)}}}"


def is_half(value: object) -> bool:
    """Whether a value is half of a small whole number, which is printed as a fraction."""
    return isinstance(value, float) and value != int(value) and 2 * value == int(2 * value) and abs(value) < 10


def number_latex(value: float) -> str:
    """Print a number."""
    return rf"{'-' * (value < 0)}\tfrac{{{int(abs(2 * value))}}}{{2}}" if is_half(value) else count_latex(value)


def doubled(node: Part) -> Part | None:
    """Twice a formula that starts with a half, ``0.5 x``."""
    if node.op == "number":
        return Part("number", info=int(2 * node.info)) if is_half(node.info) else None
    first = doubled(node.args[0]) if node.op == "juxtaposed" else None
    if first and first.info == 1 and first.op == "number":
        return node.args[1]
    return first and Part(node.op, (first, node.args[1]), node.info)


def bracketed(text: str) -> str:
    """Put parentheses around a formula, tall ones around a tall formula."""
    tall = "\\frac" in text or "\\sum" in text or "pmatrix" in text
    return rf"\left({text}\right)" if tall else f"({text})"


def is_fraction(node: Part) -> bool:
    """Whether a quotient is one of numbers or lengths, which is printed small."""
    return node.op == "/" and all(arg.op in ("number", "size") for arg in node.args)


class Printer:
    """Prints formulas.

    Parameters
    ----------
    spelling : dict
        LaTeX for names that are to be printed otherwise than by `name_latex`.
    ranks : dict
        How many axes the names have: a product with a scalar is not elementwise.
    """

    def __init__(self, spelling: Mapping[str, str] | None = None, ranks: Mapping[str, int] | None = None) -> None:
        self.spelling, self.ranks = spelling or {}, ranks or {}

    def latex(self, node: Part) -> str:
        """Print a formula."""
        return self.show(node)[0]

    def inside(self, node: Part, binding: int) -> str:
        """Print a part, in parentheses if it binds less tightly than `binding`."""
        text, own = self.show(node)
        # x^1^T would not compile, and a transposed fraction needs its parentheses
        raised = binding == ATOM and node.op in NAMED and ("^" in text or r"\frac" in text)
        return text if own >= binding and not raised else bracketed(text)

    def bare(self, node: Part) -> str:
        """Print a part without the author's parentheses, where something else encloses it."""
        return self.latex(node.args[0] if node.op == "group" else node)

    def name(self, name: str) -> str:
        """Print a name, in the spelling that was asked for."""
        return name_latex(name, self.spelling)

    def is_scalar(self, node: Part) -> bool:
        """Whether a part is a scalar, as far as is known."""
        if node.op == "name":
            return self.ranks.get(node.info) == 0
        name = node.info[0] if node.op == "call" else ""
        if name in ("trace", "tr", "det", "logdet", "norm") or is_loss(name):
            return True
        if node.op == "juxtaposed" and self.is_row_by_column(node):
            return True
        entrywise = node.op in (*"+-*/^", "**", "neg", "group", "call", "juxtaposed")
        return all(map(self.is_scalar, node.args)) if entrywise else node.op in SCALARS

    def is_row_by_column(self, node: Part) -> bool:
        """Whether a product is ``u^T ... v``, a number."""
        first, (_, last) = node.args[0], node.args
        while first.op == "juxtaposed":
            first = first.args[0]
        ends = (first.args[0], last) if first.op in ("T", "numpy T") else (first, last)
        return first is not ends[0] and all(end.op == "name" and self.ranks.get(end.info) == 1 for end in ends)

    def show(self, node: Part) -> tuple[str, int]:
        """Print a formula, and say how tightly it binds."""
        if node.op == "number":
            return number_latex(node.info), ATOM if node.info >= 0 else ADDITION
        if node.op in ("*", "/", "@", "juxtaposed"):
            return self.product(node)
        if node.op in OPERATIONS:
            write, binding = OPERATIONS[node.op]
            return write(self, node), binding
        return self.derivative(node) if node.op == "derivative" else self.call(node)

    def transposed(self, node: Part) -> str:
        """``A^T``, ``A^-T``."""
        (arg,) = node.args
        if arg.op == "inverse":
            return self.inside(arg.args[0], ATOM) + r"^{-\mathsf{T}}"
        return self.inside(arg, ATOM) + TRANSPOSED

    def added(self, node: Part) -> str:
        """A sum or a difference."""
        left, right = node.args
        return f"{self.operand(left, node, ADDITION)} {node.op} {self.operand(right, node, FROBENIUS)}"

    def raised(self, node: Part, sign: str = "") -> str:
        """A power."""
        base, exponent = node.args
        inner = exponent.args[0] if exponent.op == "group" else exponent
        if is_fraction(inner):
            return f"{self.inside(base, ATOM)}^{{{sign}{'/'.join(map(self.bare, inner.args))}}}"
        if is_half(exponent.info) and exponent.info > 0:
            return f"{self.inside(base, ATOM)}^{{{sign}{int(2 * exponent.info)}/2}}"
        return f"{self.inside(base, ATOM)}^{{{sign + self.latex(exponent) if sign else self.bare(exponent)}}}"

    def entry(self, base: Part, subscripts: tuple[str, ...]) -> str:
        """``X_{ij}``."""
        text = self.inside(base, ATOM)
        if base.op in (*NAMED, "entry") and "_" in text:  # x_1_i would not compile
            text = f"({text})"
        return f"{text}_{{{letters_latex(subscripts)}}}"

    def derivative(self, node: Part) -> tuple[str, int]:
        """A fraction, or ``d/dX`` in front of what is longer than a name."""
        (top,), (name, letters) = node.args, node.info
        below = rf"\partial {self.variable(name, letters)}"
        if top.op == "derived":
            inner = self.latex(top.args[0])
            inner = bracketed(inner) if self.show(top.args[0])[1] <= ADDITION else inner
            return rf"\frac{{\partial}}{{{below}}} {inner}", PRODUCT
        return rf"\frac{{\partial {self.latex(top)}}}{{{below}}}", ATOM

    def variable(self, name: str, letters: tuple[str, ...] | None) -> str:
        """What a derivative is taken by: an array, or one entry of it."""
        return self.entry(Part("name", info=name), letters) if letters else self.name(name)

    def product(self, node: Part) -> tuple[str, int]:
        """Products and quotients of all kinds."""
        left, right = node.args
        if is_fraction(node):
            return rf"\tfrac{{{self.bare(left)}}}{{{self.bare(right)}}}", ATOM
        if node.op == "/":
            if not self.is_scalar(right):
                below = self.operand(right, node, POWER)
                return rf"{self.operand(left, node, ELEMENTWISE)} \oslash {below}", ELEMENTWISE
            twice, below = doubled(left), self.inside(right, PRODUCT)
            if twice and not below[0].isdigit():
                return rf"\frac{{{self.bare(twice)}}}{{2 {below}}}", PRODUCT
            return rf"\frac{{{self.bare(left)}}}{{{self.bare(right)}}}", PRODUCT
        if node.op == "*" and not (self.is_scalar(left) or self.is_scalar(right)):
            binding = ELEMENTWISE if left.op == "*" else POWER
            return rf"{self.operand(left, node, binding)} \odot {self.operand(right, node, POWER)}", ELEMENTWISE
        first, second = self.inside(left, PRODUCT), self.inside(right, POWER)
        if right.op == "sum" or (node.op == "*" and self.show(right)[1] == PRODUCT):
            second = self.latex(right)
        numbers = (left.op == "number" or is_fraction(left)) and right.op == "number"
        between = r"\cdot " if numbers else self.gap(left, right)
        return f"{first} {between}{second}", PRODUCT

    def gap(self, left: Part, right: Part) -> str:
        """A thin space beside entries and differentials."""
        airy = ("entry", "delta", "kdelta", "differential", "derivative", "call", "sum")
        left = left.args[-1] if left.op == "juxtaposed" else left
        left, right = (part.args[0] if part.op in ("T", "numpy T") else part for part in (left, right))
        in_front = left.op == "number" or is_fraction(left)
        words = [part.op in NAMED and r"\mathrm" in self.name(part.info) for part in (left, right)]
        return r"\, " if left.op in airy or any(words) or (right.op in airy and not in_front) else ""

    def operand(self, part: Part, _: Part, binding: int) -> str:
        """Print an operand of an elementwise operation."""
        return self.inside(part, binding)

    def call(self, node: Part) -> tuple[str, int]:
        """A function by name."""
        name, options = node.info
        name = ALIASES.get(name, name)
        if name in FUNCTION_ROWS:
            write, binding = FUNCTION_ROWS[name]
            return write(self, node), binding
        shown = FUNCTIONS.get(name)
        if shown is None:
            stem = name.rstrip("'")
            short = len(stem.partition("_")[0]) == 1 or stem in LETTERS or name in self.spelling
            shown = self.name(name) if short else rf"\operatorname{{{name}}}".replace("_", r"\_")
        below = rf"_{{\text{{axis {options['axis']}}}}}" if "axis" in options else ""
        return shown + below + bracketed(", ".join(self.bare(arg) for arg in node.args)), ATOM

    def norm(self, node: Part) -> str:
        """The Frobenius norm of a matrix, the length of a vector."""
        (arg,) = node.args
        return rf"\lVert {self.bare(arg)} \rVert{'_F' * self.is_matrix(arg)}"

    def is_matrix(self, node: Part) -> bool:
        """Whether a part is a matrix, as far as is known."""
        return node.op == "name" and self.ranks.get(node.info) == 2


Row: TypeAlias = tuple[Callable[[Printer, Part], str], int]  # what is printed, and how tightly it binds
OPERATIONS: dict[str, Row] = {
    **dict.fromkeys(["name", "upstream"], (lambda p, n: p.name(n.info), ATOM)),
    "size": (lambda _, n: count_latex(n.info), ATOM),
    "pi": (lambda *_: r"\pi", ATOM),
    "ones": (lambda _, n: f"{ONES}_{{{count_latex(n.info)}}}", ATOM),
    # beside an array I the identity is bold
    "eye": (lambda p, n: (r"\mathbf{I}" if "I" in p.ranks else "I") + f"_{{{count_latex(n.info)}}}", ATOM),
    "delta": (lambda _, n: rf"\delta_{{{letters_latex(n.info)}}}", ATOM),
    "kdelta": (lambda _, n: rf"\boldsymbol{{\delta}}_{{{letters_latex(n.info)}}}", ATOM),
    "differential": (lambda p, n: "d" + p.name(n.info), ATOM),
    "group": (lambda p, n: bracketed(p.latex(n.args[0])), ATOM),
    "entry": (lambda p, n: p.entry(n.args[0], n.info), ATOM),
    "inner": (lambda p, n: rf"\langle {p.latex(n.args[0])},\, {p.latex(n.args[1])} \rangle", ATOM),
    "mask": (lambda p, n: f"[{p.latex(n.args[0])} {COMPARED.get(n.info, n.info)} {p.latex(n.args[1])}]", ATOM),
    "neg": (lambda p, n: "-" + p.inside(n.args[0], FROBENIUS), ADDITION),
    **dict.fromkeys(["+", "-"], (Printer.added, ADDITION)),
    ":": (lambda p, n: f"{p.inside(n.args[0], POWER)} : {p.inside(n.args[1], POWER)}", FROBENIUS),
    "^": (Printer.raised, POWER),
    "**": (lambda p, n: p.raised(n, "" if p.is_scalar(n.args[0]) else r"\circ "), POWER),
    **dict.fromkeys(["T", "numpy T"], (Printer.transposed, POWER)),
    "inverse": (lambda p, n: p.inside(n.args[0], ATOM) + "^{-1}", POWER),
    "sum": (lambda p, n: rf"\sum_{{{letters_latex(n.info)}}} {p.inside(n.args[0], ELEMENTWISE)}", ELEMENTWISE),
}
FUNCTION_ROWS: dict[str, Row] = {
    "norm": (Printer.norm, ATOM),
    "inv": OPERATIONS["inverse"],
    "pinv": (lambda p, n: p.inside(n.args[0], ATOM) + "^{+}", POWER),
    "sqrt": (lambda p, n: rf"\sqrt{{{p.bare(n.args[0])}}}", ATOM),
    "abs": (lambda p, n: rf"\lvert {p.bare(n.args[0])} \rvert", ATOM),
    "kron": (lambda p, n: rf"{p.inside(n.args[0], POWER)} \otimes {p.inside(n.args[1], POWER)}", ELEMENTWISE),
    "outer": (lambda p, n: f"{p.inside(n.args[0], POWER)} {p.inside(n.args[1], ATOM)}{TRANSPOSED}", PRODUCT),
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
    dims |= {part.info for part in parts if part.op == "size" and part.info not in CONSTANTS}
    ranks = {name: len(shape) for name, shape in arrays.items()}
    return Printer(None, ranks).latex(read_formula(str(to_matrix(expr)), Vocabulary(arrays, dims)))
