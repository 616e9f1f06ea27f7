"""The layouts: a table of axes, the same numbers in every layout, conversions that undo each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handgrad as hg

# The axes of y are a, b and those of x are c, d: scalar, vector and matrix by each.
TABLE = {
    # by         shape   numerator denominator transposed-denominator
    ("", ""): ("", "", "", ""),
    ("", "c"): ("c", "c", "c", "c"),
    ("", "cd"): ("cd", "dc", "cd", "dc"),
    ("a", ""): ("a", "a", "a", "a"),
    ("a", "c"): ("ac", "ac", "ca", "ac"),
    ("a", "cd"): ("acd", "acd", "cda", "adc"),
    ("ab", ""): ("ab", "ab", "ba", "ab"),
    ("ab", "c"): ("abc", "abc", "cab", "abc"),
    ("ab", "cd"): ("abcd", "abcd", "cdab", "abdc"),
}
LAYOUTS = ("shape", "numerator", "denominator", "transposed-denominator")
SIZES = {"a": 2, "b": 3, "c": 4, "d": 5}


def shape(letters):
    return tuple(SIZES[letter] for letter in letters)


def function(of_y, of_x, seed=0):
    """Return a random bilinear-plus-cubic f, a point, and its derivative with the axes of y, then of x."""
    rng = np.random.default_rng(seed)
    A, x = rng.normal(size=shape(of_y + of_x)), rng.normal(size=shape(of_x))

    def f(x):
        return np.einsum(f"{of_y}{of_x},{of_x}->{of_y}", A, x**3)

    return f, x, A * 3 * x**2


@pytest.mark.parametrize(("of_y", "of_x"), TABLE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_jacobian_follows_the_table(of_y, of_x, layout):
    f, x, derivative = function(of_y, of_x)
    letters = TABLE[of_y, of_x][LAYOUTS.index(layout)]
    J = hg.jacobian(f, x, layout=layout)
    assert J.shape == shape(letters)
    np.testing.assert_allclose(J, np.einsum(f"{of_y}{of_x}->{letters}", derivative), rtol=1e-14)


@pytest.mark.parametrize(("of_y", "of_x"), TABLE)
def test_convert_follows_the_table(of_y, of_x):
    derivative = function(of_y, of_x)[2]
    stored = dict(zip(LAYOUTS, TABLE[of_y, of_x], strict=True))
    for source, target in itertools.product(LAYOUTS, LAYOUTS):
        J = np.einsum(f"{of_y}{of_x}->{stored[source]}", derivative)
        converted = hg.convert(J, source, target, ndim_out=len(of_y))
        np.testing.assert_array_equal(converted, np.einsum(f"{of_y}{of_x}->{stored[target]}", derivative))


def test_a_wrong_layout_would_be_noticed():
    f, x, _ = function("a", "cd")
    shapes = {hg.jacobian(f, x, layout=layout).shape for layout in LAYOUTS}
    assert shapes == {(2, 4, 5), (4, 5, 2), (2, 5, 4)}


def test_up_to_two_axes_numerator_and_denominator_are_transposes():
    for of_y, of_x in TABLE:
        if len(of_y + of_x) <= 2:
            f, x, _ = function(of_y, of_x)
            np.testing.assert_array_equal(hg.jacobian(f, x, "numerator"), hg.jacobian(f, x, "denominator").T)


def test_gradient_has_the_shape_of_its_variable():
    for of_x in ("", "c", "cd", "bcd"):
        f, x, derivative = function("", of_x)
        J = hg.jacobian(f, x, layout="shape")
        np.testing.assert_allclose(J, derivative, rtol=1e-14)
        assert hg.check_gradient(f, x, J).ok


def test_numerator_layout_is_the_one_that_multiplies():
    """In numerator layout the chain rule is a matrix product, and dy = tr(dy/dX dX)."""
    rng = np.random.default_rng(1)
    A, B, x = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    outer, inner = hg.jacobian(lambda u: A @ np.tanh(u), B @ x), hg.jacobian(lambda x: B @ x, x)
    np.testing.assert_allclose(hg.jacobian(lambda x: A @ np.tanh(B @ x), x), outer @ inner, rtol=1e-13)

    X, dX = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    dy = hg.jacobian(lambda t: ((X + t * dX) ** 3).sum(), 0.0)
    np.testing.assert_allclose(np.trace(hg.jacobian(lambda X: (X**3).sum(), X) @ dX), dy, rtol=1e-13)


def test_published_shapes():
    """The rows of the tables at the head of Wikipedia's article on matrix calculus."""
    x, X, W = np.ones((4, 1)), np.ones((4, 5)), np.ones((3, 4))
    assert hg.jacobian(lambda x: (x**2).sum(), x, "numerator").shape == (1, 4)  # a row
    assert hg.jacobian(lambda x: (x**2).sum(), x, "denominator").shape == (4, 1)  # a column
    assert hg.jacobian(lambda X: (X**2).sum(), X, "numerator").shape == (5, 4)  # that of X^T
    np.testing.assert_array_equal(hg.jacobian(lambda x: W @ x, np.ones(4), "numerator"), W)
    np.testing.assert_array_equal(hg.jacobian(lambda x: W @ x, np.ones(4), "denominator"), W.T)


def test_differences_where_the_complex_step_fails():
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(hg.jacobian(np.abs, x), np.diag([1.0, -1.0, 1.0]), atol=1e-8)
    np.testing.assert_allclose(hg.jacobian(np.linalg.norm, x), x / np.linalg.norm(x), atol=1e-8)


