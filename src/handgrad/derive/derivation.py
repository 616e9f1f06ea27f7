"""derive(): from an expression to its derivative."""

from typing import Any, Callable

from .errors import ExpressionError
from .expression import Expr, Shape, number, postorder, read_dims, show_shape
from .lower import lower
from .parse import parse
from .program import Program, label_nodes, reachable, write_program
from .source import compile_source, write_source
from .sweep import Sweep, sweep
from .terms import Graph, Letter, Node, Sum

LAYOUTS = ("shape", "numerator", "denominator", "transposed-denominator")


class Derivation:
    """The derivative of an expression, with its derivation."""

    def __init__(
        self, expression: Expr, wrt: str, shapes: dict[str, Shape], layout: str, flatten: bool
    ) -> None:
        self.expression, self.wrt, self.shapes = expression, wrt, shapes
        self.layout_name, self.flatten = layout, flatten
        self.graph = Graph()
        value = lower(expression, self.graph)
        self.root = self.graph.wrap(value, whole=True, split=False)[1][0]
        self.forward = len(self.graph.nodes)
        self.variable = self.graph.leaf("name", wrt, shapes[wrt])
        self.sweep = sweep(self.root, self.variable, self.graph)
        self._cache: dict[str, Any] = {}

    @property
    def labels(self) -> dict[Node, str]:
        if "labels" not in self._cache:
            labels = label_nodes(self.graph.nodes[: self.forward], self.root, set(self.shapes))
            for node, adjoint in self.sweep.named.items():
                labels[adjoint] = "G_" + labels[node]
            self._cache["labels"] = labels
        found: dict[Node, str] = self._cache["labels"]
        return found

    @property
    def program(self) -> Program:
        if "program" not in self._cache:
            self._cache["program"] = write_program(
                self.arranged(self.layout_name), self.graph, self.labels, self.forward, self.flatten
            )
        made: Program = self._cache["program"]
        return made

    def arranged(self, layout: str) -> Sum:
        out = [tuple([Letter(d) for d in axis]) for axis in self.root.shape]
        own = [tuple([Letter(d) for d in axis]) for axis in self.variable.shape]
        adjoint = self.sweep.adjoints.get(self.variable, Sum(out + own, ()))
        out, own = list(adjoint.axes[: len(out)]), list(adjoint.axes[len(out) :])
        return Sum(arrange(out, own, layout), adjoint.terms)

    @property
    def gradient(self) -> Expr:
        return self.program.result

    @property
    def source(self) -> str:
        return write_source(self.program, self.inputs)

    @property
    def inputs(self) -> dict[str, Shape]:
        return self.shapes | {
            str(n.info): n.shape for n in reachable(self.arranged("shape")) if n.op == "name"
        }

    def to_numpy(self) -> Callable[..., Any]:
        return compile_source(self.source)


def arrange(out: list[Any], own: list[Any], layout: str) -> list[Any]:
    """Put the axes of a derivative in the order of a layout."""
    if layout == "denominator":
        return own + out if own else out[::-1]
    if layout == "transposed-denominator" or layout == "numerator" and not out:
        return out + own[::-1]
    return out + own


def derive(
    expression: str | Expr,
    wrt: str | Expr,
    dims: dict[str, str] | str | None = None,
    *,
    layout: str = "shape",
    flatten: bool = False,
) -> Derivation:
    """Derive."""
    shapes = read_dims(dims or {})
    if isinstance(expression, Expr):
        root = expression
        shapes = {
            str(part.info): part.shape for part in postorder([root]) if part.op == "name"
        } | shapes
    else:
        root = parse(expression, shapes)
    name = str(wrt.info) if isinstance(wrt, Expr) else wrt
    if name not in shapes:
        raise ExpressionError(f"wrt: {name!r} is not one of the names in dims: {', '.join(shapes)}")
    if layout not in LAYOUTS:
        raise ExpressionError(f"layout: {layout!r} must be one of {', '.join(LAYOUTS)}")
    return Derivation(root, name, shapes, layout, flatten)
