"""The identities of the layouts' reference: checked by three routes, typeset, and written as CSV and JSON.

``docs/_data/identities.toml`` holds them as text. The text that is typeset is the text that is evaluated.
"""

import csv
import io
import json
import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from sphinx.application import Sphinx

import handgrad as hg
from handgrad.derive.checking.evaluate import Sizes, Table, indices, lengths
from handgrad.derive.checking.read import World, read_index, read_matrix
from handgrad.derive.language.dims import Shape, flat, read_dims
from handgrad.derive.language.formula import Vocabulary, read_formula, tokenize
from handgrad.derive.language.latex import Printer
from handgrad.derive.language.matrix import to_matrix
from handgrad.derive.language.parse import parse
from handgrad.derive.spelling.program import Program
from handgrad.derive.spelling.source import compile_source, write_source

DATA = Path(__file__).parent.parent / "_data" / "identities.toml"
RANKS = ("scalar", "vector", "matrix")
# Differences are right to about nine digits; a wrong formula is wrong in the first.
TOLERANCE = 1e-6
# What random arrays are made to fulfil, and what they fulfil by themselves.
IMPOSED: dict[str, Callable[[Any], Any]] = {
    r"(\w) symmetric": lambda A: (A + A.T) / 2,
    r"(\w) positive": lambda x: abs(x) + 0.5,
    r"rows of (\w) sum to one": lambda T: np.exp(T) / np.exp(T).sum(axis=1, keepdims=True),
}
ALMOST_SURE = re.compile(r"\w not \w|one entry of x is the largest")

Array = Any


class IdentityError(AssertionError):
    """An identity that does not hold."""


@dataclass(frozen=True)
class Identity:
    """One row of the table: ``dy/d(by)``, in every layout.

    Attributes
    ----------
    y, by, dims : str
        What is differentiated, by what, and the axes of every name.
    functions : dict
        What ``g``, ``u``, ``U`` ... stand for in the check.
    where : tuple of str
        The conditions.
    shown : str
        ``y`` in matrix notation, where the automatic one reads badly.
    numerator, denominator, shape : str
        The derivative in matrix notation; `shape` only if it is neither of the other two.
    entry : str
        Instead of these, if there are more than two axes: one entry, in index notation.
    """

    y: str
    by: str
    dims: str
    functions: dict[str, dict[str, str]] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    shown: str = ""
    numerator: str = ""
    denominator: str = ""
    shape: str = ""
    entry: str = ""

    @cached_property
    def used(self) -> dict[str, dict[str, str]]:
        """The functions of the variable that occur in it."""
        own = read_dims(self.dims)
        return {f: known for f, known in self.functions.items() if f not in own and re.search(rf"\b{f}\b", self.y)}

    @cached_property
    def all_dims(self) -> dict[str, str]:
        """The axes of every name, with those that the functions need."""
        parts = ",".join([self.dims, *(known["dims"] for known in self.used.values())]).split(",")
        return {name.strip(): axes.strip() for name, _, axes in (part.partition(":") for part in parts if part)}

    @cached_property
    def derivation(self) -> Any:
        """The engine's derivative of `y`, with every function written out."""
        written_out = re.sub(r"\w+", lambda m: f"({self.used[m[0]]['is']})" if m[0] in self.used else m[0], self.y)
        return hg.derive(written_out, self.by, self.all_dims)

    @cached_property
    def matrix_text(self) -> str:
        """`y` in matrix notation."""
        shapes = read_dims(self.dims) | {f: _axes(known["shape"]) for f, known in self.used.items()}
        return self.shown or str(to_matrix(parse(self.y, shapes, _letters(shapes))))

    @cached_property
    def ranks(self) -> tuple[int, int]:
        """How many axes `y` and the variable have."""
        return len(self.derivation.expression.shape), len(self.derivation.shapes[self.by])

    @property
    def kind(self) -> str:
        """Such as ``scalar by vector``."""
        return " by ".join(RANKS[rank] for rank in self.ranks)

    def stated(self, layout: str) -> str:
        """What the table says for a layout."""
        if self.entry or (layout == "shape" and self.shape):
            return self.entry or self.shape
        as_denominator = layout == "denominator" or (layout == "shape" and self.ranks[0] == 0 < self.ranks[1])
        return self.denominator if as_denominator else self.numerator

    def letters(self, layout: str = "shape") -> str:
        """The letters of an entry in the order of the stored axes: i, j count through y, p, q through the variable."""
        names = "ij"[: self.ranks[0]] + "pq"[: self.ranks[1]]
        return "".join(names[axis] for axis in hg.Layout(layout).axes(*self.ranks))

    def check(self, seeds: tuple[int, ...] = (0, 1)) -> int:
        """Compare what is printed with the engine and with differences, in every layout.

        Returns
        -------
        int
            The number of comparisons.

        Raises
        ------
        IdentityError
            With both sides, if one fails.
        ExpressionError
            If a text cannot be read, or its shapes do not conform.
        """
        done = 0
        for seed in seeds:
            trial = Trial(self, seed)
            if not self.entry:
                trial.compare(self.matrix_text, rows(self.matrix_text, trial.world("numerator")), trial.y)
            for layout in hg.Layout:
                stated = trial.stated(layout)
                trial.compare(self.stated(layout), stated, trial.measured(layout), layout)
                trial.compare(self.stated(layout), *trial.by_engine(layout, stated), layout)
                done += 2
        return done

    @property
    def name(self) -> str:
        """What is differentiated by what."""
        return f"d({self.y})/d{self.by}"


