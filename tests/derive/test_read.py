"""The readers refuse what does not mean anything, and read what the printers print."""

import numpy as np
import pytest

import handgrad as hg
from handgrad.derive.checking.check import Numbers, _compare_matrix, same
from handgrad.derive.checking.evaluate import indices, lengths
from handgrad.derive.checking.read import World, read_index, read_matrix
from handgrad.derive.language.dims import flat
from handgrad.derive.notation.steps import Step

SIZES = {"n": 2, "i": 3}
SHAPES = {"X": (("n",), ("i",)), "A": (("n",), ("n",)), "v": (("n",),), "c": ()}
LISTS = {"X": [[1, 2, 3], [4, 5, 6]], "A": [[2, 1], [0, 4]], "v": [3, 5], "c": 7}
WORLD = World(
    {name: dict(zip(indices(flat(SHAPES[name]), SIZES), np.ravel(value).tolist(), strict=True))
     for name, value in LISTS.items()},
    SHAPES, SIZES, {"L": lambda table: sum(table.values()), "f": lambda z: 2 * z},
)  # fmt: skip


@pytest.mark.parametrize(("text", "letters", "wanted"), [
    ("sum_i X[n,i]", [("n", "n")], [6, 15]),
    ("2 X[n,i] / c", [("n", "n"), ("i", "i")], [2 / 7, 4 / 7, 6 / 7, 8 / 7, 10 / 7, 12 / 7]),
    ("-v[n]^2 + f(v[n]) - c", [("n", "n")], [-10, -22]),
    ("sum_i1 X[m,i1] n", [("m", "n")], [12, 30]),
    ("(v[n] > 4)", [("n", "n")], [0, 1]),
    ("(v[n] == 3)", [("n", "n")], [1, 0]),
    ("(A.T @ v)[n]", [("n", "n")], [6, 23]),
    ("softmax(0 * v)[n]", [("n", "n")], [0.5, 0.5]),
    ("det(A)", [], [8]),
    ("sum_n v[n] delta[n,p]", [("p", "n")], [3, 5]),
])  # fmt: skip
def test_index_notation_means(text, letters, wanted):
    assert list(read_index(text, WORLD, letters).values()) == pytest.approx(wanted)


@pytest.mark.parametrize(("text", "message"), [
    ("X[n,n]", "axis 0 of X is n and axis 1 of X is i"), ("v[m]", "neither free nor summed"), ("Q[n]", "unknown name"),
    ("v[n] +", "ends where an operand"), ("v[n] / c v[n]", "a product after '/' is ambiguous"),
    ("1 / c sum_i X[n,i]", "a product after '/' is ambiguous"), ("v[n] / 2 (v[n])", "a product after '/' is ambiguous"),
    ("v[n] / n", "n is a letter and a length"), ("sum_i X[n,i] i", "i is a letter and a length"),
    ("v[n]^-1", "an inverse is inv"), ("v[n] )", "closes nothing"),
    ("v(n)", "v is no entry"), ("A^T v", "is no entry"), ("diag(A) v[n]", "A is no entry"),
    ("sum_p X[p,n]", "the letters run over"),
    ("sum_i v[n]", "the letter i is summed, but nothing has it"), ("v[n,n]", "an index has 2 axes, its array 1"), ("tanh(v[n]", "never closed"), ("(v[n]", "never closed"),
])  # fmt: skip
def test_index_notation_refuses(text, message):
    with pytest.raises(hg.ExpressionError, match=message):
        read_index(text, WORLD, [("n", "n")])


@pytest.mark.parametrize(("text", "wanted"), [
    ("A v", [[11], [20]]), ("v^T A v", [[133]]), ("A : A", [[21]]), ("A * A - A**2", [[0, 0], [0, 0]]),
    ("1_n v^T", [[3, 5], [3, 5]]), ("I_n + A", [[3, 1], [0, 5]]), ("c^2 - 1", [[48]]), ("tr(A)", [[6]]),
    ("A^-1 A", [[1, 0], [0, 1]]), ("A^-T A^T", [[1, 0], [0, 1]]), ("n v / c", [[6 / 7], [10 / 7]]),
    ("v / c / n + v", [[3 + 3 / 14], [5 + 5 / 14]]),
    ("kron(v, v^T)", [[9, 15], [15, 25]]), ("max(X, axis=1)", [[3], [6]]), ("diag(v) v", [[9], [25]]),
    ("diag(A)", [[2], [4]]), ("L(v) + L(A)", [[15]]), ("abs(-c)", [[7]]), ("(A > 1)", [[1, 0], [0, 1]]),
    ("(v == 3) + 1", [[2], [1]]), ("v**(-1)", [[1 / 3], [1 / 5]]), ("-X^T v", [[-23], [-31], [-39]]),
    ("softmax(0 X)", [[1 / 3] * 3] * 2), ("c^(0.5) c^(-0.5)", [[1]]),
    ("1 / 2 (v)", [[1.5], [2.5]]), ("(c)^-1 c", [[1]]), ("ones(n*i) c", [[7]] * 6),
])  # fmt: skip
def test_matrix_notation_means(text, wanted):
    table, shape = read_matrix(text, WORLD)
    got = np.reshape([*table.values()], lengths((*shape, (), ())[:2], SIZES))
    assert [len(row) for row in got] == [len(row) for row in wanted]
    for row, other in zip(got, wanted, strict=True):
        assert row == pytest.approx(other)


@pytest.mark.parametrize(("text", "message"), [
    ("A X^T", "they must be the same"), ("A + X", "do not match"), ("A : X", "do not match"), ("A^2", "only a scalar"),
    ("A / c A", "a product after '/' is ambiguous"), ("inv(X)", "must be square"), ("X^-1", "must be square"), ("v^-1", "must be square"),
    ("tr(X)", "they must be the same"), ("Q", "unknown name"), ("A +", "ends where an operand"), ("A )", "closes nothing"), ("<A>", "takes two arrays"), ("d(A) A", "'/' is needed here, not 'A'"),
    ("A @ A", "@ has no meaning in matrix notation"),
])  # fmt: skip
def test_matrix_notation_refuses(text, message):
    with pytest.raises(hg.ExpressionError, match=message):
        read_matrix(text, WORLD)


def test_indices():
    assert list(indices(["n", "i"], SIZES)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert list(indices([], {})) == [()]
    assert list(indices(["m"], {"m": 0})) == []


def test_a_matrix_line_of_another_shape_is_false():
    numbers = Numbers(hg.derive("L(X)", "X", "X: n i"), 0)
    with pytest.raises(hg.DerivationError, match="the line is"):
        _compare_matrix(Step("X", "X^T", ""), numbers.world, numbers.inputs["X"], (("n",), ("i",)))
    assert not same({(): 1.0}, {(0,): 1.0})
