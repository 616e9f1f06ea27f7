"""A refutation finds a small counterexample, and does not refute what is true."""

import numpy as np
import pytest

from handgrad.derive import ExpressionError
from handgrad.sphinx.claim import Claim, FalseClaimError
from handgrad.sphinx.conditions import CONDITIONS, draw, meets
from handgrad.sphinx.refute import refute


def entries(example):
    return {name: array.tolist() for name, array in example.arrays}


def test_the_sizes_are_the_smallest_and_the_entries_small():
    example = refute(Claim("tr(A B) == tr(A) tr(B)", "A: n n; B: n n"))
    assert example.sizes == {"n": 2}
    assert np.abs([array for _, array in example.arrays]).sum() == 2
    assert (example.left, example.right) == ([[0]], [[1]])


def test_the_upstream_gradient_is_part_of_the_counterexample():
    example = refute(Claim("dL/dW == X^T G", "X: n i; W: o i", let="L = L(X W^T)"))
    assert example.sizes == {"n": 1, "i": 2, "o": 2}
    X, W, G = (np.array(array) for array in entries(example).values())
    assert W.tolist() == [[0, 0], [0, 0]]
    assert (example.left == G.T @ X).all()
    assert (example.right == X.T @ G).all()


def test_an_array_is_zero_only_if_the_sides_do_not_depend_on_it():
    example = refute(Claim("W^T W x == x", "W: m n; x: n"))
    assert entries(example) == {"W": [[2]], "x": [[1]]}
    zeros = refute(Claim("dL/dW == 2 G^T X", "X: n i; W: o i", let="L = L(X W^T)"))
    assert [name for name, array in zeros.arrays if not array.any()] == ["W"]
    assert entries(refute(Claim("sign(x) ** 2 == 1", "x:"))) == {"x": [[0]]}  # nothing but zero refutes it


def test_a_differential_is_part_of_the_counterexample():
    example = refute(Claim("dY == A dA", "A: n n", let="Y = A A"))
    assert set(entries(example)) == {"A", "dA"}


def test_index_letters_name_the_entry_that_differs():
    example = refute(Claim("A[i,j] == A[j,i]", "A: n n"))
    assert example.place["i"] != example.place["j"]
    assert example.left.item() != example.right.item()


def test_shapes_refute_only_if_that_is_the_point():
    claim = Claim("u v^T == u^T v", "u: n; v: n")
    message = (
        "no numbers refute .*: for n = 3, the left side is a 3 x 3 matrix, the right side a number; .* say :shapes:"
    )
    with pytest.raises(FalseClaimError, match=message):
        refute(claim)
    example = refute(claim, by_shapes=True)
    assert (example.left, example.sizes) == (None, {"n": 2})
    assert example.reason == "the left side is a 2 x 2 matrix, the right side a number"


def test_one_side_that_does_not_conform_refutes_if_that_is_the_point():
    claim = Claim("dL/dW == (X^T G) X", "X: n i; W: o i", let="L = L(X W^T)")
    assert refute(claim).left is not None
    example = refute(claim, by_shapes=True)
    assert sorted(example.sizes.values()) == [2, 3, 4]
    assert "does not conform" in example.reason


def test_what_is_equal_where_it_fits_is_refuted_by_shapes_only():
    claim = Claim("1_n 1_m^T == 1_m 1_n^T", "A: n m")
    with pytest.raises(FalseClaimError, match="no numbers refute"):
        refute(claim)
    assert "2 x 3 matrix, the right side a 3 x 2 matrix" in refute(claim, by_shapes=True).reason


@pytest.mark.parametrize("text", ["A B == B A", "A B == A B"])
def test_shapes_that_fit_refute_nothing(text):
    with pytest.raises(FalseClaimError, match="called refuted by its shapes, but for n = 2 they fit"):
        refute(Claim(text, "A: n n; B: n n"), by_shapes=True)


def test_what_has_no_value_is_not_refuted_by_its_shapes():
    message = "is called refuted by its shapes, but for n = 2 it is the inverse of a singular matrix"
    with pytest.raises(FalseClaimError, match=message):
        refute(Claim("(u u^T)^-1 == u", "u: n"), by_shapes=True)


def test_a_side_without_a_letter_is_refuted_by_numbers():
    example = refute(Claim("dD[i,j]/dW[a,b] == X[b,j]", "W: m k; X: k n", let="D = W X"))
    assert example.place["i"] != example.place["a"]
    assert (example.left, example.right) == (
        [[0]],
        dict(example.arrays)["X"][example.place["b"] - 1, example.place["j"] - 1],
    )
    assert refute(Claim("X[b,j] == X[b,1]", "X: k n")).left is not None
    with pytest.raises(FalseClaimError, match="an entry for each i, the right side an entry for each j"):
        refute(Claim("u[i] == u[j]", "u: n"))


