"""Every deliberate fault in the rules, the spelling, the printing or the layouts is caught by check()."""

import pytest

import handgrad as hg
from handgrad.derive.checking import evaluate
from handgrad.derive.engine import identities, lower, rules, sweep, terms
from handgrad.derive.language import calls, choice, determinants, expression, functions, latex, matrix, numpy_text
from handgrad.derive.notation import forward, frobenius, index, steps, typeset
from handgrad.derive.spelling import entries, pieces, program, result, source, spell

LAYER = ("L(tanh(X @ W.T + b))", "W", "X: n i, W: o i, b: o")
BIAS = ("L(X @ W.T + b)", "b", "X: n i, W: o i, b: o")
SQUARES = ("sum((X @ w - y)**2) / n", "w", "X: n i, w: i, y: n")
TRACE = ("trace(A @ X @ B @ X.T @ C)", "X", "A: a b, X: b c, B: c c, C: b a")
SOFTMAX = ("L(softmax(X @ W.T))", "W", "X: n i, W: o i")
INVERSE = ("a @ inv(X) @ b", "X", "X: n n, a: n, b: n")
BATCH = ("L((X - mean(X, axis=0)) / sqrt(var(X, axis=0) + eps))", "X", "X: n k, eps:")
ROWS = ("L((X - mean(X, axis=1, keepdims=True)) / Y)", "X", "X: n k, Y: n k")
JACOBIAN = ("tanh(W @ x)", "x", "W: o i, x: i")
POWER = ("sum((1 + x**2)**p)", "x", "x: n, p:")
FOUR = ("X @ W.T", "W", "X: n i, W: o i")


def elementwise(name, **changes):
    return lambda patch: patch.setitem(functions.ELEMENTWISE, name, functions.ELEMENTWISE[name]._replace(**changes))


def array(name, **changes):
    return lambda patch: patch.setitem(functions.ARRAY, name, functions.ARRAY[name]._replace(**changes))


def differential(name, terms):
    left, _, _ = functions.ARRAY[name].differential.partition(" = ")
    return array(name, differential=f"{left} = {terms}")


def entry(table, key, value):
    return lambda patch: patch.setitem(table, key, value)


def wrapped(module, name, change):
    """Replace a function by one that changes what it returns."""

    def apply(patch):
        original = getattr(module, name)
        patch.setattr(module, name, lambda *args, **kw: change(original(*args, **kw)))

    return apply


def replaced(module, name, function):
    return lambda patch: patch.setattr(module, name, function)


def text(module, name, old, new):
    """Replace a piece of what a printer prints."""
    return wrapped(
        module,
        name,
        lambda made: made.replace(old, new) if isinstance(made, str) else (made[0].replace(old, new), *made[1:]),
    )


def broken_transpose(e):
    return e.args[0] if e.op == "T" else e


def first_slot_only(letters_slots):
    letters, slots = letters_slots
    return letters, slots[:1]


def on(cls, name, change):
    def apply(patch):
        original = getattr(cls, name)
        patch.setattr(cls, name, lambda self, *args: change(original(self, *args)))

    return apply


def _f(name):
    return (f"L({name}(X))", "X", "X: n i")


def unit(case, layout="shape"):
    return (*case, layout)


