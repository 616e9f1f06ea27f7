"""What readers see: gradients, derivations, LaTeX, source."""

import numpy as np
import pytest

import handgrad as hg
from handgrad.derive.language.functions import ELEMENTWISE

from .cases import CASES, CENTRED, COLUMNS, COUNTED, DETERMINANTS, DOMAINS, EDGES, GRAMS, JACOBIANS, SPREAD

GRADIENTS = [
    ("L(X @ W.T)", "W", "X: n i, W: o i", "G.T @ X"),
    ("L(X @ W.T + b)", "b", "X: n i, W: o i, b: o", "G.sum(axis=0)"),
    ("L(W @ x)", "W", "x: i, W: o i", "outer(G, x)"),
    ("trace(A @ X @ B @ X.T @ C)", "X", "A: a b, X: b c, B: c c, C: b a",
     "A.T @ C.T @ X @ B.T + C @ A @ X @ B"),
    ("norm(X)", "X", "X: n i", "X / norm(X)"),
    ("norm(A.T @ A)**2", "A", "A: n i", "4 * A @ A.T @ A"),
    ("sum((X @ w - y)**2)", "w", "X: n i, w: i, y: n", "2 * X.T @ (X @ w - y)"),
    ("mean((X @ W.T - T)**2)", "W", "X: n i, W: o i, T: n o", "2 * (X @ W.T - T).T @ X / (n * o)"),
    ("norm(X @ W - Y)**2 + c*norm(W)**2", "W", "X: n i, W: i o, Y: n o, c:",
     "2 * X.T @ (X @ W - Y) + 2 * c * W"),
    ("logdet(X.T @ X + c * eye(i))", "X", "X: n i, c:", "2 * X @ inv(Z)"),
    ("L(softmax(Z))", "Z", "Z: n k", "P * (G - (G * P).sum(axis=1, keepdims=True))"),
    ("softmax_cross_entropy(Z, T)", "Z", "Z: n k, T: n k", "(P - T) / n"),
    ("softmax(z)", "z", "z: k", "diag(p) - outer(p, p)"),
    ("L(sigmoid(X @ W.T))", "W", "X: n i, W: o i", "(G * A * (1 - A)).T @ X"),
    ("L(tanh(X))", "X", "X: n i", "G * (1 - A**2)"),
    ("L(relu(X))", "X", "X: n i", "G * (X > 0)"),
    ("-sum(y * log(sigmoid(X @ w)) + (1 - y) * log(1 - sigmoid(X @ w)))", "w",
     "X: n i, w: i, y: n", "X.T @ (a1 - y)"),
    ("mean(X)", "X", "X: n i", "ones(n, i) / (n * i)"),
    ("sum(A)", "X", "A: n i, X: n i", "zeros(n, i)"),
    ("c", "x", "c:, x:", "0"),
    ("mean((X @ w - y)**2)", "w", "X: n i, w: i 1, y: n 1", "2 * X.T @ (X @ w - y) / n"),
    ("trace(x @ x.T @ A)", "x", "x: n 1, A: n n", "(A + A.T) @ x"),
    ("sum((x @ A - b)**2)", "b", "x: 1 m, A: m n, b: 1 n", "-2 * (x @ A - b)"),
    ("L(W @ x - b)", "b", "W: o i, x: i 1, b: o 1", "-G"),
    ("L(X * s)", "s", "X: n k, s: n 1", "(G * X).sum(axis=1, keepdims=True)"),
    ("L(X * s)", "s", "X: n k, s: 1 k", "(G * X).sum(axis=0, keepdims=True)"),
    ("sum(tanh(x))", "x", "x: n 1", "1 - tanh(x)**2"),
    ("L(mean(Y, axis=1))", "Y", "Y: n k", "outer(G, ones(k)) / k"),
    ("L(mean(Y, axis=0))", "Y", "Y: n k", "outer(ones(n), G) / n"),
    ("L(X.reshape(n*i))", "X", "X: n i", "G.reshape(n, i)"),
    ("sign(x)", "x", "x: n", "zeros(n, n)"),
    ("sum(leaky_relu(X, a))", "X", "X: n k, a:", "where(X > 0, 1, a)"),
    ("logsumexp(X)", "X", "X: n k", "p.reshape(n, k)"),
    ("sum(p * (log(p) - log(q)))", "p", "p: n, q: n", "1 + log(p) - log(q)"),
    ("sum(x**p)", "x", "x: n, p:", "p * x**(p - 1)"),
    ("sum(x**p)", "p", "x: n, p:", "x**p @ log(x)"),
    ("x**x", "x", "x:", "x**x * (1 + log(x))"),
    ("sum(x**(p + 1)) / (p + 1)", "x", "x: n, p:", "x**p"),
    ("det(A)**p", "A", "A: n n, p:", "p * L * inv(A).T"),
    ("-sum((1 - p)**g * log(p))", "p", "p: n, g:", "g * log(p) * (1 - p)**(g - 1) - (1 - p)**g / p"),
    ("v**v", "v", "v: n", "diag(a2 * (1 + a1))"),
    ("sum(norm(X - c, axis=1))", "c", "X: n k, c: k", "-R.T @ (1 / norm(R, axis=1))"),
    ("relu(sum((a - p)**2) - sum((a - q)**2) + m)", "a", "a: n, p: n, q: n, m:", "2 * (z > 0) * (q - p)"),
    ("L(sigmoid(X @ w + b))", "b", "X: n i, w: i, b:", "(G * a * (1 - a)).sum()"),
    ("L(P @ H.T @ inv(H @ P @ H.T + R))", "P", "P: n n, H: m n, R: m m", "(H.T @ G_Z + G @ inv(Z).T) @ H"),
    ("0.5*logdet(K + s**2*eye(n)) + 0.5*y @ inv(K + s**2*eye(n)) @ y", "s", "K: n n, s:, y: n",
     "s * (trace(inv(Z)) - y @ (inv(Z) @ (inv(Z) @ y)))"),
    ("x @ A @ x / (x @ x)", "A", "A: n n, x: n", "outer(x, x) / (x @ x)"),
    ("a * b * (x @ y) * (x @ x)", "a", "a:, b:, x: n, y: n", "b * (x @ x) * (x @ y)"),
    ("trace((A + c * eye(n)) @ (A + c * eye(n)))", "c", "A: n n, c:", "2 * trace(A) + 2 * c * n"),
    ("x > 0", "x", "x: n", "zeros(n, n)"),
    ("sum(sign(x))", "x", "x: n", "zeros(n)"),
    # what multiplies the same array is added first
    ("x @ A @ x", "x", "A: n n, x: n", "(A + A.T) @ x"),
    ("0.5 * x @ A @ x - b @ x", "x", "A: n n, x: n, b: n", "0.5 * (A + A.T) @ x - b"),
    ("trace(X.T @ A @ X)", "X", "A: n n, X: n m", "(A + A.T) @ X"),
    ("a @ X.T @ X @ b", "X", "a: k, X: n k, b: k", "outer(X @ b, a) + outer(X @ a, b)"),
    ("sum(exp(X @ w)) - y @ (X @ w)", "w", "X: n i, w: i, y: n", "X.T @ (a - y)"),
    ("norm(X - X @ W @ W.T)**2", "W", "X: n k, W: k r", "-2 * (R.T @ X + X.T @ R) @ W"),
    ("(y - X @ w) @ inv(S) @ (y - X @ w)", "w", "X: n i, w: i, y: n, S: n n",
     "-X.T @ ((inv(S) + inv(S).T) @ (y - X @ w))"),
    ("-mean(diag(log_softmax(A @ B.T / c)))", "A", "A: n d, B: n d, c:", "(P - eye(n)) @ B / (n * c)"),
    ("exp(-0.5 * x @ A @ x)", "x", "A: n n, x: n", "-0.5 * L * (A + A.T) @ x"),
    # what is positive comes first, numbers in front, gradients that are used once are written out
    ("x @ A @ x / (x @ x)", "x", "A: n n, x: n", "((A + A.T) @ x - 2 * (x @ A @ x) * x / s) / s"),
    ("x @ y / (norm(x) * norm(y))", "x", "x: n, y: n", "(y - (x @ y) * x / (x @ x)) / (norm(x) * norm(y))"),
    ("sum(P * log(P / (sum(P, axis=1, keepdims=True) * sum(P, axis=0, keepdims=True))))", "P", "P: n m", "A - 1"),
    ("x * (u @ x) * (v @ x)", "u", "x: n, u: n, v: n", "(v @ x) * outer(x, x)"),
    ("(u @ x)**2 * (v @ x)**2", "v", "x: n, u: n, v: n", "2 * (u @ x)**2 * (v @ x) * x"),
    ("norm(x - 2 * (v @ x) / (v @ v) * v - y)**2", "v", "x: n, v: n, y: n",
     "4 * (2 * (r @ v) * (v @ x) * v / s - (v @ x) * r - (r @ v) * x) / s"),
    ("mean((x - mean(x))**3)", "x", "x: n", "3 * (r**2 - (r**2).mean()) / n"),
    ("x / norm(x)", "x", "x: n", "(eye(n) - outer(x, x) / (x @ x)) / norm(x)"),
    ("a @ inv(X + c * eye(n)) @ b", "c", "a: n, b: n, X: n n, c:", "-a @ (inv(Z) @ (inv(Z) @ b))"),
    ("-0.5 * logdet(S) - 0.5 * (x - m) @ inv(S) @ (x - m)", "S", "S: n n, x: n, m: n",
     "0.5 * (outer(inv(S).T @ r, inv(S) @ r) - inv(S).T)"),
    # sums of what is centred are zero, sums that are divided by their length are means
    ("sum(var(X, axis=0))", "X", "X: n k", "2 * (X - X.mean(axis=0)) / n"),
    ("x.mean() / x.std()", "x", "x: n", "(1 - x.mean() * r / s) / (n * sqrt(s))"),
    ("L((x - x.mean()) / sqrt(x.var() + eps))", "x", "x: n, eps:", "G_r - G_r.mean()"),
    ("L(X / norm(X, axis=1, keepdims=True))", "X", "X: n m", "(G - (G * X).sum(axis=1, keepdims=True) * X / R) / sqrt(R)"),
    ("L(X / X.sum(axis=1, keepdims=True))", "X", "X: n m",
     "(G - (G * X).sum(axis=1, keepdims=True) / X.sum(axis=1, keepdims=True)) / X.sum(axis=1, keepdims=True)"),
    ("L(X / X.sum(axis=0))", "X", "X: n m", "(G - (G * X).sum(axis=0) / X.sum(axis=0)) / X.sum(axis=0)"),
    ("X / X.sum(axis=0)", "X", "X: n m", None),
    ("abs(x) * x / ((1 + y**2) * norm(x))", "x", "x: n, y: n",
     "(2 * diag(a / r) - outer(a * x / r, x) / (x @ x)) / norm(x)"),
    ("L(X / sqrt(mean(X**2, axis=1, keepdims=True) + eps) * g)", "X", "X: n k, g: k, eps:",
     "(G * g - ((G * X) @ g)[:, None] * X / (k * R)) / sqrt(R)"),
    ("L(g * v / norm(v))", "v", "g:, v: n", "g * (G - (G @ v) * v / (v @ v)) / norm(v)"),
    ("L(g * v / norm(v))", "v", "g: n, v: n", "(G * g - (G * g * v).sum() * v / (v @ v)) / norm(v)"),
    ("sum(1 / x - 1 / x**2)", "x", "x: n", None),
    ("norm(X.mean(axis=0))**2", "X", "X: n k", "2 * outer(ones(n), X.mean(axis=0)) / n"),
    ("sum(X.mean(axis=1)**2) / n", "X", "X: n k", "2 * outer(X.mean(axis=1), ones(k)) / (n * k)"),
    ("sum(x)**2 / n**3", "x", "x: n", "2 * x.mean() * ones(n) / n**2"),
    ("sum(x)**2 / sqrt(n)", "x", "x: n", "2 * x.sum() * ones(n) / sqrt(n)"),
    ("L(X / sqrt(mean(X**2, axis=1, keepdims=True) + eps) * g)", "g", "X: n k, g: k, eps:",
     "(G * X / sqrt((X**2).mean(axis=1, keepdims=True) + eps)).sum(axis=0)"),
    ("sum((x - mean(x)) * (y - mean(y)))", "x", "x: n, y: n", "y - y.mean()"),
    ("L((X - mean(X, axis=0)).T @ (X - mean(X, axis=0)))", "X", "X: n k", None),
    # a sum that is used twice is one value
    ("L((H - mean(H, axis=0)) / sqrt(var(H, axis=0) + eps))".replace("H", "(X @ W.T + b)"), "W",
     "X: n i, W: o i, b: o, eps:", "(G_R2 - G_R2.mean(axis=0)).T @ X"),
    ("L(H + relu(H @ A) @ B)".replace("H", "(X + relu(X @ A) @ B)"), "X", "X: n i, A: i h, B: h i", "G_Z1 @ A.T + G_R"),
    ("exp(-(x - m) @ inv(S) @ (x - m) / 2)", "x", "x: n, m: n, S: n n", "-0.5 * L * (inv(S) + inv(S).T) @ r"),
    ("sum((X @ A) * X)", "X", "X: n i, A: i i", "X @ (A + A.T)"),
    # what is used once is written out where that makes the result shorter
    ("u @ inv(A + t * B) @ v", "t", "u: n, v: n, A: n n, B: n n, t:", "-u @ (inv(Z) @ (B @ (inv(Z) @ v)))"),
    ("mean(maximum(0, m + sum((A - P)**2, axis=1) - sum((A - N)**2, axis=1)))", "A", "A: n d, P: n d, N: n d, m:",
     "2 * (N - P) * (z > 0)[:, None] / n"),
    ("sum(logsumexp(X @ W.T / t, axis=1))", "t", "X: n i, W: k i, t:", "-((P.T @ X) * W).sum() / t**2"),
    # what is known of functions
    ("-sum(softmax(Z) * log_softmax(Z))", "Z", "Z: n k", "P * ((S * P).sum(axis=1, keepdims=True) - S)"),
    ("sum(softmax(Z))", "Z", "Z: n k", "zeros(n, k)"),
    ("sum(log(cosh(X @ w - y)))", "w", "X: n i, w: i, y: n", "X.T @ tanh(z)"),
    ("sum(log(sin(x)))", "x", "x: n", "1 / tan(x)"),
    ("sum(log(abs(x)))", "x", "x: n", "1 / x"),
    ("sum(abs(x) * x)", "x", "x: n", "2 * abs(x)"),
    ("sum(tanh(abs(x)) / x) * 0 + sum(abs(x)**2)", "x", "x: n", "2 * x"),
    ("L(exp(Z - max(Z, axis=1, keepdims=True)) / sum(exp(Z - max(Z, axis=1, keepdims=True)), axis=1, keepdims=True))",
     "Z", "Z: n k", "P * (G - (G * P).sum(axis=1, keepdims=True))"),
    ("-sum(softmax(z) * log(softmax(z)))", "z", "z: k", "p * (a @ p - a)"),
    ("L((X @ W) * s[:, None])", "W", "X: n i, W: i o, s: n", "X.T @ (G * s[:, None])"),
    ("L(relu(X @ W) / s[:, None])", "W", "X: n i, W: i o, s: n", "X.T @ (G * (Z > 0) / s[:, None])"),
    ("L(leaky_relu(Z))", "Z", "Z: n k", "G * where(Z > 0, 1, 0.01)"),
    ("sum(where(abs(r) <= 1, r**2 / 2, abs(r) - 0.5))", "r", "r: n", "where(abs(r) > 1, sign(r), r)"),
    ("sum((t * X + (1 - t) * Y - Z)**2)", "X", "X: n i, Y: n i, Z: n i, t:", "2 * t * R"),
    ("x @ A @ x - c * (x @ B @ x)", "x", "A: n n, B: n n, x: n, c:", "(A + A.T) @ x - c * (B + B.T) @ x"),
    ("trace(C @ W @ inv(S @ S.T) @ W.T)", "W", "C: n n, W: n k, S: k m", "(C + C.T) @ W @ inv(Z)"),
    ("-0.5*trace((X - M) @ inv(S) @ (X - M).T)", "M", "X: n p, M: n p, S: p p", "0.5 * (X - M) @ (inv(S) + inv(S).T)"),
    ("norm(M * (Y - U @ V.T))**2", "U", "M: n m, Y: n m, U: n k, V: m k", "-2 * (M**2 * (Y - U @ V.T)) @ V"),
    ("e * sum(p * (log(p) - 1)) + p @ c", "p", "p: n, c: n, e:", "e * log(p) + c"),
    ("-sum(log(diag(C)))", "C", "C: n n", "-diag(1 / diag(C))"),
    ("trace(X) / n", "X", "X: n n", "eye(n) / n"),
    ("L(x * sum(x))", "x", "x: n", "G @ x + x.sum() * G"),
    ("sum(P * log(s)) + sum(P * R / s)", "s", "P: n k, R: n k, s: k", "P.sum(axis=0) / s - (P * R).sum(axis=0) / s**2"),
    ("x @ A @ x / (x @ B @ x)", "x", "x: n, A: n n, B: n n",
     "((A + A.T) @ x - (x @ A @ x) * (B + B.T) @ x / s) / s"),
    ("L((1 + exp(-k * X))**(-1 / k))", "X", "X: n d, k:", "G * A2 * sigmoid(Z1)"),
    ("L(exp(X)**p)", "X", "X: n k, p:", "p * G * A"),
    ("-sum((1 - sigmoid(z))**g * log(sigmoid(z)))", "z", "z: n, g:", "g * a3 * a1 * z1**g - z1**(g + 1)"),
    ("sum(a * (1 - b) * x**2)", "x", "x: n, a:, b:", "2 * a * (1 - b) * x"),
    ("L(h + a * (tanh(W @ h) - h))", "h", "h: n, W: n n, a:", "a * W.T @ (G * (1 - a1**2)) + (1 - a) * G"),
    ("softmax(z * t)", "t", "z: k, t:", "p * (z - p @ z)"),
    ("log_softmax(z / t)", "t", "z: k, t:", "(p @ z - z) / t**2"),
    ("sum((A + c * eye(n)) @ x)", "x", "A: n n, c:, x: n", "A.sum(axis=0) + c"),
    ("sum(softmax(Z) @ V)", "Z", "Z: n k, V: k o", "P * (V.sum(axis=1) - P @ V.sum(axis=1, keepdims=True))"),
    ("c @ inv(X.T @ diag(w) @ X) @ c", "w", "X: n p, w: n, c: p", "-(X @ (inv(Z) @ c))**2"),
    ("-sum(sigmoid(z) * log(sigmoid(z)))", "z", "z: n", "-(1 + a2) * a1 * (1 - a1)"),
    ("-mean(y*(1-sigmoid(z))**2*log(sigmoid(z)) + (1-y)*sigmoid(z)**2*log(1-sigmoid(z)))", "z", "z: n, y: n",
     "(r * a1**2 / z1 + 2 * y * z1 * a2 - y * z1**2 / a1 - 2 * r * a1 * a3) * a1 * z1 / n"),
    ("sum(relu(1 - y * (X @ w))**2)", "w", "X: n i, w: i, y: n", "-2 * X.T @ (a * y)"),
    ("sum(2**x)", "x", "x: n", "log(2) * exp(log(2) * x)"),
    ("sum(0.5**x)", "x", "x: n", "-log(2) * exp(-log(2) * x)"),
    ("sum(max(X, axis=1) - min(X, axis=1))", "X", "X: n i", "(X == m1[:, None]) - (X == m2[:, None])"),
    ("norm(x - y)**2 - norm(x - z)**2", "x", "x: n, y: n, z: n", "2 * (z - y)"),
    # a choice is written as one
    ("sum(where(abs(r) < c, r**2 / 2, c * (abs(r) - c / 2)))", "r", "r: n, c:", "where(abs(r) < c, r, c * sign(r))"),
    ("L(where(X > 0, X, c * X))", "X", "X: n i, c:", "G * where(X > 0, 1, c)"),
    ("L(elu(X))", "X", "X: n i", "G * where(X > 0, 1, 1 + A)"),
    ("sum(minimum(x, 0))", "x", "x: n", "(x < 0)"),
    ("sum(maximum(x, y)**2)", "x", "x: n, y: n", "2 * where(x > y, x, y) * (x > y)"),
    ("sum(where(x > y, x**2 / y, -x / y))", "x", "x: n, y: n", "where(x > y, 2 * x, -1) / y"),
    ("sum(where(x > y, -x**2, -x * y))", "x", "x: n, y: n", "where(x > y, -2 * x, -y)"),
    ("L(where(X > 0, -X, c * X / v))", "X", "X: n i, c:, v: i", "G * where(X > 0, -1, c / v)"),
    # a comparison reads as it was written
    ("sum(where(x >= 0, x, 0))", "x", "x: n", "(x >= 0)"),
    ("sum(where(x <= y, x**2, 0))", "x", "x: n, y: n", "2 * x * (x <= y)"),
    ("sum(where(x != 0, x**2, x))", "x", "x: n", "where(x == 0, 1, 2 * x)"),
    ("sum(where(-x > 1, x**2, -x))", "x", "x: n", "where(x < -1, 2 * x, -1)"),
    ("sum(where(a - b + c > d, x**2, 0))", "x", "x: n, a:, b:, c:, d:", "2 * (a > b - c + d) * x"),
    ("L(clip(r, 1 - e, 1 + e))", "r", "r: n, e:", "G * (r > 1 - e) * (r < 1 + e)"),
    ("sum((x - y - z > c - 1) * x)", "x", "x: n, y: n, z: n, c:", "(x > y + z + c - 1)"),
    ("sum(where(x > y, z * where(z < y, x, 1), x**2) + z * (x <= 2))", "x", "x: n, y: n, z: n", None),
    ("sum(where(1 - (x > 0) * (y > 0), x**2, c))", "x", "x: n, y: n, c:", None),
    ("L((-x + 1) * y)", "y", "x: n, y: n", "G * (1 - x)"),
    # a norm stays one
    ("norm(X @ w - y) * norm(w)", "w", "X: n p, w: p, y: n", "norm(w) * X.T @ r / norm(r) + norm(r) * w / norm(w)"),
    ("trace(X) * X", "X", "X: n n", "trace(X) * einsum('nb,ac->nabc', eye(n), eye(n)) + einsum('na,bc->nabc', X, eye(n))"),
    # no minus before a difference
    ("-a @ (P @ ones(m) - r)", "a", "P: n m, a: n, r: n", "r - P.sum(axis=1)"),
    ("-sum(T * log_softmax(Z / tau))", "tau", "Z: n k, T: n k, tau:",
     "((T - T.sum(axis=1, keepdims=True) * P) * Z).sum() / tau**2"),
    ("0.5 * (y - tanh(w @ x))**2", "w", "w: n, x: n, y:", "(a - y) * (1 - a**2) * x"),
    ("norm(x - mean(x))**2 + mean(x)**2", "x", "x: n", "2 * (x + (1 / n**2 - 1 / n) * x.sum())"),
    # numbers in front of sums
    ("sum((y - a*exp(-k*t))**2)", "k", "y: n, a:, k:, t: n", "2 * a * ((y - a * a1) * a1 * t).sum()"),
    ("sum(cos(2*pi*x/t))", "t", "x: n, t:", "2 * pi * (sin(z) @ x) / t**2"),
    ("sum(4*e*((s/x)**12 - (s/x)**6))", "x", "e:, s:, x: k", "24 * e * s**6 * (1 / x**7 - 2 * s**6 / x**13)"),
    ("sum(4*e*((s/x)**12 - (s/x)**6))", "s", "e:, s:, x: k",
     "24 * e * s**5 * (2 * s**6 * (1 / x**12).sum() - (1 / x**6).sum())"),
    ("mean(tanh(X @ w)**4) - 3*mean(tanh(X @ w)**2)**2", "w", "X: n p, w: p",
     "4 * X.T @ ((a**3 - 3 * (a**2).mean() * a) * (1 - a**2)) / n"),
    # axes that are products
    ("L(kron(a, b))", "a", "a: n, b: m", "G.reshape(n, m) @ b"),
    ("L(X.flatten() * v)", "X", "X: n i, v: n*i", "(G * v).reshape(n, i)"),
    ("L(X.flatten() @ W.T)", "W", "X: n i, W: o n*i", "outer(G, X.reshape(n*i))"),
    ("L(relu(X.flatten() @ W.T))", "X", "X: n i, W: o n*i", "(W.T @ (G * (z > 0))).reshape(n, i)"),
    ("norm(kron(eye(m), A) @ x - b)**2", "A", "A: p q, x: m*q, b: m*p", None),
    ("L(A.reshape(i, k*l) @ v)", "A", "A: i*k l, v: k*l", "outer(G, v).reshape(i*k, l)"),
    # no needless transposes
    ("L(A @ diag(v) @ B)", "v", "A: k n, v: n, B: n m", "((A.T @ G) * B).sum(axis=1)"),
    ("trace(exp(A @ X))", "X", "A: n m, X: m n", "diag(A1) * A.T"),
    ("trace(kron(A, B))", "A", "A: i i, B: k k", "trace(B) * eye(i)"),
    ("kron(A, B) @ x", "x", "A: i j, B: k l, x: j*l", "kron(A, B)"),
    ("x @ kron(A, B)", "x", "A: i j, B: k l, x: i*k", "kron(A.T, B.T)"),
    ("einsum('ij,kl->iklj', A, B).reshape(i*k, l*j) @ x", "x", "A: i j, B: k l, x: l*j", None),
    ("A.reshape(i*k, j*l) @ x", "x", "A: i*k j*l, x: j*l", "A"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "wrt", "dims", "printed"), GRADIENTS + GRAMS + COLUMNS + CENTRED + SPREAD + DETERMINANTS
)
def test_gradient_reads_as_a_person_writes_it(expression, wrt, dims, printed):
    d = hg.derive(expression, wrt, dims)
    assert printed is None or str(d.gradient) == printed
    assert d.check((0,)) >= 3


