"""Check a derivation by numbers: every printed line is read back and evaluated.

Three routes must agree: the differences of the expression as NumPy computes it; the differences of
every node by its children, chained; and what the lines say.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

from handgrad.derive.engine.rules import upstream_name
from handgrad.derive.engine.terms import Node
from handgrad.derive.language.dims import Shape, flat, show_shape
from handgrad.derive.language.errors import DerivationError, ExpressionError
from handgrad.derive.language.matrix import NoMatrixFormError
from handgrad.derive.language.parse import parse
from handgrad.derive.notation.frobenius import STEPS
from handgrad.derive.notation.steps import Step, from_unicode
from handgrad.derive.notation.typeset import StepPrinter
from handgrad.derive.spelling.program import Program
from handgrad.derive.spelling.result import Result
from handgrad.derive.spelling.source import NoLengthError, compile_source, gradient_source, shared, write_source
from handgrad.derive.spelling.vec import einsum_expr, kronecker, stacked_terms

from .evaluate import Functions, Table, evaluate_node, indices, lengths
from .read import World, read_index, read_matrix, without_units
from .read_latex import read_latex

STEP = 1e-4
TOLERANCE = 1e-6
STENCIL = ((1, 8 / 12), (2, -1 / 12))  # of f(x + k h) - f(x - k h): the slope, exact to order 4
DOMAIN = (ValueError, ArithmeticError)


def gauss(seed: int) -> Iterator[float]:
    """Normal numbers, the same on every machine and in every Python."""
    state = 2 * seed + 1

    def uniform() -> float:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return ((state >> 20) + 0.5) / 2**44

    for _ in range(20):
        uniform()
    while True:
        radius, angle = math.sqrt(-2 * math.log(uniform())), 2 * math.pi * uniform()
        yield radius * math.cos(angle)
        yield radius * math.sin(angle)


DRAWS: tuple[Callable[[float], float], ...] = (
    lambda z: 0.5 * z,  # a product of many matrices stays small
    lambda z: 0.5 + abs(z),
    lambda z: 0.1 + 0.8 / (1 + math.exp(z)),
    lambda z: 4 + abs(z),
)
COMBINATIONS = 2 * len(DRAWS) + len(DRAWS) ** 3
ATTEMPTS = range(2 * COMBINATIONS)  # at first with moderate values only: the differences of huge ones are noise
MODERATE = 1e4
MOST = 20  # draws that fail


Assumed: TypeAlias = Mapping[str, Callable[[Table], Table]]  # what is made of an array that was drawn
NOTHING: Assumed = {}


def drawn(attempt: int, position: int) -> Callable[[float], float]:
    """How the array at a position is drawn: all of them alike, twice; then in all combinations, ``log(b - A @ x)``."""
    attempt %= COMBINATIONS
    if attempt < 2 * len(DRAWS):
        return DRAWS[attempt // 2]
    place: int = len(DRAWS) ** position
    return DRAWS[attempt // place % len(DRAWS)]


def loss(table: Table) -> float:
    """What stands for an unknown loss: smooth, not symmetric, not linear."""
    entries = [table[index] for index in sorted(table)]
    return sum([(1 + 0.7 * k) * math.sin(y) + 0.3 * y * y for k, y in enumerate(entries)])


def unknown(name: str) -> Callable[[float], float]:
    """What stands for an unknown elementwise function such as f, or for its derivative f'."""
    order, shift = name.count("'"), len(name.rstrip("'"))
    return lambda z: 1.3**order * math.sin(1.3 * z + shift + order * math.pi / 2)


