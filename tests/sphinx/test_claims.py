"""What is true passes, what is false does not, and what cannot be read says where."""

import re
from functools import partial
from itertools import combinations

import pytest
from false_claims import FALSE, MEANINGLESS
from true_claims import DENSE, TRUE

from handgrad.derive import ExpressionError
from handgrad.sphinx.claim import SEEDS, Claim, FalseClaimError
from handgrad.sphinx.refute import refute


@pytest.mark.parametrize(("text", "options"), TRUE, ids=map(str, range(len(TRUE))))
def test_a_true_claim_holds(text, options):
    claim = Claim(text, **options)
    assert claim.check() == len(claim.links) > 0
    assert claim.latex()


@pytest.mark.parametrize(("text", "options"), TRUE, ids=map(str, range(len(TRUE))))
def test_what_is_left_of_equal_sides_is_rounding_and_a_small_error_is_not(text, options):
    claim = Claim(text, **options)
    for left, right in [map(claim.sources.get, link) for link in claim.links]:
        if "0" not in (left, right):
            assert Claim(f"({left}) - ({right}) == 0", **options).check() == 1
            with pytest.raises(FalseClaimError):
                Claim(f"({left}) - 1.0001 * ({right}) == 0", **options).check()


@pytest.mark.parametrize(("text", "options", "message"), FALSE, ids=map(str, range(len(FALSE))))
def test_a_false_claim_is_refused_with_its_reason(text, options, message):
    with pytest.raises(FalseClaimError, match=message):
        Claim(text, **options).check()


@pytest.mark.parametrize(("text", "options", "message"), MEANINGLESS, ids=map(str, range(len(MEANINGLESS))))
def test_what_means_nothing_is_neither_true_nor_refuted(text, options, message):
    for judge in (Claim.check, refute, partial(refute, by_shapes=True)):
        with pytest.raises(ExpressionError, match=f"^{re.escape(text)} cannot be evaluated: .*{message}"):
            judge(Claim(text, **options))


def test_a_failure_shows_the_equation_the_sizes_and_both_sides():
    with pytest.raises(FalseClaimError) as failure:
        Claim("A == A\n  == A + A  # wrong", "A: n m").check()
    assert str(failure.value).startswith("A == A + A is false for n = 2, m = 3: the left side is [[")
    assert "the right side [[" in str(failure.value)
    assert str(failure.value).endswith("the left side is 0.5 times the right side")


@pytest.mark.parametrize("count", range(1, 7))
def test_sizes_are_pairwise_different_change_from_draw_to_draw_and_stand_in_both_orders(count):
    letters = "nmklpq"[:count]
    draws = Claim("1 == 1 + 0 * (" + " + ".join(letters) + ")", "".join(f"A{l}: {l}; " for l in letters)).sizes()
    assert len(draws) == len(SEEDS) == 3
    for sizes in draws:
        assert len(set(sizes.values())) == count
        assert min(sizes.values()) >= 2
        assert max(sizes.values()) <= count + 3
    for letter in letters:
        assert len({sizes[letter] for sizes in draws}) == 3
    for a, b in combinations(letters, 2):
        assert {sizes[a] < sizes[b] for sizes in draws} == {True, False}


@pytest.mark.parametrize(
    ("dims", "sizes", "changing"),
    [
        ("A: n m", "", 2),
        ("A: n k*d", "", 3),
        ("A: k*d n", "", 3),
        ("A: n k*d", "d = 2", 3),
        ("A: n k*d", "n = 6", 2),
        ("A: n k*d", "n = 6; d = 2", 1),
    ],
)
def test_conditions_limit_the_sizes(dims, sizes, changing):
    claim = Claim("pinv(A) A == pinv(A) A", dims, "A has full column rank", sizes=sizes)
    draws = claim.sizes()
    assert claim.check() == 1
    assert len({tuple(drawn.items()) for drawn in draws}) >= changing
    for drawn in draws:
        assert len(set(drawn.values())) == len(drawn)
        assert claim.fits(drawn)
        assert drawn.items() >= claim.fixed.items()