@pytest.mark.parametrize("layout", ["shape", "numerator", "denominator", "transposed-denominator"])
@pytest.mark.parametrize(("expression", "wrt", "dims"), CASES + COUNTED + DOMAINS + EDGES)
def test_every_line_is_true(expression, wrt, dims, layout):
    if layout == "shape" or (expression, wrt, dims) in JACOBIANS or "n i, W: o i" in dims:
        d = hg.derive(expression, wrt, dims, layout=layout)
        assert d.check((0, 1) if layout == "shape" else (0,)) > 3
        assert d.latex("index").startswith(r"\begin{aligned}")


@pytest.mark.parametrize(("expression", "wrt", "dims"), CASES)
def test_flat_gradient_is_true(expression, wrt, dims):
    d = hg.derive(expression, wrt, dims, flatten=True)
    assert not d.definitions
    d.check((0,))


def test_index_notation():
    d = hg.derive("L(X @ W.T)", wrt="W", dims={"X": "n i", "W": "o i"})
    assert (
        d.text("index")
        == """\
Y[n,o]          = sum_i X[n,i] W[o,i]
dY[n,o]/dW[p,q] = sum_i X[n,i] delta[o,p] delta[i,q] = X[n,q] delta[o,p]
dL/dW[p,q]      = sum_no G[n,o] X[n,q] delta[o,p]
                = sum_n G[n,p] X[n,q]
                = (G.T @ X)[p,q]"""
    )


