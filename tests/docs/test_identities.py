"""Every row of the layouts' reference is true, and hardly anything else would be."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import handgrad as hg

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import identities
from identities import Identity, IdentityError

ALL = identities.load()
# What a matrix is like in the check; without it the row must be false.
NEEDED = re.compile(r"\w symmetric|rows of \w sum to one")


def name(identity: Identity) -> str:
    return " ".join([identity.name, *identity.where])


def mutants(identity: Identity) -> Iterator[Identity]:
    """The row with one deliberate mistake: what a slip of the pen makes of it."""
    for side in ("numerator", "denominator", "shape", "entry"):
        text = getattr(identity, side)
        if not text:
            continue
        changed = {f"2 ({text})" if side != "entry" else f"2 {text}"}  # a factor
        changed.add(text.replace(" + ", " - ", 1))  # a sign
        changed.add(text.replace(" - ", " + ", 1))
        changed.add(text.removeprefix("-"))
        changed.add(re.sub(r"(?<!det\(X)\^T", "", text, count=1))  # a transpose; det(X^T A) is det(X A)
        changed.add(text.replace("^-T", "^-1", 1))
        changed.add(re.sub(r"(\w)\^-1", r"\1", text, count=1))  # an inverse
        changed.add(re.sub(r"delta\[(\w),p\]", r"delta[\1,q]", text, count=1))  # a letter
        for wrong in sorted(changed - {text}):
            yield replace(identity, **{side: wrong})
    if identity.numerator != identity.denominator:
        yield replace(identity, numerator=identity.denominator, denominator=identity.numerator)
    for condition in filter(NEEDED.fullmatch, identity.where):
        yield replace(identity, where=tuple(c for c in identity.where if c != condition))


def is_false(identity: Identity) -> bool:
    try:
        identity.check()
    except (IdentityError, hg.ExpressionError):
        return True
    return False


@pytest.mark.parametrize("identity", ALL, ids=name)
def test_holds_in_every_layout(identity: Identity) -> None:
    assert identity.check(seeds=(2, 3)) == 16


@pytest.mark.parametrize("identity", ALL, ids=name)
def test_a_mutated_row_fails(identity: Identity) -> None:
    survivors = [str(mutant) for mutant in mutants(identity) if not is_false(mutant)]
    assert not survivors


def test_there_are_rows_of_every_kind() -> None:
    kinds = [identity.kind for identity in ALL]
    assert len(ALL) >= 80
    assert set(kinds) == {f"{y} by {x}" for y in identities.RANKS for x in identities.RANKS}
    assert len({(i.y, i.by, i.where, i.dims) for i in ALL}) == len(ALL)


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(IdentityError, match="unknown condition 'A tridiagonal'"):
        replace(ALL[0], where=("A tridiagonal",)).check()


def test_conditions_nothing_can_meet_are_refused() -> None:
    row = next(i for i in ALL if i.y == "det(X.T @ X)")
    with pytest.raises(IdentityError, match="no arrays meet"):
        replace(row, where=("X^T X - X^T X invertible",)).check()


def test_no_table_of_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="kind is 'tensor by scalar'"):
        identities.table("tensor by scalar")


def test_a_false_row_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(i for i in ALL if i.y == "trace(A @ X)")
    monkeypatch.setattr(identities, "load", lambda: [replace(row, numerator="A^T", denominator="A")])
    with pytest.raises(IdentityError, match="is false"):
        identities.table(row.kind)


def test_csv_and_json_say_the_same_each_time() -> None:
    assert identities.as_csv() == identities.as_csv()
    assert identities.as_json() == identities.as_json()
    rows = list(csv.DictReader(io.StringIO(identities.as_csv())))
    assert rows == json.loads(identities.as_json())
    assert len(rows) == len(ALL)
    trace = next(row for row in rows if row["y"] == "trace(A @ X)")
    assert (trace["numerator"], trace["denominator"], trace["shape"]) == ("A", "A^T", "A^T")
    assert trace["transposed-denominator"] == "A"
    entry = next(row for row in rows if row["y"] == "X @ W.T")
    assert entry["denominator"] == "X[i,q] delta[j,p] at [p,q,i,j]"


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("norm(x - a)^2", r"\lVert x - a \rVert^{2}"),
        ("norm(A norm(x) - b)^2", r"\lVert A \, \lVert x \rVert - b \rVert^{2}"),
        ("-X^-T", r"-X^{-\mathsf{T}}"),
        ("V_s^T u_x", r"\left(\frac{\partial V}{\partial s}\right)^{\mathsf{T}} \frac{\partial u}{\partial x}"),
        ("g kron(x^T, I_o)", r"g \, (x^{\mathsf{T}} \otimes I_{o})"),
        ("(x == max(x) 1_n)", r"[x = \max(x) \, \mathbf{1}_{n}]"),
        ("inv(X)[i,p]", "(X^{-1})_{ip}"),
        ("T : log_softmax(Z)", r"T : \operatorname{log\,softmax}(Z)"),
    ],
)
def test_latex(text: str, tex: str) -> None:
    assert identities.latex(text) == tex
