"""From an expression to its derivative, with every step on the way."""

from collections.abc import Callable, Container
from functools import cached_property
from typing import Any

from .errors import ExpressionError
from .expression import Expr, Shape, name_expr, postorder, read_dims, show_shape, squeeze
from .frobenius import frobenius_steps
from .index import index_steps
from .lower import lower
from .notation import Step, layout_text
from .parse import parse
from .program import Program, label_nodes, layer_gradients, reachable, write_program, written_out
from .rules import upstream_name
from .source import compile_source, shared, sizes_in, write_source
from .spell import spell
from .sweep import sweep
from .terms import Graph, Letters, Node, Sum, nodes_in
from .vec import einsum_expr, kronecker

LAYOUTS = ("shape", "numerator", "denominator", "transposed-denominator")


class Derivation:
    """The derivative of an expression, with its derivation; `derive` makes it.

    Attributes
    ----------
    expression : Expr
        What is derived.
    wrt : str
        The variable.
    layout_name : str
        The layout of `gradient`, `source` and `einsum`.

    Examples
    --------
    >>> d = derive("L(tanh(X @ W.T))", wrt="W", dims={"X": "n i", "W": "o i"})
    >>> print(d)
    dL/dW = (G * (1 - A**2)).T @ X
    where
      Z = X @ W.T
      A = tanh(Z)
    """

    def __init__(
        self, expression: Expr, wrt: str | Expr, shapes: dict[str, Shape], layout: str, flatten: bool,
        first: "Derivation | None" = None,
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
        value = lower(expression, self.graph)
        self.root = self.graph.wrap(value, whole=True, split=False)[1][0]
        if self.root.op in ("size", "delta"):
            self.root = self.graph.sum_node(value)
        self.forward = len(self.graph.nodes)
        axes = {dim for shape in shapes.values() for axis in shape for dim in axis}
        losses: dict[str, Node] = {}
        for node in self.graph.nodes:
            if node.op == "loss" and losses.setdefault(node.info[0], node) is not node:
                raise ExpressionError(
                    f"{node.info[0]} has two different arguments, and its gradient {upstream_name(node)} is one: "
                    "give the second loss a name of its own, such as K, whose gradient is G_K"
                )
            if node.op == "loss" and upstream_name(node) in axes.union(shapes):
                what = "array" if upstream_name(node) in shapes else "axis"
                raise ExpressionError(
                    f"{upstream_name(node)} names the gradient of {node.info[0]}; give the {what} in dims another name"
                )
        self.variable = self.graph.leaf("name", self.wrt, shapes[self.wrt])
        self.sweep = sweep(self.root, self.variable, self.graph)
        for node in self.graph.nodes:
            function = node.info if node.op in ("call", "unknown") else node.op
            if node.arg is not None and function in axes.union(shapes):
                what = "array" if function in shapes else "axis"
                raise ExpressionError(
                    f"dims: {function} is an {what}, and the derivative needs the function; rename one"
                )
        for name in axes.intersection(shapes):
            if name in self._lengths():
                raise ExpressionError(f"dims: {name} is an array, and the length of an axis; rename one of them")

    @cached_property
    def labels(self) -> dict[Node, str]:
        """The names of the intermediate values and of their gradients."""
        used = self._computed()  # exp(-Z) is not, where it has become a part of a sigmoid
        nodes = [node for node in self.graph.nodes
                 if node in used or node.index >= self.forward or not node.children()]  # fmt: skip
        scalar = "y" if self.first else "L"  # the derivative of a loss is no loss
        labels = label_nodes(nodes, self.forward, self.root, set(self._taken()), scalar)
        prefix = "J_" if self.root.dims else "G_"
        for node, adjoint in self.sweep.named.items():
            labels.setdefault(adjoint, prefix + labels[node])  # it may be a value that has a name
        return labels

    @cached_property
    def program(self) -> Program:
        """The gradient as a short program."""
        return self._write(self.flatten)

    def _write(self, flatten: bool) -> Program:
        value = self.arranged(self.layout_name)
        layers = set() if self.root.dims else layer_gradients(self.sweep.named, self.graph.nodes[: self.forward])
        return write_program(value, self.graph, dict(self.labels), self.forward, layers, flatten)

    @property
    def gradient(self) -> Expr:
        """The derivative, in terms of the inputs, of ``G`` and of the `definitions`.

        Examples
        --------
        >>> print(derive("sum((X @ w - y)**2)", "w", "X: n i, w: i, y: n").gradient)
        2 * X.T @ (X @ w - y)
        """
        return self.program.result

    @property
    def definitions(self) -> dict[str, Expr]:
        """The intermediate values that `gradient` names, in the order of their computation.

        Examples
        --------
        >>> for name, value in derive("L(softmax(X))", "X", "X: n k").definitions.items():
        ...     print(name, "=", value)
        P = softmax(X)
        """
        return self.program.definitions

    @property
    def shape(self) -> str:
        """The axes of the derivative, in its layout.

        Examples
        --------
        >>> derive("W @ x", "x", "W: o i, x: i").shape
        '(o, i)'
        """
        return show_shape(self.arranged(self.layout_name).shape)

    @property
    def inputs(self) -> dict[str, Shape]:
        """What the gradient is a function of, with its axes."""
        names = {str(node.info): node.shape for node in self._needed() if node.op == "name"}
        return self.shapes | dict(sorted(names.items()))

    @property
    def source(self) -> str:
        """The gradient as the source of a NumPy function.

        Raises
        ------
        ExpressionError
            If a length is needed that no axis of an array tells.

        Examples
        --------
        >>> print(derive("mean(x**2)", "x", "x: n").source)
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def gradient(x):
            n = x.shape[0]
            return 2 * x / n
        <BLANKLINE>
        """
        return write_source(shared(self._write(flatten=False), self.inputs | self._taken()), self.inputs)

    def to_numpy(self) -> Callable[..., Any]:
        """Give the gradient as a function of NumPy arrays, by name.

        Returns
        -------
        callable
            Its arguments are the names in `dims`, then ``G`` if there is an unknown loss, then
            the unknown functions it needs: ``f``, and ``f_prime`` for its derivative.

        Raises
        ------
        ExpressionError
            If a length is needed that no axis of an array tells.

        Examples
        --------
        >>> import numpy as np
        >>> run = derive("L(X @ W.T)", "W", "X: n i, W: o i").to_numpy()
        >>> run(X=np.ones((2, 3)), W=np.ones((4, 3)), G=np.ones((2, 4))).shape
        (4, 3)
        """
        return compile_source(self.source)

    def steps(self, notation: str = "index") -> list[Step]:
        """Give the derivation, line by line.

        Parameters
        ----------
        notation : {"index", "frobenius"}
            The notation.

        Returns
        -------
        list of Step
            Each has a `left` side (empty if it is that of the line before), a `right` side, and the
            `rule` that licenses it.

        Raises
        ------
        ExpressionError
            If there is no such notation.

        Examples
        --------
        >>> for step in derive("L(X @ W.T)", "W", "X: n i, W: o i").steps("frobenius")[1:4]:
        ...     print(f"{step.right:<18}{step.rule}")
        G : (X dW^T)      only W varies
        G^T : (dW X^T)    A:B = A^T:B^T
        (G^T X) : dW      C:(AB) = (C B^T):A
        """
        if notation not in NOTATIONS:
            raise ExpressionError(f"notation: {notation!r} must be one of {', '.join(NOTATIONS)}")
        return index_steps(self) if notation == "index" else frobenius_steps(self)

    def text(self, notation: str = "index", *, reasons: bool | None = None, unicode: bool = False) -> str:
        """Print the derivation, aligned.

        Parameters
        ----------
        notation : {"index", "frobenius"}
            The notation.
        reasons : bool, optional
            Whether to show what licenses each line; by default in Frobenius notation only.
        unicode : bool
            Use signs such as a sum sign and a raised T in place of ASCII.

        Returns
        -------
        str

        Raises
        ------
        ExpressionError
            If there is no such notation.

        Examples
        --------
        >>> print(derive("L(X @ W.T)", "W", "X: n i, W: o i").text("index"))
        Y[n,o]          = sum_i X[n,i] W[o,i]
        dY[n,o]/dW[p,q] = sum_i X[n,i] delta[o,p] delta[i,q] = X[n,q] delta[o,p]
        dL/dW[p,q]      = sum_no G[n,o] X[n,q] delta[o,p]
                        = sum_n G[n,p] X[n,q]
                        = (G.T @ X)[p,q]
        """
        steps = self.steps(notation)
        if unicode:
            steps = [step.unicode(notation) for step in steps]
        return layout_text(steps, notation == "frobenius" if reasons is None else reasons)

    def latex(self, notation: str = "frobenius") -> str:
        r"""Print the derivation as an aligned LaTeX environment, with a column of reasons.

        Parameters
        ----------
        notation : {"index", "frobenius"}
            The notation.

        Returns
        -------
        str
            Without dollar signs.

        Raises
        ------
        ExpressionError
            If there is no such notation.

        Examples
        --------
        >>> print(derive("a @ x", "x", "a: n, x: n").latex())
        \begin{aligned}
        L &= a^{\mathsf{T}} x && \text{definition} \\
        dL &= a^{\mathsf{T}} \, dx && \text{only $x$ varies} \\
         &= a : dx && a^{\mathsf{T}} b = a:b \\
        \frac{\partial L}{\partial x} &= a
        \end{aligned}
        """
        from .latex import StepPrinter

        return StepPrinter(self).lines(self.steps(notation))

    def layout(self, name: str) -> "Derivation":
        """Give the same derivative in another layout.

        Parameters
        ----------
        name : {"shape", "numerator", "denominator", "transposed-denominator"}
            The layout.

        Returns
        -------
        Derivation

        Raises
        ------
        ExpressionError
            If there is no such layout.

        Examples
        --------
        >>> d = derive("L(X @ W.T)", "W", "X: n i, W: o i")
        >>> print(d.layout("numerator").gradient)
        X.T @ G
        """
        return Derivation(self.expression, self.wrt, self.shapes, name, self.flatten, self.first)

    def derive(self, wrt: str | Expr) -> "Derivation":
        """Derive the gradient once more: the Hessian, for the same variable.

        Parameters
        ----------
        wrt : str or Expr
            The variable.

        Returns
        -------
        Derivation

        Raises
        ------
        ExpressionError
            If the expression holds an unknown loss, whose gradient G would vary too.

        Examples
        --------
        >>> print(derive("sum((X @ w - y)**2)", "w", "X: n i, w: i, y: n").derive("w").gradient)
        2 * X.T @ X
        """
        if any(node.op == "loss" for node in self.graph.nodes):
            raise ExpressionError("the second derivative of an unknown loss is not known")
        flat = Derivation(self.expression, self.wrt, self.shapes, self.layout_name, True, self.first)
        return Derivation(flat.gradient, wrt, self.shapes, "shape", self.flatten, flat)

    def einsum(self) -> Expr:
        """Give the derivative as einsum subscripts, which need no transpose at all.

        Returns
        -------
        Expr

        Examples
        --------
        >>> print(derive("L(X @ W.T)", "W", "X: n i, W: o i").einsum())
        einsum('no,ni->oi', G, X)
        """
        return einsum_expr(self)

    def kronecker(self, order: str = "F") -> str:
        """Print the derivative as a matrix on stacked entries.

        Parameters
        ----------
        order : {"F", "C"}
            Whether vec stacks columns, as mathematics does, or rows, as NumPy does.

        Returns
        -------
        str
            ``vec(dY) = kron(N, M) @ vec(dX)``, and what vec stacks.

        Raises
        ------
        ExpressionError
            If `order` is neither, or the derivative is no sum of Kronecker products.

        Examples
        --------
        >>> print(derive("A @ X @ B", "X", "A: a b, X: b c, B: c d").kronecker())
        vec(dY) = kron(B.T, A) @ vec(dX)  (vec stacks columns)
        """
        return kronecker(self, order)

    def check(self, seeds: tuple[int, ...] = (0, 1)) -> int:
        """Evaluate every printed line on random arrays, and compare with differences.

        Of a second derivative the lines of the first one are checked too: it derives what they found.

        Parameters
        ----------
        seeds : tuple of int
            One draw for each. All lengths differ, within a draw and from one seed to the next.

        Returns
        -------
        int
            The number of lines that were checked.

        Raises
        ------
        DerivationError
            Naming the first line that is false.

        Examples
        --------
        >>> derive("L(X @ W.T)", "W", "X: n i, W: o i").check()
        26
        """
        from .check import check

        return check(self, seeds)

    def __str__(self) -> str:
        left = f"d{self.labels[self.root]}/d{self.wrt}"
        where = [f"  {name} = {expr}" for name, expr in self.definitions.items()]
        return "\n".join([f"{left} = {self.gradient}", *["where"] * bool(where), *where])

    def __repr__(self) -> str:
        return f"<derivative of {self.expression} by {self.wrt}: {self.gradient}>"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def _taken(self) -> dict[str, Shape]:
        """The names that no intermediate value may have: those of arrays and of dimensions."""
        return self.shapes | {dim: () for shape in self.shapes.values() for axis in shape for dim in axis}

    def _lengths(self) -> set[str]:
        """The lengths that the derivation speaks of."""
        exprs = postorder([*self.program.definitions.values(), self.program.result])
        lengths = {str(node.info) for node in self.graph.nodes if node.op == "size"}
        return lengths.union(*map(sizes_in, exprs))

    # What the notations ask for.

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

    def is_upstream(self, node: Node) -> bool:
        """Whether the derivative by a node is given: what an unknown loss sees."""
        links = self.sweep.links.get(node, [])
        return len(links) == 1 and links[0].parent is self.root and self.root.op == "loss" and node is not self.variable

    def refer(self, node: Node, named: Container[str] | None = None) -> Expr:
        """A node by its name, or what it stands for; if some names are given, values have no others."""
        label = None if node.op in ("name", "size") else self.labels.get(node)
        if label and (named is None or label in named):
            return name_expr(label, node.shape)
        return written_out(node, lambda child: self.refer(child, named))

    def spell(self, value: Sum, named: Container[str] | None = None) -> Expr:
        """Spell terms with the names of this derivation."""
        return spell(value, lambda node: self.refer(node, named))


NOTATIONS = ("index", "frobenius")


def arrange(out: tuple[Letters, ...], own: tuple[Letters, ...], layout: str) -> tuple[Letters, ...]:
    """Put the axes of a derivative in the order of a layout."""
    if layout == "denominator":
        return own + out if own else out[::-1]
    if layout == "transposed-denominator" or (layout == "numerator" and not out):
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
    """Derive an expression with respect to one of its names.

    Parameters
    ----------
    expression : str or Expr
        NumPy syntax, or what arithmetic on `symbols` gives. ``L(Z)`` is an unknown scalar loss
        with gradient ``G``, ``f(Z)`` an unknown elementwise function with derivative ``f'``.
        ``softmax_cross_entropy(Z, T)`` is the mean over the rows, where the rows of ``T`` sum to one.
    wrt : str or Expr
        The variable.
    dims : dict or str
        The dimensions of every name: ``{"X": "n i", "b": "o", "c": ""}`` or
        ``"X: n i, b: o, c:"``.
    layout : {"shape", "numerator", "denominator", "transposed-denominator"}
        Where the partial derivatives go; in ``shape`` layout the derivative of a scalar has the
        shape of the variable.
    flatten : bool
        Write the gradient without named intermediate values.

    Returns
    -------
    Derivation

    Raises
    ------
    ExpressionError
        If the expression cannot be read, or the dimensions do not match; with a caret.

    Notes
    -----
    Nothing is known of an array but its axes. So ``-sum(T * log_softmax(Z))`` keeps the sums of the rows of
    ``T``; `softmax_cross_entropy` says that they are one, and its gradient is ``(P - T) / n``.

    Examples
    --------
    >>> d = derive("L(X @ W.T)", wrt="W", dims={"X": "n i", "W": "o i"})
    >>> print(d.gradient)
    G.T @ X
    >>> print(d.text("frobenius"))
    dL = G : dY
       = G : (X dW^T)      only W varies
       = G^T : (dW X^T)    A:B = A^T:B^T
       = (G^T X) : dW      C:(AB) = (C B^T):A
    =>  dL/dW = G^T X
    >>> print(derive("-sum(T * log_softmax(Z))", wrt="Z", dims={"Z": "n k", "T": "n k"}).gradient)
    T.sum(axis=1, keepdims=True) * P - T
    >>> print(derive("softmax_cross_entropy(Z, T)", wrt="Z", dims={"Z": "n k", "T": "n k"}).gradient)
    (P - T) / n
    """
    shapes = read_dims(dims or {})
    if isinstance(expression, Expr):
        root = expression
        shapes = {str(part.info): part.shape for part in postorder([root]) if part.op == "name"} | shapes
    else:
        root = parse(expression, shapes)
    return Derivation(root, wrt, shapes, layout, flatten)