def test_frobenius_notation():
    d = hg.derive("L(X @ W.T)", wrt="W", dims={"X": "n i", "W": "o i"})
    assert (
        d.text("frobenius")
        == """\
dL = G : dY
   = G : (X dW^T)      only W varies
   = G^T : (dW X^T)    A:B = A^T:B^T
   = (G^T X) : dW      C:(AB) = (C B^T):A
=>  dL/dW = G^T X"""
    )


def test_letters_are_no_names_of_arrays():
    text = hg.derive("softmax(z)", "z", "z: k").text("index")
    assert "= p[k] delta[k,q] - p[k] p[q]" in text
    assert "dp[k]/dz[q]" in text


def test_merged_axes_stay_merged():
    d = hg.derive("X.reshape(n*i)", "X", "X: n i")
    assert d.shape == "(n*i, n, i)"
    with pytest.raises(hg.ExpressionError, match="no sum of Kronecker"):
        d.kronecker()


def test_the_rules_of_a_vector_output():
    rules = [step.rule for step in hg.derive("f(sigmoid(W @ x))", "x", "W: o i, x: i").steps("frobenius")]
    assert "derivative of sigmoid" in rules
    assert "f' is the derivative of f" in rules


def test_a_zero_derivative_is_a_plain_zero():
    d = hg.derive("L(X @ W.T)", "b", "X: n i, W: o i, b: o")
    assert d.text("frobenius") == "dL/db = 0    b does not occur"


def test_a_mask_needs_no_helper():
    source = hg.derive("L(relu(X @ W.T))", "W", "X: n i, W: o i").source
    assert source.count("def ") == 1


def test_unicode():
    d = hg.derive("L(sigmoid(X @ W.T))", "W", "X: n i, W: o i")
    assert "=>  dL/dZ = G ∘ A ∘ (1 - A)" in d.text("frobenius", unicode=True)
    assert "(X dWᵀ)" in d.text("frobenius", unicode=True)
    assert "Σ_i X[n,i] δ[o,p] δ[i,q]" in d.text("index", unicode=True)
    assert "only W varies" in d.text("index", reasons=True)
    for power, shown in ((2, "x[n]²"), (20, "x[n]^20"), (2.5, "x[n]^2.5")):
        assert shown in hg.derive(f"sum(x**{power})", "x", "x: n").text("index", unicode=True)
    assert "kdelta[n,p]" in hg.derive("delta * x", "x", "x: n, delta: n").text("index", unicode=True)


@pytest.mark.parametrize(("text", "dims", "wrt", "line"), [
    ("mean(x**2)", "x: n", "x", "L = sum_i x[i]^2 / n"),
    ("X - mean(X, axis=0)", "X: n i", "X", "Y[j,i] = X[j,i] - sum_k X[k,i] / n"),
    ("Q @ K.T / sqrt(d)", "Q: n d, K: m d", "Q", "Y[n,m] = sum_i Q[n,i] K[m,i] / sqrt(d)"),
    ("L(X @ W.T)", "X: n i, W: o i", "W", "Y[n,o] = sum_i X[n,i] W[o,i]"),
])  # fmt: skip
def test_no_letter_is_called_like_a_length_of_the_derivation(text, dims, wrt, line):
    d = hg.derive(text, wrt, dims)
    assert line in map(str, d.steps("index"))
    d.check()


def test_what_keeps_its_axis_is_a_column():
    layer_norm = "L((X - mean(X, axis=1, keepdims=True)) / std(X, axis=1, keepdims=True))"
    found = {name: str(value) for name, value in hg.derive(layer_norm, "X", "X: n k").definitions.items()}
    assert found["R2"] == "(R1**2).mean(axis=1, keepdims=True)"
    assert found["G_R1"] == "(G - (G * R1).mean(axis=1, keepdims=True) * R1 / R2) / sqrt(R2)"


def test_a_quotient_cancels_and_a_value_keeps_its_name():
    assert str(hg.derive("sum(p * log(p / q))", "p", "p: n, q: n")) == "dL/dp = 1 + log(p / q)"
    assert "r = 1 - x" in str(hg.derive("x @ log(x / (1 - x))", "x", "x: n"))


def test_every_step_has_a_rule():
    d = hg.derive("L(softmax(tanh(X @ W.T)))", "W", "X: n i, W: o i")
    for step in d.steps("index"):
        assert step.rule


def test_latex_of_both_notations():
    d = hg.derive("L(softmax(X @ W.T))", "W", "X: n i, W: o i")
    for notation in ("index", "frobenius"):
        made = d.latex(notation)
        assert made.startswith(r"\begin{aligned}")
        assert made.count("{") == made.count("}")
    assert d.gradient.latex() == (
        r"(P \odot (G - (G \odot P) \mathbf{1}_{o} \mathbf{1}_{o}^{\mathsf{T}}))^{\mathsf{T}} X"
    )
    assert d._repr_latex_().startswith("$$")


def test_latex_of_the_reasons():
    made = hg.derive("L(X @ W_1.T)", "W_1", "X: n i, W_1: o i").latex()
    assert r"&& \text{only $W_{1}$ varies}" in made
    assert r"&& C:(AB) = (C B^{\mathsf{T}}):A" in made


def test_a_network_is_the_recursion_from_layer_to_layer():
    layers = ("X @ W1.T + b1", "W2.T + b2", "W3.T + b3")
    dims = "X: n i, W1: h i, b1: h, W2: k h, b2: k, W3: o k, b3: o"
    d = hg.derive(f"L(relu(relu(relu({layers[0]}) @ {layers[1]}) @ {layers[2]}))", "W1", dims)
    assert str(d.gradient) == "G_Z1.T @ X"
    assert {name: str(value) for name, value in d.definitions.items() if name.startswith("G_")} == {
        "G_Z3": "G * (Z3 > 0)",
        "G_Z2": "(G_Z3 @ W3) * (Z2 > 0)",
        "G_Z1": "(G_Z2 @ W2) * (Z1 > 0)",
    }


