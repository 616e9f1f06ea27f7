"""What a claim may assume of an array, in words: ``A symmetric``, ``rows of T sum to one``.

Each condition draws an array that meets it, with Gaussian or with small whole numbers, and can
tell whether an array meets it, so that several conditions may stand together.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.derive import ExpressionError

from .values import Array

Draw = Callable[[np.random.Generator, tuple[int, ...], bool], Array]
TRIES = 200


@dataclass(frozen=True)
class Condition:
    """One property of an array.

    Attributes
    ----------
    holds : callable
        Whether an array has it.
    draw : callable
        Draws an array that has it: from a generator, a shape, and whether in whole numbers.
    square : bool
        Whether only a square matrix can have it.
    tall : bool
        Whether there must be as many rows as columns, or more.
    """

    holds: Callable[[Array], bool]
    draw: Draw
    square: bool = False
    tall: bool = False


def plain(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    """Gaussian numbers, or whole numbers from -2 to 2."""
    return rng.integers(-2, 3, shape) * 1.0 if whole else rng.normal(size=shape)


def _symmetric(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    A = plain(rng, shape, whole)
    return np.tril(A) + np.tril(A, -1).T


def _skew(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    A = np.tril(plain(rng, shape, whole), -1)
    return A - A.T


def _positive_definite(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    A = plain(rng, shape, whole)
    return np.asarray(A @ A.T + np.eye(len(A)))


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    if whole:
        signs = rng.choice([-1.0, 1.0], shape[0])
        return np.asarray(np.eye(shape[0])[rng.permutation(shape[0])] * signs)
    return np.asarray(np.linalg.qr(rng.normal(size=shape))[0])


def _diagonal(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    return np.diag(plain(rng, shape[:1], whole))


def _positive(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    return rng.integers(1, 4, shape) * 1.0 if whole else np.exp(rng.normal(size=shape))


def _rows_sum_to_one(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:
    if whole:
        return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    powers = np.exp(rng.normal(size=shape))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _mask(rng: np.random.Generator, shape: tuple[int, ...], whole: bool) -> Array:  # noqa: ARG001 - a mask is whole
    return rng.integers(0, 2, shape) * 1.0


def _full_rank(A: Array) -> bool:
    return bool(np.linalg.matrix_rank(A) == A.shape[1])


CONDITIONS = {
    "square": Condition(lambda A: A.shape[0] == A.shape[1], plain, square=True),
    "symmetric": Condition(lambda A: np.allclose(A, A.T), _symmetric, square=True),
    "skew-symmetric": Condition(lambda A: np.allclose(A, -A.T), _skew, square=True),
    "invertible": Condition(_full_rank, plain, square=True),
    "positive definite": Condition(
        lambda A: np.allclose(A, A.T) and bool(np.all(np.linalg.eigvalsh(A) > 1e-9)), _positive_definite, square=True
    ),
    "orthogonal": Condition(lambda A: np.allclose(A.T @ A, np.eye(len(A))), _orthogonal, square=True),
    "diagonal": Condition(lambda A: np.allclose(A, np.diag(np.diag(A))), _diagonal, square=True),
    "positive": Condition(lambda A: bool(np.all(A > 0)), _positive),
    "has full column rank": Condition(_full_rank, plain, tall=True),
    "zero or one": Condition(lambda A: bool(np.all((A == 0) | (A == 1))), _mask),
    "rows sum to one": Condition(lambda A: np.allclose(A.sum(axis=-1), 1), _rows_sum_to_one),
}
SENTENCES = {"rows of {} sum to one": "rows sum to one", "entries of {} zero or one": "zero or one"}


def read_conditions(text: str, names: Mapping[str, int]) -> dict[str, list[str]]:
    """Read conditions, separated by commas.

    Parameters
    ----------
    text : str
        Such as ``A symmetric, rows of T sum to one``.
    names : mapping of str to int
        The names that may occur, and how many axes they have.

    Returns
    -------
    dict
        The conditions of each name.

    Raises
    ------
    ExpressionError
        If a condition or a name is not known, or does not fit the array's axes.

    Examples
    --------
    >>> read_conditions("A symmetric, A invertible, rows of T sum to one", {"A": 2, "T": 2})
    {'A': ['symmetric', 'invertible'], 'T': ['rows sum to one']}
    """
    found: dict[str, list[str]] = {}
    for part in text.replace(";", ",").split(","):
        said = " ".join(part.split())
        if not said:
            continue
        name, _, condition = said.partition(" ")
        condition = condition.removeprefix("is ")
        for sentence, meant in SENTENCES.items():
            if match := re.fullmatch(sentence.format("(.+)"), said):
                name, condition = match[1], meant
        if condition not in CONDITIONS:
            known = ", ".join([f"A {known}" for known in CONDITIONS if known not in SENTENCES.values()])
            sentences = ", ".join(sentence.format("A") for sentence in SENTENCES)
            raise ExpressionError(f"where: {part.strip()!r} is not a condition; known are {known}, {sentences}")
        if name not in names:
            raise ExpressionError(f"where: {name!r} is not one of the names in dims: {', '.join(names) or 'none'}")
        chosen = CONDITIONS[condition]
        if (chosen.square or chosen.tall) and names[name] != 2:
            raise ExpressionError(f"where: {part.strip()!r}, but {name} has {names[name]} axes; it must be a matrix")
        if condition == "rows sum to one" and names[name] == 0:
            raise ExpressionError(f"where: {part.strip()!r}, but {name} is a number")
        found.setdefault(name, []).append(condition)
    return found


def draw(rng: np.random.Generator, shape: tuple[int, ...], conditions: list[str], *, whole: bool) -> Array | None:
    """Draw an array that meets all conditions; None if that did not succeed.

    Examples
    --------
    >>> A = draw(np.random.default_rng(0), (3, 3), ["symmetric", "invertible"], whole=True)
    >>> bool(np.array_equal(A, A.T))
    True
    """
    if not conditions:
        return plain(rng, shape, whole)
    for attempt in range(TRIES):
        array = CONDITIONS[conditions[attempt % len(conditions)]].draw(rng, shape, whole)
        if meets(array, conditions):
            return array
    return None


def meets(array: Array, conditions: list[str]) -> bool:
    """Whether an array meets all conditions."""
    return all(CONDITIONS[condition].holds(array) for condition in conditions)
