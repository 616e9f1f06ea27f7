"""Corners of the engine that no ordinary layer visits: the answer is right there, too."""

import sys

import numpy as np
import pytest

import handgrad as hg
from handgrad.cli import main
from handgrad.derive import candidate
from handgrad.derive.checking.check import Numbers
from handgrad.derive.engine import terms
from handgrad.derive.language import calls
from handgrad.derive.language.matrix import NoMatrixFormError, to_matrix
from handgrad.derive.notation import index
from handgrad.derive.notation.typeset import StepPrinter
from handgrad.derive.spelling import pieces, result, source

# expression, variable, dimensions, gradient
GRADIENTS = [
    # powers and functions that are constants
    ("sum(X**1 + X**0)", "X", "X: n i", "ones(n, i)"),
    ("sum(exp(0 * X) * X)", "X", "X: n i", "ones(n, i)"),
    ("sum(sin(0 * X) + X)", "X", "X: n i", "ones(n, i)"),
    # numbers alone, and below a line
    ("sum(log(x)) / n", "x", "x: n", "1 / (n * x)"),
    ("sum(x / 3 + relu(x) / 7)", "x", "x: n", "(x > 0) / 7 + 1 / 3"),
    ("x**3 - x / 3", "x", "x:", "3 * x**2 - 1 / 3"),
    # no number shows how it was computed
    ("0.1 * sum(x**3)", "x", "x: n", "0.3 * x**2"),
    ("sum((1.1 * x)**2)", "x", "x: n", "2.42 * x"),
    ("L(0.1 * 0.7 * X)", "X", "X: n i", "0.07 * G"),
    ("6.02e23 * sum(x**2)", "x", "x: n", "1.204e+24 * x"),
    ("1.00000000000001 * sum(x)", "x", "x: n", "1.00000000000001 * ones(n)"),
    ("sum(x**(1/3))", "x", "x: n", "1 / (3 * x**(2/3))"),
    ("norm(x)**(5/3)", "x", "x: n", "5 * norm(x)**(2/3) * x / (3 * norm(x))"),
    ("X**(4/3) @ v", "v", "X: n i, v: i", "X**(4/3)"),
    # roots and logarithms keep their names
    ("(1 + sqrt(3)*norm(x - y)/l) * exp(-sqrt(3)*norm(x - y)/l)", "x", "x: n, y: n, l:", "-3 * a * r / l**2"),
    ("sum(erf(x / sqrt(2)))", "x", "x: n", "sqrt(2) * a1 / sqrt(pi)"),
    ("-s**(4/3) / sqrt(7)", "s", "s:", "-4 * s**(1/3) / sqrt(63)"),
    ("sum((x - sqrt(3) / 2)**2)", "x", "x: n", "2 * (x - sqrt(3) / 2)"),
    ("sum(log10(x) * y)", "x", "x: n, y: n", "y / (log(10) * x)"),
    ("sum(log2(x))", "x", "x: n", "1 / (log(2) * x)"),
    ("sum(tanh(sqrt(2 / pi) * x))", "x", "x: n", "sqrt(2 / pi) * (1 - a**2)"),
    ("log(2 * pi) * sum(x**2)", "x", "x: n", "2 * log(2 * pi) * x"),
    # logarithms of sums that are no logsumexp
    ("sum(log(sum(cosh(X), axis=1)))", "X", "X: n i", "sinh(X) / cosh(X).sum(axis=1, keepdims=True)"),
    ("sum(log(sum(2 * exp(X), axis=1)))", "X", "X: n i", "2 * A / (2 * A.sum(axis=1, keepdims=True))"),
    ("log(sum(exp(X)))", "X", "X: n i", "A / A.sum()"),
    # a fraction stays one
    ("sum(x**2) / 3", "x", "x: n", "2 * x / 3"),
    ("sum(x) / 7", "x", "x: n", "ones(n) / 7"),
    # equal terms are merged, through quotients and parentheses, and what cancels does
    ("L(x * (1 - x / k))", "x", "x: n, k: n", "G * (1 - 2 * x / k)"),
    ("L(x * (1 - x / k))", "x", "x: n, k:", "G * (1 - 2 * x / k)"),
    ("sum(r * x * (x / k + 1))", "x", "x: n, r: n, k: n", "r * (2 * x / k + 1)"),
    ("sum(x * log(x)) - sum(x) * log(sum(x))", "x", "x: n", "log(x) - a2"),
    ("sum(softmax(-D) * D)", "D", "D: n k", "P * (1 - D + (D * P).sum(axis=1, keepdims=True))"),
    ("0.5 * sum(p * log(p / (p + q))) + 0.5 * sum(q * log(q / (p + q)))", "p", "p: n, q: n", "0.5 * a1"),
    # what is used twice has a name, although no line of the derivation gave it one
    ("mean((x - mean(x))**3) / mean((x - mean(x))**2)**1.5", "x", "x: n", "(t - t.mean()) / n"),
    # a difference turned round is minus the difference
    ("sum((x - y) * tanh(y - x))", "x", "x: n, y: n", "z * (1 - a**2) + a"),
    # what is added to keep away from a pole stays
    ("sum(log(1 - x + 1e-16))", "x", "x: n", "-1 / (1 - x + 1e-16)"),
    # masks are equal to their squares
    ("sum((x > 0)**2 * x)", "x", "x: n", "(x > 0)"),
    ("sum((x > c) * (x < 1) * (x > c) * x)", "x", "x: n, c:", "(x > c) * (x < 1)"),
    # over one divisor, where that cancels
    ("L(X / (1 + abs(X)))", "X", "X: n m", "G / (1 + A)**2"),
    ("sum(v * x / (k + x))", "x", "x: n, v:, k:", "v * k / (k + x)**2"),
    ("a * b / (a + b)", "a", "a:, b:", "b**2 / (a + b)**2"),
    ("sum((1 - x) / (1 + x))", "x", "x: n", "-2 / (1 + x)**2"),
    ("exp(a @ x) / (exp(a @ x) + exp(b @ x))", "x", "a: n, b: n, x: n", "a2 * a1 * (a - b) / (a1 + a2)**2"),
    ("sum(x / (1 + sqrt(x)))", "x", "x: n", "(0.5 * sqrt(x) + 1) / (1 + sqrt(x))**2"),
    # and where that is no longer
    ("x / (1 + x**2)", "x", "x:", "(1 - x**2) / (1 + x**2)**2"),
    ("L(x / (1 + x**2))", "x", "x: n", "G * (1 - x**2) / (1 + x**2)**2"),
    ("x / (1 + x**2)", "x", "x: n", "diag((1 - x**2) / (1 + x**2)**2)"),
    ("sum(x / sqrt(c + x**2))", "x", "x: n, c:", "c / (c + x**2)**1.5"),
    ("(x - 1) / (x**2 + 1)", "x", "x:", "(2 * x + 1 - x**2) / (x**2 + 1)**2"),
    ("sum(x / (x + y + z))", "x", "x: n, y: n, z: n", "(y + z) / (x + y + z)**2"),
    ("sum((x - 1)**3 / (x**2 + 1))", "x", "x: n", "(3 * r1**2 - 2 * r1**3 * x / r2) / r2"),
    # exp(-x) is one over exp(x)
    ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "x", "x:", "4 / (exp(x) + exp(-x))**2"),
    ("sum(exp(x) / exp(-x))", "x", "x: n", "2 * exp(x)**2"),
    ("sum(exp(x - y) * exp(y - x) * x)", "x", "x: n, y: n", "ones(n)"),
    ("sum(exp(x)) * sum(exp(-x))", "x", "x: n", "a2.sum() * a1 - a1.sum() * a2"),
    # powers that cancel
    ("-0.5 * sum(1 + log(s**2) - m**2 - s**2)", "s", "m: n, s: n", "s - 1 / s"),
    ("sum(log(x**2 + y**2) - log(x**2))", "x", "x: n, y: n", "2 * (x / (x**2 + y**2) - 1 / x)"),
    # axes of length 1, and axes that are products
    ("sum(x**2)", "x", "x: 1", "(2 * x[0]).reshape(1)"),
    ("L(x.reshape(n, 1) * A)", "x", "x: n, A: n i", "(G * A).sum(axis=1)"),
    ("sum(A) * sum(B)", "A", "A: i k*l, B: k l", "B.sum() * ones(i, k*l)"),
    ("trace(A @ eye(k*l) @ B)", "A", "A: i k*l, B: k*l i, C: k l", None),
    # a sum over rows is repeated along the axis that it lost
    ("sum(X * A.sum(axis=1, keepdims=True))", "X", "X: n i, A: n i", "outer(A.sum(axis=1), ones(i))"),
    ("sum(X * A.mean(axis=1, keepdims=True))", "X", "X: n i, A: n i", "outer(A.mean(axis=1), ones(i))"),
    # no term of a sum has all the axes
    ("sum(X * u) + sum(X * v)", "X", "X: n i, u: i, v: i", "outer(ones(n), u + v)"),
    ("sum(X * b) + sum(X * c)", "X", "X: n i, b:, c:", "(b + c) * ones(n, i)"),
    ("u @ X @ ones(i) - v @ X @ ones(i)", "X", "X: n i, u: n, v: n", None),
    # what matrices cannot spell keeps its letters
    ("L(einsum('ni,oi->nio', X, W))", "X", "X: n i, W: o i", "einsum('nio,oi->ni', G, W)"),
    ("L(einsum('ij,kj,il,kl,jl->ik', A, B, C, D, E))", "A", "A: i j, B: k j, C: i l, D: k l, E: j l",
     "einsum('ik,kj,il,kl,jl->ij', G, B, C, D, E)"),
    # deltas with one letter: the trace of the identity is its size
    ("trace(eye(n)) * sum(x)", "x", "x: n", "n * ones(n)"),
    ("sum(diag(eye(n)) * x)", "x", "x: n", "ones(n)"),
    ("sum(diag(eye(n)) + x)", "x", "x: n", "ones(n)"),
    # the adjoint of a trace is the identity
    ("trace((c + 1) * (X.T + A))", "X", "X: n n, A: n n, c:", "(c + 1) * eye(n)"),
    # a value without matrix form that the differentials speak of
    ("L(tanh(kron(A, B)))", "A", "A: i j, B: k l", None),
    # a variable that does not occur in an output with axes
    ("x", "z", "x: n, z: k", "zeros(n, k)"),
    ("X", "Z", "X: n i, Z: k", "zeros(n, i, k)"),
]  # fmt: skip