def test_the_gradient_of_a_single_layer_is_written_out():
    d = hg.derive("L(relu(X @ V.T) @ W.T)", "V", "X: n i, V: h i, W: o h")
    assert str(d.gradient) == "((G @ W) * (Z > 0)).T @ X"


def test_printing_the_derivation():
    d = hg.derive("L(tanh(X @ W.T))", "W", "X: n i, W: o i")
    assert str(d) == "dL/dW = (G * (1 - A**2)).T @ X\nwhere\n  Z = X @ W.T\n  A = tanh(Z)"
    assert "derivative of" in repr(d)
    assert d.shape == "(o, i)"


def test_source_is_a_function_that_a_person_could_have_written():
    d = hg.derive("mean((X @ W.T - T)**2)", "W", "X: n i, W: o i, T: n o")
    assert (
        d.source
        == """\
import numpy as np


def gradient(X, W, T):
    n = X.shape[0]
    o = W.shape[0]
    return 2 * ((X @ W.T - T).T @ X) / (n * o)
"""
    )


def test_layouts_have_the_shapes_of_their_names():
    X, W, G = np.ones((2, 3)), np.ones((4, 3)), np.ones((2, 4))
    d = hg.derive("L(X @ W.T)", "W", "X: n i, W: o i")
    assert d.to_numpy()(X=X, W=W, G=G).shape == (4, 3)
    assert d.layout("numerator").to_numpy()(X=X, W=W, G=G).shape == (3, 4)
    turned = hg.derive("L(X @ W.T)", "W", "W: o i, X: n i").layout("numerator")
    assert "def gradient(W, X, G):" in turned.source  # the order of `dims`
    y = hg.derive("W @ x", "x", "W: o i, x: i")
    assert y.layout("numerator").to_numpy()(W=W, x=np.ones(3)).shape == (4, 3)
    assert y.layout("denominator").to_numpy()(W=W, x=np.ones(3)).shape == (3, 4)
    Y = hg.derive("X @ W.T", "W", "X: n i, W: o i", layout="numerator")
    assert Y.to_numpy()(X=X, W=W).shape == (2, 4, 4, 3)


@pytest.mark.parametrize(("expression", "wrt", "dims", "printed"), [
    ("sum((X @ w - y)**2)", "w", "X: n i, w: i, y: n", "2 * X.T @ X"),
    ("x @ A @ x", "x", "A: n n, x: n", "A + A.T"),
    ("sum(softplus(X @ w) - y * (X @ w))", "w", "X: n i, w: i, y: n", None),
    ("logsumexp(x)", "x", "x: n", "diag(p) - outer(p, p)"),
    ("mean(log(1 + exp(-y * (X @ w)))) + lam/2 * w @ w", "w", "X: n i, w: i, y: n, lam:",
     "(X.T * (y**2 * a * (1 - a))) @ X / n + lam * eye(i)"),
    ("sum(relu(X @ w)**2)", "w", "X: n i, w: i", "2 * (X.T * (z > 0)) @ X"),
    ("logsumexp(A @ x)", "x", "A: m n, x: n", None),
    ("sum(f(X @ w))", "w", "X: n i, w: i", "(X.T * f''(z)) @ X"),
    ("1 / (1 + x**2)", "x", "x:", "2 * (3 * x**2 - 1) / (1 + x**2)**3"),
])  # fmt: skip
def test_hessian(expression, wrt, dims, printed):
    hessian = hg.derive(expression, wrt, dims).derive(wrt)
    assert printed is None or str(hessian.gradient) == printed
    hessian.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "again"), [
    ("X @ W", "W", "X: n i, W: i k", "X"), ("X**2", "X", "X: n i", "X"), ("outer(x, y)", "x", "x: n, y: m", "y"),
    ("softmax(X)", "X", "X: n i", "X"),
])  # fmt: skip
def test_a_second_derivative_may_have_many_axes(expression, wrt, dims, again):
    assert hg.derive(expression, wrt, dims).derive(again).check((0,))


def test_what_is_largest_is_found_by_lines_that_round_differently():
    dims = "x: n, b: n, B: m n, A: n n"
    assert hg.derive("max((b @ x) * (b / (2 + x**2)))", "x", dims).derive("x").check((0, 1))
    assert hg.derive("max(sin(x) / (2 + softmax(x)**2))", "x", dims).derive("x").check((0, 1))


def test_lines_say_what_varies_and_how():
    rules = [step.rule for step in hg.derive("x / norm(x)", "x", "x: n").steps("frobenius")]
    assert rules == [
        "definition",
        "definition",
        "power rule",
        "quotient rule",
        "insert ds",
        "(a^T b) c = c a^T b",
        "the matrix in front of dx",
        "insert s",
    ]
    sums = hg.derive("tanh(W @ x) + sin(W @ x)", "x", "W: o i, x: i").steps("frobenius")
    assert "term by term" in [step.rule for step in sums]
    lines = [str(step) for step in hg.derive("var(X @ w)", "w", "X: n i, w: i").steps("frobenius")]
    assert "r2 = r1 - 1_n 1_n^T r1 / n" in lines
    assert "dL/dr1 = 2 r2 / n - 2 1_n 1_n^T r2 / n^2" in lines
    assert [str(step) for step in hg.derive("inv(A)", "A", "A: n n").steps("frobenius")][:3] == [
        "V = A^-1", "dV = -V dA V", "dV[n,i]/dA[p,q] = -sum_jk V[n,j] V[k,i] delta[j,p] delta[k,q]"]  # fmt: skip


LOGISTIC = "sum(log(1 + exp(X @ w))) - y @ (X @ w)"


def test_the_hessian_is_read_off_what_the_differentials_make():
    hessian = hg.derive(LOGISTIC, "w", "X: n i, w: i, y: n").derive("w")
    assert (
        "\n".join(hessian.text("frobenius").splitlines()[4:])
        == """\
dz  = X dw                              only w varies
da  = a * (1 - a) * dz                  derivative of sigmoid
dr  = da                                only a varies
dy1 = X^T dr                            only r varies
    = X^T (a * (1 - a) * (X dw))        insert dz, da, dr
    = X^T diag(a * (1 - a)) X dw        v * u = diag(v) u
=>  dy1/dw = X^T diag(a * (1 - a)) X    the matrix in front of dw"""
    )


@pytest.mark.parametrize(("expression", "dims", "wanted"), [
    ("softmax(W @ x)", "W: k i, x: i", "(diag(p) W - p p^T W) dx"),
    ("A @ x * (x @ x)", "A: m n, x: n", "(s A + 2 r x^T) dx"),
    ("(A @ x) / (b @ x)", "A: m n, x: n, b: n", "(A / s - A x b^T / s^2) dx"),
    ("f(x) * g(x)", "x: n", "(diag(f'(x) * a2) + diag(a1 * g'(x))) dx"),
    ("exp(x @ A @ x) * b", "A: n n, x: n, b: n", "a b (x^T A^T + x^T A) dx"),
    ("tanh(x) / b", "x: n, b: n", "diag((1 - a**2) / b) dx"),
    ("x / b", "x: n, b: n", "diag(1 / b) dx"),
    ("sum(x * y) * b", "x: n, y: n, b: m", "b y^T dx"),
    ("(x @ y) / b", "x: n, y: n, b: m", "(1 / b) y^T dx"),
    ("x / norm(y) / b", "x: n, y: n, b: n", "diag(1 / b) dx / sqrt(s)"),
    ("sum((A - x) * y[:, None], axis=0)", "A: m n, x: n, y: m", "-(1_m^T y) dx"),
    ("(A @ x) / x", "A: n n, x: n", "(-diag(r / x**2) + A / (x 1_n^T)) dx"),
    ("log_softmax(W @ log_softmax(V @ x))", "V: m n, W: k m, x: n", None),
])  # fmt: skip
def test_a_vector_by_a_vector_has_a_matrix_in_front(expression, dims, wanted):
    d = hg.derive(expression, "x", dims)
    assert d.check((0,))
    lines = [step.right for step in d.steps("frobenius")]
    assert wanted in lines if wanted else True, lines


def test_two_differentials_of_one_output_say_what_varies():
    d = hg.derive("norm(A @ x - b) / norm(x)", "x", "A: m n, x: n, b: m")
    rules = {step.right: step.rule for step in d.steps("frobenius")}
    assert rules["-0.5 sqrt(s1) ds2 / s2^1.5"] == "power rule, only s2 varies"
    rows = hg.derive("L(X / sum(X, axis=1, keepdims=True))", "X", "X: n k")
    assert "only X varies, r held fixed" in [step.rule for step in rows.steps("frobenius")]


def test_the_second_derivative_of_a_number_is_not_called_like_the_first():
    second = hg.derive("s**4", "s", "s:").derive("s")
    assert str(second) == "dy/ds = 12 * s**2"
    assert second.check((0,))


@pytest.mark.parametrize(("expression", "dims", "layout", "wanted"), [
    ("a @ x", "a: n, x: n", "numerator", "a^T"), ("a @ x", "a: n, x: n", "transposed-denominator", "a^T"),
    ("a @ x", "a: n, x: n", "denominator", "a"), ("x * x", "x: n", "numerator", "2 diag(x)"),
    ("softmax(W @ x)", "W: k i, x: i", "denominator", "W^T (diag(p) - p p^T)"),
    ("A @ relu(B @ x)", "A: m n, B: n k, x: k", "numerator", None),
])  # fmt: skip
def test_the_last_line_of_a_layout(expression, dims, layout, wanted):
    d = hg.derive(expression, "x", dims, layout=layout)
    assert d.check((0,))
    last = d.steps("frobenius")[-1]
    assert (last.left, last.rule) == ("J", f"{layout} layout")
    assert last.right == wanted if wanted else "J_" not in last.right


def test_arguments_of_the_source_are_in_order():
    source = hg.derive("L(X @ W.T + f(b)) + K(f(b))", "b", "X: n i, W: o i, b: o").source
    assert "def gradient(X, W, b, G, G_K, f_prime):" in source
    source = hg.derive("sum(f(x) * g(f(x)))", "x", "x: n").source
    assert "def gradient(x, f, f_prime, g, g_prime):" in source


def test_reasons_are_typeset():
    latex = hg.derive("tanh(W @ x)", "x", "W: o i, x: i").latex()
    assert r"\operatorname{diag}(v) u" in latex
    latex = hg.derive("log(W @ x)", "x", "W: o i, x: i").latex()
    assert r"(A u) \oslash v = (A \oslash (v \mathbf{1}^{\mathsf{T}})) u" in latex


def test_a_line_says_what_is_held_fixed():
    lines = {step.left: step.rule for step in hg.derive("L(x / norm(x))", "x", "x: n").steps("index")}
    assert lines["dy[n]/dx[p]"] == "only x varies, s held fixed"
    assert lines["dy[n]/ds"] == "power rule"


def test_a_line_says_which_names_it_writes_out():
    triplet = hg.derive("relu(sum((a - p)**2) - sum((a - q)**2) + m)", "a", "a: n, p: n, q: n, m:")
    for notation in ("index", "frobenius"):
        assert any(step.rule.endswith("insert r1, r2") for step in triplet.steps(notation))
    gram = hg.derive("logdet(A.T @ A)", "A", "A: n k")
    assert "sum over the deltas, Z is symmetric" in [step.rule for step in gram.steps("index")]


