"""Claims that do not hold: (text, options, what the message says)."""

from true_claims import DENSE

AB = {"dims": "A: n m; B: m n"}
VECTOR = {"dims": "u: n; v: m; A: n n; M: n m"}

FALSE = [
    # the classic errors
    ("A B == B A", AB, "2 x 2 matrix, the right side a 3 x 3 matrix"),
    ("dL/dW == X^T G", DENSE, "the left side is a 4 x 3 matrix, the right side a 3 x 4 matrix"),
    ("dL/dW == (X^T G)^T - X^T G", DENSE, "does not conform"),
    ("dL/dW == -G^T X", DENSE, "the left side is -1 times the right side"),
    ("dL/dW == 2 G^T X", DENSE, "the left side is 0.5 times the right side"),
    ("dL/dW == G^T X / n", DENSE, "times the right side"),
    ("dL/dW == G^T X", DENSE | {"layout": "numerator"}, "3 x 4 matrix, the right side a 4 x 3 matrix"),
    ("dL/dW == X^T G", {"dims": "X: n i; W: i i", "let": "L = L(X W^T)"}, "each is the transpose of the other"),
    ("tr(A B) == tr(A) tr(B)", {"dims": "A: n n; B: n n"}, "the left side is"),
    ("(A B)^-1 == A^-1 B^-1", {"dims": "A: n n; B: n n"}, "the left side is"),
    ("f'(x) == f(x)", {"dims": "x:"}, "the left side is"),
    ("S == S^T", {"dims": "S: n n"}, "each is the transpose of the other"),
    ("dL == sum(S) + dL", {"dims": "S: n n", "let": "L = tr(S)"}, "the left side is"),
    # kinds that do not match
    ("u == u^T", VECTOR, "the left side is a column of 2, the right side a row of 2"),
    ("u == v", VECTOR, "a column of 2, the right side a column of 3"),
    ("u^T v == 1", VECTOR, "a row of 2 times a column of 3 does not conform"),
    ("u[i] == u", VECTOR, "an entry for each i, the right side a column"),
    ("u[i] == v[j]", VECTOR, "an entry for each i, the right side an entry for each j"),
    ("u[i] v[i] == 0", VECTOR, "the letter i runs over 2 in one factor and over 3 in another"),
    ("M[i,i] == 0", VECTOR, "the letter i runs over"),
    ("M[i,9] == 0", VECTOR, "the index 9 is not one of 1 to 3"),
    ("delta[i,j] M[i,j] == M[i,j] delta[i,j] + 1", VECTOR, "run over different dimensions"),
    ("u * v == u", VECTOR, r"a column of 2 \* a column of 3 does not conform"),
    ("u + M == M", VECTOR, "does not conform"),
    ("u : v == 0", VECTOR, "the shapes must be the same"),
    ("M^2 == M", VECTOR, "the matrix is not square"),
    ("inv(M) == M", VECTOR, "inv: a 2 x 3 matrix is not square"),
    ("tr(u) == 1", VECTOR, "trace: a column of 2 is not square"),
    ("L(u) == L(v)", VECTOR, "L is applied to values of different shapes"),
    # true at one size, for one order of the sizes, for all even ones
    ("det(-A) == det(A)", {"dims": "A: n n"}, "is false for n = 3"),
    ("det(2 A) == 4 det(A)", {"dims": "A: n n"}, "is false for n = 3"),
    ("A^-1 == (tr(A) I_n - A) / det(A)", {"dims": "A: n n", "where": "A invertible"}, "is false for n = 3"),
    ("Q P == P Q", {"dims": "Q: n n; P: n n", "where": "Q skew-symmetric, P skew-symmetric"}, "is false for n = 3"),
    ("max(x) + min(x) == sum(x)", {"dims": "x: n"}, "is false for n = 3"),
    ("mean(x) == sum(x) / 2", {"dims": "x: n"}, "is false for n = 3"),
    ("n == 2", {"dims": "x: n"}, "is false for n = 3"),
    ("n m == 6", {"dims": "A: n m"}, "is false for n = 5, m = 4"),
    ("n + m == 5", {"dims": "A: n m"}, "is false for n = 5, m = 4"),
    ("pinv(A) A == I_m", {"dims": "A: n m"}, "is false for n = 2, m = 3"),
    ("A pinv(A) == I_n", {"dims": "A: n m"}, "is false for n = 3, m = 2"),
    # numbers that are none
    ("log(u) == log(u)", VECTOR, "a side is not finite; a condition such as positive or invertible may be missing"),
    ("(u u^T)^-1 == A", {"dims": "u: n; A: n n"}, "singular matrix|the left side is"),
]

# What means nothing, whatever the sizes.
MEANINGLESS = [
    ("M[i] == 0", VECTOR, r"has 1 indices, for a \d x \d matrix"),
    ("M[i,(j,k)] == 0", VECTOR, "an axis that is a product of dimensions is not supported"),
    ("sum_j u[i] == 0", VECTOR, "the letter j is summed, but does not occur"),
    ("delta[a,b] == 0", VECTOR, "the letters occur in no array"),
    ("u @ 2 == u", VECTOR, "@ takes no scalars"),
    ("u * u[:, None] == u", VECTOR, r"write \[:, None\] at both or at none"),
    ("1 / (1 * M) == M", VECTOR, r"its reciprocals are \*\*\(-1\)"),
    ("A^0.5 == A", VECTOR, "a square matrix has whole powers"),
    ("u^2 == u", VECTOR, "a square matrix has whole powers"),
    ("outer(M, u) == M", VECTOR, "outer takes two vectors"),
    ("kron(u[i], u) == u", VECTOR, "kron takes whole matrices"),
    ("outer(u) == u", VECTOR, "outer takes 2 arguments, not 1"),
    ("tr(A, A) == 1", VECTOR, "trace takes 1 argument, not 2"),
    ("exp(u, axis=0) == u", VECTOR, "exp takes no option axis"),
    ("softmax(1) == 1", VECTOR, "softmax: a number has no axis"),
    ("sum(u, axis=1) == u", VECTOR, r"sum: a column of \d has no axis 1"),
    ("sum(1, axis=0) == u", VECTOR, "sum: a number has no axis 0"),
    ("sum(M, axis=2) == u", VECTOR, "has no axis 2"),
    ("dM/dM == M", VECTOR, "is no matrix; write it with letters"),
    ("dM/dM[a,b] == M[a,b]", VECTOR, "needs letters above as well"),
    ("G == u", VECTOR, r"G is the gradient of L\(...\), but L is applied to nothing here"),
    ("L(u) + L(2 u) == G", VECTOR, "G is ambiguous"),
    ("Y == u", VECTOR | {"let": "Y[i,j] = u[i]"}, r"Y\[i,j\] cannot be an entry for each i"),
    ("y == u", VECTOR | {"let": "y = u[i]"}, "y cannot be an entry for each i"),
    ("y == u", VECTOR | {"let": "y[i] = u[i] M"}, "both sides must have the same free letters"),
]