@pytest.mark.parametrize(("expression_", "wrt", "dims", "printed"), GRADIENTS)
def test_gradient(expression_, wrt, dims, printed):
    d = hg.derive(expression_, wrt, dims)
    assert printed is None or str(d.gradient) == printed
    assert d.check((0,)) > 3


def test_numbers_in_all_notations():
    d = hg.derive("1e-5 * norm(x)**2 + 2.5e7 * sum(x**(4/3)) - sum(x) / sqrt(8)", "x", "x: n")
    assert str(d.gradient) == "2e-05 * x + 100000000 * x**(1/3) / 3 - 1 / sqrt(8)"
    assert "100000000 sum_n x[n]^(1/3) delta[n,p] / 3 - sum_n delta[n,p] / sqrt(8)" in d.text("index")
    assert d.steps("frobenius")[-1].right == "2e-05 x + 100000000 x**(1/3) / 3 - 1 / sqrt(8)"
    assert r"10^{-5} (x : x) + 25000000 \mathbf{1}_{n}^{\mathsf{T}} x^{\circ 4/3}" in d.latex()
    assert r"2 \cdot 10^{-5} \sum_{n} x_{n} \, \delta_{np}" in d.latex("index")
    assert d.source.endswith("return 2e-05 * x + 100000000 * x**(1/3) / 3 - 1 / 8**0.5\n")
    assert d.to_numpy()(x=np.ones(3, np.float32)).dtype == np.float32
    assert d.check((0,))
    assert hg.derive("sum(exp(-(x / 3)))", "x", "x: n").text("index").count("((") == 0