@pytest.mark.parametrize(("expression", "dims", "wrt", "lines"), [
    ("norm(R)**2 * c", "R: n k, c:", "R", ["2 c (R : dR)", "(2 c R) : dR"]),
    ("p * q * p", "p:, q:", "p", ["2 p q dp"]),
    ("L(x / norm(x))", "x: n", "x", ["-G : (0.5 ds x / s^1.5)", "-(0.5 G / s^1.5) : (ds x)", "-0.5 (G : x) ds / s^1.5"]),
    ("U @ V", "U: n k, V: k m", "U", ["dU V"]),
])  # fmt: skip
def test_numbers_move_at_once(expression, dims, wrt, lines):
    said = [step.right for step in hg.derive(expression, wrt, dims).steps("frobenius")]
    assert [line for line in said if line in lines] == lines


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("expression", ["norm(p + q)", "var(q.T + p.T)", "c * mean_squared_error(q.T + q, A)"])
def test_columns_beside_rows_in_a_matrix(expression, flatten):
    assert hg.derive(expression, "q", "p: n 1, q: 1 n, A: n n, c:", flatten=flatten).check((0,))


@pytest.mark.parametrize("expression", ["norm(tanh(x))", "norm(softmax(x))"])
def test_the_norm_of_a_function(expression):
    assert hg.derive(expression, "x", "x: n", flatten=True).check((0,))


def test_the_check_of_a_second_derivative_sees_the_first(monkeypatch):
    monkeypatch.setitem(ELEMENTWISE, "sin", ELEMENTWISE["sin"]._replace(derivative="2 * cos(z)"))
    hessian = hg.derive("sum(sin(x))", "x", "x: n").derive("x")
    assert str(hessian.gradient) == "-2 * diag(sin(x))"  # which is the derivative of 2 * cos(x)
    with pytest.raises(hg.DerivationError, match=r"dL/dx = 2 \* cos\(x\)"):
        hessian.check((0,))


def test_hessian_of_an_unknown_loss_is_refused():
    with pytest.raises(hg.ExpressionError, match="unknown loss"):
        hg.derive("L(X)", "X", "X: n i").derive("X")


def test_whole_numbers_have_no_point_and_negative_ones_no_parentheses():
    ridge = hg.derive("norm(A @ x - b)**2 + c * norm(x)**2", "x", "A: m n, x: n, b: m, c:")
    assert " = 2 r[p]\n" in ridge.text("index")
    batch = hg.derive("L((X - mean(X, axis=0)) / sqrt(var(X, axis=0) + eps))", "X", "X: n k, eps:")
    assert "= -0.5 ((G * R)^T 1_n / r**1.5)\n" in batch.text("frobenius")


@pytest.mark.parametrize(("expression", "wrt", "dims", "body"), [
    ("logdet(S) + x @ inv(S) @ x", "S", "S: n n, x: n",
     ["V = np.linalg.inv(S)", "return V.T - np.outer(V.T @ x, V @ x)"]),
    ("logdet(S) + x @ inv(S) @ x", "S", "S: V V, x: V",
     ["V1 = np.linalg.inv(S)", "return V1.T - np.outer(V1.T @ x, V1 @ x)"]),
    ("norm(X @ w - y) / norm(X @ w)", "w", "X: n i, w: i, y: n",
     ["r1 = X @ w", "r2 = r1 - y", "t = np.linalg.norm(r2)", "t1 = r1 @ r1", "G_r1 = (r2 / t - t * r1 / t1) / np.sqrt(t1)",
      "return X.T @ G_r1"]),
    # what is computed anyway decides where the parentheses of a product stand
    ("a @ X.T @ Y @ b / (norm(X @ a) * norm(Y @ b))", "a", "a: p, X: n p, Y: n q, b: q",
     ["r1 = X @ a", "t = Y @ b", "t1 = r1 @ r1",
      "return X.T @ (t - (r1 @ t) * r1 / t1) / (np.sqrt(t1) * np.linalg.norm(t))"]),
    ("logdet(W.T @ A @ W)", "W", "W: n k, A: n n",
     ["T = A @ W", "Z = W.T @ T", "V = np.linalg.inv(Z)", "return T @ V + A.T @ W @ V.T"]),
    # a trace of two is the sum of their products, of which it needs the diagonal only
    ("trace(A @ X) * trace(B @ Y @ X)", "X", "A: a b, B: a c, Y: c b, X: b a",
     ["return np.trace(B @ Y @ X) * A.T + (A * X.T).sum() * (Y.T @ B.T)"]),
    ("c * trace(outer(x, y))", "c", "x: n, y: n, c:", ["return x @ y"]),
    ("L(clip(X, -1, 1) @ W)", "W", "X: n i, W: i o", ["R = np.clip(X, -1, 1)", "return R.T @ G"]),
    ("L(clip(X, 0, 1) @ W)", "W", "X: n i, W: i o", ["R = np.clip(X, 0, 1)", "return R.T @ G"]),
    ("L(clip(X, -1, 0) @ W)", "W", "X: n i, W: i o", ["R = np.clip(X, -1, 0)", "return R.T @ G"]),
    ("L((2 * (X > 0) * (X < 1) * X + (X >= 1)) @ W)", "W", "X: n i, W: i o",
     ["R = np.where(X < 1, 2 * X * (X > 0), 1)", "return R.T @ G"]),
    ("L(clip(X, -c, c) @ W)", "W", "X: n i, W: i o, c:", ["R = np.clip(X, -c, c)", "return R.T @ G"]),
    ("L(clip(X, 1 - c, 2 * c) @ W)", "W", "X: n i, W: i o, c:", ["R = np.clip(X, 1 - c, 2 * c)", "return R.T @ G"]),
])  # fmt: skip
def test_the_source_computes_nothing_twice(expression, wrt, dims, body):
    d = hg.derive(expression, wrt, dims)
    assert [line.strip() for line in d.source.splitlines() if line.startswith("    ")] == body
    assert d.check((0,)) > 3


@pytest.mark.parametrize(("expression", "wrt", "dims", "gradient"), [
    ("-t * log(sigmoid(w @ x + b)) - (1 - t) * log(1 - sigmoid(w @ x + b))", "w", "w: p, x: p, t:, b:",
     "(a1 - t) * x"),
    ("-(t * log(p) + (1 - t) * log(1 - p))", "p", "t:, p:", "(1 - t) / (1 - p) - t / p"),
    ("(x - a)**2 - (x - b)**2", "x", "x:, a:, b:", "2 * (b - a)"),
    ("sum(log(b - A @ x))", "x", "A: m n, x: n, b: m", "-A.T @ (1 / (b - A @ x))"),
    ("sum(log(diag(C)))", "C", "C: n n", "diag(1 / diag(C))"),
    ("-sum(Y*log(sigmoid(w.T@X+b))+(1-Y)*log(1-sigmoid(w.T@X+b)))/m", "b", "X: p m, w: p 1, b:, Y: 1 m",
     "(A1 - Y).mean()"),
])  # fmt: skip
def test_numbers_reciprocals_and_rows(expression, wrt, dims, gradient):
    d = hg.derive(expression, wrt, dims)
    assert str(d.gradient) == gradient
    assert d.check((0,))


def test_a_squared_norm_is_a_sum_of_squares():
    lines = hg.derive("0.5 * norm(A @ x - b)**2", "x", "A: m n, x: n, b: m").text("frobenius").splitlines()
    assert lines[:3] == [
        "r  = A x - b                 definition",
        "L  = 0.5 (r : r)             definition",
        "dL = r^T dr                  power rule",
    ]


def test_a_mean_of_squares_is_a_frobenius_product():
    assert "L  = (r : r) / n " in hg.derive("mean((X @ w - y)**2)", "w", "X: n i, w: i, y: n").text("frobenius")


def test_a_second_derivative_says_what_it_derives():
    step = hg.derive(LOGISTIC, "w", "X: n i, w: i, y: n").derive("w").steps("frobenius")[3]
    assert (step.left, step.rule) == ("y1", "the derivative by w")


@pytest.mark.parametrize("expression", ["w @ A @ w / (w @ w)", "0.5 * sum((sigmoid(A @ w) - v)**2)"])
def test_a_hessian_puts_in_every_differential(expression):
    d = hg.derive(expression, "w", "w: d, A: d d, v: d").derive("w")
    steps = d.steps("frobenius")
    before = next(at for at, step in enumerate(steps) if step.rule == "the matrix in front of dw")
    assert steps[before - 1].right == f"({steps[before].right}) dw"
    assert d.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "rule"), [
    ("log(det(c * X))", "c", "c:, X: n n", "A:B = tr(A^T B)"),
    ("log(det(c * X))", "c", "c:, X: n n", "cancel s"),
    ("L(X @ (W + s * B @ A).T)", "s", "X: n i, W: o i, B: o r, A: r i, s:", "A:B = tr(A^T B)"),
    ("sum((X + c)**2)", "c", "c:, X: n i", "A : (u v^T) = u^T A v"),
])  # fmt: skip
def test_the_last_rule_is_that_of_matrices(expression, wrt, dims, rule):
    assert rule in [step.rule for step in hg.derive(expression, wrt, dims).steps("frobenius")]


def test_axes_with_an_underscore_compile():
    d = hg.derive("mean((X @ w - y)**2)", "w", "X: n_samples k, w: k, y: n_samples")
    assert r"n_{\mathrm{samples}}" in d.latex()
    assert d.check((0,))


def test_an_expression_without_a_matrix_form_says_so():
    with pytest.raises(hg.ExpressionError, match="einsum has no form with matrices"):
        hg.derive("W @ x", "W", "W: o i, x: i").gradient.latex()


def test_source_keeps_float32():
    run = hg.derive("L(softmax(X @ W / sqrt(i)))", "W", "X: n i, W: i o").to_numpy()
    X, W, G = (np.ones(shape, np.float32) for shape in ((5, 3), (3, 2), (5, 2)))
    assert run(X=X, W=W, G=G).dtype == np.float32


def test_numbers_stand_in_front_of_the_sum():
    d = hg.derive("sum(k / x) + sum(c * x**2) * pi", "x", "x: n, k:, c:")
    line = next(step.right for step in d.steps("index") if step.left == "L")
    assert line == "k sum_n 1 / x[n] + c pi sum_n x[n]^2"
    assert d.check((0,))


def test_pi_keeps_its_name():
    d = hg.derive("sum(log(2 * pi * v))", "v", "v: n")
    assert str(d.gradient) == "1 / v"
    wave = hg.derive("sum(cos(2 * pi * x))", "x", "x: n")
    assert str(wave.gradient) == "-2 * pi * sin(2 * pi * x)"
    assert r"2 \pi \, \sin(2 \pi x)" in wave.latex()
    assert np.allclose(wave.to_numpy()(x=np.array([0.25])), -2 * np.pi)
    assert wave.check((0,))
    with pytest.raises(hg.ExpressionError, match=r"pi is a number, 3\.14"):
        hg.derive("sum(x)", "x", "x: pi")