def test_a_claim_that_fails_only_for_other_functions_is_refuted_by_them():
    example = refute(Claim("f'(x) == 2 x", "x:"))
    assert example.sizes == {}
    assert "is false for all numbers" in example.reason


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("(A B)^-1 == A^-1 B^-1", "A invertible, B symmetric, B invertible"),
        ("A B == B A", "A symmetric, B skew-symmetric"),
        ("A B == A^T B", "A orthogonal, B diagonal"),
        ("A B == I_n", "A positive definite, B zero or one"),
        ("A B == A", "rows of A sum to one, B positive"),
        ("A^T B == I_n", "A has full column rank, B square"),
    ],
)
def test_the_counterexample_meets_the_conditions(text, where):
    claim = Claim(text, "A: n n; B: n n", where)
    example = refute(claim)
    assert example.left is not None
    for name, array in example.arrays:
        assert meets(array, claim.conditions.get(name, []))
        assert (array == np.round(array)).all()


def test_numbers_for_which_a_side_is_not_defined_are_passed_over():
    example = refute(Claim("A^-1 == A^T", "A: n n"))
    assert example.sizes == {"n": 1}
    assert example.left.item() * dict(example.arrays)["A"].item() == 1


def test_a_condition_on_a_matrix_that_is_not_square_limits_the_entries():
    example = refute(Claim("A == 2 A", "A: n m", "A positive", sizes="m = 2"))
    assert entries(example) == {"A": [[1, 1]]}


def test_sizes_that_a_condition_forbids_are_passed_over():
    example = refute(Claim("X X^T == I_n", "X: n i", "X has full column rank"))
    assert example.sizes["n"] >= example.sizes["i"]


def test_what_holds_is_not_refuted():
    with pytest.raises(FalseClaimError, match=r"tr\(A B\) == tr\(B A\) is called refuted, but it holds"):
        refute(Claim("tr(A B) == tr(B A)", "A: n m; B: m n"))


def test_what_holds_where_it_is_defined_is_not_refuted():
    with pytest.raises(FalseClaimError, match="is called refuted, but it holds"):
        refute(Claim("A^-1 A == I_n", "A: n n", "A invertible"))


def test_conditions_that_exclude_each_other_refute_nothing():
    with pytest.raises(ExpressionError, match="no array was found"):
        refute(Claim("A == A", "A: n n", "A skew-symmetric, A positive"))


def test_a_refutation_has_one_equation():
    with pytest.raises(ExpressionError, match="one equation, left == right; here are 2"):
        refute(Claim("A == A^T == A", "A: n n"))


SMALL = ["10^-10 A == 10^-10 B", "10^-12 A == 0", "exp(-norm(10 A)^2) == 2 exp(-norm(10 A)^2)"]


@pytest.mark.parametrize("text", SMALL)
def test_small_numbers_that_differ_are_refuted(text):
    assert refute(Claim(text, "A: n n; B: n n")).left is not None


CANCELLING = [
    "A^-1 B A - (A^-1 B) A == 0",
    "norm(A B^-1 - (B^-T A^T)^T) == 0",
    "exp(tr(A + B)) - exp(tr(A)) exp(tr(B)) == 0",
]


@pytest.mark.parametrize("text", CANCELLING)
def test_rounding_of_terms_that_cancel_refutes_nothing(text):
    with pytest.raises(FalseClaimError, match="is called refuted, but it holds"):
        refute(Claim(text, "A: n n; B: n n", "A invertible, B invertible"))


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("whole", [True, False])
def test_a_condition_draws_what_meets_it(name, whole):
    array = draw(np.random.default_rng(3), (4, 4), [name], whole=whole)
    assert CONDITIONS[name].holds(array)
    assert not whole or (array == np.round(array)).all()


@pytest.mark.parametrize(
    "name", [name for name in CONDITIONS if name not in ("square", "invertible", "has full column rank")]
)
def test_a_condition_is_not_met_by_just_any_array(name):
    assert not CONDITIONS[name].holds(np.random.default_rng(3).normal(size=(4, 4)))


@pytest.mark.parametrize("name", ["invertible", "has full column rank"])
def test_a_singular_matrix_has_no_full_rank(name):
    assert not CONDITIONS[name].holds(np.ones((3, 3)))
    assert not CONDITIONS["square"].holds(np.ones((3, 2)))


def test_the_counterexample_says_what_an_unknown_function_is():
    example = refute(Claim("f'(x + y) == f'(x) + f(y)", "x:; y:"))
    (x,), (y,) = entries(example).values()
    assert example.squares == ["f"]
    assert (example.left, example.right) == (2 * (x[0] + y[0]), 2 * x[0] + y[0] ** 2)
    assert refute(Claim("A B == B A", "A: n n; B: n n")).squares == []