def test_what_is_made_of_constants_needs_no_name():
    d = hg.derive("n * log(s * sqrt(2 * pi)) + log(2 * pi) * s", "s", "x: n, s:")
    assert "z      = s sqrt(2 pi)\na1     = log(z)\na2     = log(2 pi)" in d.text("index")
    assert str(d) == "dL/ds = n / s + log(2 * pi)"
    with pytest.raises(hg.ExpressionError, match="pi is an array, and the number in the derivative"):
        hg.derive("sum(erf(x * pi))", "x", "x: n, pi: n")


def test_the_size_of_an_identity_is_printed_as_a_size():
    assert hg.derive("trace(eye(n)) * sum(x)", "x", "x: n").text().endswith("= n\n         = (n * ones(n))[p]")


def test_flattening_multiplies_a_reciprocal_out():
    flat = hg.derive("sum(log(x * y))", "x", "x: n, y: n", flatten=True)
    assert str(flat.gradient) == "1 / x"
    assert not flat.definitions
    flat.check((0,))


def test_a_value_without_matrix_form_is_defined_by_its_entries():
    row = "ij,kj,il,kl,jl->ik"
    dims = "A: i j, B: k j, C: i l, D: k l, E: j l"
    text = hg.derive(f"L(tanh(einsum('{row}', A, B, C, D, E)))", "A", dims).text("frobenius")
    assert "Z[i,k]" in text.split("\n")[0]
    assert "= sum_jl A[i,j] B[k,j] C[i,l] D[k,l] E[j,l]" in text.split("\n")[0]