def test_a_number_has_no_axis_beside_one_of_length_1():
    d = hg.derive("L(sum((c - k) * (u[:, None] - v[:, None]) * t, axis=0))", "u", "u: n, v: n, t: i, c:, k:")
    assert str(d.gradient) == "(c - k) * (G @ t) * ones(n)"
    assert d.steps("frobenius")[-1].right == "(c - k) 1_n G^T t"
    assert d.check((0,))


def test_a_third_derivative_checks_the_ones_before_it():
    third = hg.derive("s**4 * c", "s", "s:, c:").derive("s").derive("s")
    assert str(third.gradient) == "24 * s * c"
    first, second = third.first.first, third.first
    assert second.first is not None
    assert third.check((0,)) > second.check((0,)) > first.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "last"), [
    ("softmax_cross_entropy(Z, T)", "Z", "Z: n k, T: n k", "(P - T) / n"),
    ("c * (1 - c)", "c", "c:", "1 - 2 c"),
    ("c * (c + 1) / 2", "c", "c:", "c + 0.5"),
    ("norm(x / 3)**2", "x", "x: n", "2 x / 9"),
    ("L((norm(X)**2 * (A @ X)) @ S)", "A", "A: n n, X: n i, S: i i", "(X : X) G S^T X^T"),
    ("L(A.T) + sum(A * B)", "A", "A: n i, B: n i", "G^T + B"),
])  # fmt: skip
def test_the_last_line_and_no_needless_name(expression, wrt, dims, last):
    d = hg.derive(expression, wrt, dims)
    steps = d.steps("frobenius")
    assert steps[-1].right == last
    assert not [step for step in steps if step.left.startswith(("dL/ds", "=>  dL/ds"))]
    assert d.check((0,))


def test_the_second_derivative_of_a_quadratic_form():
    assert hg.derive("x @ A @ x", "x", "x: n, A: n n").derive("x").steps("frobenius")[-1].right == "A + A^T"


@pytest.mark.parametrize(("expression", "wrt", "dims", "lines"), [
    ("mean((x - mean(x))**4)", "x", "x: n", ["4 (r**3 - 1_n 1_n^T r**3 / n) / n"]),
    ("sum(p * q)", "p", "p: n, q: n", ["q"]),
    ("sum(E*exp(-beta*E))/sum(exp(-beta*E))", "beta", "E: n, beta:", ["-G_z^T E", "-(p : ((E - 1_n E^T p) * E))"]),
    ("x + h*tanh(W @ x)", "h", "x: n, h:, W: n n", ["a", "tanh(z)"]),
    ("relu(W @ x + b)", "x", "W: m n, x: n, b: m", ["diag(z > 0) W"]),
    ("inv(eye(n) + t * A) @ x", "t", "A: n n, t:, x: n", ["-Z^-1 A Z^-1 x"]),
    ("log(1 + x @ x)", "x", "x: n", ["2 x / z", "2 x / (1 + (x : x))"]),
    ("log(L(Z)) * c", "Z", "Z: n k, c:", ["c G / L"]),
])  # fmt: skip
def test_the_last_lines_end_in_what_is_printed(expression, wrt, dims, lines):
    d = hg.derive(expression, wrt, dims)
    assert [step.right for step in d.steps("frobenius")][-len(lines) :] == lines
    assert "1 + x : x" not in d.text("frobenius")
    assert d.check((0,))


def test_a_large_number_is_not_multiplied_into_a_sum():
    d = hg.derive("L(softmax(Z - (1 - M) * 1e9))", "Z", "Z: n k, M: n k")
    assert "Z1 = Z - 1000000000 * (1 - M)" in d.source


def test_the_signs_of_comparisons_in_latex():
    d = hg.derive("sum(where(x >= 0, x, 0) + where(x <= 1, x, 0) + where(x != 1, x, 0) * (x < 3))", "x", "x: n")
    assert r"[x \geq 0] + [x \leq 1] + [x \neq 1] \odot [x < 3]" in d.latex("index")
    assert d.check((0,))


def test_a_number_over_a_matrix_is_no_multiple_of_it():
    A = np.array([[2.0, 3.0], [5.0, 4.0]])
    gradient = hg.derive("logdet(1 / A)", "A", "A: n n").to_numpy()(A=A)
    assert np.allclose(gradient, -np.linalg.inv(1 / A).T / A**2)


def test_pi_as_an_exponent_keeps_its_name():
    run = hg.derive("sum(x**pi)", "x", "x: n").to_numpy()
    assert np.allclose(run(x=np.array([0.0, 2.0])), [0, np.pi * 2 ** (np.pi - 1)])
    assert str(hg.derive("x**(pi / 2)", "x", "x:").gradient) == "0.5 * pi * x**(0.5 * pi - 1)"


@pytest.mark.parametrize(("expression", "gradient"), [
    ("sum(tanh(A + A.T) * tanh(A + A.T).T)", "4 * A1 * (1 - A1**2)"),
    ("trace((A.T @ A) @ (A.T @ A))", "4 * A @ A.T @ A"),
])  # fmt: skip
def test_an_entry_and_its_mirror_image_are_one_where_the_matrix_is_symmetric(expression, gradient):
    d = hg.derive(expression, "A", "A: n n")
    assert str(d.gradient) == gradient
    assert d.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "lines"), [
    ("norm(A @ X - Y)**2 + c * norm(X)**2", "X", "A: m n, X: n k, Y: m k, c:",
     ["dL = (2 R) : dR + 2 c (X : dX)        chain rule"]),
    ("sum(softmax(x @ W))", "x", "x: n, W: n k", ["= 0                                  a softmax sums to one", "no slope reaches x"]),
    ("sum(sign(x))", "x", "x: n", ["no slope reaches x"]),
    ("-logdet(X.T @ X)", "X", "X: n p", ["= -Z^-1                          Z is symmetric"]),
    ("logdet(eye(n) + s * A @ A.T)", "s", "A: n m, s:", ["= (Z^-1 A) : A    C:(AB) = (C B^T):A"]),
    ("L(s * A @ B.T)", "s", "A: n k, B: m k, s:", ["= (G^T A) : B           C:(AB) = (A^T C):B, A:B = A^T:B^T"]),
    ("logdet(eye(n) + s * A.T @ A)", "s", "A: m n, s:", ["= tr(Z^-1 A^T A)    A:B = tr(A^T B)"]),
    ("p / sum(p)", "p", "p: n", ["insert s"]),
    ("sum(x * (A @ x))", "x", "x: n, A: n n", ["=>  dL/dx = A^T x + r", "= A^T x + A x              insert r", "= (A + A^T) x              collect"]),
    ("c @ inv(X.T @ diag(w) @ X) @ c", "w", "X: n p, w: n, c: p",
     ["= -((X Z^-1 c c^T Z^-1) * X) 1_p    insert G_Z, V, G_V", "= -(X Z^-1 c)**2                   collect"]),
    ("L(softmax(Q @ K.T) @ V * s)", "s", "Q: n d, K: m d, V: m v, s: v", ["Y  = R * (1_n s^T)", "dL = G : dY"]),
    ("-trace(log_softmax(A)) / n", "A", "A: n n", ["L  = -tr(S) / n"]),
])  # fmt: skip
def test_a_reader_never_asks_how_that_happened(expression, wrt, dims, lines):
    d = hg.derive(expression, wrt, dims)
    text = "\n".join(" ".join(line.split()) for line in d.text("frobenius").splitlines())
    assert [line for line in lines if " ".join(line.split()) not in text] == []
    assert d.check((0,))


def test_a_differential_is_not_counted_twice():
    # Z2 changes with A1, so that a line with dZ1 and dZ2 would be false
    d = hg.derive("L(relu(X + relu(X @ A) @ B))", "X", "X: n i, A: i h, B: h i")
    assert "chain rule" not in d.text("frobenius")
    assert d.check((0,))


def test_what_comes_back_has_one_name():
    d = hg.derive("sum(y * (X @ b) - (y + r) * log(r + exp(X @ b)))", "b", "X: n p, b: p, y: n, r:")
    assert [step.rule for step in d.steps("frobenius") if step.right == "G_z2"] == ["its name", ""]
    assert [step.rule for step in d.steps("index") if step.right == "G_z2[p]"] == ["its name", "sum over the deltas"]


def test_a_product_in_parentheses_is_a_value():
    text = "L(softmax(X @ Wq @ (X @ Wk).T / sqrt(d)) @ (X @ Wv))"
    dims = "X: n e, Wq: e d, Wk: e d, Wv: e v"
    d = hg.derive(text, "X", dims)
    assert {name: str(d.definitions[name]) for name in ("R1", "R2", "Z")} == {
        "R1": "X @ Wq",
        "R2": "X @ Wk",
        "Z": "R1 @ R2.T / sqrt(d)",
    }
    assert "=>  dL/dX = G_R1 Wq^T + G_R2 Wk^T + G_R3 Wv^T" in d.text("frobenius")
    assert str(hg.derive(text, "Wv", dims).definitions["Z"]) == "X @ Wq @ (X @ Wk).T / sqrt(d)"
    assert d.check()


def test_what_has_no_value_where_a_mask_is_zero_is_left_out_there():
    x = np.array([-1.0, 0.0, 2.0])
    dims = "x: n, a: n"
    for text, wanted in [
        ("sum(where(x > 0, x * log(x), 0))", [0, 0, 1 + np.log(2)]),
        ("sum(where(x > 0, a * sqrt(x), 0))", [0, 0, 0.5 / np.sqrt(2)]),
        ("sum(where(x > 0, log(x), x))", [1, 1, 0.5]),
    ]:
        run = hg.derive(text, "x", dims).to_numpy()
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(run(**{name: {"x": x, "a": np.ones(3)}[name] for name in ("x", "a")}), wanted)
    assert "where" not in hg.derive("L(relu(X) / norm(X))", "X", "X: n i").source.partition("def gradient")[2]


def test_of_all_entries():
    dims = "X: n m, P: n m"
    assert hg.derive("sum(P * softmax(X, axis=None))", "X", dims).check((0,))
    assert hg.derive("sum(P / logsumexp(X, keepdims=True))", "X", dims).check((0,))
    run = hg.derive("P * softmax(X, axis=None)", "P", dims).to_numpy()
    assert run(X=np.zeros((2, 3)), P=np.zeros((2, 3))).sum() == pytest.approx(1)


def test_a_function_without_a_value_at_a_constant_is_refused():
    with pytest.raises(hg.ExpressionError, match=r"log\(0\) is not a number"):
        hg.derive("log(x - x) @ x", "x", "x: n")


@pytest.mark.parametrize(("expression", "wrt", "dims", "printed", "computed"), [
    ("L(X @ A @ B)", "A", "X: n i, A: i r, B: r o", "X.T @ G @ B.T", "X.T @ (G @ B.T)"),
    ("L(X @ W.T + s * (X @ A.T) @ B.T)", "B", "X: n i, W: o i, A: r i, B: o r, s:",
     "s * G.T @ X @ A.T", "s * (G.T @ (X @ A.T))"),
    ("norm(X - X @ W @ V.T)**2", "W", "X: n d, W: d k, V: d k",
     "-2 * X.T @ (X - X @ W @ V.T) @ V", "-2 * (X.T @ ((X - X @ W @ V.T) @ V))"),
    ("L((X @ A * M) @ B @ C)", "B", "X: n i, A: i h, M: n h, B: h r, C: r o",
     "((X @ A) * M).T @ G @ C.T", "((X @ A) * M).T @ (G @ C.T)"),
])  # fmt: skip
def test_matrices_are_multiplied_as_backpropagation_does(expression, wrt, dims, printed, computed):
    d = hg.derive(expression, wrt, dims)
    assert str(d.gradient) == printed
    assert d.source.rstrip().endswith(f"return {computed}")
    assert d.check((0,))


