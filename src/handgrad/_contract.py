"""What a pullback promises whatever its numbers are: the contract of every operation.

It returns a gradient for each primal that has one, is linear in the upstream gradient, answers
the same each time, as its operation does, and leaves every array of its caller as it was.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ._arguments import Array
from ._pushforward import float64_array

Operation = Callable[..., tuple[Any, Callable[..., Any]]]


class BrokenContractError(Exception):
    """A pullback that breaks the contract; the text says how."""


class Pulled(NamedTuple):
    """What an operation and its pullback returned."""

    y: Array
    G: Array
    gradients: dict[int, Array]  # for G, by the position of the primal
    opposite: dict[int, Array]  # for -2 G


def pull(
    where: str,
    op: Operation,
    primals: tuple[Any, ...],
    names: tuple[str, ...],
    draw: Callable[[tuple[int, ...]], Any],
) -> Pulled:
    """Call the operation, and its pullback for G, for G again, and for -2 G."""
    arguments = [p.copy() if isinstance(p, np.ndarray) else p for p in primals]
    answer: Any = op(*arguments)
    if not (isinstance(answer, tuple) and len(answer) == 2 and callable(answer[1])):
        raise TypeError(
            f"{where}: the operation returned {type(answer).__name__}; it must return a pair, (value, pullback)"
        )
    value, pullback = answer
    y = np.array(value)
    G = np.asarray(draw(y.shape))
    own = list(zip(names, arguments, primals, strict=True))
    unchanged("the operation", own)

    def pulled(G: Array) -> dict[int, Array]:
        upstream = G.copy() if G.ndim else float(G)
        gradients = paired(where, pullback(upstream), primals, names)
        lent = [("its upstream gradient", upstream, G), ("the value", value, y)]
        unchanged("the pullback", [*own, *lent])
        return gradients

    first, again, opposite = pulled(G), pulled(G), pulled(-2 * G)
    if not first.keys() == again.keys() == opposite.keys():
        raise BrokenContractError("the pullback returns gradients for other primals when it is called again")
    for i, gradient in first.items():
        if gradient.shape != again[i].shape or not np.allclose(gradient, again[i], 1e-6, 0, equal_nan=True):
            raise BrokenContractError(
                f"the pullback answers differently when it is called a second time with the same upstream "
                f"gradient: compare its gradients for {names[i]}"
            )
    return Pulled(y, G, first, opposite)


def same_value(again: Array, first: Array) -> None:
    """Raise if an operation did not return the same value for the same primals."""
    if again.shape != first.shape or np.linalg.norm(again - first) > 1e-6 * np.linalg.norm(first):
        raise BrokenContractError(
            "the operation answers differently when it is called a second time with the same primals: does it draw "
            "random numbers? Draw them once, outside"
        )


def unchanged(who: str, arrays: Iterable[tuple[str, Any, Any]]) -> None:
    """Raise if an array is no longer what it was: (its name, the array, what it was)."""
    for name, now, before in arrays:
        if isinstance(now, np.ndarray) and now.tobytes() != before.tobytes():
            raise BrokenContractError(f"{who} changes {name} in place; its caller may still need that array")


def is_numbers(value: Any) -> bool:
    """Tell whether `value` is an array of numbers, or can be made one."""
    try:
        return np.asarray(value).dtype.kind in "fiubc"
    except ValueError:  # rows of different lengths
        return False


def paired(where: str, returned: Any, primals: tuple[Any, ...], names: tuple[str, ...]) -> dict[int, Array]:
    """Return the gradients by the position of their primal.

    A single array belongs to the first primal, and the others are data. A tuple has one gradient
    for each primal, and None for data.
    """
    several = isinstance(returned, tuple | list)
    gradients = list(returned) if several else [returned]
    given = primals if several else primals[:1]
    gradients += [None] * (len(given) - len(gradients))
    if any(gradient is not None for gradient in gradients[len(given) :]):
        plural = "s" * (len(given) != 1)
        sentence = (
            f"the pullback returned {len(gradients)} gradients for {len(given)} primal{plural}, {', '.join(names)}"
        )
        if isinstance(returned, list):
            sentence += "; a list is read as one gradient for each primal: return a gradient as an array"
        raise BrokenContractError(sentence)
    pairs = {}
    for i, (name, primal, gradient) in enumerate(zip(names, given, gradients, strict=False)):
        if gradient is not None and primal is None:
            raise BrokenContractError(f"{name} is None, and its gradient is not")
        if gradient is not None:
            float64_array(where, name, primal)
            if not is_numbers(gradient):
                raise BrokenContractError(f"the gradient for {name} is not made of numbers: {gradient!r:.40}")
            pairs[i] = np.array(gradient)
        elif isinstance(primal, np.ndarray) and primal.dtype.kind == "f":
            raise BrokenContractError(f"the pullback returned no gradient for {name}")
    if not pairs:
        raise ValueError(f"{where}: there is nothing to check, every primal is data")
    return pairs
