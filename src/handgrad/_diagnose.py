"""What is wrong with a gradient: the classic mistakes, tried one after the other.

A mistake is an equation that the wrong gradient satisfies. If the received gradient, transposed,
fulfils the adjoint identity, then it is the transpose; if it fulfils the identity for the
transposed upstream gradient, then that one was transposed. Each hypothesis is such a pair of
sides, and the first whose sides agree is the diagnosis.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ._adjoint import Adjoint, beside_itself
from ._arguments import Array
from ._contract import Operation
from ._pushforward import CENTRAL_DIFFERENCE, COMPLEX_STEP, UNDERFLOW, pushforward

Made = TypeVar("Made")


class Diagnosis(NamedTuple):
    """The verdict, what to say after "the gradient for W", and the constant factor if any."""

    verdict: str
    sentence: str
    factor: float | None = None


MATCH = Diagnosis("match", "is right")


@dataclass(frozen=True)
class Case:
    """The gradient for one primal, and all that is known about it."""

    op: Operation
    primals: tuple[Any, ...]
    names: tuple[str, ...]
    position: int
    gradient: Array
    opposite: Array  # the gradient for -2 G
    G: Array
    adjoints: dict[int, Adjoint]  # by the position of the primal
    rng: np.random.Generator

    @property
    def adjoint(self) -> Adjoint:
        return self.adjoints[self.position]

    @property
    def x(self) -> Array:
        return self.adjoint.push.x

    @property
    def y(self) -> Array:
        return self.adjoint.push.y

    @cached_property
    def claimed(self) -> Array:
        return self.adjoint.claimed(self.gradient)

    @cached_property
    def expected(self) -> Array:
        return self.adjoint.expected(self.G)

    @cached_property
    def size(self) -> float:
        """The norm of the true gradient."""
        return float(np.linalg.norm(self.expected))

    @cached_property
    def distance(self) -> float:
        """The distance from the true gradient."""
        comparable = self.gradient.shape == self.x.shape and np.isfinite(self.gradient).all()
        return float(np.linalg.norm(self.claimed - self.expected)) if comparable else np.inf

    @cached_property
    def floor(self) -> float:
        """The distance that rounding alone explains.

        It supposes terms of order 1 that cancel, on either side. If the true gradient stands out
        of the rounding that is measured, none did there, and a hundredth of it is all that is
        excused. A true entry of 0 does not stand out: it may be what was left of such terms.
        """
        noise = self.adjoint.noise(self.G)
        if noise <= self.adjoint.slack(self.G):
            return noise
        lost = np.isfinite(self.distance) and self.claimed[self.expected == 0].any()
        if lost or self.adjoint.rounding(self.G) >= 1e-4 * self.size:
            return noise
        return min(noise, 1e-2 * self.size)

    @property
    def differs(self) -> bool:
        """Whether the gradient is not the true one, as far as can be seen."""
        return self.distance > max(self.adjoint.slack(self.G), self.floor)

    @cached_property
    def error(self) -> float:
        """The distance relative to the size; less than the tolerance if rounding explains it."""
        if self.adjoint.slack(self.G) < self.distance <= self.floor:
            return self.distance / max(self.size, self.floor / self.adjoint.tolerance)
        if not self.distance:
            return 0.0
        return self.distance / self.size if self.size else np.inf

    @property
    def vanishes(self) -> bool:
        """Whether the gradient is zero: nothing is left of it, or nothing but rounding, when it is computed again."""
        size = np.linalg.norm(self.gradient)
        again = self.pulled(beside_itself(self.x, self.rng), 0.7 * self.G) / 0.7
        return bool(size <= UNDERFLOW or np.linalg.norm(again - self.gradient) > 1e-2 * size)

    @property
    def absorbed(self) -> bool:
        """Whether the gradient is right but for entries that rounding took.

        Where a probability p is 1 - 1e-18, p - 1 is 0; the entries beside it tell right from wrong.
        """
        off = np.abs(self.claimed - self.expected)
        right = off < 1e-6 * np.abs(self.expected)
        rounding = 2 * np.finfo(float).eps * np.linalg.norm(self.G)
        taken = off <= np.where(self.expected != 0, rounding, UNDERFLOW)
        return bool(right.any() and (right | taken).all())

    def at(self, x: Any) -> tuple[Any, Callable[..., Any]]:
        """Return what the operation returns with x in the place of its primal."""
        return self.op(*self.primals[: self.position], x, *self.primals[self.position + 1 :])

    def pulled(self, x: Array, G: Array) -> Array:
        """Return the gradient at x for the upstream gradient G, as the pullback has it."""
        gradients = self.at(x)[1](G)
        return np.asarray(gradients[self.position] if isinstance(gradients, tuple | list) else gradients)

    def elsewhere(self, f: Callable[[Array], Any], x: Array) -> Adjoint:
        """Return the adjoint of another function or at another point."""
        return Adjoint(pushforward("diagnose", f, x, self.rng), self.rng)


def attempt(make: Callable[..., Made], *arguments: Any) -> Made | None:
    """Return what is made at a point that the caller never asked about: what cannot be tried is not diagnosed."""
    try:
        return make(*arguments)
    except Exception:  # noqa: BLE001 - whatever it raises
        return None


class Hypothesis(NamedTuple):
    """The two sides agree if the gradient is wrong in this way: what is then said of it."""

    verdict: str
    left: Array
    right: Array
    sentence: str
    factor: float | None = None


def diagnose(case: Case) -> Diagnosis:
    """Return the verdict on a gradient, and what is wrong with it."""
    with np.errstate(all="ignore"):
        return at_once(case) or by_hypothesis(case) or unexplained(case)


def at_once(case: Case) -> Diagnosis | None:
    """Return the verdict if it needs no hypothesis: right, or nothing that could be judged."""
    g, G, adjoint, push = case.gradient, case.G, case.adjoint, case.adjoint.push
    if g.dtype.kind != "f":
        return Diagnosis("precision", f"has dtype {g.dtype}; it must be float64 as its variable")
    if not np.isfinite(g).all():
        return Diagnosis("mismatch", "holds nan or infinity, where the value is finite")
    if case.y.dtype.itemsize < 8:
        return Diagnosis(
            "precision",
            f"cannot be judged: the value has dtype {case.y.dtype}, whose rounding drowns the "
            f"differences; compute it in float64",
        )
    if g.shape != case.x.shape:
        return None
    if g.shape != case.opposite.shape or np.linalg.norm(case.opposite + 2 * g) > 1e-5 * np.linalg.norm(g):
        unused = np.array_equal(case.opposite, g)
        return Diagnosis(
            "mismatch",
            "does not depend on the upstream gradient: was it left out?"
            if unused
            else "is not linear in the upstream gradient: is that squared, its absolute value taken, a constant "
            "added to it, or a mask made from it?",
        )
    drowned = Diagnosis(
        "precision",
        f"cannot be judged: rounding in the value, of norm {np.linalg.norm(case.y):.1e}, "
        f"drowns the differences; take a constant off it, or choose another point",
    )
    blur = adjoint.blur(G)
    if not case.size and case.distance <= blur and np.abs(case.y).max(initial=0.0) > 1e8:
        return drowned  # no slope was seen, and beside such a value none of order 1 would be
    if case.distance <= adjoint.slack(G) or case.distance <= case.floor <= 1e-2 * case.size:
        return MATCH
    if push.method == CENTRAL_DIFFERENCE and push.bends(case.rng.standard_normal(case.x.shape)):
        return Diagnosis(
            "kink",
            f"cannot be judged here: the function has a kink within the step of {push.step:.1e}, "
            f"where its slope jumps and no derivative is right; choose another point",
        )
    if case.distance <= case.floor and case.vanishes:
        return MATCH
    if case.distance <= max(blur, case.floor):
        return MATCH if push.method == COMPLEX_STEP and case.absorbed else drowned
    if g.dtype.itemsize < 8 and case.error <= 100 * np.finfo(g.dtype).eps:
        return Diagnosis(
            "precision",
            f"has dtype {g.dtype} and is right to its few digits only; it must be float64 as its variable",
        )
    return None


def by_hypothesis(case: Case) -> Diagnosis | None:
    """Return the first mistake that explains the gradient."""
    tolerance = min(1e-6, case.error / 100)
    tried = hypotheses(case) if case.gradient.shape == case.x.shape else shape_hypotheses(case)
    for verdict, left, right, sentence, factor in tried:
        size = np.linalg.norm(right)
        if size > case.floor and np.linalg.norm(left - right) <= tolerance * size + case.floor:
            return Diagnosis(verdict, sentence, factor)
    return None


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """Yield the mistakes that leave the shape as it should be."""
    g, G, x, y = case.gradient, case.G, case.x, case.y
    claimed, expected, push = case.adjoint.claimed, case.adjoint.expected, case.adjoint.push

    yield Hypothesis("sign", -case.claimed, case.expected, "has the wrong sign: it points the opposite way")

    factor = float(np.dot(case.claimed, case.expected) / (np.dot(case.expected, case.expected) or 1.0))
    if factor:
        yield Hypothesis("scaled", case.claimed / factor, case.expected, scaled(factor, case), factor)

    if x.ndim > 1 and x.shape == x.T.shape:
        yield Hypothesis(
            "transposed",
            claimed(g.T),
            case.expected,
            "is the transpose of the right one, which a square shape hides",
        )
    yield from wrong_axes(case)
    if y.ndim > 1 and y.shape == y.T.shape:
        yield Hypothesis(
            "transposed",
            case.claimed,
            expected(G.T),
            "was computed from the transpose of the upstream gradient, which a square shape hides",
        )
    yield from swapped(case, "mismatch")
    if x.shape == y.shape:
        yield Hypothesis(
            "transposed",
            g,
            push(G),
            "is J G, the Jacobian times the upstream gradient; the pullback is J^T G, with the "
            "transposed Jacobian, and a square shape hides the difference",
        )
        yield Hypothesis(
            "mismatch",
            push(g),
            G,
            "is J^-1 G, with the inverse of the Jacobian J; the pullback is J^T G, with its "
            "transpose: a gradient carries sensitivities back, it does not undo the operation",
        )
        yield Hypothesis(
            "mismatch",
            g,
            G,
            "is the upstream gradient itself: the derivative of the operation is missing, or its "
            "mask is true everywhere (taken from the value where the argument was meant?)",
        )
        if case.adjoint.entrywise:
            yield Hypothesis(
                "mismatch",
                g,
                case.adjoint.JV.diagonal().reshape(x.shape) * G,
                "uses the diagonal of the Jacobian only: an entry of the value depends on other "
                "entries of the argument too, and their cross terms are missing",
            )
        yield from wrong_argument(case)
    if x.ndim > 1 and case.adjoint.entrywise:
        true_rows = case.expected.reshape(len(x), -1)
        rows = g.reshape(len(x), -1)
        nearest = [np.linalg.norm(rows - row, axis=1).argmin() for row in true_rows]
        yield Hypothesis("mismatch", rows[nearest], true_rows, "has the right rows in a wrong order")
    yield from multiple_of_variable(case)
    yield from broadcast(case)


def shape_hypotheses(case: Case) -> Iterator[Hypothesis]:
    """Yield the mistakes that show in the shape."""
    g, x, claimed = case.gradient, case.x, case.adjoint.claimed
    received = f"has shape {g.shape} in place of {x.shape}"
    if g.T.shape == x.shape:
        sentence = f"{received}: it is the transpose of the right one"
        yield Hypothesis("transposed", claimed(g.T), case.expected, sentence)
    if g.size == x.size:
        sentence = f"{received}, with the right entries: reshape it, or keep the axis of length one"
        yield Hypothesis("shape", case.claimed, case.expected, sentence)
    for axis in range(g.ndim):
        if g.sum(axis).size == x.size:
            sentence = (
                f"{received}: it was not summed over axis {axis}, along which the argument was "
                f"broadcast; the pullback of broadcasting is a sum"
            )
            yield Hypothesis("shape", claimed(g.sum(axis)), case.expected, sentence)
    if g.size == 1 and case.adjoint.entrywise:
        sentence = f"{received}: it is the sum of the right entries; sum only over the axes of broadcasting"
        yield Hypothesis("shape", np.ravel(g), case.expected.sum(keepdims=True), sentence)
    yield from swapped(case, "shape")
    yield from wrong_axes(case)


def swapped(case: Case, verdict: str) -> Iterator[Hypothesis]:
    """Yield the gradients for the other primals."""
    for i, other in case.adjoints.items():
        if i != case.position and other.push.x.shape == case.gradient.shape:
            sentence = f"is the one for {case.names[i]}: a pullback returns gradients in the order of the primals"
            yield Hypothesis(verdict, other.claimed(case.gradient), other.expected(case.G), sentence)


def multiple_of_variable(case: Case) -> Iterator[Hypothesis]:
    """Yield the gradient that is off by a multiple of the variable: a penalty, or a norm, left out."""
    off = case.claimed - case.expected
    x = case.adjoint.claimed(case.x)
    factor = float(np.dot(off, x) / (np.dot(x, x) or 1.0))
    if case.x.size > 1 and case.gradient.any():
        amount = "a multiple of" if case.G.ndim else f"{abs(factor / case.G):.6g} times"
        sentence = (
            f"is off by {amount} {case.names[case.position]} itself: is the gradient of a penalty, "
            f"or of dividing by a norm, missing or wrong?"
        )
        yield Hypothesis("mismatch", off, factor * x, sentence)


def wrong_axes(case: Case) -> Iterator[Hypothesis]:
    """Yield sums of the contributions, G times how y moves with x, that keep another axis."""
    G, x, y = case.G, case.x, case.y
    contributions = G * case.adjoint.push(np.ones(x.shape))
    for kept in range(y.ndim):
        summed = tuple(axis for axis in range(y.ndim) if axis != kept)
        left, right = np.ravel(case.gradient), contributions.sum(summed)
        if y.ndim > 1 and left.shape == right.shape:
            over = ", ".join(map(str, summed))
            hidden = "which a square shape hides" if left.size == x.size else "as its shape shows"
            sentence = f"was summed over the wrong axis of the upstream gradient ({over}), {hidden}"
            yield Hypothesis("wrong-axis", left, right, sentence)


def wrong_argument(case: Case) -> Iterator[Hypothesis]:
    """Yield the derivative at the value, f'(A), in place of the one at the argument, f'(Z)."""
    at_value = attempt(case.elsewhere, lambda x: case.at(x)[0], case.y)
    if at_value is None:
        return
    sentence = (
        "is the derivative taken at the wrong argument: at the value of the operation where its "
        "argument was meant, f'(A) for f'(Z)"
    )
    yield Hypothesis("mismatch", at_value.claimed(case.gradient), at_value.expected(case.G), sentence)
    pulled = attempt(case.pulled, case.y, case.G)
    if pulled is None:
        return
    sentence = (
        "is the derivative taken at the wrong argument: it is a formula in the value, p(A), "
        "and was computed from the argument, p(Z)"
    )
    yield Hypothesis("mismatch", case.adjoint.claimed(pulled), case.expected, sentence)


def broadcast(case: Case) -> Iterator[Hypothesis]:
    """Yield the gradient that would be right had (n, 1) not met (n,)."""
    x, op, i = case.x, case.op, case.position

    def meets(p: Any) -> bool:
        shapes = sorted([np.shape(p), x.shape], key=len)
        return shapes == [(x.size,), (x.size, 1)]

    aligned = [np.reshape(p, x.shape) if meets(p) else p for p in case.primals]
    for name, p in zip(case.names, case.primals, strict=True):
        there = None
        if meets(p):
            there = attempt(case.elsewhere, lambda x: op(*aligned[:i], x, *aligned[i + 1 :])[0], x)
        if there is not None and there.push.y.shape == case.y.shape:
            sentence = (
                f"would be right had {name}, shape {np.shape(p)}, and {case.names[i]}, shape "
                f"{x.shape}, not been broadcast to {(x.size, x.size)}: reshape {name}"
            )
            yield Hypothesis("mismatch", there.claimed(case.gradient), there.expected(case.G), sentence)


def scaled(factor: float, case: Case) -> str:
    """Say how much too large the gradient is, and which number of the case that factor is."""
    times = max(abs(factor), 1 / abs(factor))
    sentence = f"is {times:.10g} times too {'large' if abs(factor) > 1 else 'small'}"
    if factor < 0:
        sentence += " and has the wrong sign"
    known = [(2, "the 2 of a differentiated square"), *sizes(case)]
    for multiple, word in ((1, ""), (2, "twice "), (0.5, "half ")):
        named = [word + name for size, name in known if 1 < multiple * size == round(times, 5)]
        if named:
            return f"{sentence}; {times:.10g} is {' and '.join(named)}"
    rooted = [name.partition(" (")[0] for size, name in sizes(case) if 1 < size == round(times**2, 5)]
    if rooted:
        return f"{sentence}; {times:.10g} is the square root of {times**2:.0f}, {' and '.join(rooted)}"
    if 1 < round(times, 5) == round(times) < 100_000:
        sentence += "; a whole number: the number of samples, a sum against a mean?"
    return sentence


def sizes(case: Case) -> Iterator[tuple[int, str]]:
    """Yield the numbers that a gradient is wrongly multiplied or divided by, and their names."""
    arrays = [(name, p) for name, p in zip(case.names, case.primals, strict=True) if np.ndim(p)]
    for name, array in arrays:
        batch = " (the batch size, if rows are samples: a sum against a mean?)"
        yield len(array), f"the number of rows of {name}" + batch * (array is arrays[0][1])
        if array.ndim > 1:
            yield array.shape[-1], f"the number of columns of {name} (features or classes)"
            yield array.size, f"the number of entries of {name}"


def unexplained(case: Case) -> Diagnosis:
    """Say what can be said of a gradient that no known mistake explains."""
    g, x = case.gradient, case.x
    if g.shape != x.shape:
        sentence = f"has shape {g.shape}; its variable has shape {x.shape}"
        if g.shape == (x.size, x.size):
            sentence += f": was ({x.size}, 1) broadcast against ({x.size},)?"
        return Diagnosis("shape", sentence)
    if not g.any():
        return Diagnosis("mismatch", "is zero everywhere, and should not be")
    sentence = "is wrong"
    if case.adjoint.entrywise:
        expected, received = case.expected, np.ravel(g)
        off = np.abs(expected - received)
        wrong = off > 1e-3 * off.max()
        if wrong.all():
            sentence += " in every entry"
        else:
            sentence += f" in {np.count_nonzero(wrong)} of its {x.size} entries"
            if np.abs(expected[wrong]).max() <= case.adjoint.tolerance * off.max():
                return Diagnosis("mismatch", f"{sentence}, where it should be 0: is a mask missing?")
            if not received[wrong].any():
                return Diagnosis("mismatch", f"{sentence}, where it is 0: is a term left out, or a mask too narrow?")
    if case.error < 1e-3:
        sentence += (
            f", beyond the first {-np.log10(case.error):.0f} digits: a rounded constant, or an "
            f"approximation in place of the derivative?"
        )
    return Diagnosis("mismatch", sentence)
