"""What is printed: the notation of the book, parentheses where they are needed, broadcasting written out."""

import pytest

from handgrad.derive.language.formula import Vocabulary, read_formula
from handgrad.derive.language.latex import Printer, name_latex
from handgrad.sphinx.claim import Claim, FalseClaimError

DIMS = "X: n i; W: o i; A: n n; B: n n; b: o; u: n; v: n; c:; M_Z: n o; W1: o i; S: n n"
T = r"^{\mathsf{T}}"
PRINTED = [
    ("X W^T", f"X W{T}"),
    ("X @ W.T", f"X W{T}"),
    ("(A B)^T", f"(A B){T}"),
    ("A^-T", r"A^{-\mathsf{T}}"),
    ("inv(A + B)", "(A + B)^{-1}"),
    ("pinv(X)", "X^{+}"),
    ("A * B", r"A \odot B"),
    ("A / B", r"A \oslash B"),
    ("(A + B) / 2", r"\frac{A + B}{2}"),
    ("1/2 A", r"\tfrac{1}{2} A"),
    ("1/n A", r"\tfrac{1}{n} A"),
    ("1/n A^T B", rf"\tfrac{{1}}{{n}} A{T} B"),
    ("n/2 A", r"\tfrac{n}{2} A"),
    ("A / 2 / n", r"\frac{\frac{A}{2}}{n}"),
    ("c / n^2", r"\frac{c}{n^{2}}"),
    ("c * A", "c A"),
    ("2 * 3 * c", r"2 \cdot 3 c"),
    ("-A - (B - A)", "-A - (B - A)"),
    ("A (B + A)", "A (B + A)"),
    ("A * B @ A", r"(A \odot B) A"),
    ("A ** 2", r"A^{\circ 2}"),
    ("c ** 2 * 0.5", r"c^{2} \tfrac{1}{2}"),
    ("A^2", "A^{2}"),
    ("c ** (-2)", "c^{-2}"),
    ("c ** (c + 1)", "c^{c + 1}"),
    ("X W^T + b", rf"X W{T} + \mathbf{{1}}b{T}"),
    ("u[:, None] * A", rf"u\mathbf{{1}}{T} \odot A"),
    ("u^T + A", rf"\mathbf{{1}}u{T} + A"),
    ("A + 1", rf"A + \mathbf{{1}}\mathbf{{1}}{T}"),
    ("A + c", rf"A + c\, \mathbf{{1}}\mathbf{{1}}{T}"),
    ("u + c", r"u + c\, \mathbf{1}"),
    ("u @ v", f"u{T} v"),
    ("u @ A", f"A{T} u"),
    ("u.T", "u"),
    ("outer(u, v)", f"u v{T}"),
    ("sum(A)", rf"\mathbf{{1}}{T} A \mathbf{{1}}"),
    ("sum(A, axis=0)", rf"A{T} \mathbf{{1}}"),
    ("sum(A, axis=1)", r"A \mathbf{1}"),
    ("A.sum(axis=0, keepdims=True)", rf"\mathbf{{1}}{T} A"),
    ("sum(u)", rf"\mathbf{{1}}{T} u"),
    ("logsumexp(A, axis=1)", r"\operatorname{logsumexp}_{\text{axis 1}}(A)"),
    ("norm(A) norm(u)", r"\lVert A \rVert_F \, \lVert u \rVert"),
    ("sqrt(c) abs(c)", r"\sqrt{c} \, \lvert c \rvert"),
    ("kron(A, B + A) vec(A)", r"(A \otimes (B + A)) \, \operatorname{vec}(A)"),
    ("vec(A)", r"\operatorname{vec}(A)"),
    ("tr(A) det(A) exp(c)", r"\operatorname{tr}(A) \, \det(A) \, \exp(c)"),
    ("leaky_relu(A)", r"\operatorname{leaky\_relu}(A)"),
    ("sigma(A) f'(A)", r"\sigma(A) \, f'(A)"),
    ("(A > 0) * (A == 1)", r"[A > 0] \odot [A = 1]"),
    ("<A, B>", r"\langle A,\, B \rangle"),
    ("A : (B + A)", "A : (B + A)"),
    ("c pi", r"c \pi"),
    ("1_n 1_n^T", rf"\mathbf{{1}}_{{n}} \mathbf{{1}}_{{n}}{T}"),
    ("I_n A", "I_{n} A"),
    ("sum_no M_Z[n,o]", r"\sum_{no} (M_{Z})_{no}"),
    ("sum_i W1[1,i]", r"\sum_{i} (W_{1})_{1i}"),
    ("sum_i1 W[o,i1] / 2", r"\sum_{i_{1}} \frac{W_{o,i_{1}}}{2}"),
    ("(X[n,:])[i]", "(X_{n:})_{i}"),
    ("X[n,:][i]", "(X_{n:})_{i}"),
    ("c (sum_i W[o,i])", r"c \left(\sum_{i} W_{oi}\right)"),
    ("c sum_i W[o,i]", r"c \, \sum_{i} W_{oi}"),
    ("delta[a,b] u[a]", r"\delta_{ab} \, u_{a}"),
    ("X dW^T", rf"X \, dW{T}"),
    ("d(tr(A))/dA", r"\frac{\partial}{\partial A} \operatorname{tr}(A)"),
    ("d(c + tr(A))/dA", r"\frac{\partial}{\partial A} (c + \operatorname{tr}(A))"),
    ("dW[j,k]/dW[a,b]", r"\frac{\partial W_{jk}}{\partial W_{ab}}"),
]


