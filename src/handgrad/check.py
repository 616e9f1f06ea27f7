"""Check a gradient written by hand, and say what is wrong with it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._adjoint import Adjoint
from ._arguments import Array, function, generator
from ._contract import BrokenContractError, Operation, is_numbers, pull, same_value
from ._diagnose import Case, diagnose
from ._pushforward import float64_array, pushforward


@dataclass(frozen=True)
class Report:
    """What a check found. Its text says it in a sentence for each gradient that is wrong.

    Attributes
    ----------
    verdict : str
        "match", or the kind of mistake: "transposed", "scaled" (by ``factor``), "sign",
        "wrong-axis" (summed over), "shape"; "kink" and "precision" where no judgement is
        possible; "mismatch" for every other mistake, which the text describes.
    error : float
        The distance between the received and the true gradient, relative to the norm of the
        true one; the largest of all primals where there are several.
    method : str
        Where the true gradient comes from: "complex step"; "central difference", if that was
        needed for an entry of the value; or "not compared".
    factor : float or None
        Received = factor * true, for the verdict "scaled".
    message : str
        The text.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> x = np.array([1.0, 3.0])
    >>> report = hg.check_gradient(lambda x: (x**2).sum(), x, lambda x: x)
    >>> report.ok, report.verdict, report.factor
    (False, 'scaled', 0.5)
    """

    verdict: str
    error: float
    method: str
    message: str
    factor: float | None = None

    @property
    def ok(self) -> bool:
        """Whether every gradient is right."""
        return self.verdict == "match"

    def __str__(self) -> str:
        return self.message

    def assert_ok(self) -> None:
        """Raise an AssertionError that carries the text, unless all is right."""
        if not self.ok:
            raise AssertionError(str(self))


def check_pullback(op: Operation, *primals: Any, rng: np.random.Generator | int = 0) -> Report:
    """Check the pullback of ``value, pullback = op(*primals)`` at one point.

    Parameters
    ----------
    op : callable
        An operation. Its pullback takes the upstream gradient, in the shape of the value, and
        returns a tuple with a gradient for each primal, or one array for the first primal; the
        others then are data, such as the targets of a loss.
    *primals : ndarray of float64, float, or anything that is data
        The point at which to check. Choose random numbers, and sizes that differ from each
        other: on a square matrix more mistakes go unseen. None, and integer arrays such as class
        indices, are data: their gradient must be None.
    rng : numpy.random.Generator or int, optional
        Source or seed of the random upstream gradient.

    Returns
    -------
    Report
        Wrong gradients raise nothing; ``report.assert_ok()`` does.

    Raises
    ------
    TypeError
        `op` is not a function or does not return a value and a pullback, or a primal that has a
        gradient is not float64.
    ValueError
        A primal or the value holds nan or infinity, or no primal has a gradient.

    Notes
    -----
    The check is the adjoint identity ``<G, J v> = <J^T G, v>`` with a Gaussian upstream gradient
    G. The right side is the pullback's gradient. The left side needs the operation alone, by
    complex step to 10 digits where that can be trusted, else by central difference to 6.
    Terms of order 1 that cancel leave rounding errors of 1e-16: where the gradient itself is
    hardly larger, a hundredth of it is excused, and where nothing could be told from rounding the
    verdict is "precision".
    An upstream gradient of ones would hide a pullback that forgets it; zeros hide all.
    It is checked too that the operation and its pullback answer the same when called again, that
    the pullback is linear in G, and that no caller's array changes.

    Examples
    --------
    >>> import textwrap
    >>> import numpy as np
    >>> import handgrad as hg
    >>> rng = np.random.default_rng(0)
    >>> X, W = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    >>> b = rng.normal(size=4)
    >>> hg.check_pullback(hg.linear, X, W, b).ok
    True
    >>> def linear(X, W):
    ...     def pullback(dY):
    ...         return dY @ W, X.T @ dY
    ...     return X @ W.T, pullback
    >>> report = hg.check_pullback(linear, X, W)
    >>> print(textwrap.fill(str(report), 70))
    transposed: the gradient for W has shape (3, 4) in place of (4, 3): it
    is the transpose of the right one
    """
    function("check_pullback", "op", op)
    if len(primals) == 1 and isinstance(primals[0], tuple | list):
        raise TypeError(
            f"check_pullback: the only primal is a {type(primals[0]).__name__}; it must be a NumPy array of float64. "
            f"Several primals are passed one by one: check_pullback(op, *primals)"
        )
    rng = generator("check_pullback", rng)
    names = _names(op, len(primals))
    return _check("check_pullback", op, primals, names, rng, rng.standard_normal)


def check_gradient(
    f: Callable[[Array], Any],
    x: Array,
    gradient: Any,
    *,
    rng: np.random.Generator | int = 0,
) -> Report:
    """Check the gradient of a function from an array to a number.

    Parameters
    ----------
    f : callable
        From an array like x to a scalar. The report calls the array by f's name for it.
    x : ndarray of float64, or float
        Where to check, any shape.
    gradient : array_like or callable
        The gradient at x, in the shape of x; or a function that returns it, given x.
    rng : numpy.random.Generator or int, optional
        Source or seed of random directions.

    Returns
    -------
    Report
        A wrong gradient raises nothing; ``report.assert_ok()`` does.

    Raises
    ------
    TypeError
        f is not a function, x is not float64, the value is not real floating point, or the
        gradient is not made of numbers.
    ValueError
        The value is not a scalar, or x or the value holds nan or infinity.

    See Also
    --------
    check_pullback : for a value of any shape; it says more, because it sees more.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(32, 3))
    >>> w, y = rng.normal(size=3), rng.normal(size=32)
    >>> def loss(w):
    ...     return np.mean((X @ w - y) ** 2)
    >>> hg.check_gradient(loss, w, lambda w: 2 * X.T @ (X @ w - y) / 32).ok
    True
    >>> report = hg.check_gradient(loss, w, lambda w: 2 * X.T @ (X @ w - y))
    >>> report.verdict, round(report.factor, 6)
    ('scaled', 32.0)
    """
    function("check_gradient", "f", f)
    x = float64_array("check_gradient", "x", x)
    shape = np.shape(f(x.copy()))
    if shape:
        raise ValueError(
            f"check_gradient: f(x) has shape {shape}; it must be a scalar. For a value with "
            f"axes, check its pullback: check_pullback"
        )

    if not callable(gradient):
        gradient = _numbers("gradient", gradient)

    def op(x: Array) -> tuple[Any, Callable[[float], Any]]:
        def pullback(upstream: float) -> Any:
            return upstream * (_numbers("gradient(x)", gradient(x)) if callable(gradient) else gradient)

        return f(x), pullback

    rng = generator("check_gradient", rng)
    return _check("check_gradient", op, (x,), _names(f, 1, "x"), rng, np.ones, movable=callable(gradient))


def _numbers(name: str, value: Any) -> Array:
    """Return a gradient as an array."""
    if not is_numbers(value):
        raise TypeError(f"check_gradient: {name} is {value!r:.60}; it must be an array of numbers, in the shape of x")
    return np.asarray(value)


def _names(f: Callable[..., Any], count: int, nameless: str = "primal {}") -> tuple[str, ...]:
    """Return the names that a function gives to its arguments."""
    positions = tuple(nameless.format(i) for i in range(count))
    try:
        parameters = inspect.signature(f).parameters.values()
    except ValueError:  # compiled without a signature
        return positions
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return (*named, *positions[len(named) :])


def _check(
    where: str,
    op: Operation,
    primals: tuple[Any, ...],
    names: tuple[str, ...],
    rng: np.random.Generator,
    draw: Callable[[tuple[int, ...]], Any],
    *,
    movable: bool = True,
) -> Report:

    def adjoint(i: int, y: Array) -> Adjoint:
        def value(x: Array) -> Any:
            return op(*primals[:i], x, *primals[i + 1 :])[0]

        push = pushforward(where, value, np.asarray(primals[i]), rng)
        same_value(push.y, y)
        return Adjoint(push, rng)

    try:
        pulled = pull(where, op, primals, names, draw)
        adjoints = {i: adjoint(i, pulled.y) for i in pulled.gradients}
    except BrokenContractError as broken:
        return Report("mismatch", np.inf, "not compared", f"mismatch: {broken}")
    reports = [
        _judge(Case(op, primals, names, i, gradient, pulled.opposite[i], pulled.G, adjoints, rng))
        for i, gradient in pulled.gradients.items()
    ]
    wrong = [report for report in reports if not report.ok]
    if not wrong:
        worst = max(reports, key=lambda report: report.error)
        checked = ", ".join(names[i] for i in pulled.gradients)
        return replace(worst, message=f"match: the gradient for {checked} agrees with the {worst.message}")
    if movable and any(report.verdict == "kink" for report in wrong):
        moved = [_beside(p, rng) if i in pulled.gradients else p for i, p in enumerate(primals)]
        beside = _check(where, op, tuple(moved), names, rng, draw, movable=False)
        if not beside.ok:
            return replace(beside, message=f"{beside.message} (at a point beside a kink)")
    return replace(
        wrong[0],
        error=max(report.error for report in wrong),
        message="\n".join(report.message for report in wrong),
    )


def _beside(x: Array, rng: np.random.Generator) -> Array:
    """Return a point a thousandth away from x, where a kink at x is none."""
    length = np.where(x == 0, np.sqrt(np.abs(x).max(initial=0.0) or 1.0), x)
    return x + 1e-3 * length * rng.standard_normal(np.shape(x))


def _judge(case: Case) -> Report:
    """Report on the gradient for one primal."""
    verdict, sentence, factor = diagnose(case)
    method = case.adjoint.push.method
    if verdict == "match":
        return Report(verdict, case.error, method, f"{method}, error {case.error:.1e} of the norm")
    message = f"{verdict}: the gradient for {case.names[case.position]} {sentence}"
    if case.gradient.shape == case.x.shape and case.differs:
        worst = np.abs(case.claimed - case.expected).argmax()
        entry = tuple(int(i) for i in np.unravel_index(worst, case.x.shape))
        place = f"In entry {entry}" if case.adjoint.entrywise else "Along a random direction"
        digits = 6 if case.error > 1e-3 else 16
        message += (
            f"{'' if sentence.endswith('?') else '.'} {place} of shape {case.x.shape} received "
            f"{case.claimed[worst]:.{digits}g}, expected {case.expected[worst]:.{digits}g}; error "
            f"{case.error:.1e} of the norm, by {method}"
        )
    return Report(verdict, case.error, method, message, factor)
