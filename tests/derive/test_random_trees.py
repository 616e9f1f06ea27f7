"""Random expressions derive, print, read back and check."""

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, given, settings

import handgrad as hg
from handgrad.derive.spelling.result import LAYOUTS

DIMS = {"X": "n i", "Y": "n i", "W": "o i", "V": "o n", "x": "i", "y": "n", "c": ""}
SHAPES = {"X": "ni", "Y": "ni", "W": "oi", "V": "on", "x": "i", "y": "n", "c": ""}
SMOOTH = ["tanh", "sin", "cos", "sigmoid", "softplus", "gelu", "f"]


def leaves(shape):
    return [name for name, own in SHAPES.items() if own == shape]


@st.composite
def trees(draw, shape, depth):
    """An expression of the given shape, in NumPy syntax."""
    names = leaves(shape) + ([f"{name}.T" for name in leaves(shape[::-1])] if len(shape) == 2 else [])
    kinds = ["leaf"] * bool(names)
    if depth or not names:
        kinds += ["sum", "product", "function", "matmul"]
        kinds += ["rows", "scaled", "quotient"] if shape else ["total"]
    kind = draw(st.sampled_from(kinds))
    below = max(depth - 1, 0)
    if kind == "leaf":
        return draw(st.sampled_from(names))
    if kind == "function":
        return f"{draw(st.sampled_from(SMOOTH))}({draw(trees(shape, below))})"
    if kind in ("sum", "product", "quotient"):
        a, b = draw(trees(shape, below)), draw(trees(shape, below))
        if kind == "quotient":
            return f"({a}) / (2 + ({b})**2)"
        return f"(({a}) {draw(st.sampled_from('+-')) if kind == 'sum' else '*'} ({b}))"
    if kind == "matmul":
        inner = draw(st.sampled_from([d for d in "nio" if d not in shape] or ["n"]))
        a, b = draw(trees(shape[:1] + inner if shape else inner, below)), draw(
            trees(inner + shape[1:], below))  # fmt: skip
        return f"(({a}) @ ({b}))"
    if kind == "scaled":
        return f"({draw(trees('', below))} * ({draw(trees(shape, below))}))"
    if kind == "total":
        return f"mean({draw(trees('ni', below))})"
    if len(shape) == 1:
        return f"({draw(trees(shape + 'o' if shape != 'o' else 'oi', below))}).sum(axis=1)"
    a = draw(trees(shape, below))
    return f"(({a}) - ({a}).mean(axis={draw(st.sampled_from('01'))}, keepdims=True))"


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    tree=st.sampled_from(["", "ni", "oi", "n"]).flatmap(lambda shape: trees(shape, 6)),
    wrt=st.sampled_from(["X", "W", "x", "c"]),
)
def test_random_tree(tree, wrt):
    expression = tree if len(tree) < 400 else f"mean({tree[:0]}X)"
    d = hg.derive(f"L({expression})", wrt, DIMS)
    assert hg.derive(f"L({d.expression.args[0]})", wrt, DIMS).gradient.shape == d.gradient.shape
    d.check((0,))


# A factor that occurs twice, once transposed: its summed letters must not be taken for each other.
TWICE = ["({0}) @ ({0}).T", "({0}).T @ ({0})", "tanh(({0}) @ ({0}).T) @ ({0})", "norm(({0}) @ ({0}).T)**2",
         "({0}) @ ({0}).T @ ({0}) @ ({0}).T"]  # fmt: skip
FACTORS = ["X", "Y.T", "W", "V.T", "V"]


@st.composite
def chains(draw):
    """A product of up to three matrices."""
    chain = [draw(st.sampled_from(FACTORS))]
    for _ in range(draw(st.integers(0, 2))):
        last = axes(chain[-1])[1]
        chain.append(draw(st.sampled_from([name for name in FACTORS if axes(name)[0] == last])))
    return " @ ".join(chain)


def axes(name):
    return SHAPES[name] if len(name) == 1 else SHAPES[name[0]][::-1]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chain=chains(), form=st.sampled_from(TWICE), wrt=st.sampled_from("XYWV"))
def test_a_product_that_occurs_twice(chain, form, wrt):
    assert hg.derive(f"L({form.format(chain)})", wrt, DIMS).check((0,))


