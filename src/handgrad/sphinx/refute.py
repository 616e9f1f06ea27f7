"""Show that a claim is false: a small counterexample in small whole numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np

from handgrad.derive import ExpressionError
from handgrad.derive.language.latex import name_latex

from .claim import WIDE_TOLERANCE, Claim, FalseClaimError, Link, show_sizes
from .conditions import meets
from .values import Array, ShapeError
from .world import World

LARGEST, CHOICES, DRAWS = 3, 100, 8  # sizes up to this, so many choices of sizes, so many draws for each


@dataclass(frozen=True)
class Counterexample:
    """Arrays for which two sides differ.

    Attributes
    ----------
    sizes : dict
        The length of each dimension.
    arrays : list
        The names in LaTeX, with their arrays.
    squares : list of str
        The unknown elementwise functions, in LaTeX; each is the square.
    left, right : ndarray or None
        The sides; None if the shapes do not fit.
    place : dict
        The index of the entry that is shown, if the sides have index letters.
    reason : str
        Why the sides cannot be compared, if they cannot.
    """

    sizes: dict[str, int]
    arrays: list[tuple[str, Array]]
    left: Array | None = None
    right: Array | None = None
    place: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    squares: list[str] = field(default_factory=list)


def refute(claim: Claim, *, by_shapes: bool = False) -> Counterexample:
    """Find a small counterexample in small whole numbers.

    Parameters
    ----------
    claim : Claim
        One equation.
    by_shapes : bool
        The claim is false because the shapes do not fit, whenever all sizes are different; what
        would be false for numbers as well is not looked at.

    Returns
    -------
    Counterexample
        With the smallest sizes for which one was found; its entries cannot be made smaller one by
        one. Unknown losses are linear in it, unknown elementwise functions the square.

    Raises
    ------
    FalseClaimError
        If the claim holds; if only shapes speak against it, and `by_shapes` is not given; if it is
        given, and the shapes fit.
    ExpressionError
        If there is not exactly one equation, or if it cannot be evaluated, whatever the sizes.

    Examples
    --------
    >>> example = refute(Claim("A B == B A", "A: n n; B: n n"))
    >>> example.sizes
    {'n': 2}
    >>> example.left.astype(int).tolist(), example.right.astype(int).tolist()
    ([[0, 0], [1, 0]], [[0, 0], [0, 0]])
    """
    if len(claim.links) != 1:
        raise ExpressionError(f"a refutation has one equation, left == right; here are {len(claim.links)}")
    (link,), letters = claim.links, claim.dimensions
    if by_shapes:
        return _misfit(claim, link)
    mismatch = ""
    choices = sorted(product(range(1, LARGEST + 1), repeat=len(letters)), key=lambda lengths: (sum(lengths), lengths))
    for lengths in islice(choices, CHOICES):
        sizes = claim.fixed | dict(zip(letters, lengths, strict=True))
        try:
            world = _find(claim, sizes, link)
        except ShapeError as error:
            mismatch = f"for {show_sizes(sizes)}, {error}"
            continue
        if world is not None:
            _shrink(claim, world, link)
            return _counterexample(claim, world, sizes, link)
    if mismatch:
        raise FalseClaimError(
            f"no numbers refute {claim.show(link)}: {mismatch}; if that is why it is false, say :shapes:"
        )
    try:  # what holds for squares and linear losses may fail for other functions
        claim.check()
    except FalseClaimError as error:
        return Counterexample({}, [], reason=str(error))
    raise FalseClaimError(f"{claim.show(link)} is called refuted, but it holds")


def _misfit(claim: Claim, link: Link) -> Counterexample:
    """See that the shapes do not fit, for several choices of sizes that are pairwise different."""
    found = []
    for sizes, world in claim.worlds():
        try:
            claim.sides(world, link, spread=True)
            fault = "they fit"
        except ShapeError as error:
            found.append(Counterexample(sizes, [], reason=str(error)))
            continue
        except ZeroDivisionError as error:
            fault = f"it is {error}"
        raise FalseClaimError(
            f"{claim.show(link)} is called refuted by its shapes, but for {show_sizes(sizes)} {fault}"
        )
    return found[0]


def _find(claim: Claim, sizes: dict[str, int], link: Link) -> World | None:
    """Draw numbers for which the sides differ, no array all zero if there are such; None if that did not succeed."""
    rng, found = np.random.default_rng(0), None
    for _ in range(DRAWS if claim.fits(sizes) else 0):
        world = claim.world(sizes, rng, whole=True)
        if world is None:
            break
        if _differ(claim, world, link):
            found = found or world
            if all(array.any() for _, array, _ in _drawn(world)):
                return world
    return found


def _differ(claim: Claim, world: World, link: Link) -> bool:
    try:
        return claim.differ(world, link, WIDE_TOLERANCE, spread=True)
    except ZeroDivisionError:
        return False


def _shrink(claim: Claim, world: World, link: Link) -> None:
    """Make entries smaller while the sides still differ; no array all zero, unless the sides do not depend on it."""
    for name, array, shape in _drawn(world):
        conditions = claim.conditions.get(name, [])
        for at in np.ndindex(array.shape):
            for smaller in (0.0, 1.0, -1.0):
                before = array.copy()
                if (abs(smaller), -smaller) >= (abs(float(before[at])), -float(before[at])):
                    continue
                array[at] = smaller
                if not meets(array.reshape(shape), conditions):
                    _mirror(array, before, at, smaller)
                if meets(array.reshape(shape), conditions) and _differ(claim, world, link):
                    if array.any():
                        break
                    nothing = claim.sides(world, link, spread=True)[1:]
                    array[...] = before
                    if all(map(np.array_equal, claim.sides(world, link, spread=True)[1:], nothing)):
                        array[...] = 0
                        break
                array[...] = before


def _mirror(array: Array, before: Array, at: tuple[int, ...], value: float) -> None:
    """Change the entry across the diagonal along, as symmetry asks for."""
    if array.shape[0] == array.shape[1]:
        array[at[::-1]] = value * np.sign(before[at] * before[at[::-1]])


def _counterexample(claim: Claim, world: World, sizes: dict[str, int], link: Link) -> Counterexample:
    arrays = [(name_latex(name, claim.spelling), array) for name, array, _ in _drawn(world)]
    letters, x, y = claim.sides(world, link, spread=True)
    x, y = np.broadcast_arrays(x, y)
    where = np.unravel_index(np.argmax(abs(x - y)), x.shape)[: len(letters)]
    place = {letter: int(at) + 1 for letter, at in zip(letters, where, strict=True)}
    squares = [name_latex(name, claim.spelling) for name in sorted(world.unknown)]
    return Counterexample(sizes, arrays, x[where], y[where], place, squares=squares)


def _drawn(world: World) -> Iterator[tuple[str, Array, tuple[int, ...]]]:
    """Every array that was drawn: the name a reader knows it by, the array as stored, its shape in NumPy."""
    moves = {f"d{name}": value for name, value in world.moves.items()}
    for name, value in (world.given | moves).items():
        yield name, value.array, value.lengths
    for name, array in world.weights.items():
        yield name, array, array.shape