def test_a_change_may_have_full_rank():
    assert Claim("dY == X dW^T", "X: n i; W: o i", "dW has full column rank", "Y = X W^T").check() == 1


@pytest.mark.parametrize("dims", ["A: n m; B: m k", "A: n m; B: k m", "B: m k; A: n m", "A: n m; B: m n"])
def test_conditions_on_several_names_make_all_their_dimensions_equal(dims):
    claim = Claim("tr(A B) == tr(B A)", dims, "A symmetric, B symmetric")
    assert claim.check() == len(claim.dimensions) == 1


def test_a_length_that_is_given_is_that_of_the_dimensions_equal_to_it():
    claim = Claim("A == A^T", "A: n m", "A symmetric", sizes="m = 2")
    assert claim.sizes() == [{"m": 2}] * 3
    assert claim.lengths({"m": 2}) == {"m": 2, "n": 2}
    with pytest.raises(ExpressionError, match="no sizes meet"):
        Claim("A == A^T", "A: n m", "A symmetric", sizes="m = 2; n = 3").check()


def test_a_condition_on_another_name_changes_no_sizes():
    claim = Claim("A^T == A.T", "A: n m; S: n m", "S symmetric")
    assert claim.dimensions == ["n", "m"]
    assert claim.describe() == "A (n, m)"


def test_only_what_varies_moves():
    assert Claim("dY == X dW^T", **DENSE).varied == ["W"]
    assert Claim("dY == dX W^T + X dW^T", **DENSE).varied == ["X", "W"]
    assert Claim("dL/dW == G^T X", **DENSE).varied == []


def test_everything_varies_if_only_computed_names_do():
    assert Claim("dL == G : dY", **DENSE).varied == ["X", "W"]


def test_the_description_tells_what_was_drawn():
    claim = Claim("dL/dS == 2 c S", "S: n n; c:", "S symmetric", "L = c tr(S S)")
    assert claim.describe() == "S (n, n), c a number; S symmetric; L = c tr(S S)"


@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({"layout": "numerator"}, "; numerator layout"),
        ({"layout": "shape"}, ""),
        ({"sizes": "i = 2"}, "; i = 2"),
        ({"sizes": "i = 2", "layout": "transposed-denominator"}, "; i = 2; transposed-denominator layout"),
    ],
)
def test_the_description_tells_what_the_verdict_depends_on(options, last):
    assert Claim("dL/dW == G^T X", **DENSE, **options).describe() == f"X (n, i), W (o, i); Y = X W^T, L = L(Y){last}"