class Trial:
    """One draw of arrays, of pairwise different sizes, that meet an identity's conditions."""

    def __init__(self, identity: Identity, seed: int) -> None:
        self.identity, self.d = identity, identity.derivation
        self.shapes: dict[str, Shape] = self.d.inputs
        letters = _letters(self.shapes)
        orders = list(permutations(range(2, 2 + len(letters))))
        for order in orders[seed:] + orders[:seed]:  # X^T X has no inverse if X is wider than high: other sizes, then
            self.sizes = dict(zip(letters, order, strict=True))
            self._draw(np.random.default_rng(seed))
            if self._invertible():
                return
        raise IdentityError(f"{identity.name}: no arrays meet the conditions {', '.join(identity.where)}")

    def _draw(self, rng: np.random.Generator) -> None:
        self.given = {
            name: rng.normal(size=[math.prod(self.sizes[dim] for dim in axis) for axis in shape])
            for name, shape in self.shapes.items()
        }
        for condition in self.identity.where:
            for pattern, impose in IMPOSED.items():
                if match := re.fullmatch(pattern, condition):
                    self.given[match[1]] = impose(self.given[match[1]])
                    break
            else:
                if not condition.endswith(" invertible") and not ALMOST_SURE.fullmatch(condition):
                    raise IdentityError(f"{self.identity.name}: unknown condition {condition!r}")

    def _invertible(self) -> bool:
        named = [condition.removesuffix(" invertible") for condition in self.identity.where]
        matrices = [text for text, whole in zip(named, self.identity.where, strict=True) if text != whole]
        return all(abs(np.linalg.det(rows(text, self.world("numerator")))) > 1e-3 for text in matrices)

    # -- The routes -----------------------------------------------------------------------------

    @property
    def y(self) -> Array:
        """The value, printed as a column where it is a vector."""
        return printed(self.value(self.d)(self.at), "numerator", (self.identity.ranks[0], 0))

    @property
    def at(self) -> Array:
        """The value of the variable."""
        return np.asarray(self.given[self.identity.by])

    def value(self, derivation: Any) -> Callable[[Array], Array]:
        """What a derivation differentiates, as a function of the variable."""
        function = compile_source(write_source(Program({}, derivation.expression), derivation.shapes))
        return lambda x: self.call(function, **{self.identity.by: x})

    def call(self, function: Callable[..., Array], **more: Array) -> Array:
        """Call a function with the arrays it names; an unknown loss is linear with the upstream gradient G."""
        known = self.given | {"L": lambda Y: np.sum(self.given["G"] * Y), "f": np.sin, "f_prime": np.cos} | more
        code = function.__code__
        return function(**{name: known[name] for name in code.co_varnames[: code.co_argcount]})

    def measured(self, layout: str) -> Array:
        """The derivative by complex step or differences."""
        return printed(hg.jacobian(self.value(self.d), self.at, layout), layout, self.identity.ranks)

    def stated(self, layout: str) -> Array:
        """What the table says, evaluated."""
        if not self.identity.entry:
            return rows(self.identity.stated(layout), self.world(layout))
        axes = self.d.expression.shape + self.d.shapes[self.identity.by]
        dims = dict(zip(self.identity.letters(), (axis[0] for axis in axes), strict=True))
        letters = [(letter, dims[letter]) for letter in self.identity.letters(layout)]
        table = read_index(self.identity.entry, self.world(layout), letters)
        return to_array(table, tuple((dim,) for _, dim in letters), self.sizes)

    def by_engine(self, layout: str, stated: Array) -> tuple[Array, Array]:
        """What is stated, and what the engine derived; for three or four axes, what both do to an upstream gradient."""
        of_y = self.identity.ranks[0]
        if not self.identity.entry:
            derived = np.asarray(self.call(self.d.layout(layout).to_numpy()))
            return stated, np.broadcast_to(printed(derived, layout, self.identity.ranks), stated.shape)
        shape = self.d.expression.shape
        weight = np.random.default_rng(9).normal(size=[self.sizes[axis[0]] for axis in shape])
        dims = self.identity.all_dims | {"weight": " ".join(axis[0] for axis in shape)}
        pulled = hg.derive(f"sum(weight * ({self.d.expression}))", self.identity.by, dims).to_numpy()
        by_shape = hg.convert(stated, layout, "shape", ndim_out=of_y)
        return np.tensordot(weight, by_shape, of_y), self.call(pulled, weight=weight)

    def world(self, layout: str) -> World:
        """The arrays for the readers, with g, u, U ... and their derivatives in a layout."""
        tables = {name: to_table(self.given[name], shape, self.sizes) for name, shape in self.shapes.items()}
        shapes = dict(self.shapes)
        by = self.identity.by
        for name, known in self.identity.used.items():
            own = hg.derive(known["is"], by, self.identity.all_dims)
            function, (y_axes, x_axes) = self.value(own), (own.expression.shape, own.shapes[by])
            ranks = len(y_axes), len(x_axes)
            J = hg.jacobian(function, self.at, layout)
            axes = tuple((y_axes + x_axes)[axis] for axis in hg.Layout(layout).axes(*ranks))
            if len(axes) == 1 and len(printed(J, layout, ranks)) == 1:
                J, axes = J[None, :], ((), *axes)  # a row
            for key, array, its in ((name, function(self.at), y_axes), (f"{name}_{by}", J, axes)):
                tables[key], shapes[key] = to_table(array, its, self.sizes), its
        return World(tables, shapes, self.sizes, {"f": math.sin, "f'": math.cos, "L": self._loss})

    def _loss(self, table: dict[tuple[int, ...], float]) -> float:
        return float(sum(self.given["G"][index] * entry for index, entry in table.items()))

    def compare(self, text: str, left: Array, right: Array, layout: str = "") -> None:
        """Raise an `IdentityError` if two arrays differ."""
        left, right = np.asarray(left), np.asarray(right)
        if left.shape != right.shape or not np.allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE):
            raise IdentityError(f"{self.identity.name} {layout}: {text!r} is false, it is\n{left}\nagainst\n{right}")


