"""Print a derivative as a NumPy function that a person could have written."""

from collections.abc import Callable, Collection
from keyword import iskeyword
from typing import Any

from handgrad.derive.language.choice import with_choices
from handgrad.derive.language.dims import Shape
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.expression import Expr, name_expr, sizes_in
from handgrad.derive.language.functions import ARRAY, ELEMENTWISE, MASKS
from handgrad.derive.language.numpy_text import write
from handgrad.derive.language.trees import numbered, postorder, replaced

from .columns import transpose
from .program import Program, fresh_name
from .result import Result

DEEP = 50


class NoLengthError(ExpressionError):
    """A length is needed that no axis of an array tells: there is no function of the arrays alone."""


def helper(name: str) -> str:
    """The definition of a function that NumPy does not have; empty if it has it."""
    if name in ARRAY and not ARRAY[name].numpy.startswith("np."):
        return ARRAY[name].numpy
    if name in ELEMENTWISE and name not in MASKS and not ELEMENTWISE[name].numpy.replace("np.", "").isidentifier():
        return f"def {name}(z):\n    return {ELEMENTWISE[name].numpy}\n"
    return ""


def gradient_source(found: Result) -> str:
    """The gradient as the source of a function."""
    program = found.written(found.layout_name, flatten=False)
    program = _cheaper(program.each(lambda expr: with_choices(expr, program.definitions)))
    return write_source(shared(program, {*found.inputs, *found.taken}), found.inputs)


def write_source(program: Program, inputs: dict[str, Shape], name: str = "gradient") -> str:
    """Write a function of the inputs.

    Parameters
    ----------
    program : Program
        What is computed.
    inputs : dict
        The arguments and their axes.
    name : str
        The name of the function.

    Returns
    -------
    str
    """
    exprs = postorder([*program.definitions.values(), program.result])
    called = {str(expr.info) if expr.op == "call" else expr.op for expr in exprs}
    unknown = sorted({str(expr.info).replace("'", "_prime") for expr in exprs if expr.op in ("unknown", "loss")})
    sizes = {dim: None for expr in exprs for dim in sizes_in(expr)}
    lines = [f"{dim} = {length}" for dim, length in _lengths(sizes, inputs).items()]
    lines += [f"{label} = {write(expr, True)}" for label, expr in program.definitions.items()]
    lines.append(f"return {write(program.result, True)}")
    helpers = [text for text in map(helper, sorted(called)) if text]
    imports = ["import math\n"] * any("math." in text for text in helpers) + ["import numpy as np\n"]
    body = "\n    ".join(lines)
    function = f"def {name}({', '.join([*inputs, *unknown])}):\n    {body}\n"
    return "".join(imports) + "\n\n" + "\n\n".join([*helpers, function])


def _lengths(wanted: Collection[str], inputs: dict[str, Shape]) -> dict[str, str]:
    """How to read lengths off the arrays: ``X.shape[0]``, or ``a.shape[0] // d`` of an axis ``k*d``."""
    found: dict[str, tuple[str, list[str]]] = {}  # the length of an axis, and what it is to be divided by
    axes = [(axis, f"{name}.shape[{at}]") for name, shape in inputs.items() for at, axis in enumerate(shape)]
    axes.sort(key=lambda pair: len(pair[0]))
    for _ in axes:
        for axis, length in axes:
            missing = [dim for dim in axis if dim not in found]
            if len(missing) == 1:
                found[missing[0]] = length, [dim for dim in axis if dim != missing[0]]
    needed = {*wanted}
    for dim in reversed(found):
        needed |= {*found[dim][1]} if dim in needed else set()
    for dim in sorted(needed):
        if dim not in found:
            raise NoLengthError(f"no axis of an array tells the length {dim}")
        if iskeyword(dim):
            raise ExpressionError(f"the length {dim!r} cannot be a variable in Python; give the dimension another name")
    return {dim: _divided(*found[dim]) for dim in found if dim in needed}


def _divided(length: str, others: list[str]) -> str:
    product = " * ".join(others)
    return f"{length} // ({product})" if len(others) > 1 else f"{length} // {product}" if others else length


CHEAP = {"name", "number", "size", "T", "neg", "expand", "squeeze", "reshape", "ones", "zeros", "eye", *"+-*/"}


def shared(program: Program, taken: Collection[str]) -> Program:
    """Give a name to what would be computed twice, and to what is deep: Python does not read deep parentheses."""
    number, unique = numbered([*program.definitions.values(), program.result])
    own = {number[id(root)]: label for label, root in program.definitions.items()}
    uses = dict.fromkeys(range(len(unique)), 0)
    for at in [*own, number[id(program.result)]]:
        uses[at] += 1
    for at in reversed(range(len(unique))):  # what is cheap is written out, and with it what it is made of
        for arg in unique[at].args:
            uses[number[id(arg)]] += uses[at] if unique[at].op in CHEAP else 1
    made: dict[int, Expr] = {}
    depth: dict[int, int] = {}
    definitions: dict[str, Expr] = {}
    for root in [*program.definitions.values(), program.result]:
        for expr in postorder([root]):
            at = number[id(expr)]
            if at in made:
                continue
            args = [number[id(arg)] for arg in expr.args]
            made[at] = expr.on(tuple([made[arg] for arg in args]))
            depth[at] = 1 + max([depth[arg] for arg in args], default=0)
            again = uses[at] > 1 and expr.op not in CHEAP
            if at in own or ((again or depth[at] > DEEP) and expr is not root):
                name = own.get(at) or fresh_name(
                    expr.op.replace("**", ""), len(expr.shape), {*taken, *own.values(), *definitions}
                )
                definitions[name], made[at], depth[at] = made[at], name_expr(name, expr.shape), 1
    return Program(definitions, made[number[id(program.result)]])


def _cheaper(program: Program) -> Program:
    """The same values: ``r @ (Y @ b)`` for ``(r @ Y) @ b`` where ``Y @ b`` is there, a sum for ``trace(A @ B)``."""
    exprs = postorder([*program.definitions.values(), program.result])
    known = {str(expr) for expr in exprs if expr.op == "@" and expr.args[0].op != "@"}

    def cheaper(expr: Expr) -> Expr | None:
        product = expr.args[0] if expr.op == "trace" else expr
        if product.op != "@":
            return None
        left, right = product.args
        if expr.op == "trace":
            return (left * transpose(right)).sum() if left.op != "@" != right.op else None
        again = left.args[1] @ right if left.op == "@" and len(left.args[1].shape) == 2 else None
        return left.args[0] @ again if again is not None and str(again) in known else None

    return program.each(lambda expr: replaced(expr, ("@", "trace"), cheaper))


def compile_source(source: str, name: str = "gradient") -> Callable[..., Any]:
    """Run our own source, which was built from a checked tree, and return its function."""
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<{name}>", "exec"), namespace)  # noqa: S102 - source that was printed from a checked tree
    made: Callable[..., Any] = namespace[name]
    return made
