"""Formulas as trees: one grammar for NumPy syntax, index notation and matrix notation.

It is the language of expressions, of derivations and of what authors claim: ``G.T @ X``, ``G^T X``,
``sum_n G[n,a] X[n,b]``, ``A : B``, ``dY[i,j]/dW[a,b]``. What is typed, what LaTeX is printed from and what
is evaluated are the same tree. Operator precedence on two stacks, so that depth costs no recursion.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from .calls import KNOWN
from .errors import ExpressionError
from .expression import COMPARISONS
from .names import JUMPS

TOKEN = re.compile(
    r"""\s+ | (?P<number> \.?\d ([eE][+-] | [^\W_] | \.)*) | (?P<name> [^\W\d] [\w']*)
    | (?P<string> '[^']*' | "[^"]*") | (?P<operator> \*\* | [<>=!]= | [-+*/@()\[\],.=:<>^⊗])""",
    re.VERBOSE,
)
LONGEST, DEEPEST = 20_000, 1_000
MODULES = ("np", "numpy", "linalg", "scipy", "special", "jnp")
OPENING = -1
LEVELS = {  # what binds tighter has a higher one
    **dict.fromkeys(COMPARISONS, 0),
    **dict.fromkeys(["+", "-"], 1),
    "neg": 2,  # of all that follows: -A : B, -2 X
    ":": 3,
    "sum": 4,  # takes all that follows, up to a sign or a colon
    **dict.fromkeys(["*", "/", "@", "⊗"], 5),
    "juxtaposed": 6,
    **dict.fromkeys(["^", "**"], 7),
}
SHAPED = ("ones", "zeros", "reshape")  # functions that accept a tuple
# beside unknown functions; those that jump get an error of their own
CALLABLE = {*KNOWN, *JUMPS, "ones", "zeros", "eye", "reshape", "slogdet", "einsum"}
STRINGS = ("einsum", "norm")  # functions that take a string
SAME = {"np.newaxis": "None", "numpy.newaxis": "None", "...": ":"}  # in brackets
# what a sign or a word that is no part of the language may have been meant for
MEANT = {
    "&": "; a mask of two comparisons is (x > 0) * (x < 1)",
    "|": "; a length is norm(x), a determinant det(A), a mask of two comparisons (x > 0) * (x < 1)",
    "//": "; // jumps, and where it has a derivative it is zero",
    "[": "; lists are not supported",
    "⁻": "; an inverse is inv(A)",
    "·": "; a product is written * or @",
    "=": "; write the right side alone",
    **dict.fromkeys(["if", "else", "or", "not", "for", "in"], "; a choice is where(x > 0, a, b)"),
    "and": "; a mask of two comparisons is (x > 0) * (x < 1)",
    "^": "; a power is **, an inverse inv(A), a transpose A.T",
}
TOTALS = ("sum", "mean", "trace")  # numbers that are made of a whole array
WORDS = {"True": True, "False": False, "None": None}


class Token(NamedTuple):
    """A piece of the source: its kind (number, name, string, operator or end) and its place."""

    kind: str
    text: str
    start: int
    stop: int


def tokenize(text: str) -> list[Token]:
    """Cut the source into tokens.

    Raises
    ------
    ExpressionError
        If `text` is no string, is too long, or holds a character that has no meaning.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"an expression must be a string, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {LONGEST}")
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(f"{text[at]!r} has no meaning here{MEANT.get(text[at], '')}", text, at, at + 1)
        if found.lastgroup:
            tokens.append(Token(found.lastgroup, found[0], *found.span()))
        at = found.end()
    return [*tokens, Token("end", "", len(text), len(text))]


class Part:
    """One part of a formula.

    Attributes
    ----------
    op : str
        What is done: ``"name"``, ``"juxtaposed"``, ``"sum"``, ``"call"`` ...
    args : tuple of Part
        What it is done to.
    info : object
        The rest: a name, a number, letters, the options of a call.
    span : tuple of int
        Where its operator or its name stands in the text.
    """

    __slots__ = ("args", "info", "op", "span")  # no dataclass: making one takes a tenth of the import

    def __init__(self, op: str, args: "tuple[Part, ...]" = (), info: Any = None, span: tuple[int, int] = (0, 0)):
        self.op, self.args, self.info, self.span = op, args, info, span

    def walk(self, *, inside: bool = True) -> "Iterator[Part]":
        """Every part, this one first; those `inside` an array of which an entry is taken only if wanted."""
        yield self
        for arg in self.args if inside or self.op != "entry" else ():
            yield from arg.walk(inside=inside)

    def is_numpy(self, *, inside: bool = True) -> bool:
        """Whether NumPy's product of matrices or one of its totals is in a formula, as in ``trace(A @ B)``."""
        return any(
            [part.op == "@" or (part.op == "call" and part.info[0] in TOTALS) for part in self.walk(inside=inside)]
        )


class Vocabulary(NamedTuple):
    """The names that a formula may use.

    Attributes
    ----------
    names : set of str
        Arrays and scalars.
    dimensions : set of str
        Dimensions, which are numbers too.
    """

    names: Collection[str] = ()
    dimensions: Collection[str] = ()


def read_formula(text: str, vocabulary: Vocabulary | None = None) -> Part:
    """Read one formula.

    Parameters
    ----------
    text : str
        NumPy syntax, index notation or matrix notation, or all of them.
    vocabulary : Vocabulary, optional
        The names it may use. Without it only NumPy syntax is read, and a name may be any.

    Returns
    -------
    Part

    Raises
    ------
    ExpressionError
        With a caret under the offending part.

    Examples
    --------
    >>> read_formula("sum_n G[n,a] X[n,b]", Vocabulary({"G", "X"})).op
    'sum'
    """
    return _Reader(text, vocabulary).run()


def split_letters(text: str) -> list[str]:
    """Split ``no`` into ``n`` and ``o``; a digit belongs to the letter before it."""
    return re.findall(r".\d*", text)


class _Mark(NamedTuple):
    """What waits on the operator stack: an operator, or an opening parenthesis."""

    op: str
    level: int
    token: Token
    info: Any = None  # the letters of a sum, the name of a function
    base: int = 0  # height of the operand stack at the parenthesis
    options: Any = None  # of a function
    listed: bool = False  # whether it opens a shape: ones((n, k))


class _Reader:
    def __init__(self, text: str, vocabulary: Vocabulary | None) -> None:
        self.text, self.numpy = text, vocabulary is None
        vocabulary = vocabulary or Vocabulary()
        self.names, self.dimensions = vocabulary.names, vocabulary.dimensions
        tokens = tokenize(text)
        self.tokens, self.at = [*tokens, *tokens[-1:] * 3], 0  # a look ahead needs no check
        self.operands: list[Part] = []
        self.marks: list[_Mark] = [_Mark("", OPENING, self.tokens[0])]  # the whole formula is as if in parentheses

    # -- Tokens -----------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, message: str, token: Token) -> ExpressionError:
        return ExpressionError(message, self.text, token.start, token.stop)

    def next_is(self, *texts: str, ahead: int = 0) -> bool:
        token = self.tokens[self.at + ahead]
        return token.kind == "operator" and token.text in texts

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def need(self, text: str) -> Token:
        if self.token.text != text:
            raise self.fail(f"{text!r} is needed here, not {self.token.text or 'the end'!r}", self.token)
        return self.take()

    # -- The two stacks -----------------------------------------------------------------------------

    def run(self) -> Part:
        while True:
            self.operand()
            while self.extended():
                pass
            if self.token.kind == "end":
                break
            self.infix()
        self.reduce(0)
        if len(self.marks) > 1:
            raise self.fail("this parenthesis is never closed", self.marks[-1].token)
        return self.operands.pop()

    def push(self, op: str, args: tuple[Part, ...] = (), info: Any = None, token: Token | None = None) -> None:
        token = token or self.tokens[self.at - 1]
        self.operands.append(Part(op, args, info, (token.start, token.stop)))

    def operand(self) -> None:
        """Read up to the end of one operand's first token."""
        while True:
            token = self.take()
            if token.kind == "number":
                return self.number(token)
            if token.kind == "name" and self.word(token):
                return None
            if token.kind == "string":
                return self.string(token)
            if token.kind == "end":
                raise self.fail("the expression ends where an operand is needed", token)
            if token.text == "(" or (token.text == "<" and not self.numpy):
                self.open(token)
            elif token.text == "-":
                self.marks.append(_Mark("neg", max(LEVELS["neg"], self.marks[-1].level), token))
            elif token.kind != "name" and token.text != "+":
                twice = self.tokens[self.at - 2].text == token.text == "/"
                hint = MEANT.get("//" if twice else token.text, "")
                raise self.fail(f"{token.text!r} stands where an operand is needed{hint}", token)

    def extended(self) -> bool:
        """Read what belongs to the operand before it, if something does: ``.T``, ``[i,j]``, ``^T``, ``)``."""
        token = self.token
        if token.kind != "operator" or (token.text == "^" and self.numpy):
            return False
        if token.text == "^":
            return self.transposed()
        if token.text == "[":
            self.index(token)
        elif token.text == ".":
            self.attribute()
        elif token.text in (")", "]") or (token.text == ">" and self.opened() == "<"):
            self.close(self.take())
        elif token.text == "," and self.next_is(")", ahead=1):  # f(X,)
            self.comma(self.take())
        else:
            return False
        return True

    def infix(self) -> None:
        """Read an operator, or the nothing between factors side by side, or a comma."""
        token = self.take()
        op = token.text
        spaced = self.text[token.stop : token.stop + 1] == " "  # c <A, B> is a product, z < 0 a comparison
        if token.kind != "operator" or op == "(" or (op == "<" and not self.numpy and not spaced):
            if self.numpy:
                hint = MEANT.get(op, "; write * or @ between two factors")
                raise self.fail(f"{op!r} follows a complete factor{hint}", token)
            self.at -= 1
            op = "juxtaposed"
        if op == ",":
            return self.comma(token)
        if op not in LEVELS or (op == "^" and self.numpy):
            raise self.fail(f"{op!r} has no meaning here{MEANT.get(op, '') * self.numpy}", token)
        level, once = LEVELS[op], op == ":" or op in COMPARISONS
        if op == "/" and self.in_front():
            level = LEVELS["^"]
        self.reduce(level + (once or op == "**"))
        if once and self.marks[-1].level == level:
            hint = "comparisons are not chained; write (a < b) * (b < c)"
            raise self.fail("A : B is a number; a second ':' needs parentheses" if op == ":" else hint, token)
        return self.marks.append(_Mark(op, level, token))

    def reduce(self, level: int) -> None:
        """Apply the operators that bind at least as tightly as `level`."""
        while self.marks[-1].level >= level:
            mark = self.marks.pop()
            right = self.operands.pop()
            left = () if mark.op in ("neg", "sum") else (self.operands.pop(),)
            if mark.op == "/" and right.op == "juxtaposed":  # a reader cannot tell what stands below
                raise self.fail("a product after '/' is ambiguous; write (1/c) A B, or 1/(c A B)", mark.token)
            if mark.op in ("^", "**") and right.op == "neg" and right.args[0].op == "number":
                right = Part("number", info=-right.args[0].info)
            if mark.op == "⊗":
                self.push("call", (*left, right), ("kron", {}), mark.token)
            elif mark.op in COMPARISONS:
                self.push("mask", (*left, right), mark.op, mark.token)
            elif mark.op == "^" and right.info == -1:
                self.push("inverse", left, token=mark.token)
            else:
                self.push(mark.op, (*left, right), mark.info, mark.token)

    # -- Parentheses --------------------------------------------------------------------------------

    def open(self, token: Token, name: str = "", at: Token | None = None) -> None:
        if len(self.marks) > DEEPEST:
            raise self.fail(f"nested deeper than {DEEPEST}", token)
        if name.startswith("__"):
            raise self.fail(f"{name!r} cannot name a function", at or token)
        first = self.tokens[self.at - 2].text in ("(", ",")
        listed = first and not name and self.marks[-1].info in SHAPED
        self.marks.append(_Mark(token.text, OPENING, at or token, name, len(self.operands), {}, listed))

    def opened(self) -> str:
        """The innermost parenthesis that is open."""
        return [mark.op for mark in self.marks if mark.level == OPENING][-1]

    def comma(self, token: Token) -> None:
        self.reduce(0)
        mark = self.marks[-1]
        if not (mark.info or mark.listed or mark.op == "<"):
            raise self.fail("a comma is only used between arguments", token)

    def close(self, token: Token) -> None:
        self.reduce(0)
        mark = self.marks[-1]
        if mark.op + token.text not in ("()", "<>"):
            raise self.fail(f"this {token.text!r} closes nothing", token)
        self.marks.pop()
        args = tuple(self.operands[mark.base :])
        if mark.listed and len(args) > 1:
            if not self.next_is(",", ")"):
                raise self.fail("a tuple is a shape and nothing else", mark.token)
            return
        del self.operands[mark.base :]
        if mark.op == "<":
            if len(args) != 2:
                raise self.fail("<A, B> takes two arrays", mark.token)
            self.push("inner", args, token=mark.token)
        elif mark.info:
            self.call(mark, args)
        elif args[0].op == "mask":
            self.operands.append(args[0])
        else:
            self.push("group", args, token=mark.token)

    def call(self, mark: _Mark, args: tuple[Part, ...]) -> None:
        name = mark.info
        if name == "d" and not self.numpy and len(args) == 1:
            return self.quotient(Part("derived", args))
        if name in ("ones", "eye") and not self.numpy:
            made = [Part(name, info=self.length(arg, mark.token)) for arg in args]
            if len(made) > 1:  # a column of ones times a row of ones
                made = [Part("juxtaposed", (made[0], Part("T", (made[1],))))]
            return self.operands.append(made[0])
        if name == "slogdet":
            if not self.next_is("[") or self.subscripts() != ("1",):
                raise self.fail("slogdet gives a sign and a logarithm; write slogdet(X)[1] or logdet(X)", mark.token)
            name = "logdet"
        return self.push("call", args, (name, mark.options), mark.token)

    def option(self, name: Token) -> None:
        """Read ``axis=1`` or ``keepdims=True`` up to the comma or parenthesis."""
        self.take()
        options = self.marks[-1].options
        if name.text in options:
            raise self.fail(f"{name.text}= is given twice", name)
        options[name.text] = self.option_value(name)
        if not self.next_is(")", ","):
            raise self.fail("a comma or a closing parenthesis is needed here", self.token)

    def option_value(self, name: Token) -> Any:
        if self.next_is("("):
            self.take()
            values = []
            while not self.next_is(")"):
                values.append(self.option_value(name))
                if not self.next_is(")"):
                    self.need(",")
            self.take()
            return tuple(values)
        sign = -1 if self.next_is("-") and self.take() else 1
        token = self.take()
        if token.text in WORDS:
            return WORDS[token.text]
        if token.kind == "string":
            return token.text[1:-1]
        if token.kind == "number" and token.text.isdigit():
            return sign * int(token.text)
        raise self.fail(f"{name.text}= needs a whole number, True, False or None", token)

    # -- What stands by itself ----------------------------------------------------------------------

    def string(self, token: Token) -> None:
        if not (self.numpy and self.marks[-1].info in STRINGS and self.next_is(",", ")")):
            raise self.fail("a string is no part of an expression", token)
        self.push("string", info=token.text[1:-1])

    def number(self, token: Token) -> None:
        following = self.token
        if not self.numpy and token.text == "1" and following.text[:1] == "_" and following.start == token.stop:
            return self.push("ones", info=self.dimension(self.take(), following.text[1:]))
        return self.push("number", info=self.value(token))

    def value(self, token: Token) -> int | float:
        try:
            value = float(token.text)
        except ValueError:
            factor = token.text.lstrip("0123456789.")
            named = factor.isidentifier() and factor not in ("e", "j")
            hint = f"; write {token.text.removesuffix(factor)} * {factor}" * named
            raise self.fail(f"{token.text!r} is not a number{hint}", token) from None
        if not value and token.text.lower().partition("e")[0].strip("0."):
            raise self.fail(f"{token.text} is too small to derive with", token)
        return int(value) if token.text.isdigit() else value

    def in_front(self) -> bool:
        """Whether a quotient of numbers or dimensions is a factor of a product: ``1/m D^T X`` is ``(1/m) D^T X``."""
        top, _, below, after = self.tokens[self.at - 2 : self.at + 2]
        changes_below = after.text in ("^", "**") or after.text.startswith("_")  # n^2, 1_n
        inside = self.marks[-1].level >= LEVELS["juxtaposed"] or self.marks[-1].op == "/"
        return not inside and not changes_below and self.counts(top) and self.counts(below)

    def counts(self, token: Token) -> bool:
        """Whether a token is a number or a dimension, in notation."""
        is_dimension = token.text in self.dimensions and token.text not in self.names
        return not self.numpy and (token.kind == "number" or is_dimension)

    def dimension(self, token: Token, name: str) -> str:
        if name not in self.dimensions:
            known = ", ".join(sorted(self.dimensions)) or "none"
            raise self.fail(f"{name!r} is not a dimension; the dimensions are: {known}", token)
        return name

    def length(self, node: Part, token: Token) -> str:
        """``n``, or ``k*l`` for an axis that is a product of dimensions."""
        if node.op == "*":
            return "*".join([self.length(arg, token) for arg in node.args])
        return self.dimension(token, str(node.info))

    def word(self, token: Token) -> bool:
        """Read a name; say whether the operand is complete."""
        name = token.text
        if name in MODULES and name not in self.names and self.next_is("."):
            self.take()
            if self.numpy and self.next_is("(", ahead=1) and self.token.text not in CALLABLE:
                raise self.fail(f"{self.token.text} is not supported", self.token)
            return False
        if self.marks[-1].info and self.marks[-1].level == OPENING and self.next_is("="):
            self.option(token)
        elif name.startswith("sum_") and not self.numpy:
            self.marks.append(_Mark("sum", LEVELS["sum"], token, tuple(split_letters(name.removeprefix("sum_")))))
            return False
        elif not self.numpy and self.sign(token):
            pass
        elif self.next_is("(") and name not in self.names:
            self.open(self.take(), name, token)
            return self.next_is(")")
        else:
            self.push("name", info=name)
        return True

    def sign(self, token: Token) -> bool:
        """Read a name that means something in a notation."""
        name = token.text
        # kdelta is what it is called beside an array of that name
        if name == ("kdelta" if "delta" in self.names else "delta") and self.next_is("["):
            self.push(name, info=self.pair(token))
            return True
        differential = self.differential(name)
        if differential and self.starts_quotient():
            top = Part("name", info=differential)
            self.quotient(Part("entry", (top,), self.subscripts()) if self.next_is("[") else top)
        elif name in self.names:
            self.push("name", info=name)
        elif differential:
            self.push("differential", info=differential)
        elif name in self.dimensions:
            self.push("size", info=name)
        elif name == "pi":
            self.push("pi")
        elif self.next_is("("):
            return False
        elif name.startswith("I_"):
            self.push("eye", info=self.dimension(token, name.removeprefix("I_")))
        elif name == "G" or name.startswith("G_"):
            self.push("upstream", info=name)
        else:
            listed = ", ".join(sorted(self.names)) or "none"
            raise self.fail(f"unknown name {name!r}; the names are: {listed}", token)
        return True

    def differential(self, name: str) -> str:
        """``Y`` for ``dY``."""
        return name[1:] if name[:1] == "d" and name[1:] in self.names else ""

    def starts_quotient(self) -> bool:
        """Whether ``/dW`` follows, with or without subscripts in between."""
        at = self.at
        if self.next_is("["):
            at = next((k for k in range(at, len(self.tokens)) if self.tokens[k].text == "]"), at) + 1
        above, below = self.tokens[at : at + 2]
        return above.text == "/" and bool(self.differential(below.text))

    def quotient(self, top: Part) -> None:
        self.need("/")
        below = self.take()
        variable = self.differential(below.text)
        if not variable:
            raise self.fail("d of a known name is needed here, such as dW", below)
        letters = self.subscripts() if self.next_is("[") else None
        self.push("derivative", (top,), (variable, letters), below)

    # -- What follows a factor ----------------------------------------------------------------------

    def subscripts(self) -> tuple[str, ...]:
        """``[i,j]``: letters, numbers, or ``:`` for a whole axis; ``(ik)`` for an axis that is a product."""
        opening, parts, depth = self.need("["), [""], 0
        while depth or not self.next_is("]"):
            token = self.take()
            if token.kind == "end":
                raise self.fail("this bracket is never closed", opening)
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.text != ",":
                parts[-1] += token.text
            elif not depth:
                parts.append("")
        self.take()
        for part in parts:
            if not (self.numpy or part == ":" or part.removeprefix("(").removesuffix(")").isalnum()):
                raise self.fail("an index is a letter, a number counted from 1, or ':'", opening)
        return tuple(parts)

    def pair(self, token: Token) -> tuple[str, str]:
        letters = self.subscripts()
        if len(letters) != 2 or not all(letter.isidentifier() for letter in letters):
            raise self.fail("delta has two letters, delta[i,j]", token)
        return letters[0], letters[1]

    def index(self, token: Token) -> None:
        subscripts, value = tuple([SAME.get(part, part) for part in self.subscripts()]), self.operands.pop()
        if subscripts == (":", "None"):
            self.push("upright", (value,), token=token)
        else:
            self.push("entry", (value,), subscripts, token)

    def transposed(self) -> bool:
        """Read ``^T`` or ``^-T``."""
        token, inverse = self.token, self.next_is("-", ahead=1)
        if self.tokens[self.at + 1 + inverse].text != "T":
            return False
        self.at += 2 + inverse
        self.reduce(LEVELS["^"])
        base = self.operands.pop()
        self.push("T", (Part("inverse", (base,)) if inverse else base,), "inverse" if inverse else None, token)
        return True

    def attribute(self) -> None:
        self.take()
        token = self.take()
        if token.kind != "name":
            raise self.fail("an attribute such as .T is needed after the point", token)
        value = self.operands.pop()
        if self.next_is("("):
            if token.text not in CALLABLE:
                raise self.fail(f".{token.text}() is no method that has a derivative", token)
            self.open(self.take(), token.text, token)
            self.operands.append(value)
            if not self.next_is(")"):
                self.operand()
        elif token.text == "T":
            self.push("numpy T", (value,))
        elif self.numpy and token.text in ("size", "shape"):
            axis = None if token.text == "size" else self.subscripts()[0] if self.next_is("[") else ""
            self.push("length", (value,), axis, token)
        else:
            hint = "an inverse is inv(A)" if token.text == "I" else ".T and methods are"
            raise self.fail(f".{token.text} is not supported; {hint}", token)
