"""The command line."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad as hg
from handgrad.cli import main

LAYER = ["--wrt", "W", "--dims", "X: n i, W: o i"]


def test_derive_shows_both_notations(capsys):
    assert main(["derive", "L(X @ W.T)", *LAYER]) == 0
    out = capsys.readouterr().out
    assert "sum_n G[n,p] X[n,q]" in out
    assert "(G^T X) : dW" in out
    assert "dL/dW = G.T @ X" in out


def test_the_readme_shows_what_is_printed(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    command, printed = re.search(r"```console\n\$ handgrad (.*)\n([^`]*)```", readme).groups()
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(("options", "shown"), [
    (["--notation", "index"], "delta[o,p]"), (["--notation", "frobenius"], "G : (X dW^T)"),
    (["--latex"], r"\begin{aligned}"), (["--source"], "def gradient(X, W, G):"),
    (["--check"], "checked: "), (["--layout", "numerator"], "X.T @ G"), (["--flatten"], "G.T @ X"),
])  # fmt: skip
def test_options(options, shown, capsys):
    assert main(["derive", "L(X @ W.T)", *LAYER, *options]) == 0
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(("candidate", "status", "said"), [
    ("G.T @ X", 0, "correct"), ("X.T @ G", 1, "transposed"), ("-2*X.T @ G", 1, "times -2"),
    ("-G.T @ X", 1, "wrong sign"), ("2*G.T @ X", 1, "2 times"), ("G.T @ X / n", 1, "1/n times"),
    ("-G.T @ X * o", 1, "-o times"), ("W", 1, "wrong: entry"), ("X", 1, "wrong shape"),
    ("0 * W", 1, "wrong: entry"), ("G.T @ X * n / 2", 1, "is n/2 times"), ("-2 / (3*o) * G.T @ X", 1, "is -2/(3 o) times"),
    ("1.5 * G.T @ X", 1, "is 3/2 times"), ("sqrt(2) * G.T @ X", 1, "is 1.41421 times"), ("2 * n * X.T @ G", 1, "times 2 n"), ("G.T @ X * n / i", 1, "is n/i times"), ("G.T @ X * n**2", 1, "wrong: entry"),
])  # fmt: skip
def test_check_judges_a_candidate(candidate, status, said, capsys):
    assert main(["check", candidate, "--for", "L(X @ W.T)", *LAYER]) == status
    assert said in capsys.readouterr().out


SQUARES = ["--for", "sum((X @ w - y)**2) / n", "--wrt", "w", "--dims", "X: n i, w: i, y: n"]


@pytest.mark.parametrize(("candidate", "status", "said"), [
    ("2 / n * X.T @ (X @ w - y)", 0, "correct"), ("X.T @ (X @ w - y)", 1, "is n/2 times"),
    *((f"{2 / n!r} * X.T @ (X @ w - y)", 1, "scaled: ") for n in range(2, 8)),
])  # fmt: skip
def test_no_constant_passes_for_a_length(candidate, status, said, capsys):
    assert main(["check", candidate, *SQUARES]) == status
    assert said in capsys.readouterr().out


def test_a_constant_does_not_pass_for_the_only_length(capsys):
    for n in range(1, 8):
        assert main(["check", f"ones(n) / {n}", "--for", "mean(x)", "--wrt", "x", "--dims", "x: n"]) == 1
    assert "scaled: " in capsys.readouterr().out


def test_draws_next_to_a_kink_are_not_used(capsys):
    for candidate, status in (("sign(X) / 1000", 0), ("sign(X) / 1001", 1)):
        assert main(["check", candidate, "--for", "sum(abs(X / 1000))", "--wrt", "X", "--dims", "X: n i"]) == status
    assert "correct" in capsys.readouterr().out


def test_square_matrices_do_not_hide_a_transpose(capsys):
    assert main(["check", "A", "--for", "trace(A @ X)", "--wrt", "X", "--dims", "A: n n, X: n n"]) == 1
    assert "transposed" in capsys.readouterr().out


@pytest.mark.parametrize(("candidate", "expression", "wrt", "dims", "said"), [
    ("2 * A @ x", "x @ A @ x", "x", "A: n n, x: n", "right only if A is symmetric: 2 * A @ x is dL/dx"),
    ("3 * A @ x", "c * (x @ A @ x)", "x", "A: n n, x: n, c:", "wrong: entry"),
    ("softmax(Z) - T", "-sum(T * log_softmax(Z))", "Z", "Z: n k, T: n k", "right only if the rows of T sum to one"),
    ("softmax(z) - t", "-t @ log_softmax(z)", "z", "z: k, t: k", "right only if the entries of t sum to one"),
    ("softmax(Z) + T", "-sum(T * log_softmax(Z))", "Z", "Z: n k, T: n k", "wrong: entry"),
    ("G", "L(X @ W.T + b)", "b", "X: n i, W: o i, b: o", "not summed: G has shape (n, o); its sum over n is dL/db"),
    ("G * X", "L(s[:, None] * X)", "s", "X: n i, s: n", "its sum over i is dL/ds"),
    ("X * W", "c * sum(X * W)", "c", "X: n i, W: n i, c:", "its sum over n and i is dL/dc"),
    ("2 * G", "L(X @ W.T + b)", "b", "X: n i, W: o i, b: o", "wrong shape: 2 * G has shape"),
    ("2 * X.T @ X @ W", "mean((X @ W)**2)", "W", "X: n i, W: i k", "is k n times dL/dW"),
    ("(softmax(Z) - T) / k", "softmax_cross_entropy(Z, T)", "Z", "Z: n k, T: n k", "is n/k times dL/dZ"),
    ("G @ K", "L(Q @ K.T / sqrt(d))", "Q", "Q: n d, K: m d", "is sqrt(d) times dL/dQ"),
    ("c * X.T @ G", "L(X @ W)", "W", "X: n i, W: i o, c:", "is c times dL/dW"),
    ("-X.T @ G", "L(X @ W / c)", "W", "X: n i, W: i o, c:", "is -c times dL/dW"),
    ("X.T @ G / (2 * n * c)", "L(X @ W)", "W", "X: n i, W: i o, c:", "is 1/(2 n c) times dL/dW"),
    ("2 * (x - mean(x)) / (n - 1)", "var(x)", "x", "x: n", "is n/(n - 1) times dL/dx"),
    ("2 * x / (n - 1)", "sum(x**2)", "x", "x: n", "is 1/(n - 1) times dL/dx"),
    ("inv(A)", "logdet(A)", "A", "A: n n", "transposed: inv(A) is the transpose of dL/dA; the shape (n, n) is that of both"),
])  # fmt: skip
def test_what_was_assumed_or_forgotten(candidate, expression, wrt, dims, said, capsys):
    assert main(["check", candidate, "--for", expression, "--wrt", wrt, "--dims", dims]) == 1
    assert said in " ".join(capsys.readouterr().out.split())


def test_a_zero_derivative_can_be_judged(capsys):
    assert main(["check", "W", "--for", "sum(X)", *LAYER]) == 1
    assert main(["check", "zeros(o, i)", "--for", "sum(X)", *LAYER]) == 0
    assert "correct" in capsys.readouterr().out


def test_an_expression_may_start_with_a_minus_sign(capsys):
    assert main(["derive", "-x@x", "--wrt", "x", "--dims", "x: n"]) == 0
    assert "dL/dx = -2 * x" in capsys.readouterr().out
    assert main(["check", "-2*x", "--for", "-x@x", "--wrt", "x", "--dims", "x: n"]) == 0
    assert capsys.readouterr().out.startswith("correct: -2*x is")


def test_bad_input_is_status_2(capsys):
    assert main(["derive", "L(X @ W)", *LAYER]) == 2
    assert "axis 1 of X is i" in capsys.readouterr().err
    dims = ["--wrt", "x", "--dims", "x: n"]
    assert main(["check", "x", "--for", "log(-1 - x**2)", *dims]) == 2
    assert "no value" in capsys.readouterr().err


def test_a_failing_check_is_status_1(capsys):
    dims = ["--wrt", "x", "--dims", "x: n"]
    assert main(["derive", "log(-1 - x**2)", *dims, "--check"]) == 1
    assert "no value" in capsys.readouterr().err


def test_help_has_examples():
    made = subprocess.run([sys.executable, "-m", "handgrad", "--help"], capture_output=True, text=True, check=True)
    assert "handgrad check" in made.stdout


def test_a_verdict_fits_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["check", "X.T @ G", "--for", "L(X @ W.T)", *LAYER]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("option", ["--source", "--latex"])
def test_what_is_for_a_file_is_printed_alone(option, capsys):
    assert main(["derive", "L(X @ W.T)", *LAYER, option]) == 0
    alone = capsys.readouterr().out
    assert main(["derive", "L(X @ W.T)", *LAYER, option, "--check"]) == 0
    printed = capsys.readouterr()
    assert printed.out == alone
    assert "checked: " in printed.err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"handgrad {hg.__version__}\n"


def test_the_package_runs_as_a_program(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["handgrad", "derive", "x @ x", "--wrt", "x", "--dims", "x: n"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("handgrad", run_name="__main__")
    assert ended.value.code == 0
    assert "2 * x" in capsys.readouterr().out


DERIVE = [sys.executable, "-m", "handgrad", "derive", "L(X @ W.T)", *LAYER]


def test_a_reader_that_stops_is_no_failure_to_report():
    reader, writer = os.pipe()
    os.close(reader)
    made = subprocess.run(DERIVE, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (made.returncode, made.stderr) == (1, "")


def in_this_process(monkeypatch, output):
    """Run the command with its output sent to an open file; return its status."""
    with open(output, "w") as file:  # noqa: PTH123 - a descriptor has no path
        monkeypatch.setattr(sys, "stdout", file)
        return main(DERIVE[3:])


def test_a_broken_pipe_and_a_full_disk_in_this_process(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    assert in_this_process(monkeypatch, writer) == 1
    assert capsys.readouterr().err == ""
    assert in_this_process(monkeypatch, "/dev/full") == 1
    assert capsys.readouterr().err == "handgrad: [Errno 28] No space left on device\n"


def test_what_cannot_be_written_is_one_line():
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        made = subprocess.run(DERIVE, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert made.returncode == 1
    assert made.stderr == "handgrad: [Errno 28] No space left on device\n"