UNREADABLE = [
    ("A B", {"dims": "A: n n; B: n n"}, "an equation is needed"),
    ("", {}, "an equation is needed"),
    ("== A", {"dims": "A: n"}, "none stands before it"),
    ("A\nA == A", {"dims": "A: n"}, "is no equation"),
    ("A == Q", {"dims": "A: n"}, "unknown name 'Q'; the names are: A"),
    ("A == )", {"dims": "A: n"}, "stands where an operand is needed"),
    ("A == ", {"dims": "A: n"}, "ends where an operand is needed"),
    ("A == (A", {"dims": "A: n"}, "this parenthesis is never closed"),
    ("A == A)", {"dims": "A: n"}, r"this '\)' closes nothing"),
    ("A == A 'x'", {"dims": "A: n"}, "a string is no part of an expression"),
    ("A == A.shape", {"dims": "A: n"}, ".shape is not supported"),
    ("A == A : A : A", {"dims": "A: n"}, "needs parentheses"),
    ("A == 1/c A", {"dims": "A: n; c:"}, r"a product after '/' is ambiguous; write \(1/c\) A B, or 1/\(c A B\)"),
    ("A == A / 2 c A", {"dims": "A: n; c:"}, "a product after '/' is ambiguous"),
    ("A == A * 1 / n A", {"dims": "A: n; n: n"}, "a product after '/' is ambiguous"),
    ("A == 1/n^2 A", {"dims": "A: n"}, "a product after '/' is ambiguous"),
    ("A == 1.2.3 A", {"dims": "A: n"}, "is not a number"),
    ("A == 1_m", {"dims": "A: n"}, "'m' is not a dimension; the dimensions are: n"),
    ("1 == eye(n)", {}, "unknown name 'n'"),
    ("1 == I_n", {}, "the dimensions are: none"),
    ("A == delta[i]", {"dims": "A: n"}, r"delta has two letters"),
    ("A == A[(]", {"dims": "A: n n"}, "this bracket is never closed"),
    ("A == A[*,i]", {"dims": "A: n n"}, "an index is a letter"),
    ("A == sum(A, axis=x)", {"dims": "A: n n"}, "axis= needs a whole number"),
    ("A == d(A)/2", {"dims": "A: n"}, "d of a known name is needed"),
    ("A == A", {"dims": "A: n", "layout": "sideways"}, "layout: 'sideways' must be one of"),
    ("A == A", {"dims": "A: n", "let": "A = 2"}, "A is given twice"),
    ("mean(x) == sum_n x[n] / n", {"dims": "x: n"}, "n is an index and a length in one claim"),
    ("A == A", {"dims": "A: n", "let": "B"}, "must be of the form 'name = ...'"),
    ("A == A", {"dims": "A: n", "let": "B + C = A"}, "must be a name, or a name with letters"),
    ("A == A", {"dims": "A: n", "let": "B = C; C = A"}, "unknown name 'C'"),
    ("A == A", {"dims": "A: n", "sizes": "m = 2"}, "must be a dimension and a whole number"),
    ("A == A", {"dims": "A: n", "sizes": "n = 0"}, "must be a dimension and a whole number"),
    ("A == A", {"dims": "A: n", "sizes": "n = \N{SUPERSCRIPT TWO}"}, "must be a dimension and a whole number"),
    ("(" * 200 + "A" + ")" * 200 + " == A", {"dims": "A: n"}, r"^\(+ ... is nested 201 levels deep; at most 100"),
    ("+".join("A" * 101) + " == 101 A", {"dims": "A: n"}, r"^A\+.* ... is nested 101 levels deep; at most 100"),
    (
        "D == A",
        {"dims": "A: n", "let": "B = " + "-" * 60 + "A; C = 1; D = C" + " + B" * 41},
        r"^C \+ B.* ... is nested 103 levels deep",
    ),
    ("A == A", {"dims": "A: n", "where": "A pretty"}, "'A pretty' is not a condition; known are A square"),
    ("A == A", {"dims": "A: n", "where": "B positive"}, "'B' is not one of the names in dims: A"),
    ("A == A", {"dims": "A: n", "where": "A symmetric"}, "A has 1 axes; it must be a matrix"),
    ("c == c", {"dims": "c:", "where": "rows of c sum to one"}, "c is a number"),
    ("A == A", {"dims": "A: n k*d", "where": "A symmetric"}, "its dimensions are no single letters"),
    ("A == A", {"dims": "A: n n", "where": "A orthogonal, A zero or one, A positive"}, "no array was found"),
    (
        "A B == B",
        {"dims": "A: n m; B: m n", "where": "A has full column rank, B has full column rank"},
        "no sizes meet",
    ),
]


@pytest.mark.parametrize(("text", "options", "message"), UNREADABLE)
def test_what_cannot_be_read_says_why(text, options, message):
    with pytest.raises(ExpressionError, match=message):
        Claim(text, **options).check()


def test_as_deep_as_allowed_is_evaluated_and_printed():
    assert Claim("+".join("A" * 100) + " == 100 A", "A: n").check() == 1
    nested = Claim("-" * 99 + "A == -A", "A: n")
    assert (nested.check(), nested.latex().count("-")) == (1, 100)


def test_an_error_points_at_the_place():
    with pytest.raises(ExpressionError) as failure:
        Claim("A == A + Q", "A: n")
    assert str(failure.value).splitlines()[-2:] == ["  A + Q", "      ^"]
