"""Read NumPy syntax. Operator precedence on two stacks, so that depth costs no recursion."""

from typing import Any, NamedTuple

from .errors import ExpressionError
from .expression import (
    FLAT,
    KNOWN,
    Expr,
    Shape,
    arithmetic,
    call,
    einsum,
    expand,
    length,
    name_expr,
    number,
    read_shape,
    reshape,
    show_shape,
    squeeze,
)  # fmt: skip

LONGEST, DEEPEST = 20_000, 1_000
MODULES = ("np", "numpy", "linalg", "scipy", "special", "jnp")
PRECEDENCE = {
    ">": 1,
    "<": 1,
    "==": 1,
    ">=": 1,
    "<=": 1,
    "!=": 1,
    "+": 2,
    "-": 2,
    "*": 3,
    "/": 3,
    "@": 3,
    "neg": 4,
    "**": 5,
}
SHAPED = ("ones", "zeros", "reshape")  # functions that accept a tuple
CALLABLE = KNOWN | {"ones", "zeros", "eye", "reshape", "slogdet", "einsum", "transpose"}  # beside unknown functions
WORDS = {"True": True, "False": False, "None": None}


class Token(NamedTuple):
    """A piece of the source: its kind (number, name, string, operator or end) and its place."""

    kind: str
    text: str
    start: int
    stop: int


def tokenize(text: str, operators: tuple[str, ...] = ("**", "==", ">=", "<=", "!=")) -> list[Token]:
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
        char, start = text[at], at
        if char.isspace():
            at += 1
            continue
        if char.isdigit() or (char == "." and text[at + 1 : at + 2].isdigit()):
            kind = "number"
            while at < len(text) and (text[at].isalnum() or text[at] == "."):
                at += 2 if text[at] in "eE" and text[at + 1 : at + 2] in ("+", "-") else 1
        elif char.isalpha() or char == "_":
            kind = "name"
            while at < len(text) and (text[at].isalnum() or text[at] in "_'"):
                at += 1
        elif char in "'\"" and char in text[at + 1 :]:
            kind = "string"
            at = text.index(char, at + 1) + 1
        elif char in "+-*/@()[],.=:><^" or text[at : at + 2] == "!=":
            kind = "operator"
            at += 2 if text[at : at + 2] in operators else 1
        else:
            raise ExpressionError(f"{char!r} has no meaning here", text, at, at + 1)
        tokens.append(Token(kind, text[start:at], start, at))
    return [*tokens, Token("end", "", len(text), len(text))]


class _Mark(NamedTuple):
    """What waits on the operator stack: an operator, or an opening parenthesis."""

    op: str
    token: Token
    name: str = ""  # of the function that the parenthesis opens
    base: int = 0  # height of the operand stack at the parenthesis
    options: dict[str, Any] | None = None
    listed: bool = False  # whether it opens a shape: ones((n, k))


def parse(text: str, shapes: dict[str, Shape], sizes: frozenset[str] = frozenset()) -> Expr:
    """Read an expression.

    Parameters
    ----------
    text : str
        NumPy syntax.
    shapes : dict
        The axes of every name.
    sizes : set of str
        Further dimensions that may be used as numbers.

    Returns
    -------
    Expr

    Raises
    ------
    ExpressionError
        With a caret under the offending part.

    Examples
    --------
    >>> parse("np.sum(X, axis=0)", {"X": (("n",), ("i",))}).shape
    (('i',),)
    """
    return _Parser(text, shapes, sizes).run()