def load() -> list[Identity]:
    """Read the table."""
    with DATA.open("rb") as file:
        data = tomllib.load(file)
    return [
        Identity(**row | {"where": tuple(row.get("where", ())), "functions": data["functions"].get(row["by"], {})})
        for row in data["identity"]
    ]


def _axes(dims: str) -> Shape:
    return tuple((dim,) for dim in dims.split())


def _letters(shapes: dict[str, Shape]) -> list[str]:
    return sorted({dim for shape in shapes.values() for axis in shape for dim in axis})


def to_table(array: Array, shape: Shape, sizes: Sizes) -> Table:
    """An array as a table of the engine."""
    return dict(zip(indices(flat(shape), sizes), np.ravel(array).tolist(), strict=True))


def to_array(table: Table, shape: Shape, sizes: Sizes) -> Array:
    """A table of the engine as an array."""
    return np.reshape([table[index] for index in indices(flat(shape), sizes)], lengths(shape, sizes))


def rows(text: str, world: World) -> Array:
    """The value of a formula in matrix notation; a vector is a column."""
    table, shape = read_matrix(text, world)
    array = to_array(table, shape, world.sizes)
    return array if array.ndim == 2 else array.reshape(-1, 1)


def printed(array: Array, layout: str, ranks: tuple[int, int]) -> Array:
    """An array as a table prints it: where it has one axis, as a row or a column."""
    array = np.asarray(array)
    if array.ndim > 1:
        return array
    column = layout in ("denominator", "shape") if ranks[0] == 0 else layout != "denominator"
    return array.reshape(-1, 1) if column else array.reshape(1, -1)


# -- Typeset ------------------------------------------------------------------------------------

DIMENSIONS = "iklmno"


