"""From an expression to its derivative, with every step on the way."""

from collections.abc import Callable
from typing import Any

from .checking.check import check
from .language.dims import read_dims, show_shape
from .language.errors import ExpressionError
from .language.expression import Expr
from .language.parse import parse
from .language.trees import postorder
from .notation.frobenius import STEPS
from .notation.steps import Step, layout_text
from .notation.typeset import StepPrinter
from .spelling.result import Result
from .spelling.source import compile_source, gradient_source
from .spelling.vec import einsum_expr, kronecker


class Derivation(Result):
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
        return gradient_source(self)

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
        if notation not in STEPS:
            raise ExpressionError(f"notation: {notation!r} must be one of {', '.join(STEPS)}")
        return STEPS[notation](self)

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
            The number of lines that were checked, on each draw: those of both notations, of the gradient with its
            named values, and the expression.

        Raises
        ------
        DerivationError
            Naming the first line that is false.

        Examples
        --------
        >>> derive("L(X @ W.T)", "W", "X: n i, W: o i").check()
        13
        """
        return check(self, seeds)

    def __str__(self) -> str:
        left = f"d{self.labels[self.root]}/d{self.wrt}"
        where = [f"  {name} = {expr}" for name, expr in self.definitions.items()]
        return "\n".join([f"{left} = {self.gradient}", *["where"] * bool(where), *where])

    def __repr__(self) -> str:
        return f"<derivative of {self.expression} by {self.wrt}: {self.gradient}>"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


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