class _Parser:
    def __init__(self, text: str, shapes: dict[str, Shape], sizes: frozenset[str]) -> None:
        self.text, self.shapes = text, shapes
        self.sizes = sizes | {dim for shape in shapes.values() for axis in shape for dim in axis}
        self.tokens, self.at = tokenize(text), 0
        self.operands: list[Expr | str] = []
        self.marks: list[_Mark] = []
        self.turned: set[int] = set()  # vectors that have been transposed

    def fail(self, message: str, token: Token) -> ExpressionError:
        return ExpressionError(message, self.text, token.start, token.stop)

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at].text if self.tokens[self.at].kind == "operator" else ""

    def run(self) -> Expr:
        while True:
            self.operand()
            while True:
                token = self.next()
                if token.kind == "operator" and token.text in ")],.[":
                    if not self.close(token):
                        break
                elif token.text in PRECEDENCE:
                    if PRECEDENCE[token.text] == 1 and self.comparing():
                        raise self.fail("comparisons are not chained; write (a < b) * (b < c)", token)
                    self.reduce(PRECEDENCE[token.text] + (token.text == "**"))
                    self.marks.append(_Mark(token.text, token))
                    break
                elif token.kind == "end":
                    self.reduce(0)
                    if self.marks:
                        raise self.fail("this parenthesis is never closed", self.marks[-1].token)
                    return self.as_expr(self.operands.pop(), token)
                elif token.text == "^":
                    raise self.fail("^ is no operator; a power is **, an inverse inv(A), a transpose A.T", token)
                else:
                    raise self.fail(
                        f"{token.text!r} follows a complete factor; write * or @ between two factors",
                        token,
                    )

    def comparing(self) -> bool:
        """Whether a comparison waits for its right side."""
        inner = [mark.op for mark in self.marks]
        return any(
            PRECEDENCE.get(op) == 1 for op in inner[max([at for at, op in enumerate(inner) if op == "("] or [0]) :]
        )

    def as_expr(self, value: Expr | str, token: Token) -> Expr:
        if isinstance(value, str):
            raise self.fail("a string is no part of an expression", token)
        return value

    def operand(self) -> None:
        """Read up to the end of one operand's first token."""
        module = False
        while True:
            token = self.next()
            if token.kind == "operator" and token.text in "+-(":
                if token.text == "(":
                    self.open(token)
                elif token.text == "-":
                    self.marks.append(_Mark("neg", token))
            elif token.kind == "number":
                try:
                    self.operands.append(number(float(token.text)))
                except ValueError:
                    raise self.fail(f"{token.text!r} is not a number", token) from None
                return
            elif token.kind == "string":
                self.operands.append(token.text[1:-1])
                return
            elif token.kind == "name":
                if token.text in MODULES and self.peek() == ".":
                    self.next()
                    module = True
                elif module and self.peek() == "(" and token.text not in CALLABLE and token.text not in FLAT:
                    raise self.fail(f"{token.text} is not supported", token)
                elif self.peek() == "(":
                    self.open(self.next(), token.text, token)
                    module = False
                    if self.peek() == ")":
                        return
                elif self.peek() == "=" and self.marks and self.marks[-1].name:
                    self.option(token)
                    return
                else:
                    self.operands.append(self.lookup(token))
                    return
            elif token.kind == "end":
                raise self.fail("the expression ends where an operand is needed", token)
            else:
                raise self.fail(f"{token.text!r} stands where an operand is needed", token)

    def lookup(self, token: Token) -> Expr:
        name = token.text
        if name in self.shapes:
            return name_expr(name, self.shapes[name])
        if name in self.sizes:
            return Expr("size", info=name)
        if name == "pi":
            return number(3.141592653589793)
        known = ", ".join(self.shapes) or "none"
        if name.endswith("'") and name[:-1] in self.shapes:
            raise self.fail(f"{name} is not supported; the transpose is {name[:-1]}.T", token)
        raise self.fail(f"unknown name {name!r}; the names in dims are: {known}", token)

    def open(self, token: Token, name: str = "", at: Token | None = None) -> None:
        if len(self.marks) >= DEEPEST:
            raise self.fail(f"nested deeper than {DEEPEST}", token)
        if name.startswith("__") or "." in name:
            raise self.fail(f"{name!r} cannot name a function", at or token)
        outer = self.marks[-1].name if self.marks and self.tokens[self.at - 2].text in ("(", ",") else ""
        listed = not name and outer in SHAPED
        self.marks.append(_Mark("(", at or token, name, len(self.operands), {}, listed))

    def reduce(self, precedence: int) -> None:
        """Apply the operators that bind at least as tightly as `precedence`."""
        while self.marks and self.marks[-1].op != "(" and PRECEDENCE[self.marks[-1].op] >= precedence:
            mark = self.marks.pop()
            right = self.as_expr(self.operands.pop(), mark.token)
            try:
                if mark.op == "neg":
                    result = -right
                else:
                    left = self.as_expr(self.operands.pop(), mark.token)
                    result = self.binary(mark.op, left, right)
            except ExpressionError as error:
                raise error if error.text else self.fail(error.message, mark.token) from None
            self.operands.append(result)

    def binary(self, op: str, left: Expr, right: Expr) -> Expr:
        if op != "@":
            return arithmetic(op, left, right)
        if len(left.shape) == 1 and id(right) in self.turned:
            raise ExpressionError(
                f"{left} @ {right}.T is ambiguous: NumPy computes the inner product, since a vector "
                f"is its own transpose; write outer({left}, {right}) or {left} @ {right}"
            )
        return left @ right

    def option(self, name: Token) -> None:
        """Read ``axis=1`` or ``keepdims=True`` up to the comma or parenthesis."""
        self.next()
        if self.peek() == "(":
            values = []
            while self.next().text != ")" and self.peek() != ")":
                values.append(self.option_value(name))
            self.at += self.peek() == ")" and self.tokens[self.at - 1].text == ","
            value: Any = tuple(values)
        else:
            value = self.option_value(name)
        options = self.marks[-1].options
        assert options is not None  # operand() calls this inside a function only
        if name.text in options:
            raise self.fail(f"{name.text}= is given twice", name)
        options[name.text] = value
        if self.peek() not in (")", ","):
            raise self.fail("a comma or a closing parenthesis is needed here", self.tokens[self.at])

    def option_value(self, name: Token) -> Any:
        sign = -1 if self.peek() == "-" and self.next() else 1
        token = self.next()
        if token.text in WORDS:
            return WORDS[token.text]
        if token.kind == "string":
            return token.text[1:-1]
        if token.kind == "number" and token.text.isdigit():
            return sign * int(token.text)
        raise self.fail(f"{name.text}= needs a whole number, True, False or None", token)

    def close(self, token: Token) -> bool:
        """Handle what may follow an operand; say whether the operand goes on."""
        if token.text == ".":
            return self.attribute()
        if token.text == "[":
            self.index(token)
            return True
        self.reduce(0)
        if token.text == "," and not self.marks:
            raise self.fail("a comma is only used between arguments", token)
        if token.text == "]" or not self.marks:
            raise self.fail(f"this {token.text!r} closes nothing", token)
        mark = self.marks[-1]
        if token.text == ",":
            if not mark.name and not mark.listed:
                raise self.fail("a comma is only used between arguments", token)
            return self.peek() == ")" and self.close(self.next())
        self.marks.pop()
        if len(self.operands) > mark.base + 1 and mark.listed and self.peek() not in (",", ")"):
            raise self.fail("a tuple is a shape and nothing else", mark.token)
        if mark.name:
            args, self.operands = self.operands[mark.base :], self.operands[: mark.base]
            try:
                self.operands.append(self.apply(mark, args))
            except ExpressionError as error:
                raise error if error.text else self.fail(error.message, mark.token) from None
        return True

    def apply(self, mark: _Mark, args: list[Expr | str]) -> Expr:
        if mark.name == "einsum" and args and isinstance(args[0], str):
            return einsum(args[0], [self.as_expr(arg, mark.token) for arg in args[1:]])
        if mark.name == "norm" and len(args) == 2 and isinstance(args[1], str):
            return call("norm", [self.as_expr(args[0], mark.token)], {**(mark.options or {}), "ord": args[1]})
        exprs = [self.as_expr(arg, mark.token) for arg in args]
        if mark.name == "len" and len(exprs) == 1 and exprs[0].shape:
            return length(exprs[0], 0)
        if mark.name == "reshape" and exprs:
            return reshape(exprs[0], read_shape(exprs[0], exprs[1:]))
        if mark.name == "slogdet":
            if [token.text for token in self.tokens[self.at : self.at + 3]] != ["[", "1", "]"]:
                raise ExpressionError("slogdet gives a sign and a logarithm; write slogdet(X)[1] or logdet(X)")
            self.at += 3
            return call("logdet", exprs, mark.options)
        if mark.name in self.shapes:
            raise ExpressionError(f"{mark.name} is an array in dims, not a function")
        return call(mark.name, exprs, mark.options)

    def attribute(self) -> bool:
        token = self.next()
        if token.kind != "name":
            raise self.fail("an attribute such as .T is needed after the point", token)
        if self.peek() == "(":
            target = self.operands.pop()
            self.open(self.next(), token.text, token)
            self.operands.append(target)
            if token.text not in CALLABLE and token.text not in FLAT:
                raise self.fail(f".{token.text}() is no method that has a derivative", token)
            if self.peek() != ")":
                self.operand()
            return True
        value = self.as_expr(self.operands.pop(), token)
        if token.text in ("size", "shape"):
            self.operands.append(length(value, self.axis_number(value) if token.text == "shape" else None))
            return True
        if token.text != "T":
            raise self.fail(f".{token.text} is not supported; .T and methods are", token)
        self.operands.append(value.T)
        if len(value.shape) == 1:
            self.turned.add(id(value))
        return True

    def axis_number(self, value: Expr) -> int:
        """Read the ``[0]`` of ``X.shape[0]``."""
        rank = len(value.shape)
        for axis in range(-rank, rank):
            words = f"[{axis}]".replace("-", " - ").replace("[", "[ ").replace("]", " ]").split()
            if [token.text for token in self.tokens[self.at : self.at + len(words)]] == words:
                self.at += len(words)
                return axis % rank
        raise self.fail(f"the shape {show_shape(value.shape)} of {value} is used as .shape[0]", self.tokens[self.at])

    def index(self, token: Token) -> None:
        """Read ``[:, None]``, ``[None, :]``, ``[:, 0]``, ``[0]`` or ``[0, :]``."""
        parts = [""]
        while self.peek() != "]":
            part = self.next()
            if part.kind == "end":
                raise self.fail("this bracket is never closed", token)
            if part.text == ",":
                parts.append("")
            else:
                parts[-1] += part.text
        self.next()
        value = self.as_expr(self.operands.pop(), token)
        pattern = ",".join(parts).replace("np.newaxis", "None")
        made = {":,None": (expand, 1), "None,:": (expand, 0), "None": (expand, 0),
                ":,0": (squeeze, 1), "0": (squeeze, 0), "0,:": (squeeze, 0)}  # fmt: skip
        if pattern not in made:
            raise self.fail(f"[{pattern}] is not supported; [:, None] and [:, 0] are", token)
        function, axis = made[pattern]
        if function is squeeze and (len(value.shape) <= axis or value.shape[axis]):
            raise self.fail(
                f"[{pattern}] takes one entry of {value}, whose axes are "
                f"{show_shape(value.shape)}: only an axis of length 1 can be dropped",
                token,
            )
        try:
            self.operands.append(function(value, axis))
        except ExpressionError as error:
            raise self.fail(error.message, token) from None