MUTANTS = {
    # the same in Unicode
    "a transpose reads as an inverse": (entry(steps.UNICODE, "^T", "⁻¹"), LAYER),
    "the power 20 reads as 2 and 0": (replaced(steps, "to_unicode", lambda line, _: line.replace("^2", "²")),
        ("sum(x**20)", "x", "x: n")),
    # rules
    "tanh' without the square": (elementwise("tanh", derivative="1 - y"), LAYER),
    "tanh' of the argument": (elementwise("tanh", derivative="1 - z**2"), LAYER),
    "tanh' with a plus": (elementwise("tanh", derivative="1 + y**2"), LAYER),
    "exp' is one": (elementwise("exp", derivative="1"), _f("exp")),
    "log' is z": (elementwise("log", derivative="z"), _f("log")),
    "sin' is -cos": (elementwise("sin", derivative="-cos(z)"), _f("sin")),
    "cos' is sin": (elementwise("cos", derivative="sin(z)"), _f("cos")),
    "sigmoid' is y": (elementwise("sigmoid", derivative="y"), _f("sigmoid")),
    "relu' of the other side": (elementwise("relu", derivative="z < 0"), _f("relu")),
    "softplus' is tanh": (elementwise("softplus", derivative="tanh(z)"), _f("softplus")),
    "gelu' without phi": (elementwise("gelu", derivative="Phi(z)"), _f("gelu")),
    "a power that stays": (replaced(rules, "shifted_power", lambda factor, by, graph: (factor,)), POWER),
    "a power that grows": (replaced(rules, "shifted_power",
                                    lambda factor, by, graph: lower.shifted_power(factor, [(1, ())], graph)), POWER),
    "a^g a = a^g": (replaced(identities, "shifted_power", lambda factor, by, graph: (factor,)),
                    ("sum((x @ x)**p * (x @ x))", "x", "x: n, p:")),
    "exp(x) exp(y) = 1": (replaced(identities, "_opposite", lambda *_: True), ("sum(exp(x) * exp(y))", "x", "x: n, y: n")),
    "erf' without its factor": (elementwise("erf", derivative="exp(-z**2)"), _f("erf")),
    "abs is flat": (elementwise("abs", derivative="0"), _f("abs")),
    "inverse without its sign": (differential("inv", "+ y[ik] dz[kl] y[lj]"), INVERSE),
    "inverse transposed": (differential("inv", "- y[ik] dz[lk] y[lj]"), INVERSE),
    "inverse on one side": (differential("inv", "- y[ik] dz[kj]"), INVERSE),
    "logdet untransposed": (differential("logdet", "+ inv(z)[kl] dz[kl]"), ("logdet(X)", "X", "X: n n")),
    "det without det": (differential("det", "+ inv(z)[lk] dz[kl]"), ("det(X)", "X", "X: n n")),
    "softmax: the diagonal only": (differential("softmax", "+ y[.k] dz[.k]"), SOFTMAX),
    "softmax without P in front": (differential("softmax", "+ y[.k] dz[.k] - y[.j] dz[.j]"), SOFTMAX),
    "log_softmax without P": (differential("log_softmax", "+ dz[.k]"), ("L(log_softmax(Z))", "Z", "Z: n k")),
    "logsumexp with an exponent": (differential("logsumexp", "+ z[.j] dz[.j]"),
                                   ("sum(logsumexp(Z, axis=1))", "Z", "Z: n k")),
    "max spreads": (differential("max", "+ softmax(z)[.j] dz[.j]"), ("L(max(X, axis=1))", "X", "X: n i")),
    "product rule forgets the power": (wrapped(rules, "product_rule", lambda slots: [
        s._replace(term=(s.term[0] and 1, s.term[1])) for s in slots]), SQUARES),
    "product rule forgets an occurrence": (wrapped(rules, "product_rule", lambda s: s[:1]), TRACE),
    "chain rule keeps one path": (
        wrapped(sweep, "differential", first_slot_only), ("trace(X.T @ A @ X)", "X", "A: a a, X: a b")),
    "slot letters in reverse": (replaced(sweep, "drop", lambda fs, slot, own, graph, f=sweep.drop: (
        f(fs, slot[::-1], own, graph))), FOUR),
    "adjoint lost": (wrapped(sweep, "chain", lambda made: made[:1]), ("L(X + X @ A)", "X", "X: n i, A: i i")),
    "common factor dropped": (wrapped(sweep, "factor_out", lambda made: (
        tuple((c, fs[1:]) for c, fs in made) if len(made) == 1 and len(made[0][1]) > 1 else made)), SOFTMAX),
    "multiplying out drops a term": (wrapped(sweep, "cheapest", lambda made: (made[0][:1], made[1])), TRACE),
    # reading the expression as terms
    "kron in the other order": (entry(calls.ROWS, "kron", "kl,ij->(ik)(jl)"),
                                ("L(kron(A, B))", "A", "A: i j, B: i j")),
    "outer is symmetric": (entry(calls.ROWS, "outer", "j,i->ij"), ("L(outer(u, v))", "u", "u: n, v: n")),
    "vector times matrix transposed": (entry(expression.PRODUCTS, (1, 2), "j,ij->i"),
                                       ("L(x @ A)", "x", "x: n, A: n n")),
    "minus is plus": (replaced(lower, "times", lambda *groups: [
        (abs(c), fs) for c, fs in terms.times(*groups)]), SQUARES),
    "broadcasting along the wrong axis": (replaced(lower, "_align", lambda arg, axes: lower.Sum(
        axes, arg.at([l for axis in axes[: len(arg.axes)] for l in axis][: len(arg.free)]))),
        ("L(X * v)", "X", "X: n n, v: n")),
    # determinants factor by factor
    "an inverse multiplies": (replaced(determinants, "_factors", lambda x, numbers, f=determinants._factors: [
        (part, False) for part, _ in f(x, numbers)]), ("logdet(A @ inv(X))", "X", "X: n n, A: n n")),
    "a number counts once": (replaced(determinants, "length", lambda x, axis: expression.number(1)),
                             ("logdet(c * X)", "c", "c:, X: n n")),
    "c / A is a multiple of A": (replaced(determinants, "_factors", lambda x, numbers: [
        (part, bool(part.shape)) for part in x.args]), ("logdet(c / A)", "A", "c:, A: n n")),
    "the inverse of diag(v) is diag(v)": (entry(determinants.DETERMINANTS, "inv", lambda x: x),
                                          ("x @ inv(diag(v)) @ x", "v", "v: n, x: n")),
    # terms
    "equal terms are dropped": (replaced(sweep, "collect", lambda ts, free, graph, f=terms.collect: f(
        ts, free, graph)[:1]), TRACE),
    "deltas are ignored": (replaced(terms, "sum_deltas", lambda fs, free, graph: tuple(
        f for f in fs if f[0].op != "delta")), ("trace(diag(v) @ A)", "A", "v: n, A: n n")),
    "everything square is symmetric": (replaced(terms, "canonical", lambda fs, free: tuple(
        sorted((n.index, p) for n, _, p in fs))), ("sum((X + X.T) * A)", "X", "X: n n, A: n n")),
    # spelling
    "transposes are dropped": (replaced(pieces, "transpose", broken_transpose), LAYER),
    "transposes on square matrices": (replaced(pieces, "transpose", broken_transpose),
                                      ("trace(A @ X)", "X", "A: n n, X: n n")),
    "a column is a row": (replaced(pieces, "as_column", lambda v: v), ("L(diag(v) @ X)", "X", "v: n, X: n n")),
    "division by the wrong operand": (replaced(pieces, "multiply", lambda a, b: a * b if b.op != "**" else (
        a * b.args[0])), BATCH),
    "fractions upside down": (replaced(spell, "ratio", lambda v: (1, 3)), ("mean(log(X)) / 3", "X", "X: n i")),
    "a sum is called a mean": (replaced(pieces, "_divided_once_less", lambda others, dims: others), BIAS),
    "a mean counts the wrong axis": (replaced(pieces, "_divides", lambda piece, dim: pieces.is_reciprocal(piece.chain[0])),
                                     ("sum(X.sum(axis=0)**2) / m**2", "X", "X: n k, Y: m")),
    "a divisor in front divides once more": (replaced(program, "gather", lambda factors: factors[:-1]),
                                             ("L(X / X.sum(axis=1, keepdims=True))", "X", "X: n k")),
    # printing
    "NumPy prints the wrong axis": (text(numpy_text, "_write", "axis=0", "axis=1"), BIAS),
    "NumPy loses keepdims": (text(numpy_text, "_write", ", keepdims=True", ""), ROWS),
    "NumPy loses parentheses": (replaced(numpy_text, "_inside", lambda part, binding: part[0]), LAYER),
    "NumPy swaps the factors": (replaced(numpy_text, "_binary", lambda e, args, python: (
        f"{args[1][0]} {e.op} {args[0][0]}")), ("L(X @ W)", "W", "X: n i, W: i o")),
    "the index line forgets a sum": (on(entries.IndexPrinter, "term", lambda t: " ".join(
        w for w in t.split() if not w.startswith("sum_"))), LAYER),
    "the index line swaps letters": (on(entries.Lettering, "show", lambda t: (
        f"[{','.join(t[1:-1].split(',')[::-1])}]" if t else t)), LAYER),
    "the index line drops the sign": (on(entries.IndexPrinter, "sum", lambda t: t.replace("-", "+").lstrip("+")),
                                      SQUARES),
    "the index line drops a power": (on(entries.IndexPrinter, "factor", lambda t: t.partition("^")[0]), LAYER),
    "the index line drops a delta": (on(entries.IndexPrinter, "entry", lambda t: (
        "1" if t.startswith("delta") else t)), LAYER),
    "the left side is transposed": (wrapped(index, "_ratio", lambda t: t.replace("[p,q]", "[q,p]")), LAYER),
    "matrices lose the transpose": (text(matrix, "show", "^T", ""), LAYER),
    "matrices lose parentheses": (replaced(matrix, "_inside", lambda m, binding: matrix.show(m)[0]), SOFTMAX),
    "matrices: Hadamard is a product": (text(matrix, "show", " * ", " "), LAYER),
    "a flip keeps the order": (replaced(matrix, "flip", lambda m: m), LAYER),
    "a flipped product keeps its order": (replaced(frobenius, "flip", lambda m, f=matrix.flip: (
        matrix.product(*map(f, m.parts)) if m.kind == "product" else f(m))), TRACE),
    "a factor crosses untransposed": (replaced(frobenius, "flip", lambda m: m), LAYER),
    "a trace turns wrongly": (wrapped(frobenius, "_move_trace", lambda made: (
        frobenius.Pair(matrix.flip(made[0].left), made[0].right), made[1])), TRACE),
    "the Hadamard factor is lost": (replaced(frobenius, "hadamard", lambda left, *rest: left), LAYER),
    "the Frobenius product loses a factor 2": (wrapped(frobenius, "differentials", lambda ms: [
        m.parts[1] if m.kind == "scale" else m for m in ms]), ("sum((X @ w - y)**2)", *SQUARES[1:])),
    "a differential goes in transposed": (wrapped(forward, "replaced", matrix.flip), JACOBIAN),
    "the matrix in front loses its diagonal": (replaced(forward, "diagonal", lambda v, rows, columns: (
        matrix.identity(rows))), JACOBIAN),
    "a number stays inside an elementwise product twice": (wrapped(forward, "hadamard", lambda m: (
        matrix.product(matrix.number(2), m))), ("x * tanh(x) * tanh(W @ x)", "x", "x: o, W: o o")),
    # source
    "the source returns too early": (wrapped(source, "write", lambda t: t.replace(" * ", " + ")), LAYER),
    "NumPy's tanh is another": (elementwise("tanh", numpy="np.sin"), LAYER),
    "the definition of tanh is another": (elementwise("tanh", value=lambda z: z), LAYER),
    "the softmax helper sums the wrong axis": (array("softmax", numpy=functions.ARRAY["softmax"].numpy.replace(
        "E.sum(axis=axis", "E.sum(axis=0")), SOFTMAX),
    "the definition of the determinant is another": (array("det", value=lambda A: A[0][0]), ("det(X)", "X", "X: n n")),
    "a choice forgets what it is taken from": (wrapped(choice, "_chosen_last", lambda e: e and e.args[1]),
        ("sum((y - clip(x, 0, 1))**2)", "x", "x: n, y: n")),
    "names come first and what is computed not at all": (wrapped(spell, "names_first", lambda f: f[:1]),
        ("a * exp(b * x)", "x", "a:, b:, x:")),
    "a definition is another": (wrapped(program, "written_out", lambda e: e.args[0] if e.op == "call" else e),
                                LAYER),
    # layouts
    "numerator is shape": (replaced(result, "arrange", lambda out, own, layout: out + own),
                           unit(("L(X @ W.T)", "W", "X: n i, W: o i"), "numerator")),
    "denominator is numerator": (replaced(result, "arrange", lambda out, own, layout: (
        out + own[::-1])), unit(FOUR, "denominator")),
    "denominator transposes the variable": (replaced(result, "arrange", lambda out, own, layout: (
        own[::-1] + out)), unit(FOUR, "denominator")),
    "the layout line is the shape's": (replaced(index, "_layout_step", lambda d: [
        steps.Step("J[n,p]", "dy[n]/dx[p]", "denominator layout")]), unit(JACOBIAN, "denominator")),
    # LaTeX, read back
    "LaTeX drops a transpose": (replaced(latex, "TRANSPOSED", ""), LAYER),
    "LaTeX drops parentheses": (replaced(latex, "bracketed", lambda text: text), LAYER),
    "LaTeX swaps the letters of an entry": (wrapped(latex, "letters_latex", lambda text: text[::-1]), LAYER),
    "LaTeX names another array": (wrapped(latex, "name_latex", lambda text: "X" if text == "W" else text), LAYER),
    "LaTeX keeps what NumPy broadcasts": (replaced(typeset, "matrix_text", str), SOFTMAX),
    "LaTeX swaps a fraction": (wrapped(latex.Printer, "product", lambda shown: (
        shown[0].replace(r"\frac{", r"\frac{1}{", 1), shown[1])), SQUARES),
    "LaTeX multiplies matrices entry by entry": (wrapped(latex.Printer, "gap", lambda text: r"\odot "), TRACE),
    # evaluation, against NumPy
    "a mean is not divided": (replaced(evaluate, "_contract", lambda e, args, sizes, f=evaluate._contract: f(
        expression.Expr("sum", e.args, e.info, e.row, e.shape), args, sizes)), BATCH),
    "division is multiplication": (entry(expression.OPERATIONS, "/", lambda a, b: a * b), ROWS),
}  # fmt: skip


def build(case):
    expression_, wrt, dims, *layout = case
    return hg.derive(expression_, wrt, dims, layout=layout[0] if layout else "shape")


@pytest.mark.parametrize("name", MUTANTS)
def test_fault_is_caught(name, monkeypatch):
    fault, case = MUTANTS[name]
    build(case).check((0,))
    fault(monkeypatch)
    with pytest.raises(hg.DerivationError):
        build(case).check((0,))


def test_there_are_enough_faults():
    assert len(MUTANTS) >= 30
