"""Spell indexed terms as matrix expressions."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from handgrad.derive.engine.terms import Factor, Letters, Node, Sum, Term, linked
from handgrad.derive.language.calls import call, einsum
from handgrad.derive.language.dims import ALPHABET, Shape, flat
from handgrad.derive.language.expression import Expr, arithmetic, expand, number, reshape, squeeze, value_of
from handgrad.derive.language.functions import MASKS
from handgrad.derive.language.numerals import ratio
from handgrad.derive.language.trees import postorder

from .columns import as_column, is_reciprocal, lying, multiply, standing
from .entries import Lettering, names_first, split
from .pieces import Piece, merge

Names: TypeAlias = Callable[[Node], Expr]


STARTING = {"*", "/", "@", "T", "sum", "mean", "expand"}  # what is minus itself with minus the first operand


def spell(value: Sum, names: Names, ordered: bool = False) -> Expr:
    """Spell a sum of terms as an expression of the same shape.

    Parameters
    ----------
    value : Sum
        The terms.
    names : callable
        Gives the expression that stands for a node.
    ordered : bool
        Whether a vector in front was written there: ``x @ W``, and not ``W.T @ x``.

    Returns
    -------
    Expr
    """
    if not value.terms:
        return Expr("zeros", shape=value.shape) if value.shape else number(0)
    axes = tuple([axis for axis in value.axes if axis])
    whole = value.shape
    shape = tuple([axis for axis in whole if axis])
    alone = shape if len(value.terms) == 1 else None
    terms = value.terms
    if len(terms) == 2 and terms[0][0] < 0 < terms[1][0] and not terms[1][1]:  # 1 - a
        terms = terms[::-1]
    result = added([(term[0], _spell_term(term, axes, names, alone, ordered=ordered)) for term in terms])
    if result.shape != shape:
        result = _fill(result, shape)
    return result if shape == whole else _unit_axes(result, value)


def added(parts: Sequence[tuple[float, Expr]]) -> Expr:
    """A sum of parts, each with a number that says its sign."""
    sign, total = parts[0]
    total = total if sign > 0 else _opposite(total) or -total
    for sign, part in parts[1:]:
        total = total + part if sign > 0 else total - part
    return total


def _opposite(expr: Expr) -> Expr | None:
    """Minus a difference, or what starts with one: ``(b - a) * c`` for ``-(a - b) * c``; ``1 - a`` is well known."""
    first, *others = expr.args or (expr,)
    if expr.op == "-" and first.op != "number":
        return first.args[0] + others[0] if first.op == "neg" else others[0] - first
    turned = _opposite(first) if expr.op in STARTING else None
    return turned and expr.on((turned, *others))


def _fill(part: Expr, shape: Shape) -> Expr:
    """Repeat an array along the axes that it does not have."""
    if not part.shape:
        ones = Expr("ones", shape=shape)
        return ones if part.info == 1 else multiply(part, ones)
    if len(part.shape) == 1:
        return call("outer", [Expr("ones", shape=shape[:1]), part])
    return call("outer", [lying(part, 1) or squeeze(part, 1), Expr("ones", shape=shape[1:])])


def _unit_axes(expr: Expr, value: Sum) -> Expr:
    """Put the axes of length 1 back."""
    if expr.op == "number":
        return _fill(expr, value.shape)
    if len(value.shape) != 2 or len(expr.shape) != 1:
        return reshape(expr, value.shape)
    axis = 0 if not value.shape[0] else 1
    return standing(expr, axis) or expand(expr, axis)


def _spell_term(
    term: Term, axes: tuple[Letters, ...], names: Names, shape: Shape | None, apart: bool = False, ordered: bool = False
) -> Expr:  # fmt: skip
    """One term without its sign; unless it must have a `shape`, broadcasting may supply an axis.

    Axes that are products of dimensions stay together if they can, else they are taken `apart`.
    """
    coefficient, factors = term
    if not (axes or ordered):
        factors = names_first(factors)
    pieces = _pieces(factors, axes, names, apart)
    if pieces:  # of a gradient the first factor is what comes from above
        pieces[0].leading = ordered
        pieces[0].core = None if ordered or len(pieces[0].axes) < 2 else (0, False)
    pieces = merge(pieces, axes)
    main: Expr | None = None
    scalars: list[Expr] = []
    if pieces is None:
        main = _reshaped(factors, axes, names)
    if pieces is None and main is None:
        groups = [group for group in linked(factors) if {*flat(axes)}.isdisjoint(flat([ls for _, ls, _ in group]))]
        scalars = [_spell_term((1, tuple(group)), (), names, None) if group[0][1] else entry_expr(group[0], names)
                   for group in groups]  # fmt: skip
        arrays = [factor for factor in factors if not any([factor in group for group in groups])]
        sides = [((i,), (j,)) for i, j in zip(*axes)] if list(map(len, axes)) == [2, 2] else None
        main = (as_kron(arrays, sides, names) if sides else None) or as_einsum(arrays, axes, names)
    elif pieces is not None:
        scalars = [piece.expr() for piece in pieces if not piece.axes]
        for piece in pieces:
            if len(piece.axes) == 2:
                main = piece.led_by(axes[0]).expr()
            elif piece.axes:
                main = piece.expr()
                if len(axes) == 2 and piece.axes[0] == axes[0]:
                    main = as_column(main)
    if shape is not None and (main.shape if main else ()) != shape:
        main = _fill(main or number(1), shape)
    return scaled(coefficient, scalars, main)


def scaled(coefficient: float, scalars: list[Expr], main: Expr | None) -> Expr:
    """An array times numbers: those that divide below one line, the signless coefficient in front."""
    above, below = ratio(abs(coefficient))
    scalars = sorted(scalars, key=lambda scalar: any([part.shape for part in postorder([scalar])]))  # a * (u @ v)
    scalars = [scalar for scalar in scalars if value_of(scalar) != 1]
    parts = [*scalars, main] if main else scalars
    over = [part for part in parts if not is_reciprocal(part)]
    if above != 1 or not over:
        over = [number(above), *over]
    under = [multiply(number(1), part).args[1] for part in parts if is_reciprocal(part)]
    if below != 1:
        under = [number(below), *under]
    if under and over[-1].op == "/":  # x / (2 * r) rather than x / r / 2
        over[-1], last = over[-1].args
        under = [*under, last]
    result = _product(over)
    return result / _product(under) if under else result


def _reshaped(factors: tuple[Factor, ...], axes: tuple[Letters, ...], names: Names) -> Expr | None:
    """A product under other axes: letters stay together as they are in a factor, or each is by itself."""
    letters = flat(axes)
    merged = [axis for factor in factors for axis in split(factor) if len(axis) > 1]
    for other, apart in ((_regrouped(letters, merged), False), ([(letter,) for letter in letters], True)):
        if merge(_pieces(factors, tuple(other), names, apart), tuple(other)) is not None:
            return reshape(_spell_term((1, factors), tuple(other), names, _dims(other), apart), _dims(axes))
    return None


def _product(parts: list[Expr]) -> Expr:
    if len(parts) > 2 and parts[0].op == "number" and parts[1].op == "@":  # 2 * (a @ b) * c
        return multiply(parts[0], _product(parts[1:]))
    result = parts[0]
    for part in parts[1:]:
        result = multiply(result, part)
    return result


def _clash(axes: Iterable[Letters]) -> bool:
    """Whether one letter is in two different axes."""
    found: dict[object, Letters] = {}
    return any([found.setdefault(letter, axis) != axis for axis in axes for letter in axis])


def entry_expr(factor: Factor, names: Names) -> Expr:
    """The array of a factor, without axes of length 1, to its power."""
    node, _, power = factor
    if node.op == "delta":
        eye = Expr("eye", shape=node.shape)
        eye.symmetric = True
        return eye
    expr = names(node)
    expr.symmetric = node.symmetric
    if len(node.shape) > 2 and () in node.shape:
        expr = reshape(expr, tuple([axis for axis in node.shape if axis]))
    for axis in (1, 0):
        if expr.shape[axis:] and not expr.shape[axis]:
            expr = lying(expr, axis) or squeeze(expr, axis)
    return expr if power == 1 else expr**power


def _pieces(factors: tuple[Factor, ...], axes: tuple[Letters, ...], names: Names, apart: bool) -> list[Piece] | None:
    if len(axes) > 2:
        return None
    owns = [split(factor) for factor in factors]
    merged = [axis for own in (axes, *owns) for axis in own if len(axis) > 1]
    if merged or apart:
        owns = [_regrouped(factor[1], [] if apart else merged) for factor in factors]
        if _clash([*axes, *[axis for own in owns for axis in own]]):
            return None
    pieces = []
    for factor, own in zip(factors, owns):
        if len(own) > 2:
            return None
        expr = entry_expr(factor, names)
        if merged or apart:
            expr = reshape(expr, _dims(own))
        if len(own) == 2 and own[0] == own[1]:
            base, *rest = expr.args if expr.op == "**" else (expr,)  # only what stands on the diagonal is raised
            diagonal = call("diag", [base])
            own, expr = own[:1], arithmetic("**", diagonal, *rest) if rest else diagonal
        pieces.append(Piece(tuple(own), expr))
    return sorted(pieces, key=lambda piece: is_reciprocal(piece.chain[0]) or piece.chain[0].info in MASKS)


def _dims(axes: Iterable[Letters]) -> Shape:
    """What the letters of axes run over."""
    return tuple([tuple([letter.dim for letter in axis]) for axis in axes])


def _regrouped(letters: Letters, merged: list[Letters]) -> list[Letters]:
    """Letters as axes: together what is one axis elsewhere, each by itself otherwise."""
    here = next((axis for axis in merged if letters[: len(axis)] == axis), letters[:1])
    return [here, *_regrouped(letters[len(here) :], merged)] if letters else []


def as_kron(factors: Iterable[Factor], sides: Sequence[tuple[Letters, ...]], names: Names) -> Expr | None:
    """``A[i,j] B[k,l]``, where the sides are (i,j) and (k,l); None if some factors have to do with both."""
    parts: list[tuple[Factor, ...]] = [(), ()]
    own = [flat(side) for side in sides]
    for group in linked(factors):
        here = [at for at in (0, 1) if any([l in own[at] for _, letters, _ in group for l in letters])] or [0]
        if len(here) > 1:
            return None
        parts[here[0]] += tuple(group)
    made = [spell(Sum(side, [(1, part)]), names) for side, part in zip(sides, parts) if part or any(side)]
    if all([part.op == "eye" for part in made]):
        return Expr("eye", shape=_dims(map(flat, zip(*sides))))
    return call("kron", made) if len(made) == 2 else made[0]


def as_einsum(factors: list[Factor], axes: tuple[Letters, ...], names: Names) -> Expr:
    """What has no spelling with matrices keeps its letters."""
    letter = Lettering({}, (), ALPHABET).add(flat([*axes, *[letters for _, letters, _ in factors]])).names
    rows, args = [], []
    for factor in factors:
        expr = entry_expr(factor, names)
        apart = tuple((dim,) for dim in flat(expr.shape))
        args.append(expr if expr.shape == apart else reshape(expr, apart))
        rows.append("".join(letter[one] for one in factor[1]))
    free = flat(axes)
    for one in free:
        if not any(letter[one] in row for row in rows):
            args.append(Expr("ones", shape=((one.dim,),)))
            rows.append(letter[one])
    if not args:
        return number(1)
    row = ",".join(rows) + "->" + "".join(letter[one] for one in free)
    made = einsum(row, args) if row != f"{rows[0]}->{rows[0]}" else args[0]
    return reshape(made, _dims(axes))