# Columns and rows beside matrices and vectors.
COLUMNS = {"A": "nn", "B": "nm", "x": "n1", "y": "m1", "z": "n1", "r": "1n", "W": "mn"}
COLUMN_DIMS = "A: n n, B: n m, x: n 1, y: m 1, z: n 1, r: 1 n, W: m n, u: n, c:"
COLUMN_FORMS = ["L({0})", "({0}) @ ({1})", "sum(({0}) * ({1}))", "sum(({0}) @ u)", "L(({0}) * u)"]


@st.composite
def column_products(draw):
    """A product of up to four matrices, columns and rows, perhaps in a function or beside a scalar."""
    here = draw(st.sampled_from("nm1"))
    chain = []
    for _ in range(draw(st.integers(1, 4))):
        ways = [(name, shape[1]) for name, shape in COLUMNS.items() if shape[0] == here]
        ways += [(f"{name}.T", shape[0]) for name, shape in COLUMNS.items() if shape[1] == here]
        name, here = draw(st.sampled_from(ways))
        chain.append(name)
    form = draw(st.sampled_from(["{}", "tanh({})", "({}) * c", "sum({}, axis=1, keepdims=True)"]))
    return form.format(" @ ".join(chain))


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(a=column_products(), b=column_products(), form=st.sampled_from(COLUMN_FORMS), wrt=st.sampled_from("AxzrWc"))
def test_columns_and_rows(a, b, form, wrt):
    try:
        d = hg.derive(form.format(a, b), wrt, COLUMN_DIMS)
    except hg.ExpressionError:
        assume(False)  # they do not conform
    assert d.check((0,))


# Everything the language has, with structure that repeats: outer products, Gram forms, functions along an axis.
RICH = {"X": "ni", "W": "ik", "A": "nn", "B": "ii", "S": "ni", "u": "n", "w": "i", "v": "k", "c": ""}
RICH_DIMS = "X: n i, W: i k, A: n n, B: i i, S: n i, u: n, w: i, v: k, c:"


def rich(r, shape, depth):
    """An expression of a shape, drawn by `r`; nothing in it ties or touches a kink."""
    below = depth - 1

    def axis():
        return r.choice("nik")

    names = [name for name, own in RICH.items() if own == shape]
    names += [f"{name}.T" for name, own in RICH.items() if len(own) == 2 and own[::-1] == shape]
    if depth <= 0 or r.random() < 0.12:
        return r.choice(names) if names else f"outer({rich(r, shape[0], 0)}, {rich(r, shape[1], 0)})"
    m, q = axis(), axis()
    ways = [
        lambda: f"{r.choice(['tanh', 'exp', 'sigmoid', 'f', 'square', 'sin'])}({rich(r, shape, below)})",
        lambda: f"({rich(r, shape, below)} {r.choice('+*')} {rich(r, shape, below)})",
        lambda: f"({rich(r, shape, below)} - 2 * {rich(r, shape, below)})",
        lambda: f"({rich(r, shape, below)}) / (2 + ({rich(r, r.choice([shape, '']), below)})**2)",
    ]
    if len(shape) == 2:
        ways += [
            lambda: f"({rich(r, shape, below)} * {rich(r, shape[1], below)})",
            lambda: f"({rich(r, shape, below)} + ({rich(r, shape[0], below)})[:, None])",
            lambda: f"softmax({rich(r, shape, below)}, axis={r.choice('01')})",
            lambda: f"log_softmax({rich(r, shape, below)})",
            lambda: f"({rich(r, shape, below)} - mean({rich(r, shape, below)}, axis={r.choice('01')}, keepdims=True))",
            lambda: f"(({rich(r, shape[0] + m, below)}) @ ({rich(r, m + shape[1], below)}))",
        ]
    if len(shape) == 2 and shape[0] == shape[1]:
        ways += [
            lambda: f"inv({rich(r, shape, below)} + 5 * eye({shape[0]}))",
            lambda: f"diag({rich(r, shape[0], below)})",
            lambda: f"({rich(r, shape, below)} + ({rich(r, shape, below)}).T)",
        ]
    if len(shape) == 1:
        ways += [
            lambda: f"(({rich(r, shape + m, below)}) @ ({rich(r, m, below)}))",
            lambda: f"sum({rich(r, shape + m, below)}, axis=1)",
            lambda: f"logsumexp({rich(r, m + shape, below)}, axis=0)",
            lambda: f"mean({rich(r, m + shape, below)}, axis=0)",
            lambda: f"softmax({rich(r, shape, below)})",
        ]
    if not shape:
        ways += [
            lambda: f"sum({rich(r, m + q, below)})",
            lambda: f"trace({rich(r, m + m, below)})",
            lambda: f"(({rich(r, m, below)}) @ ({rich(r, m, below)}))",
            lambda: f"logdet({rich(r, m + m, below)} + 6 * eye({m}))",
            lambda: f"norm({rich(r, m, below)})**2",
            lambda: f"var({rich(r, m + q, below)})",
        ]
    return r.choice(ways)()


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    r=st.randoms(use_true_random=False),
    shape=st.sampled_from(["ni", "nn", "ik", "n", "i", ""]),
    wrt=st.sampled_from("XWABSuwvc"),
    layout=st.sampled_from(LAYOUTS),
    flatten=st.booleans(),
    loss=st.booleans(),
)
def test_everything_together(r, shape, wrt, layout, flatten, loss):
    expression = rich(r, shape, 3) if not shape or loss else rich(r, shape, 2)
    assume(len(expression) < 200)
    d = hg.derive(f"L({expression})" if loss else expression, wrt, RICH_DIMS, layout=layout, flatten=flatten)
    assert d.check((0,))