@pytest.mark.parametrize(("text", "latex"), PRINTED)
def test_a_formula_is_printed(text, latex):
    claim = Claim(f"{text} == {text}", DIMS)
    claim.check()
    assert claim.latex() == f"{latex} = {latex}"


NAMES = {
    "X": "X", "W12": "W_{12}", "G_Z": "G_{Z}", "G_Z1": "G_{Z_{1}}", "x_2": "x_{2}", "alpha": r"\alpha", "x_hat": r"\hat{x}",
    "lam": r"\lambda", "dX": "dX", "dZ3": "dZ_{3}", "loss": r"\mathrm{loss}", "f''": "f''",
}  # fmt: skip


@pytest.mark.parametrize(("name", "latex"), NAMES.items())
def test_a_name_is_printed(name, latex):
    assert name_latex(name) == latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("d(u^T v)/du == v^T", rf"\frac{{\partial}}{{\partial u{T}}} u{T} v = v{T}"),
        ("dL/dW1 == W1^T", rf"\frac{{\partial L}}{{\partial (W^1){T}}} = (W^1){T}"),
        ("dL/dY == Y^T", rf"\frac{{\partial L}}{{\partial Y{T}}} = Y{T}"),
        ("dL/dc == 0", r"\frac{\partial L}{\partial c} = 0"),
        ("dL/dW1[a,b] == W1[a,b]", r"\frac{\partial L}{\partial (W^1)_{ab}} = (W^1)_{ab}"),
    ],
)
def test_the_transposed_denominator_is_printed_transposed(text, latex):
    let = "Y = W1 + 0 * c; L = 0.5 * norm(Y)^2"
    claim = Claim(text, "u: n; v: n; W1: o i; c:", let=let, layout="transposed-denominator", spell="W1 = W^1")
    if "u" not in text:
        claim.check()
    assert claim.latex() == latex


def test_a_spelling_is_used_everywhere_and_does_not_make_double_superscripts():
    claim = Claim("W1^T s(u) == W1^T s(u)", "W1: n m; u: n", spell=r"W1 = W^1; s = \sigma; u = \mathbf{u}")
    claim.check()
    assert claim.latex().partition(" = ")[0] == rf"(W^1){T} \, \sigma(\mathbf{{u}})"


def test_lines_are_aligned_with_their_reasons():
    claim = Claim("A : B == B : A  # entries\n == A^T : B^T\ntr(A) == tr(A^T)", "A: n n; B: n n")
    claim.check()
    assert claim.latex().splitlines() == [
        r"\begin{aligned}",
        r"A : B &= B : A && \text{entries} \\",
        rf" &= A{T} : B{T} \\",
        rf"\operatorname{{tr}}(A) &= \operatorname{{tr}}(A{T})",
        r"\end{aligned}",
    ]


def test_what_stands_after_a_false_line_is_printed_as_it_is():
    claim = Claim("A + b == A\nA + b == b + A", "A: n n; b: n")
    with pytest.raises(FalseClaimError):
        claim.check()
    assert [line[:13] for line in claim.latex().splitlines()[1:3]] == [r"A + \mathbf{1", "A + b &= b + "]


def test_without_numbers_the_names_of_scalars_tell_what_is_elementwise():
    printer = Printer(ranks={"s": 0})
    formula = read_formula("X * Y / s**2 + Y / norm(Y) * L(Y)", Vocabulary({"X", "Y", "s"}))
    assert printer.latex(formula) == r"\frac{X \odot Y}{s^{2}} + \frac{Y}{\lVert Y \rVert} \, L(Y)"
    assert printer.latex(read_formula("X.T + b", Vocabulary({"X", "b"}))) == f"X{T} + b"
