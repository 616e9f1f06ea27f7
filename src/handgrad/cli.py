"""The command line: ``handgrad derive ...`` and ``handgrad check ...``."""

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence

from . import __version__
from .derive import Derivation, DerivationError, ExpressionError, derive
from .derive.candidate import judge
from .derive.spelling.result import LAYOUTS

EXAMPLES = """\
examples:
  handgrad derive "L(X @ W.T + b)" --wrt W --dims "X: n i, W: o i, b: o"
  handgrad derive "sum((X @ w)**2)" --wrt w --dims "X: n i, w: i" --check
  handgrad derive "tanh(W @ x)" --wrt x --dims "W: o i, x: i" --source
  handgrad derive "W @ x" --wrt x --dims "W: o i, x: i" --layout denominator
  handgrad check "X.T @ G" --for "L(X @ W.T)" --wrt W --dims "X: n i, W: o i"

Every name needs its dimensions: "n i" is a matrix, "n" a vector, "" a
scalar. L(...) is an unknown scalar loss with gradient G, f(...) an
unknown elementwise function with derivative f'.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handgrad",
        description="Derive gradients, step by step and checked; judge gradients of your own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"handgrad {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--wrt", required=True, metavar="NAME", help="the variable: with respect to what")
    shared.add_argument("--dims", required=True, help='dimensions, such as "X: n i, W: o i, b: o"')
    shared.add_argument(
        "--layout", default="shape", choices=LAYOUTS, metavar="LAYOUT",
        help=f"how the derivative is stored: {', '.join(LAYOUTS)}; shape if not given",
    )  # fmt: skip
    derivation = commands.add_parser(
        "derive", parents=[shared], help="derive an expression",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    derivation.add_argument("expression", help="what to derive, in NumPy syntax")
    derivation.add_argument(
        "--notation", default="both", choices=["index", "frobenius", "both"], metavar="NOTATION",
        help="of the steps: index, frobenius, or both; both if not given",
    )  # fmt: skip
    derivation.add_argument(
        "--flatten", action="store_true", help="write the gradient without named intermediate values"
    )
    output = derivation.add_mutually_exclusive_group()
    output.add_argument("--latex", action="store_true", help="print the steps as LaTeX")
    output.add_argument("--source", action="store_true", help="print the gradient as a NumPy function")
    derivation.add_argument("--check", action="store_true", help="check every line on random arrays")
    candidate = commands.add_parser(
        "check", parents=[shared], help="judge a gradient that you have derived",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    candidate.add_argument("candidate", help="your gradient, in NumPy syntax; G is the gradient of L")
    candidate.add_argument("--for", required=True, dest="expression", help="the expression that it is the gradient of")
    return parser


def _show(d: Derivation, notation: str, latex: bool) -> str:
    notations = ["index", "frobenius"] if notation == "both" else [notation]
    parts = [d.latex(name) if latex else d.text(name) for name in notations]
    return "\n\n".join(parts if latex else [*parts, str(d)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments; those of the process if not given.

    Returns
    -------
    int
        0; 1 if a check fails or the output cannot be written; 2 if the input cannot be used.
    """
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, where what fails can still be told
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader that has had enough, such as head, is no failure
            print(f"handgrad: {error}", file=sys.stderr)
        # The interpreter flushes once more when it ends: that must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    # With a space in front, "-x @ x" is an expression and no option.
    options = _parser().parse_args(
        [f" {word}" if word[:1] == "-" != word[1:2] and word != "-h" else word for word in words]
    )
    try:
        flatten = getattr(options, "flatten", False)
        d = derive(options.expression.strip(), options.wrt, options.dims, layout=options.layout, flatten=flatten)
        if options.command == "check":
            verdict = judge(options.candidate.strip(), d)
            print(textwrap.fill(str(verdict), shutil.get_terminal_size().columns, break_on_hyphens=False))
            return 0 if verdict.ok else 1
        print(d.source if options.source else _show(d, options.notation, options.latex))
        if options.check:
            # LaTeX and source are for a file, and this line is not part of either.
            where = sys.stderr if options.latex or options.source else sys.stdout
            print(f"\nchecked: {d.check()} lines on random arrays", file=where)
    except ExpressionError as error:
        print(f"handgrad: {error}", file=sys.stderr)
        return 2
    except DerivationError as error:
        print(f"handgrad: {error}", file=sys.stderr)
        return 1
    return 0