class Numbers:
    """One draw: a value for every node, and the derivatives by differences alone."""

    def __init__(self, d: Result, seed: int, attempt: int = 0, assumed: Assumed = NOTHING, scale: float = 1) -> None:
        self.d, self.scale, seed = d, scale, 101 * seed + 7 * attempt
        dims = sorted({*flat(flat(d.shapes.values()))})
        # Pairwise different, and all of them different with the next seed; smaller where there are many.
        least, few = (3, len(dims) + 1) if len(dims) < 4 else (2, len(dims))
        self.sizes = {dim: least + (at + seed) % few for at, dim in enumerate(dims)}
        source = gauss(seed)
        self.inputs: dict[str, Table] = {
            name: {index: drawn(attempt, at)(next(source)) for index in indices(flat(shape), self.sizes)}
            for at, (name, shape) in enumerate(d.shapes.items())
        }
        self.inputs |= {name: make(self.inputs[name]) for name, make in assumed.items()}
        losses = {node.info[0]: loss for node in d.graph.nodes if node.op == "loss"}
        elementwise = {node.info: unknown(node.info) for node in d.graph.nodes if node.op == "unknown"}
        self.functions: Functions = losses | elementwise
        self.values: dict[Node, Table] = {}
        self.partials: dict[tuple[Node, Node], Table] = {}
        given = dict(self.inputs)
        for node in d.graph.nodes:
            if node.op == "name":
                self.values[node] = given[node.info]
            else:
                self.values[node] = evaluate_node(node, self.values, self.sizes, self.functions)
            if node.op == "loss" and node.arg is not None:
                given[upstream_name(node)] = self.partial(node, node.arg)
        self.adjoints = self._chain()
        tables = [*self.values.values(), *self.adjoints.values()]
        if attempt < COMBINATIONS and max([abs(entry) for table in tables for entry in table.values()]) > MODERATE:
            raise OverflowError("a value is large")

    def partial(self, parent: Node, child: Node) -> Table:
        """The derivative of a node by one child while the others stay; an entry that is left out is zero."""
        if (parent, child) not in self.partials:
            values, here = dict(self.values), self.values[child]

            def at(moved: Table) -> Table:
                values[child] = moved
                return evaluate_node(parent, values, self.sizes, self.functions)

            alone = parent.op in ("call", "unknown")  # every entry by itself
            parts = [{index: entry} for index, entry in here.items()] if alone else [here]
            slopes = [differences(at, part, self.scale).items() for part in parts]
            self.partials[parent, child] = dict(chain.from_iterable(slopes))
        return self.partials[parent, child]

    def _chain(self) -> dict[Node, Table]:
        """The derivative of the output by every node, from the partial ones."""
        root, links = self.d.root, self.d.sweep.links
        out = list(indices(root.dims, self.sizes))
        adjoints = {root: {p + q: float(p == q) for p in out for q in out}}
        for node in reversed(self.d.sweep.path[:-1]):
            adjoints[node] = total = dict.fromkeys(indices(root.dims + node.dims, self.sizes), 0.0)
            for link in links[node]:
                above, rank = adjoints[link.parent], len(link.parent.dims)
                for index, slope in self.partial(link.parent, node).items():
                    k, q = index[:rank], index[rank:]
                    for p in out:
                        total[p + q] += above[p + k] * slope
        return adjoints

    def total(self, node: Node) -> Table:
        """The derivative of the output by a node; zero if it does not occur."""
        zero = dict.fromkeys(indices(self.d.root.dims + node.dims, self.sizes), 0.0)
        return self.adjoints.get(node, zero)

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The nodes by their names."""
        return {name: node for node, name in self.d.labels.items() if node.op not in ("delta", "size")}

    @cached_property
    def world(self) -> World:
        """Everything a line may speak of but differentials."""
        d = self.d
        tables: dict[str, Table] = dict(self.inputs)
        shapes: dict[str, Shape] = dict(d.inputs)
        tables |= {name: self.values[node] for name, node in self.nodes.items()}
        shapes |= {name: node.shape for name, node in self.nodes.items()}
        for node, adjoint in d.sweep.named.items():
            tables[d.labels[adjoint]] = self.total(node)
            shapes[d.labels[adjoint]] = d.root.shape + node.shape
        result = f"d{d.labels[d.root]}/d{d.wrt}"
        tables[result], shapes[result] = self.total(d.variable), d.root.shape + d.variable.shape
        return World(tables, shapes, self.sizes, self.functions)


def differences(function: Callable[[Table], Table], at: Table, scale: float = 1) -> Table:
    """The derivative of a function of a table, by central differences of order four."""
    result: Table = {}
    for entry, here in at.items():
        step = scale * STEP * min(1.0, max(0.01, abs(here)))  # the logarithm of a small number bends sharply
        for shift, weight in STENCIL:
            below = function(at | {entry: here - shift * step})
            for index, value in function(at | {entry: here + shift * step}).items():
                key = index + entry
                result[key] = result.get(key, 0.0) + weight * (value - below[index]) / step
    return result


def same(a: Table, b: Table) -> bool:
    """Whether two tables agree, relative to the larger one."""
    scale = max([0.01, *map(abs, b.values())])
    return a.keys() == b.keys() and all(abs(a[k] - b[k]) <= TOLERANCE * scale for k in b)


def check(d: Result, seeds: Sequence[int]) -> int:
    """Check a derivation; see `Derivation.check`."""
    if isinstance(seeds, int) or not seeds:
        raise ExpressionError(f"seeds: {seeds!r} must be a sequence of whole numbers, at least one")
    lines, *_ = [_check_seed(d, seed) for seed in seeds]
    return lines + (check(d.first, seeds) if d.first else 0)


def _check_seed(d: Result, seed: int) -> int:
    """Check on one draw. A false line is false on every draw; an entry next to a kink is not, it gets others."""
    failures: list[bool] = []
    for attempt in ATTEMPTS:
        try:
            numbers = Numbers(d, seed, attempt)
            try:
                return _check_expression(d, numbers) + _check_steps(d, numbers)
            except DerivationError:
                # Where a matrix is all but singular, a double step tells another slope.
                other = Numbers(d, seed, attempt, scale=2)
                failures.append(same(other.total(d.variable), numbers.total(d.variable)))
                if sum(failures) == 3 or len(failures) == MOST:
                    raise
        except (ExpressionError, KeyError) as error:
            raise DerivationError(f"a printed line cannot be read: {error}") from error
        except DOMAIN:
            continue
    raise DerivationError("the expression has no value on random arrays")


def _from_latex(step: Step, printer: StepPrinter, numbers: Numbers) -> Step:
    """The step as a reader of its LaTeX understands it."""
    names = [*printer.shapes, *(f"d{name}" for name in printer.shapes)]
    right = read_latex(printer.side(step.right), names, numbers.sizes, numbers.functions)
    return step._replace(right=right, rule=f"{step.rule}, as LaTeX")


def _compare(step: Step, said: Table, true: Table) -> None:
    if said.keys() != true.keys():
        raise DerivationError(f"{step}  ({step.rule}): the shape is wrong")
    if not same(said, true):
        worst = max(true, key=lambda k: abs(said[k] - true[k]))
        raise DerivationError(
            f"{step}  ({step.rule})\n  is false: entry {worst} is {said[worst]:.6g} by the line "
            f"and {true[worst]:.6g} by differences"
        )


def _claims(d: Result, notation: str) -> Iterator[Step]:
    """The steps, each with its left side, in ASCII; in Unicode they say the same."""
    left = ""
    for step in STEPS[notation](d):
        left = step.left or left
        if from_unicode(step.unicode(notation).right) != step.right:
            raise DerivationError(f"{step}: another line in Unicode, {step.unicode(notation)}")
        yield step._replace(left=left)


def _check_expression(d: Result, numbers: Numbers) -> int:
    """The expression against its terms, and the gradient against differences, with NumPy."""
    world = numbers.world
    value = world.value(d.expression)
    line = Step(d.labels[d.root], str(d.expression), "the expression as indexed terms")
    _compare(line, value, numbers.values[d.root])
    wanted = d.arranged(d.layout_name).shape
    gradient = arranged(d, numbers)
    tables = {name: world.tables[name] for name in d.inputs}
    shapes = dict(d.inputs)
    defined = World(tables, shapes, numbers.sizes, numbers.functions)  # line by line
    for name, expr in [*d.program.definitions.items(), ("", d.program.result)]:
        again = parse(str(expr), shapes, numbers.sizes)
        if again.shape != expr.shape:
            raise DerivationError(f"{name} = {expr} has another shape when it is read back")
        made = defined.value(again)
        with suppress(NoMatrixFormError):
            text = read_latex(expr.latex(), shapes, numbers.sizes, numbers.functions)
            _compare_matrix(Step(name or "the gradient", text, "as LaTeX"), defined, made, expr.shape)
        tables[name], shapes[name] = made, expr.shape
    line = Step(f"d{d.labels[d.root]}/d{d.wrt}", str(d.program.result), "the gradient")
    if d.program.result.shape != wanted:
        raise DerivationError(f"{line}: the shape is {d.program.result.shape}, not {wanted}")
    _compare(line, tables[""], gradient)
    by_einsum = world.value(einsum_expr(d))
    _compare(line._replace(rule="einsum"), by_einsum, gradient)
    _check_kronecker(d, numbers, defined)
    _check_numpy(d, numbers, value, gradient)
    return 2 + len(d.program.definitions)


def _check_kronecker(d: Result, numbers: Numbers, world: World) -> None:
    """``vec(dY) = J vec(dX)`` against the differences, for both orders of vec."""
    for order in ("F", "C"):
        try:
            parts = stacked_terms(d, order)
        except ExpressionError:
            return
        rank, true = len(d.root.dims), numbers.total(d.variable)
        said = dict.fromkeys(true, 0.0)
        for part in parts:
            table = world.value(part.matrix)
            by_columns = (order == "F") != part.transposed
            for index in said:
                row = _stacked(index[:rank], d.root.shape, order == "F")
                said[index] += table[row + _stacked(index[rank:], d.variable.shape, by_columns)]
        _compare(Step("", kronecker(d, order), f"vec in order {order}"), said, true)


def _stacked(index: tuple[int, ...], shape: Shape, by_columns: bool) -> tuple[int, ...]:
    """An index of vec: the column comes first where it stacks columns; an axis that is a product keeps its order."""
    turn = len(shape[0]) if by_columns and shape else 0
    return index[turn:] + index[:turn]


# The axes of a derivative where they are not those of y (ab), then those of x (cd): one entry for
# every number of axes of y and of x. Written out here so that the layouts have a second opinion.
LAYOUT_TABLE = {
    "shape": {},
    "numerator": {(0, 2): "dc"},
    "denominator": {(2, 0): "ba", (1, 1): "ca", (1, 2): "cda", (2, 1): "cab", (2, 2): "cdab"},
    "transposed-denominator": {(0, 2): "dc", (1, 2): "adc", (2, 2): "abdc"},
}


def arranged(d: Result, numbers: Numbers) -> Table:
    """The derivative by differences, in the layout of the derivation."""
    out, own = d.root.shape, d.variable.shape
    names = "abefgh"[: len(out)] + "cd"[: len(own)]  # of a second derivative the output has more than two axes
    order = LAYOUT_TABLE[d.layout_name].get((len(out), len(own)), names)
    places: dict[str, list[int]] = {}
    for name, axis in zip(names, [*out, *own]):
        start = sum([len(part) for part in places.values()])
        places[name] = list(range(start, start + len(axis)))
    take = [place for name in order for place in places[name]]
    return {tuple([k[at] for at in take]): v for k, v in numbers.total(d.variable).items()}


def _check_numpy(d: Result, numbers: Numbers, value: Table, gradient: Table) -> None:
    """The same with the NumPy sources: the expression's, for the differences, and the gradient's."""
    here, world = numbers.inputs[d.wrt], numbers.world
    line = Step(d.labels[d.root], str(d.expression), "as NumPy computes it")
    try:
        import numpy as np

        source = gradient_source(d)
        of_value = write_source(shared(Program({}, d.expression), {*d.inputs, *d.taken}), d.inputs, "value")
    except (ImportError, NoLengthError):
        value_at = lambda table: world._replace(tables={**world.tables, d.wrt: table}).value(d.expression)
    else:
        value_at = _in_numpy(compile_source(of_value, "value"), d, numbers, d.root.dims, np)
        dims = flat(d.arranged(d.layout_name).shape)
        made = _in_numpy(compile_source(source), d, numbers, dims, np)(here)
        _compare(Step("gradient(...)", source, "NumPy source"), made, gradient)
        _compare(line, value_at(here), value)
    _compare(line._replace(left="differences"), differences(value_at, here), numbers.total(d.variable))


def _in_numpy(run: Any, d: Result, numbers: Numbers, dims: Sequence[str], np: Any) -> Callable[[Table], Table]:
    """What a NumPy function gives, as a function of the variable."""

    def array(name: str, table: Table) -> Any:
        entries = [table[index] for index in indices(flat(d.inputs[name]), numbers.sizes)]
        return np.reshape(entries, lengths(d.inputs[name], numbers.sizes))

    given = {name: array(name, numbers.world.tables[name]) for name in d.inputs}
    on_array = lambda array: loss({(at,): entry for at, entry in enumerate(np.ravel(array).tolist())})
    for name, function in numbers.functions.items():
        given[name.replace("'", "_prime")] = on_array if function is loss else np.vectorize(function, otypes=[float])
    names, keys = run.__code__.co_varnames[: run.__code__.co_argcount], list(indices(dims, numbers.sizes))

    def computed(moved: Table) -> Table:
        arrays = given | {d.wrt: array(d.wrt, moved)}
        values = np.ravel(run(**{name: arrays[name] for name in names})).tolist()
        if len(values) != len(keys):
            raise DerivationError(f"NumPy gives {len(values)} entries instead of {len(keys)}")
        return dict(zip(keys, map(float, values)))

    return computed


def _check_steps(d: Result, numbers: Numbers) -> int:
    """Every line, as text and as LaTeX; a differential for a random direction."""
    printer, source, count = StepPrinter(d), gauss(12345), 0
    for notation in STEPS:
        written = list(_claims(d, notation))
        count += len(written)
        steps = [one for step in written for one in (step, _from_latex(step, printer, numbers))]
        for at, step in enumerate(steps):
            world, (head, below, letters) = numbers.world, _split(step.left)
            if not (below or head == "J" or head in world.shapes):  # a differential says what the next result is
                results = [_split(one.left)[1] for one in steps[at:] if "/" in one.left]
                child = d.variable if d.root.dims else numbers.nodes[results[0][1:]]
                world = _pushed(d, numbers, {child: {index: next(source) for index in numbers.values[child]}})
            true, shape = _truth(head, below, d, numbers, world)
            of_root = not below or head == f"d{d.labels[d.root]}"
            if notation == "frobenius" and of_root and "[" not in step.left + step.right:
                _compare_matrix(step, world, true, shape)
            elif len(letters) != len(flat(shape)):
                raise DerivationError(f"{step}: the left side has {len(letters)} letters, not {len(flat(shape))}")
            else:
                _compare(step, read_index(step.right, world, list(zip(letters, flat(shape)))), true)
    return count


def _split(left: str) -> tuple[str, str, list[str]]:
    """Split ``dY[n,(i,k),0]/dX[p]`` into the two names and the letters."""
    parts = [part.partition("[") for part in left.split("/")]
    letters = [letter for _, _, index in parts for letter in index.replace("(", "").replace(")", "")[:-1].split(",")]
    return parts[0][0], parts[-1][0] * (len(parts) > 1), [letter for letter in letters if letter not in ("0", "")]


def _truth(head: str, below: str, d: Result, numbers: Numbers, world: World) -> tuple[Table, Shape]:
    """What is true of the left side of a line, and its axes."""
    if below:
        parent, child = [numbers.nodes[name[1:]] for name in (head, below)]
        true = numbers.total(child)
        if parent is not d.root:
            zero = dict.fromkeys(indices(parent.dims + child.dims, numbers.sizes), 0.0)
            true = zero | numbers.partial(parent, child)
        return true, parent.shape + child.shape
    if head == "J":
        return arranged(d, numbers), ((),) * d.derivative_is_row() + d.arranged(d.layout_name).shape
    return world.tables[head], world.shapes[head]


def _pushed(d: Result, numbers: Numbers, start: dict[Node, Table]) -> World:
    """The world with the differentials of all nodes when some vary, from the partial derivatives."""
    world, moved = numbers.world, dict(start)
    for parent in d.sweep.path:
        varying = [child for child in parent.children if child in moved]
        if varying and parent not in start:
            rank, total = len(parent.dims), dict.fromkeys(indices(parent.dims, numbers.sizes), 0.0)
            for child in varying:
                for index, slope in numbers.partial(parent, child).items():
                    total[index[:rank]] += slope * moved[child][index[rank:]]
            moved[parent] = total
    named = {f"d{d.labels[node]}": node for node in moved if node in d.labels}
    tables = {name: moved[node] for name, node in named.items()}
    shapes = {name: node.shape for name, node in named.items()}
    return world._replace(tables={**world.tables, **tables}, shapes={**world.shapes, **shapes})


def _compare_matrix(step: Step, world: World, true: Table, shape: Shape) -> None:
    said, own = read_matrix(step.right, world)
    wanted = without_units(shape)
    if step.right == "0":  # of any shape
        said, own = dict.fromkeys(true, 0.0), wanted
    if own != wanted:
        raise DerivationError(f"{step}: the line is {show_shape(own)}, not {show_shape(wanted)}")
    _compare(step, said, true)