def test_letters_run_out_and_get_numbers():
    names = [f"A{k}" for k in range(30)]
    d = hg.derive(f"trace({' @ '.join(names)})", "A0", dict.fromkeys(names, "n n"))
    letters = d.steps("index")[0].right.split()[0].removeprefix("sum_")
    assert letters.endswith("n1n2n3n4n5")
    assert len(set(letters)) == 25 + len("12345")  # the letter d is kept for differentials


BAD = [
    ("L() * X", "L takes 1 argument, not 0"),
    ("X.sum(axis=0) + sum()", "sum takes 1 argument, not 0"),
    ("X + * X", r"'\*' stands where an operand is needed"),
    (", X", "',' stands where an operand is needed"),
    ("eye(n*c) @ X", "eye: c is not one of the dimensions"),
]


@pytest.mark.parametrize(("expression_", "message"), BAD)
def test_bad_expression(expression_, message):
    with pytest.raises(hg.ExpressionError, match=message):
        hg.derive(expression_, "X", "X: n i, c:")


LATEX = [
    ("trace(3 * A @ X)", r"3 \operatorname{tr}(A X)"),
    ("inv(A).T @ inv(X) + eye(n)", r"A^{-\mathsf{T}} X^{-1} + I_{n}"),
    ("kron(A, X)", r"A \otimes X"),
    ("x.sum(axis=0)", r"\mathbf{1}_{n}^{\mathsf{T}} x"),
    ("mean(X, axis=0)", r"\frac{X^{\mathsf{T}} \mathbf{1}_{n}}{n}"),
    ("X.sum(axis=0, keepdims=True)", r"\mathbf{1}_{n}^{\mathsf{T}} X"),
    ("x @ A @ x / (x @ x)", r"\frac{x^{\mathsf{T}} A x}{x^{\mathsf{T}} x}"),
    ("c * eye(1)", "c"),
]


@pytest.mark.parametrize(("expression_", "latex"), LATEX)
def test_latex_of_an_expression(expression_, latex):
    made = hg.derive(expression_, "X", "A: n n, X: n n, x: n, c: 1 1").expression
    assert made.latex() == latex


def test_latex_of_zero():
    zero = hg.derive("sum(A)", "X", "A: n i, X: n i").gradient
    assert zero.latex() == r"0 \mathbf{1}_{n} \mathbf{1}_{i}^{\mathsf{T}}"


def test_a_trace_over_a_merged_axis():
    assert str(hg.derive("trace(A)", "A", "A: a*c a*c").gradient) == "eye(a*c)"


def test_zeros_with_four_axes_are_printed():
    shown = StepPrinter(hg.derive("W", "X", "X: n i, W: o i")).result()
    assert shown == r"\operatorname{zeros}(o, i, n, i)"


def test_a_merged_axis():
    for text, shown in (("eye(k*l)", "eye(k*l)"), ("ones(k*l)", "ones(k*l)"), ("X - mean(X, axis=1, keepdims=True)",
                        "X - X ones(k*l) ones(k*l)^T / (k l)")):  # fmt: skip
        assert str(to_matrix(hg.derive(f"L({text})", "X", "X: n k*l").expression.args[0])) == shown
    with pytest.raises(NoMatrixFormError):
        to_matrix(hg.derive("A.reshape(k, l)", "A", "A: k*l").expression)


def test_a_contraction_of_ones_own_has_no_matrix_form(monkeypatch):
    monkeypatch.setitem(calls.ROWS, "vecdot", "ij,ij->i")
    made = hg.derive("vecdot(X, Y)", "X", "X: n i, Y: n i").expression
    with pytest.raises(NoMatrixFormError, match="vecdot"):
        made.latex()


def test_a_draw_next_to_a_kink_is_not_judged_by(monkeypatch, capsys):
    answers = iter([False])
    original = candidate.same
    monkeypatch.setattr(candidate, "same", lambda a, b: next(answers, True) and original(a, b))
    assert main(["check", "sign(x)", "--for", "sum(abs(x))", "--wrt", "x", "--dims", "x: n"]) == 0
    assert capsys.readouterr().out.startswith("correct")


