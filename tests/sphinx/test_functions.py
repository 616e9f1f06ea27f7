"""Functions of claims against NumPy's, in values and in derivatives."""

import numpy as np
import pytest

from handgrad.sphinx.claim import Claim, FalseClaimError
from handgrad.sphinx.functions import UNARY
from handgrad.sphinx.values import Value, value_of

SHAPES = {"tall": (5, 3), "wide": (3, 5), "square": (4, 4), "column": (4, 1), "row": (1, 4), "number": (1, 1)}
pinv = UNARY["pinv"]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_pseudoinverse_is_that_of_numpy(shape):
    A = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(pinv(value_of(A, 2)).array, np.linalg.pinv(A))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_complex_step_follows_the_pseudoinverse(shape):
    rng = np.random.default_rng(1)
    A, V, h = rng.normal(size=shape), rng.normal(size=shape), 1e-5
    stepped = pinv(value_of(A + 1e-30j * V, 2)).array.imag / 1e-30
    measured = (np.linalg.pinv(A + h * V) - np.linalg.pinv(A - h * V)) / (2 * h)
    np.testing.assert_allclose(stepped, measured, rtol=1e-6, atol=1e-8)


def test_the_pseudoinverse_of_a_vector_is_a_row_and_of_entries_is_taken_for_each():
    v = np.array([3.0, 4.0])
    made = pinv(value_of(v, 1))
    assert (made.row, made.column, made.array.tolist()) == (False, True, [[0.12, 0.16]])
    rows = np.random.default_rng(2).normal(size=(6, 2, 5))
    np.testing.assert_allclose(pinv(Value(rows, ("k",), True, True)).array, np.linalg.pinv(rows))


@pytest.mark.parametrize("name", ["inv", "pinv"])
def test_a_matrix_without_full_rank_is_refused(name):
    A = np.outer([0.1, 0.2, 0.7], [0.3, 0.4, 0.9])  # its determinant is not quite 0
    with pytest.raises(ZeroDivisionError, match=r"singular matrix|without full rank"):
        UNARY[name](value_of(A, 2))


MOORE_PENROSE = "A P A == A\nP A P == P\n(A P)^T == A P\n(P A)^T == P A"


@pytest.mark.parametrize("dims", ["A: n m", "A: n n", "A: n"])
def test_the_equations_of_moore_and_penrose_hold(dims):
    assert Claim(MOORE_PENROSE, dims, let="P = pinv(A)").check() == 4


@pytest.mark.parametrize("sizes", ["n = 2; m = 5", "n = 5; m = 2"])
def test_the_differential_of_the_pseudoinverse(sizes):
    """Golub and Pereyra's formula, for constant rank."""
    claim = "dP == -P dA P + P P^T dA^T (I_n - A P) + (I_m - P A) dA^T P^T P"
    assert Claim(claim, "A: n m", let="P = pinv(A)", sizes=sizes).check() == 1
    with pytest.raises(FalseClaimError, match="is false"):
        Claim("dP == -P dA P", "A: n m", let="P = pinv(A)", sizes=sizes).check()