def test_a_line_that_multiplies_out_says_so():
    loss = "-mean(y * log(sigmoid(X @ w)) + (1 - y) * log(1 - sigmoid(X @ w)))"
    d = hg.derive(loss, "w", "X: n d, w: d, y: n")
    assert "multiply out, insert z2, r" in [step.rule for step in d.steps("index")]
    assert [(step.right, step.rule) for step in d.steps("frobenius") if "z2, r" in step.rule or step.right == "(a1 - y) / n"] == [
        ("((1 - y) / (1 - a1) - y / a1) * a1 * (1 - a1) / n", "insert z2, r"), ("(a1 - y) / n", "multiply out"),
    ]  # fmt: skip


def test_a_line_with_one_divisor_says_so():
    d = hg.derive("sum((1 - x) / (1 + x))", "x", "x: n")
    for notation, put_in in (("index", ", insert G_r1"), ("frobenius", "")):
        assert f"multiply out, common denominator{put_in}" in [step.rule for step in d.steps(notation)]
    assert d.check((0,))


def test_a_line_says_what_a_helper_function_is():
    d = hg.derive("L(gelu(X))", "X", "X: n i")
    assert "derivative of gelu, phi is the normal density and Phi its integral" in d.text("frobenius")
    assert r"\text{derivative of gelu, $\varphi$ is the normal density and $\Phi$ its integral}" in d.latex()


def test_lengths_that_only_the_upstream_gradient_tells():
    assert hg.derive("L(relu(C @ F.T + b).reshape(h, w*o))", "F", "C: h*w k, F: o k, b: o").check((0,))


def test_a_loss_beside_a_penalty():
    d = hg.derive("L(X @ W) + lam / 2 * sum(W**2)", "W", "X: n i, W: i o, lam:")
    assert d.text("frobenius").splitlines() == [
        "Y  = X W                            definition",
        "E  = L(Y) + 0.5 lam (W : W)         definition",
        "dE = G : dY + lam (W : dW)          chain rule, G is the gradient of L",
        "   = G : (X dW) + lam (W : dW)      only W varies, power rule",
        "   = (X^T G) : dW + (lam W) : dW    C:(AB) = (A^T C):B, c (A:B) = (c A):B",
        "=>  dE/dW = X^T G + lam W",
    ]
    assert "E               = L(Y) + 0.5 lam sum_io W[i,o]^2" in d.text("index")
    assert d.check()
    assert hg.derive("L(X @ W) + K(W)", "W", "X: n i, W: i o").check()


def test_index_notation_takes_numbers_out_as_well():
    lines = hg.derive("norm(X - X @ W @ W.T)**2", "X", "X: n d, W: d k").text("index").splitlines()
    assert [line.split(" = ")[1] for line in lines[-2:]] == [
        "(2 * R - 2 * R @ W @ W.T)[p,q]",
        "(2 * (R - R @ W @ W.T))[p,q]",
    ]


def test_a_vector_stays_in_front_of_a_matrix():
    definitions = hg.derive("L(tanh(x @ W + b) @ V)", "W", "x: i, W: i h, b: h, V: h o").definitions
    assert str(definitions["z"]) == "x @ W + b"
    gated = hg.derive("L(X * sigmoid(mean(X, axis=0) @ W))", "W", "X: n c, W: c c")
    assert str(gated.definitions["z"]) == "X.mean(axis=0) @ W"
    assert str(hg.derive("L(tanh(W.T @ x))", "W", "x: i, W: i h").definitions["z"]) == "W.T @ x"


def test_index_notation_ends_in_what_is_printed():
    hessian = hg.derive("(y - X @ b) @ W @ (y - X @ b)", "b", "y: n, X: n p, b: p, W: n n").derive("b")
    assert hessian.text("index").endswith("= (X.T @ (W + W.T) @ X)[p,q]")
    four = hg.derive("A @ inv(X) @ B", "X", "A: m n, X: n n, B: n k")
    assert four.text("index").endswith("= -sum_ni A[m,n] B[i,k] V[n,p] V[q,i]")


@pytest.mark.parametrize(("expression", "wrt", "dims", "einsum", "kronecker"), [
    ("X.T @ X / n", "X", "X: n k", "einsum('kb,na->kanb', eye(k), X) / n + einsum('ab,nk->kanb', eye(k), X) / n",
     "vec(dY) = (kron(X.T, eye(k)) / n) @ vec(dX.T) + (kron(eye(k), X.T) / n) @ vec(dX)  (vec stacks columns)"),
    ("A + t * B", "t", "A: n m, B: n m, t:", "B", "vec(dY) = vec(B) * dt  (vec stacks columns)"),
    ("x * sigmoid(c * x)", "c", "x: n, c:", "einsum('n,n,n->n', x**2, a, 1 - a)", "vec(dy) = vec(x**2 * a * (1 - a)) * dc"),
    ("A @ inv(X) @ B", "X", "A: m n, X: n n, B: n k", "-einsum('mb,ck,bn,ac->mkna', A, B, inv(X), inv(X))",
     "vec(dY) = -kron(B.T @ inv(X).T, A @ inv(X)) @ vec(dX)  (vec stacks columns)"),
    ("(X - mean(X, axis=0)).T @ (X - mean(X, axis=0)) / n", "X", "X: n k",
     "einsum('kb,na->kanb', eye(k), R) / n + einsum('ab,nk->kanb', eye(k), R) / n", None),
])  # fmt: skip
def test_einsum_and_kronecker_forms_are_simplified(expression, wrt, dims, einsum, kronecker):
    d = hg.derive(expression, wrt, dims)
    assert str(d.einsum()) == einsum
    assert kronecker in (None, d.kronecker())
    assert d.check((0,))
    assert d.layout("numerator").check((0,))


@pytest.mark.parametrize(("expression", "wrt", "line"), [
    ("-sum((x < 0) * x)", "x", "return -1.0 * (x < 0)"),
    ("sum((x > 0) * minimum(y - a, y / 3))", "a", "return -1.0 * (x > 0) * 1.0 @ ((y < a + y / 3) * 1.0)"),
])  # fmt: skip
def test_minus_a_mask_is_a_number_in_numpy(expression, wrt, line):
    d = hg.derive(expression, wrt, "x: n, y: n, a:")
    assert line in d.source
    assert d.check((0,))


@pytest.mark.parametrize(("expression", "printed"), [
    ("sum(where(X > 0, X * log(X), 0))", "where(X > 0, 1 + log(X), 0).T"),
    ("sum(where(X > 0, Y / X, 0))", "-where(X > 0, Y * (1 / X**2), 0).T"),
    ("sum(Y * X**3 * (X > 0))", "3 * Y.T * (X**2).T * (X > 0).T"),  # any number has a square
])  # fmt: skip
def test_a_choice_is_one_in_every_layout(expression, printed):
    d = hg.derive(expression, "X", "X: n i, Y: n i", layout="numerator")
    assert str(d.gradient) == printed
    with np.errstate(all="ignore"):
        assert np.isfinite(d.to_numpy()(X=np.array([[0.0, 2.0, -3.0]]), Y=np.ones((1, 3)))).all()
    assert d.check((0,))


def test_what_divides_under_a_mask_is_guarded_by_what_it_is_computed_from():
    for expression in (
        "sum(where(x == 0, 1, x / (exp(x) - 1)))",
        "sum(where(x > 0, log(x)**2, 0))",
        "exp(sum(where(x > 0, log(x), 0)))",
    ):
        d = hg.derive(expression, "x", "x: n")
        with np.errstate(all="ignore"):
            assert d.to_numpy()(x=np.array([0.0, 1.0]))[0] == 0
        assert d.check((0,))


def test_what_divides_stands_in_one_place():
    entropy = "-mean(y * log(sigmoid(X @ w)) + (1 - y) * log(1 - sigmoid(X @ w)))"
    lines = [step.right for step in hg.derive(entropy, "w", "X: n i, w: i, y: n").steps("frobenius")]
    assert {"-(r / (n z2)) : dz2", "-r / (n z2)", "-y / (n a1) + r / (n z2)"} <= {*lines}
    lines = [step.right for step in hg.derive("sum(x * log(x / mean(x))) / n", "x", "x: n").steps("frobenius")]
    assert "-((x / (x / (1_n^T x / n)) / n) : x) / (1_n^T x / n)^2" in lines  # a quotient that divides stays one


def test_a_comparison_has_its_numbers_on_the_right_in_every_notation():
    d = hg.derive("L(clip(X, -1, 1) @ W)", "X", "X: n i, W: i o")
    assert d.text("frobenius").count("(X > -1) * (X < 1)") == 1
    assert r"[X > -1] \odot [X < 1]" in d.latex("frobenius")


def test_a_choice_with_nothing_is_a_product():
    latex = hg.derive("sum((x >= y) * x**(1/3))", "x", "x: n, y: n").latex("index")
    assert r"[x \geq y]" in latex
    assert "+ 0" not in latex
    assert str(hg.derive("L(where(x > 0, 0, x))", "x", "x: n").gradient) == "G * (x <= 0)"


def test_a_quotient_that_is_multiplied_has_parentheses_around_its_inner_product():
    d = hg.derive("10 * log10(sum(x**2) / sum((x - y)**2))", "y", "x: n, y: n")
    assert str(d.gradient) == "20 * (x @ x) * r / (log(10) * s**2 * (x @ x / s))"
    assert d.check((0,))


def said(d, notation):
    """The lines of a derivation as pairs, what is said and why."""
    return [(step.right, step.rule) for step in d.steps(notation)]