def latex(text: str) -> str:
    r"""A formula in either notation as LaTeX, in the book's style; ``u_x`` is the derivative of u by x.

    Examples
    --------
    >>> print(latex("norm(x - a)^2"), latex("u_x"))
    \lVert x - a \rVert^{2} \frac{\partial u}{\partial x}
    """
    tokens = [token for token in tokenize(text) if token.kind == "name"]
    derivatives = {
        token.text: rf"\frac{{\partial {token.text[0]}}}{{\partial {token.text[2]}}}"
        for token in tokens
        if re.fullmatch("[ghuvUVZ]_[sxX]", token.text)
    }
    functions = {token.text for token in tokens if text[token.stop :].startswith(("(", "'("))}
    names = {token.text for token in tokens if token.text not in DIMENSIONS and token.text[1:2] != "_"} - functions
    ranks = {name: 1 for name in names if name.islower()} | dict.fromkeys("cghs", 0)
    sizes = {*DIMENSIONS, *(token.text.partition("_")[2] for token in tokens)}
    return Printer(derivatives, ranks).latex(read_formula(text, Vocabulary(names | set(derivatives), sizes)))


def _condition(text: str) -> str:
    """A condition, its formulas typeset."""
    if match := re.fullmatch(r"(.+) (symmetric|positive|invertible)", text):
        return f"${latex(match[1])}$ is {match[2]}"
    if match := re.fullmatch(r"(\w) not (\w)", text):
        return f"${match[1]} \\ne {match[2]}$"
    return re.sub(r"\b(x|T)\b", r"$\1$", text)


def table(kind: str) -> str:
    """Check all identities of a kind, and print them as a Markdown table."""
    rows = [identity for identity in load() if identity.kind == kind]
    if not rows:
        raise ValueError(f"table: kind is {kind!r}; it must be such as 'scalar by vector'")
    for identity in rows:
        identity.check()
    lines = [_row(identity) for identity in rows]
    if rows[0].entry:
        head = ["y and variable", "one entry, in every layout"]
    else:
        head = ["y and variable", "numerator, ∂y/∂xᵀ", "denominator", "shape"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *lines])


def _row(identity: Identity) -> list[str]:
    what = f"${latex(identity.matrix_text)}$ by ${identity.by}$<br>`{identity.y}`"
    if identity.where:
        what += "<br>if " + ", ".join(map(_condition, identity.where))
    if identity.entry:
        return [what, f"${latex(identity.entry)}$"]
    numerator, denominator = identity.numerator, identity.denominator
    shape = identity.stated("shape")
    same = {denominator: "as denominator", numerator: "as numerator"}
    if numerator == denominator:
        same = {numerator: "as both"}
    formulas = [f"${_breakable(latex(text))}$" for text in (numerator, denominator, shape)]
    return [what, *formulas[:2], same.get(shape, formulas[2])]


def _breakable(tex: str) -> str:
    r"""Let a long product break before and after what stands in parentheses, but not after a function's name.

    Examples
    --------
    >>> print(_breakable(r"2 \det (X A) X (X A)^{-1} A"))
    2 \det (X A) \allowbreak X \allowbreak (X A)^{-1} \allowbreak A
    """
    power = r"(?:\^\{[^{}]*(?:\{[^{}]*\})?\})?"
    tex = re.sub(rf"(\){power}) (?=[A-Za-z(])", r"\1 \\allowbreak ", tex)
    return re.sub(r"((?<=[A-Z])|(?<=\\mathsf\{T\}\})) (?=\()", r" \\allowbreak ", tex)


# -- To take away -------------------------------------------------------------------------------


def records() -> list[dict[str, str]]:
    """Every identity as plain text: the formulas in matrix notation, or one entry and where it is stored."""
    return [
        {
            "kind": identity.kind,
            "y": identity.y,
            "by": identity.by,
            "dims": identity.dims,
            "conditions": "; ".join(identity.where),
            "y in matrix notation": identity.matrix_text,
            **{
                str(layout): identity.stated(layout)
                + (f" at [{','.join(identity.letters(layout))}]" if identity.entry else "")
                for layout in hg.Layout
            },
        }
        for identity in load()
    ]


def as_csv() -> str:
    """The table as CSV, one line for each identity."""
    text = io.StringIO()
    rows = records()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json() -> str:
    """The table as JSON, a list of objects."""
    return json.dumps(records(), indent=1, ensure_ascii=False) + "\n"


def write(app: Sphinx, error: Exception | None) -> None:
    """Write both files; they are kept beside the outputs of the cells, which depend on the same sources."""
    if error is None and app.builder.format == "html":
        for name, make in (("identities.csv", as_csv), ("identities.json", as_json)):
            kept = Path(app.config.nb_execution_cache_path) / name
            if not kept.exists():
                kept.write_text(make(), "utf-8", newline="\n")
            (Path(app.outdir) / "_static" / name).write_bytes(kept.read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