@pytest.mark.parametrize("large", [1.0, 1e7, 1e8, 1e12])
def test_a_large_entry_of_the_value_hides_no_small_one(large):
    J = hg.jacobian(lambda x: np.array([large * x[0] ** 3, abs(x[1])]), np.array([0.7, -0.3]))
    np.testing.assert_allclose(J[0], [large * 3 * 0.7**2, 0], rtol=1e-14)  # by complex step
    np.testing.assert_allclose(J[1], [0, -1], rtol=1e-9)  # by difference


def test_jacobian_of_nothing_and_of_a_number():
    assert hg.jacobian(lambda x: 2 * x, np.ones(0)).shape == (0, 0)
    assert hg.jacobian(np.sin, 0.0) == 1.0


def test_callers_array_is_left_alone():
    x = np.ones((6, 4))[::2]
    hg.jacobian(lambda x: x.sum(axis=0), x)
    np.testing.assert_array_equal(x, 1)


def test_function_that_overwrites_its_argument_and_its_value():
    x, value = np.array([1.0, -2.0, 3.0]), np.empty(3)

    def f(x):
        np.abs(x, out=value)
        x[:] = 0
        return value

    np.testing.assert_allclose(hg.jacobian(f, x), np.diag([1.0, -1.0, 1.0]), atol=1e-8)
    np.testing.assert_array_equal(x, [1.0, -2.0, 3.0])


@settings(max_examples=100, deadline=None)
@given(
    out=st.integers(0, 3),
    of_x=st.integers(0, 3),
    layouts=st.tuples(*[st.sampled_from(LAYOUTS)] * 3),
)
def test_conversions_compose_and_undo_each_other(out, of_x, layouts):
    a, b, c = layouts
    J = np.arange(2.0 ** (out + of_x)).reshape((2,) * (out + of_x))
    there = hg.convert(J, a, b, ndim_out=out)
    np.testing.assert_array_equal(hg.convert(there, b, a, ndim_out=out), J)
    np.testing.assert_array_equal(hg.convert(there, b, c, ndim_out=out), hg.convert(J, a, c, ndim_out=out))


def test_axes_of_y_may_be_left_out_only_where_the_answer_is_the_same():
    J = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(hg.convert(J, "numerator", "denominator"), J.T)
    np.testing.assert_array_equal(hg.convert(J[0], "numerator", "shape"), J[0])
    np.testing.assert_array_equal(hg.convert(np.ones((2, 3, 4)), "shape", "shape"), np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"^convert: ndim_out is needed .* shape \(2, 3\) from numerator to shape"):
        hg.convert(J, "numerator", "shape")


def test_layouts_are_their_names():
    assert {str(layout) for layout in hg.Layout} == set(LAYOUTS)
    x = np.ones((2, 3))
    assert hg.jacobian(np.sum, x, hg.Layout.NUMERATOR).shape == hg.jacobian(np.sum, x, "numerator").shape == (3, 2)


def test_layout_is_documented_as_it_is():
    """The table in the docstring is the table above."""
    names = {"scalar": "", "vector": "a", "matrix": "ab"}
    rows = [line.split() for line in hg.Layout.__doc__.splitlines()]
    rows = [row for row in rows if row[:1] and row[0] in names and row[1] == "by"]
    assert len(rows) == len(TABLE) - 1  # all but scalar by scalar
    for y, by, x, *cells in rows:
        of_x = names[x].translate(str.maketrans("ab", "cd"))
        assert by == "by"
        assert tuple(cell.strip("`") for cell in cells) == TABLE[names[y], of_x]


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (
            ValueError,
            "jacobian: layout is 'row'; it must be one of \"numerator\"",
            lambda: hg.jacobian(np.sum, np.ones(3), "row"),
        ),
        (TypeError, "jacobian: x has dtype int64", lambda: hg.jacobian(np.sum, np.arange(3))),
        (TypeError, "jacobian: x is of type list", lambda: hg.jacobian(np.sum, [1.0])),
        (
            TypeError,
            "jacobian: f is of type ndarray; it must be a function",
            lambda: hg.jacobian(np.ones(3), np.ones(3)),
        ),
        (
            TypeError,
            "convert: ndim_out is 1.0; it must be an integer",
            lambda: hg.convert(np.eye(2), "shape", "shape", ndim_out=1.0),
        ),
        (
            TypeError,
            "convert: ndim_out is '1'; it must be",
            lambda: hg.convert(np.eye(2), "shape", "shape", ndim_out="1"),
        ),
        (TypeError, "jacobian: the value has dtype int64", lambda: hg.jacobian(lambda x: np.arange(3), np.ones(3))),
        (ValueError, "jacobian: the value holds nan", lambda: hg.jacobian(lambda x: x * np.nan, np.ones(3))),
        (ValueError, "convert: from_layout is 'Shape'", lambda: hg.convert(np.ones(3), "Shape", "shape")),
        (ValueError, "convert: to_layout is None", lambda: hg.convert(np.ones(3), "shape", None)),
        (
            ValueError,
            "convert: ndim_out is 3; J has 2 axes",
            lambda: hg.convert(np.ones((2, 3)), "shape", "shape", ndim_out=3),
        ),
        (
            ValueError,
            "convert: ndim_out is -1; J has 1 axes",
            lambda: hg.convert(np.ones(2), "shape", "shape", ndim_out=-1),
        ),
    ],
    ids=range(12),
)
def test_bad_calls_are_explained(error, words, call):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(words)