@pytest.mark.parametrize(("expression", "wrt", "dims", "index", "frobenius"), [
    ("-0.5 * logdet(K + s**2 * eye(n)) - 0.5 * y @ inv(K + s**2 * eye(n)) @ y", "s", "K: n n, y: n, s:",
     [("2 * s * trace(G_Z)", "the same with arrays"),
      ("s * (y @ (inv(Z) @ (inv(Z) @ y)) - trace(inv(Z)))", "insert G_Z, V, G_V, collect")],
     [("s (y^T Z^-1 Z^-1 y - tr(Z^-1))", "tr(AB) = tr(BA), tr(x y^T) = y^T x")]),
    ("n / 2 * log(2 * pi * v) + sum((x - mu)**2) / (2 * v)", "v", "x: n, mu:, v:",
     [("0.5 * (n / v - ((x - mu)**2).sum() / v**2)", "insert r, collect")], []),
    ("-mean(diag(log_softmax(A @ B.T / t)))", "t", "A: n d, B: n d, t:", [("(A * (B - P @ B)).sum() / (n * t**2)", "collect")],
     [("(((I_n - P)^T A) : B) / (n t^2)", "C:(AB) = (A^T C):B, A:B = A^T:B^T"),
      ("(A : (B - P B)) / (n t^2)", "C:(AB) = (A^T C):B, multiply out")]),
    ("sum((y.T @ B.T) * ((r @ r.T) * c))", "c", "y: m 1, B: n m, r: 1 n, c:",
     [("(y[:, 0] @ B.sum(axis=0)) * (r.T**2).sum()", "insert G_s, R")], []),
    ("sum((x @ r) * c @ u)", "c", "x: n 1, r: 1 k, u: k, c:", [("x.sum() * (r[0] @ u)", "the same with arrays")], []),
    ("a * b / (a + b)", "a", "a:, b:", [("b^2 / (a + b)^2", "insert s")], [("b^2 / (a + b)^2", "insert s")]),
    ("c * L(A)", "c", "A: n n, c:", [("L", "only c varies")], [("L", "")]),
    ("det(X)", "X", "X: n n", [], [("L X^-T", ""), ("det(X) X^-T", "insert L")]),
    ("norm(A @ x - b)", "x", "A: m n, x: n, b: m", [], [("A^T r / norm(r)", "insert s")]),
    ("sum((X @ w - y)**2) + lam * sum(w**2)", "w", "X: n d, w: d, y: n, lam:", [], [("2 X^T (X w - y) + 2 lam w", "insert r")]),
])  # fmt: skip
def test_a_text_arrives_at_the_printed_gradient(expression, wrt, dims, index, frobenius):
    d = hg.derive(expression, wrt, dims)
    assert said(d, "index")[-len(index) or len(said(d, "index")) :] == index
    assert said(d, "frobenius")[-len(frobenius) or len(said(d, "frobenius")) :] == frobenius
    assert d.check((0,))


def test_a_number_made_of_arrays_is_a_product_in_latex():
    assert r"&= (a x - y)^{\mathsf{T}} x && \text{insert $r$}" in hg.derive(
        "0.5 * sum((a * x - y)**2)", "a", "x: n, y: n, a:"
    ).latex("index")


@pytest.mark.parametrize(("expression", "wrt", "dims", "notation", "lines"), [
    ("sum(p * log(p / q))", "p", "p: n, q: n", "frobenius",
     [("p / (p / q)", "insert z"), ("q", "cancel p"), ("1 + a", "cancel q")]),
    ("sum(p * log(p / q))", "p", "p: n, q: n", "index", [("1 + a[r]", "sum over the deltas, cancel q")]),
    ("logsumexp(t * x) / t", "x", "x: n, t:", "frobenius", [("t p / t", ""), ("p", "cancel t")]),
    ("-log(sigmoid(u @ v))", "u", "u: d, v: d", "frobenius", [("-(1 - a1)", "cancel a1")]),
    ("-log(sigmoid(u @ v))", "u", "u: d, v: d", "index", [("-(1 - a1)", "cancel a1")]),
    ("sum(log(2 * pi * v))", "v", "v: n", "frobenius", [("2 pi / (2 pi v)", "insert z"), ("1 / v", "cancel 2, pi")]),
    ("sum(log(x**2 / sum(x**2))) + n * log(sum(x**2))", "x", "x: n", "frobenius",
     [("2 x / (x**2 / (x : x)) / (x : x)", "insert z1, z2"), ("2 / x", "cancel x, x : x")]),
    ("mean(maximum(0, 1 - y * (X @ w))**2)", "w", "X: n d, y: n, w: d", "frobenius",
     [("2 (a * (z > 0)) / n", ""), ("2 a / n", "two functions of one value make one")]),
    ("mean(maximum(0, 1 - y * (X @ w))**2)", "w", "X: n d, y: n, w: d", "index",
     [("2 a[p] / n", "two functions of one value make one")]),
    ("sum(log(cosh(x)))", "x", "x: n", "index", [("tanh(x[p])", "two functions of one value make one, insert a1")]),
    ("norm(X @ w) * norm(w)", "w", "X: n d, w: d", "frobenius",
     [("norm(w) X^T r / norm(r) + norm(r) w / norm(w)", "insert s1, s2")]),
    ("-sum(softmax(z) * log(softmax(z)))", "z", "z: n", "frobenius",
     [("p * (1_n a^T p - a)", "multiply out, a softmax sums to one")]),
    ("L(X / norm(X, axis=1, keepdims=True))", "X", "X: n d", "frobenius",
     [("-0.5 ((G * X) 1_d / R**1.5)", ""), ("G_R", "its name")]),
    ("L(X / sqrt(mean(X**2, axis=1, keepdims=True) + e) * g)", "X", "X: n d, e:, g: d", "frobenius",
     [("-0.5 ((G * X) g / R**1.5)", "(A * (1 v^T)) 1 = A v")]),
    ("1 - 2 * sum(p * t) / (sum(p) + sum(t))", "p", "p: n, t: n", "frobenius",
     [("G_s - 2 t / s", ""), ("2 1_n p^T t / s^2 - 2 t / s", "insert G_s")]),
    ("c @ inv(s * eye(n) - A) @ b", "s", "c: n, A: n n, b: n, s:", "frobenius",
     [("tr(-Z^-T c b^T Z^-T)", "insert G_Z, V, G_V"), ("-c^T Z^-1 Z^-1 b", "tr(AB) = tr(BA), tr(x y^T) = y^T x")]),
])  # fmt: skip
def test_a_line_says_what_makes_it_of_the_one_before(expression, wrt, dims, notation, lines):
    d = hg.derive(expression, wrt, dims)
    assert [line for line in lines if line not in said(d, notation)] == []
    assert d.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "printed"), [
    ("R / (1 + exp(-k * (t - t0)))", "t", "R:, k:, t:, t0:", "dL/dt = R * k * a * (1 - a); z = k * (t - t0); a = sigmoid(z)"),
    ("-log(sigmoid(beta * (a - b)))", "a", "a:, b:, beta:", "dL/da = -beta * (1 - a1); z = beta * (a - b); a1 = sigmoid(z)"),
    ("V * x / (K * (1 + y / k) + x)", "y", "V:, x:, K:, y:, k:", None),
    ("mean((Y - clip(X, -1, 1))**2)", "X", "X: n d, Y: n d",
     "dL/dX = -2 * R * (X > -1) * (X < 1) / (n * d); R = Y - clip(X, -1, 1)"),
    ("sum((y - clip(x, 0, 1))**2)", "x", "x: n, y: n", "dL/dx = -2 * (y - clip(x, 0, 1)) * (x > 0) * (x < 1)"),
    ("sum((y - minimum(x, z))**2)", "x", "x: n, y: n, z: n", "dL/dx = -2 * (y - where(x < z, x, z)) * (x < z)"),
    ("sum((y + minimum(x, z) - u)**2)", "u", "x: n, y: n, z: n, u: n", None),
    ("sum(tanh(clip(x, -1, 1) - clip(y, -1, 1)))", "x", "x: n, y: n",
     "dL/dx = (1 - a**2) * (x > -1) * (x < 1); z5 = clip(x, -1, 1) - clip(y, -1, 1); a = tanh(z5)"),
    ("minimum(r * A, clip(r, 1 - e, 1 + e) * A)", "r", "r:, A:, e:",
     "dL/dr = A * where(r * A < s3 * A, 1, (r > 1 - e) * (r < 1 + e)); s3 = clip(r, 1 - e, 1 + e)"),
    # what shares a name with a sum is multiplied into it; a divisor may be made of another sum
    ("k * c * (1 - c)", "c", "c:, k:", "dL/dc = k * (1 - 2 * c)"),
    ("a * (x - b) / (a * (x - b) + c)", "x", "x:, a:, b:, c:", "dL/dx = a * c / (a * (x - b) + c)**2"),
])  # fmt: skip
def test_what_was_written_stays_as_it_was(expression, wrt, dims, printed):
    d = hg.derive(expression, wrt, dims)
    assert printed is None or "; ".join(str(d).replace("where\n", "").replace("\n  ", "\n").split("\n")) == printed
    assert d.check((0,))


@pytest.mark.parametrize(("expression", "wrt", "dims", "printed", "rule"), [
    ("sum(p * log(p))", "p", "p: n", "1 + log(p)", "insert a"),
    ("-sum(p * log(p))", "p", "p: n", "-1 - log(p)", "insert a"),
    ("sum(p * log(p / q))", "p", "p: n, q: n", "1 + log(p / q)", "insert a, z"),
    ("sum(log(1 + exp(-M)))", "M", "M: n k", "-sigmoid(-M)", "insert Z"),
    ("exp(-x**2)", "x", "x:", "-2 * x * exp(-x**2)", "insert L, z"),
    ("A * K**a * N**(1 - a)", "K", "A:, K:, N:, a:", "A * a * N**(1 - a) * K**(a - 1)", "insert a2, s"),
    ("exp(a * x) * cos(b * x)", "x", "x:, a:, b:", "exp(a * x) * (a * cos(b * x) - b * sin(b * x))", None),
    ("sum(f(x) * x)", "x", "x: n", "x * f'(x) + f(x)", "insert a"),
    ("sum(relu(x - y))", "x", "x: n, y: n", "(x > y)", "insert z"),
    ("log(2 * pi) * sum(x**2)", "x", "x: n", "2 * log(2 * pi) * x", "insert a"),
    ("trace((eye(n) - K @ H) @ P @ (eye(n) - K @ H).T + K @ R @ K.T)", "K", "K: n m, H: m n, P: n n, R: m m",
     "K @ (R + R.T) - (eye(n) - K @ H) @ (P + P.T) @ H.T", "insert G_R1, R1"),
])  # fmt: skip
def test_a_simple_function_that_is_used_once_needs_no_name(expression, wrt, dims, printed, rule):
    d = hg.derive(expression, wrt, dims)
    assert str(d) == f"d{d.labels[d.root]}/d{wrt} = {printed}"
    assert rule is None or d.steps("frobenius")[-1].rule == rule
    assert d.check((0, 1))


@pytest.mark.parametrize(("expression", "wrt", "dims", "names"), [
    ("(a * K**r + (1 - a) * N**r)**(1 / r)", "K", "a:, K:, N:, r:", ["z"]),
    ("L(exp(-X) * Y)", "X", "X: n k, Y: n k", ["A"]),  # in the chain of an unknown loss
    ("sum(exp(X @ w)) - y @ (X @ w)", "w", "X: n i, w: i, y: n", ["z", "a"]),  # a layer
    ("sum(tanh(x + y)**2)", "x", "x: n, y: n", ["z", "a"]),  # used twice
    ("sum(sin(a * x + b))", "x", "x: n, a:, b:", ["z"]),  # of three names
    ("sum(c * log(p)) + sum(log(p) * log(log(p)))", "c", "p: n, c: n", []),
    ("sum(log(tanh(x)) * y**2)", "y", "x: n, y: n", ["a1", "a2"]),  # of a function
    ("softmax_cross_entropy(Z, T)", "Z", "Z: n k, T: n k", ["P"]),
])  # fmt: skip
def test_what_keeps_its_name(expression, wrt, dims, names):
    d = hg.derive(expression, wrt, dims)
    assert list(d.definitions) == names
    assert d.check((0,))