# Broadcasting: several vectors along each axis, so that a factor may be all that has a letter.
SPREAD = {"X": "ni", "Y": "ni", "m": "i", "s": "i", "t": "i", "u": "n", "v": "n", "c": "", "k": ""}
SPREAD_DIMS = "X: n i, Y: n i, m: i, s: i, t: i, u: n, v: n, c:, k:"
SPREAD_FORMS = ["{}", "sum({})", "mean({})", "L({})", "L(sum({}, axis=0))", "sum({}, axis=0) @ t", "sum(({}) @ m)",
                "L(mean({}, axis=1))", "sum(f(sum({}, axis=0)))", "norm({})**2", "sum(u @ ({}))"]  # fmt: skip


@st.composite
def spread(draw, depth=3):
    """An elementwise expression that is broadcast to a matrix."""
    kind = draw(st.sampled_from(["leaf"] + ["+", "-", "*", "/", "square", "function"] * bool(depth)))
    if kind == "leaf":
        name = draw(st.sampled_from(list(SPREAD)))
        return f"{name}[:, None]" if SPREAD[name] == "n" else name
    if kind == "square":
        return f"({draw(spread(depth - 1))})**2"
    if kind == "function":
        return f"{draw(st.sampled_from(['tanh', 'exp', 'f']))}({draw(spread(depth - 1))})"
    return f"({draw(spread(depth - 1))}) {kind} ({draw(spread(0 if kind == '/' else depth - 1))})"


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(a=spread(), form=st.sampled_from(SPREAD_FORMS), wrt=st.sampled_from("Xmsuck"), flatten=st.booleans())
def test_broadcasting(a, form, wrt, flatten):
    try:
        d = hg.derive(
            form.format(f"X * ({a})" if form in ("sum({}, axis=0) @ t", "sum(u @ ({}))") else a),
            wrt,
            SPREAD_DIMS,
            flatten=flatten,
        )
    except hg.ExpressionError:
        assume(False)  # nothing is left to sum over
    assert d.check((0,))


# A function of a number beside a reduction: what is recognised in an entry is not there in a sum of entries.
OUTER = ["log({})", "1 / ({})", "({})**c", "log1p({})", "sqrt({})", "softplus({})"]
REDUCED = ["sum({})", "mean({})", "trace({})", "norm({})", "v @ {} @ v", "sum(diag({}))", "sum(max({}, axis=1))",
           "sum(logsumexp({}, axis=0))"]  # fmt: skip
INNER = ["exp(X)", "exp(-c * X)", "sigmoid(X)", "softmax(X)", "abs(X)", "relu(X)", "(X**c)", "(1 / X)"]


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(OUTER), st.sampled_from(["", "1 + ", "c + "]), st.sampled_from(REDUCED), st.sampled_from(INNER))
def test_a_function_of_a_sum_is_none_of_its_entries(outer, number, reduced, inner):
    d = hg.derive(outer.format(number + reduced.format(inner)), "X", "X: n n, v: n, c:")
    assert d.check((0,))
