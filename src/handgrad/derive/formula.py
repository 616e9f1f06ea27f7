"""Formulas as trees: one grammar for NumPy syntax, index notation and matrix notation.

It is the language of derivations and of what authors claim: ``G.T @ X``, ``sum_n G[n,a] X[n,b]``,
``G^T X``, ``A : B``, ``dY[i,j]/dW[a,b]``. LaTeX is printed from the tree, and a claim is evaluated on
it, so that what is shown is what was checked.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from .errors import ExpressionError
from .parse import MODULES, WORDS, Token, tokenize

OPERATORS = ("**", "==")
BY_METHOD = ("sum", "mean", "max", "min")


@dataclass(frozen=True, eq=False)
class Node:
    """One part of a formula.

    Attributes
    ----------
    op : str
        What is done: ``"name"``, ``"juxtaposed"``, ``"sum"``, ``"call"`` ...
    args : tuple of Node
        What it is done to.
    info : object
        The rest: a name, a number, letters, the options of a call.
    span : tuple of int
        Where a call or a parenthesis stands in the text.
    """

    op: str
    args: "tuple[Node, ...]" = ()
    info: Any = None
    span: tuple[int, int] = (0, 0)

    def walk(self) -> "Iterator[Node]":
        """Every part, this one first."""
        yield self
        for arg in self.args:
            yield from arg.walk()


@dataclass(frozen=True)
class Vocabulary:
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


def read_formula(text: str, vocabulary: Vocabulary) -> Node:
    """Read one formula.

    Parameters
    ----------
    text : str
        NumPy syntax, index notation or matrix notation, or all of them.
    vocabulary : Vocabulary
        The names it may use.

    Returns
    -------
    Node

    Raises
    ------
    ExpressionError
        With a caret under the offending part.

    Examples
    --------
    >>> read_formula("sum_n G[n,a] X[n,b]", Vocabulary({"G", "X"})).op
    'sum'
    """
    reader = _Reader(text, vocabulary)
    node = reader.sum()
    if reader.token.kind != "end":
        raise reader.fail(f"{reader.token.text!r} has no meaning here")
    return node


def split_letters(text: str) -> list[str]:
    """Split ``no`` into ``n`` and ``o``; a digit belongs to the letter before it."""
    letters: list[str] = []
    for char in text:
        if char.isdigit() and letters:
            letters[-1] += char
        else:
            letters.append(char)
    return letters


class _Reader:
    """Recursive descent: one method for each level of precedence, the loosest first."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.tokens = tokenize(text, OPERATORS)
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, message: str, token: Token | None = None) -> ExpressionError:
        token = token or self.token
        return ExpressionError(message, self.text, token.start, token.stop)

    def next_is(self, *texts: str, ahead: int = 0) -> bool:
        at = min(self.at + ahead, len(self.tokens) - 1)
        return self.tokens[at].kind == "operator" and self.tokens[at].text in texts

    def take(self, text: str = "") -> Token:
        token = self.token
        if text and token.text != text:
            found = token.text or "the end"
            raise self.fail(f"{text!r} is needed here, not {found!r}")
        self.at += 1
        return token

    def take_if(self, *texts: str) -> str:
        return self.take().text if self.next_is(*texts) else ""

    # -- Levels of precedence -------------------------------------------------------------------

    def sum(self) -> Node:
        value = Node("neg", (self.frobenius(),)) if self.take_if("-") else self.frobenius()
        while self.next_is("+", "-"):
            value = Node(self.take().text, (value, self.frobenius()))
        return value

    def frobenius(self) -> Node:
        value = self.elementwise()
        if self.take_if(":"):
            value = Node(":", (value, self.elementwise()))
            if self.next_is(":"):
                raise self.fail("A : B is a number; a second ':' needs parentheses")
        return value

    def elementwise(self) -> Node:
        value = self.coefficient() or self.product()
        while self.next_is("*", "/", "@"):
            if self.take_if("/"):
                value = Node("/", (value, self.divisor()))
            else:
                value = Node(self.take().text, (value, self.coefficient() or self.product()))
        return value

    def coefficient(self) -> Node | None:
        """A fraction of numbers or dimensions in front of a product: ``1/m D^T X`` is ``(1/m) D^T X``."""
        top, sign, below, after = (self.tokens[min(self.at + k, len(self.tokens) - 1)] for k in range(4))
        changes_below = after.text in ("^", "**") or after.text.startswith("_")  # n^2, 1_n
        if sign.text != "/" or not self.counts(top) or not self.counts(below) or changes_below:
            return None
        self.at += 3
        return self.product(Node("fraction", info=tuple(map(self.count, (top, below)))))

    def counts(self, token: Token) -> bool:
        """Whether a token is a number or a dimension."""
        is_dimension = token.text in self.vocabulary.dimensions and token.text not in self.vocabulary.names
        return token.kind == "number" or is_dimension

    def count(self, token: Token) -> int | float | str:
        """The number, or the name of the dimension."""
        return self.value(token) if token.kind == "number" else token.text

    def divisor(self) -> Node:
        """What stands below a ``/``: one factor, for a reader cannot tell whether a second is below as well."""
        start = self.token
        value = self.product()
        if value.op == "juxtaposed":
            message = "a product after '/' is ambiguous; write (1/c) A B, or 1/(c A B)"
            raise ExpressionError(message, self.text, start.start, self.tokens[self.at - 1].stop)
        return value

    def product(self, first: Node | None = None) -> Node:
        """Factors side by side; a sum sign takes all that follows it."""
        value = first or self.power()
        while self.token.kind in ("number", "name") or self.next_is("(", "<"):
            value = Node("juxtaposed", (value, self.power()))
        return value

    def power(self) -> Node:
        value = self.atom()
        while True:
            if self.take_if("."):
                value = self.attribute(value)
            elif self.next_is("["):
                subscripts = self.subscripts()
                upright = subscripts == (":", "None")
                value = Node("upright", (value,)) if upright else Node("entry", (value,), subscripts)
            elif self.take_if("^"):
                value = self.exponent(value)
            elif self.take_if("**"):
                value = Node("**", (value, self.signed()))
            else:
                return value

    def exponent(self, base: Node) -> Node:
        if self.token.text == "T":
            self.take()
            return Node("T", (base,))
        if self.next_is("-") and self.tokens[self.at + 1].text == "T":
            self.at += 2
            return Node("T", (Node("inverse", (base,)),), "inverse")
        exponent = self.signed()
        if exponent.op == "number" and exponent.info == -1:
            return Node("inverse", (base,))
        return Node("^", (base, exponent))

    def signed(self) -> Node:
        negative = bool(self.take_if("-"))
        value = self.atom()
        if not negative:
            return value
        return Node("number", info=-value.info) if value.op == "number" else Node("neg", (value,))

    # -- What stands by itself ------------------------------------------------------------------

    def atom(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.word(token)
        if token.text == "(":
            return self.parenthesis(token)
        if token.text == "<":
            left = self.sum()
            self.take(",")
            right = self.sum()
            self.take(">")
            return Node("inner", (left, right))
        if token.kind == "end":
            raise self.fail("the formula ends where a factor is needed", token)
        raise self.fail(f"{token.text!r} stands where a factor is needed", token)

    def number(self, token: Token) -> Node:
        following = self.token
        if token.text == "1" and following.text.startswith("_") and following.start == token.stop:
            return Node("ones", info=self.dimension(self.take(), self.text[following.start + 1 : following.stop]))
        return Node("number", info=self.value(token))

    def value(self, token: Token) -> int | float:
        try:
            value = float(token.text)
        except ValueError:
            raise self.fail(f"{token.text!r} is not a number", token) from None
        return int(value) if token.text.isdigit() else value

    def dimension(self, token: Token, name: str) -> str:
        if name not in self.vocabulary.dimensions:
            known = ", ".join(sorted(self.vocabulary.dimensions)) or "none"
            raise self.fail(f"{name!r} is not a dimension; the dimensions are: {known}", token)
        return name

    def parenthesis(self, opening: Token) -> Node:
        value = self.sum()
        if self.next_is(">", "=="):
            sign = self.take().text
            value = Node("mask", (value, self.sum()), sign)
            self.take(")")
            return value
        return Node("group", (value,), span=(opening.start, self.take(")").stop))

    def word(self, token: Token) -> Node:
        name, known = token.text, self.vocabulary.names
        if name in MODULES and name not in known and self.take_if("."):
            return self.word(self.take())
        if name.startswith("sum_"):
            return Node("sum", (self.elementwise(),), tuple(split_letters(name.removeprefix("sum_"))))
        if name == "delta" and name not in known and self.next_is("["):
            return Node("delta", info=self.pair(token))
        if name == "kdelta" and "delta" in known:  # what it is called beside an array of that name
            return Node("kdelta", info=self.pair(token))
        if name == "d" and name not in (*known, *self.vocabulary.dimensions) and self.next_is("("):
            return self.quotient(self.parentheses_only())
        differential = self.differential(name)
        if differential and self.starts_quotient():
            top = Node("name", info=differential)
            if self.next_is("["):
                top = Node("entry", (top,), self.subscripts())
            return self.quotient(top)
        if name in known:
            return Node("name", info=name)
        if differential:
            return Node("differential", info=differential)
        if name in self.vocabulary.dimensions:
            return Node("size", info=name)
        if self.next_is("("):
            return self.constant(name) if name in ("ones", "eye") else self.call(token, [])
        if name.startswith("I_"):
            return Node("eye", info=self.dimension(token, name.removeprefix("I_")))
        if name == "pi":
            return Node("pi")
        if name == "G" or name.startswith("G_"):
            return Node("upstream", info=name)
        listed = ", ".join(sorted(known)) or "none"
        raise self.fail(f"unknown name {name!r}; the names are: {listed}", token)

    def differential(self, name: str) -> str:
        """``Y`` for ``dY``."""
        stem = name[1:]
        return stem if name[0] == "d" and stem in self.vocabulary.names else ""

    def starts_quotient(self) -> bool:
        """Whether ``/dW`` follows, with or without subscripts in between."""
        at = self.at
        if self.tokens[at].text == "[":
            while self.tokens[at].text not in ("]", ""):
                at += 1
            at += 1
        below = self.tokens[min(at + 1, len(self.tokens) - 1)]
        return (
            at < len(self.tokens)
            and self.tokens[at].text == "/"
            and bool(below.kind == "name" and self.differential(below.text))
        )

    def parentheses_only(self) -> Node:
        self.take("(")
        value = self.sum()
        self.take(")")
        return Node("derived", (value,))

    def quotient(self, top: Node) -> Node:
        self.take("/")
        below = self.take()
        variable = self.differential(below.text)
        if not variable:
            raise self.fail("d of a known name is needed here, such as dW", below)
        letters = self.subscripts() if self.next_is("[") else None
        return Node("derivative", (top,), (variable, letters))

    def subscripts(self) -> tuple[str, ...]:
        """``[i,j]``: letters, numbers counted from 1, or ``:`` for a whole axis."""
        self.take("[")
        found: list[str] = []
        while True:
            token = self.take()
            if token.text == "(":  # an axis that is a product of dimensions
                found.append("(" + "".join(self.merged()) + ")")
                if not self.take_if(","):
                    break
                continue
            if token.kind not in ("name", "number") and token.text != ":":
                raise self.fail("an index is a letter, a number counted from 1, or ':'", token)
            found.append(token.text)
            if not self.take_if(","):
                break
        self.take("]")
        return tuple(found)

    def merged(self) -> list[str]:
        """``m,p)``: the letters of one axis."""
        letters = [self.take().text]
        while self.take_if(","):
            letters.append(self.take().text)
        self.take(")")
        return letters

    def pair(self, token: Token) -> tuple[str, str]:
        letters = self.subscripts()
        if len(letters) != 2 or not all(letter.isidentifier() for letter in letters):
            raise self.fail("delta has two letters, delta[i,j]", token)
        return letters[0], letters[1]

    def attribute(self, value: Node) -> Node:
        token = self.take()
        if token.text == "T":
            return Node("numpy T", (value,))
        if token.text in BY_METHOD and self.next_is("("):
            return self.call(token, [value])
        raise self.fail(f".{token.text} is not supported; .T and .sum(axis=0) are", token)

    def call(self, name: Token, args: list[Node]) -> Node:
        self.take("(")
        options: dict[str, Any] = {}
        while not self.next_is(")"):
            if self.token.kind == "name" and self.next_is("=", ahead=1):
                option = self.take().text
                self.take("=")
                options[option] = self.option()
            else:
                args.append(self.sum())
            if not self.next_is(")"):
                self.take(",")
        return Node("call", tuple(args), (name.text, options), (name.start, self.take(")").stop))

    def constant(self, name: str) -> Node:
        """``eye(n)``, ``ones(k*l)``, and ``ones(n, k)``, which is a column of ones times a row of ones."""
        self.take("(")
        made = Node(name, info=self.length())
        if name == "ones" and self.take_if(","):
            made = Node("juxtaposed", (made, Node("T", (Node("ones", info=self.length()),))))
        self.take(")")
        return made

    def length(self) -> str:
        """``n``, or ``k*l`` for an axis that is a product of dimensions."""
        found = self.dimension(self.token, self.take().text)
        while self.take_if("*"):
            found += "*" + self.dimension(self.token, self.take().text)
        return found

    def option(self) -> Any:
        negative = bool(self.take_if("-"))
        token = self.take()
        if token.text in WORDS:
            return WORDS[token.text]
        if token.text.isdigit():
            return -int(token.text) if negative else int(token.text)
        raise self.fail("an option is a whole number, True, False or None", token)


def cut(text: str, operators: Collection[str]) -> list[tuple[str, str]]:
    """Cut a line at the operators outside all parentheses: pairs of an operator and what follows.

    Examples
    --------
    >>> cut("A B == C == (D == 0)", {"=="})
    [('', 'A B '), ('==', ' C '), ('==', ' (D == 0)')]
    """
    pieces: list[tuple[str, str]] = []
    depth, start, operator = 0, 0, ""
    for token in tokenize(text, OPERATORS):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
        if depth == 0 and token.text in operators:
            pieces.append((operator, text[start : token.start]))
            operator, start = token.text, token.stop
    return [*pieces, (operator, text[start:])]
