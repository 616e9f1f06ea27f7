"""What is found of a derivative before anything of it is printed: the values, their adjoints, their names."""

from collections.abc import Container, Sequence
from functools import cached_property

from handgrad.derive.engine.lower import lower, without_norms
from handgrad.derive.engine.rules import upstream_name
from handgrad.derive.engine.sweep import sweep
from handgrad.derive.engine.terms import (
    Factor,
    Graph,
    Letters,
    Node,
    Sum,
    Term,
    collect,
    nodes_in,
    opened,
    reachable,
    terms_of,
)  # fmt: skip
from handgrad.derive.language.dims import CONSTANTS, Shape, flat
from handgrad.derive.language.errors import ExpressionError
from handgrad.derive.language.expression import Expr, name_expr, sizes_in, squeeze
from handgrad.derive.language.trees import postorder

from .entries import IndexPrinter
from .program import OF_ENTRIES, Program, label_nodes, layer_gradients, write_program, written_out
from .spell import spell

LAYOUTS = ("shape", "numerator", "denominator", "transposed-denominator")


class Result:
    """The derivative of an expression, for the notations to read.

    Attributes
    ----------
    expression, wrt, layout_name
        As `Derivation` has them, which is what a user sees of this.
    shapes : dict
        The axes of every name.
    first : Result or None
        What this is the derivative of the derivative of.
    graph : Graph
        The nodes; the first `forward` of them are values, the others come from the derivative.
    root, variable : Node
        The output, and what it is derived by.
    sweep : Sweep
        The adjoints.
    taken : dict
        The names that no intermediate value may have, and what they name: an array or an axis.
    """

    def __init__(
        self, expression: Expr, wrt: str | Expr, shapes: dict[str, Shape], layout: str, flatten: bool,
        first: "Result | None" = None,
    ) -> None:  # fmt: skip
        self.wrt = str(wrt.info) if isinstance(wrt, Expr) else wrt
        if self.wrt not in list(shapes):  # a list has no hash
            raise ExpressionError(f"wrt: {self.wrt!r} must be one of the names in dims, {', '.join(shapes)}")
        if layout not in LAYOUTS:
            raise ExpressionError(f"layout: {layout!r} must be one of {', '.join(LAYOUTS)}")
        while expression.shape and not any(expression.shape):  # x.T @ A @ x of a column x is a number
            expression = squeeze(expression, 0)
        self.expression, self.shapes = expression, shapes
        self.layout_name, self.flatten = layout, flatten
        self.first = first  # what this is the derivative of the derivative of
        self.graph = Graph()
        value = without_norms(lower(expression, self.graph))
        self.root = self.graph.wrap(value, whole=True, split=False)[1][0]
        if self.root.op == "size":
            self.root = self.graph.sum_node(value)
        self.forward = len(self.graph.nodes)
        axes = {*flat(flat(shapes.values()))}
        self.taken = taken = {**dict.fromkeys(axes, "axis"), **dict.fromkeys(shapes, "array")}
        losses: dict[str, Node] = {}
        for node in self.graph.nodes:
            if node.op == "loss" and losses.setdefault(node.info[0], node) is not node:
                raise ExpressionError(
                    f"{node.info[0]} has two different arguments, and its gradient {upstream_name(node)} is one: "
                    "give the second loss a name of its own, such as K, whose gradient is G_K"
                )
            if node.op == "loss" and upstream_name(node) in taken:
                name = upstream_name(node)
                raise ExpressionError(
                    f"{name} names the gradient of {node.info[0]}; give the {taken[name]} in dims another name"
                )
        self.variable = self.graph.leaf("name", self.wrt, shapes[self.wrt])
        self.sweep = sweep(self.root, self.variable, self.graph)
        for node in self.graph.nodes:
            function = node.info if node.op in ("call", "unknown") else node.op
            if node.arg is not None and function in taken:
                raise ExpressionError(
                    f"dims: {function} is an {taken[function]}, and the derivative needs the function; rename one"
                )
        for name in {*axes, *CONSTANTS}.intersection(shapes):
            if name in self._lengths():
                other = "length of an axis" if name in axes else "number in the derivative"
                raise ExpressionError(f"dims: {name} is an array, and the {other}; rename one of them")

    @cached_property
    def labels(self) -> dict[Node, str]:
        """The names of the intermediate values and of their gradients."""
        used = self._computed()  # exp(-Z) is not, where it has become a part of a sigmoid
        nodes = [node for node in self.graph.nodes
                 if node in used or node.index >= self.forward or not node.children]  # fmt: skip
        scalar = "y" if self.first else "L"  # the derivative of a loss is no loss
        labels = label_nodes(nodes, self.forward, self.root, set(self.taken), scalar)
        prefix = "J_" if self.root.dims else "G_"
        for node, adjoint in self.sweep.named.items():
            labels.setdefault(adjoint, prefix + labels[node])  # it may be a value that has a name
        return {node: label for node, label in labels.items() if node is self.root or not self.is_total(node)}

    @cached_property
    def printer(self) -> IndexPrinter:
        """Prints entries with the names of this derivation."""
        return IndexPrinter(self.labels)

    @cached_property
    def program(self) -> Program:
        """The gradient as a short program."""
        return self.written(self.layout_name, self.flatten)

    @cached_property
    def in_shape(self) -> Program:
        """The same for the steps: in the layout in which they find it, by names that a line defines."""
        program = self.program if self.layout_name == "shape" else self.written("shape", self.flatten)
        if {*program.definitions} <= {*self.labels.values()}:
            return program
        return Program({}, self.spell(self.arranged("shape")))

    @cached_property
    def in_place(self) -> dict[Node, str]:
        """The functions that the gradient writes out although they have a name, and what they are applied to."""
        named = {expr.info for expr in postorder([self.in_shape.result]) if expr.op == "name"}
        named.update(self.in_shape.definitions)
        functions = [node for node in self.labels if node.op in OF_ENTRIES]
        return {node: self.labels[node] for function in functions for node in (function, *function.args)
                if node in self.labels and node.children and self.labels[node] not in named}  # fmt: skip

    def written(self, layout: str, flatten: bool) -> Program:
        """The gradient as a program, in a layout, with named values or without."""
        value = self.arranged(layout)
        layers = set() if self.root.dims else layer_gradients(self.sweep.named, self.graph.nodes[: self.forward])
        return write_program(value, self.graph, dict(self.labels), self.forward, layers, flatten, bool(self.root.dims))

    @property
    def inputs(self) -> dict[str, Shape]:
        """What the gradient is a function of, with its axes."""
        names = {str(node.info): node.shape for node in self._needed() if node.op == "name"}
        return self.shapes | dict(sorted(names.items()))

    def _lengths(self) -> set[str]:
        """The lengths that the derivation speaks of."""
        exprs = postorder([*self.program.definitions.values(), self.program.result])
        lengths = {str(node.info) for node in self.graph.nodes if node.op == "size"}
        return lengths.union(*map(sizes_in, exprs))

    def derivative_is_row(self) -> bool:
        """Whether the layout makes a row of the derivative of a number by a vector."""
        rows = ("numerator", "transposed-denominator")
        return self.layout_name in rows and not self.root.shape and len(self.variable.shape) == 1

    def arranged(self, layout: str) -> Sum:
        """The derivative with its axes in the order of a layout."""
        adjoint, rank = self.sweep.adjoints[self.variable], len(self.root.shape)
        return Sum(arrange(adjoint.axes[:rank], adjoint.axes[rank:], layout), adjoint.terms)

    def defined(self) -> list[Node]:
        """The named values other than the inputs, in the order of their computation."""
        used = self._computed().union(self._needed())
        return [
            node
            for node in self.graph.nodes
            if node in used and node in self.labels and (node.sum or node.arg)
            and node.op != "loss" and not self.labels[node].startswith(("G_", "J_"))
        ]  # fmt: skip

    def _computed(self) -> set[Node]:
        """What the output is computed from, and the output."""
        return set(reachable([self.root]))

    def _needed(self) -> list[Node]:
        """What the derivative is computed from."""
        return reachable(nodes_in(self.sweep.adjoints[self.variable].terms))

    def opened(self, value: Sum, kept: Container[str] | None = None, most: float = 1) -> list[Term]:
        """The terms of a value, with sums of three axes and derivatives of `most` terms in place of names.

        Names that are `kept` stay; if none are given, those that are defined.
        """
        derivatives = self.sweep.named.values()
        kept = self.program.definitions if kept is None else kept

        def write_out(factor: Factor) -> Sequence[Term]:
            node, letters, _ = factor
            few = node in derivatives and node.sum is not None and len(node.sum.terms) <= most
            stays = self.labels.get(node) in kept or not (few or len(letters) > 2)
            return [(1, (factor,))] if stays else terms_of(factor)

        before: list[Term] = []
        terms = list(value.terms)
        while terms != before:
            before = terms
            written = [opened(term, write_out, value.free, self.graph) for term in terms]
            terms = [one for new in written for one in collect(new, value.free, self.graph)]
        return terms

    def is_total(self, node: Node) -> bool:
        """Whether a node is the output, or an unknown loss that it adds to something: the output changes as it does."""
        adjoint = self.sweep.adjoints.get(node)
        return node is self.root or (node.op == "loss" and adjoint is not None and adjoint.terms == ((1, ()),))

    def is_given(self, node: Node) -> bool:
        """Whether the derivative by a node needs no line: that by a total, and by what an unknown loss sees."""
        parents = [link.parent for link in self.sweep.links.get(node, ())]
        seen = len(parents) == 1 and parents[0].op == "loss" and self.is_total(parents[0])
        return self.is_total(node) or (seen and node is not self.variable)

    def refer(self, node: Node, named: Container[str] | None = None) -> Expr:
        """A node by its name, or what it stands for; if some names are given, values have no others."""
        label = None if node.op in ("name", "size") else self.labels.get(node)
        if label and (named is None or label in named):
            return name_expr(label, node.shape)
        return written_out(node, lambda child: self.refer(child, named))

    def spell(self, value: Sum, named: Container[str] | None = None) -> Expr:
        """Spell terms with the names of this derivation."""
        return spell(value, lambda node: self.refer(node, named))


def arrange(out: tuple[Letters, ...], own: tuple[Letters, ...], layout: str) -> tuple[Letters, ...]:
    """Put the axes of a derivative in the order of a layout."""
    if layout == "denominator":
        return own + out if own else out[::-1]
    if layout == "transposed-denominator" or (layout == "numerator" and not out):
        return out + own[::-1]
    return out + own