@pytest.mark.parametrize("dims", ["X: n i, W: o i", "X: n n, W: n n"])
def test_an_array_that_is_no_transpose_is_not_called_one(dims, capsys):
    options = ["--for", "L(X @ W.T)", "--wrt", "W", "--dims", dims]
    assert main(["check", "X.T @ tanh(G)", *options]) == 1
    said = capsys.readouterr().out
    assert "transpose" not in said
    assert said.startswith("wrong")


def test_without_numpy_the_differences_are_taken_in_python(monkeypatch):
    d = hg.derive("L(tanh(X @ W.T))", "W", "X: n i, W: o i")
    lines = d.check((0,))
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert d.check((0,)) == lines
    wrong = hg.derive("L(X @ W.T)", "W", "X: n i, W: o i")
    wrong.expression = hg.derive("L(2 * X @ W.T)", "W", "X: n i, W: o i").expression
    with pytest.raises(hg.DerivationError):
        wrong.check((0,))


# Faults that check() finds before it compares a number.


def test_a_gradient_of_the_wrong_shape_is_found(monkeypatch):
    original = result.write_program

    def turned(*args):
        program = original(*args)
        return program._replace(result=program.result.T)

    monkeypatch.setattr(result, "write_program", turned)
    with pytest.raises(hg.DerivationError, match="the shape is"):
        hg.derive("L(X @ W.T)", "W", "X: n i, W: o i").check((0,))


def test_a_source_that_returns_too_many_entries_is_found(monkeypatch):
    original = source.write
    monkeypatch.setattr(source, "write", lambda e, python: original(e, python).replace(".sum(axis=0)", ""))
    with pytest.raises(hg.DerivationError, match=r"NumPy gives \d+ entries instead of \d+"):
        hg.derive("L(X @ W.T + b)", "b", "X: n i, W: o i, b: o").check((0,))


def test_a_left_side_that_lacks_a_letter_is_found(monkeypatch):
    original = index._ratio
    monkeypatch.setattr(index, "_ratio", lambda *args: original(*args).replace("[p,q]", "[p]"))
    with pytest.raises(hg.DerivationError, match="the left side has 1 letters, not 2"):
        hg.derive("L(X @ W.T)", "W", "X: n i, W: o i").check((0,))


def test_a_jacobian_of_zeros_is_an_array_of_zeros():
    made = hg.derive("X", "z", "X: n i, z: k").to_numpy()(X=np.ones((2, 3)), z=np.ones(4))
    assert made.shape == (2, 3, 4)
    assert not made.any()


def test_sizes_are_pairwise_different_however_many_dimensions_there_are():
    d = hg.derive("L(kron(A, B) @ kron(C, D))", "A", "A: a b, B: c d, C: b e, D: d f")
    for seed in (0, 1, 2):
        sizes = Numbers(d, seed).sizes
        assert len(set(sizes.values())) == len(sizes) == 6
    assert d.check() > 8


def test_factors_without_a_common_axis_are_not_joined():
    i, j, k = ((terms.Letter(name),) for name in "ijk")
    A, u, v = hg.symbols("A u v", "A: i j, u: i, v: k")
    matrix, row, other = pieces.Piece((i, j), A), pieces.Piece((i,), u), pieces.Piece((k,), v)
    assert pieces._scale(matrix, other, (i, j), {}) is None
    assert pieces._scale(matrix, row, (i, j), {}) is not None
    assert pieces._outer(row, other, (i, j), {}) is None
    assert pieces._outer(row, other, (i, k), {}) is not None


def test_a_draw_on_which_differences_do_not_settle_is_no_verdict():
    assert hg.derive("logdet(kron(A @ A.T, B @ B.T))", "A", "A: n n, B: m m").check((4,))


@pytest.mark.parametrize("name", ["inv", "symmetric"])
def test_an_array_may_be_called_like_a_word_of_the_engine(name):
    d = hg.derive(f"L({name} @ X)", "X", {name: "i j", "X": "j k"})
    assert f"dL/dX = {name}^T G" in d.text("frobenius")
    assert d.check()


def test_an_axis_may_be_called_delta():
    d = hg.derive("mean(x) * x", "x", "x: delta")
    assert " delta[d,p] / delta" in d.text("index")
    assert d.check()
