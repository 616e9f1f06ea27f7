"""What the box on the page "Derive your own" asks the engine. It runs in the reader's browser."""

import json
from functools import lru_cache
from typing import Any

from reasons import below

from handgrad.derive import Derivation, DerivationError, ExpressionError, derive
from handgrad.derive.candidate import judge


@lru_cache(maxsize=1)  # the check asks for what was just derived
def find(question: str) -> Derivation:
    """Derive what the form asks for."""
    asked = json.loads(question)
    return derive(asked["expression"], asked["wrt"].strip(), asked["dims"], layout=asked["layout"])


def drawings(latex: str) -> dict[str, str]:
    """Steps with their reasons beside them, and below them where there is no room beside."""
    return {"wide": latex, "narrow": below(latex)}


def shown(d: Derivation) -> dict[str, Any]:
    """The derivative, its shape, the steps as LaTeX, and the code."""
    try:
        source = d.source
    except ExpressionError as error:  # a length that no array has as an axis of its own
        source = f"# {error}"
    return {
        "gradient": str(d),
        "shape": d.shape,
        "frobenius": drawings(d.latex("frobenius")),
        "index": drawings(d.latex("index")),
        "source": source,
    }


def answer(question: str) -> str:
    """Derive; JSON in and out."""
    try:
        return json.dumps(shown(find(question)))
    except ExpressionError as error:
        return json.dumps({"error": str(error)})


def check(question: str) -> str:
    """Check every line, and judge the reader's own gradient if there is one; JSON in and out."""
    candidate = json.loads(question)["candidate"].strip()
    d = find(question)
    try:
        found = {"lines": d.check()}
        if candidate:
            verdict = judge(candidate, d)
            found |= {"verdict": str(verdict), "ok": verdict.ok}
    except (DerivationError, ExpressionError) as error:
        found = {"error": str(error)}
    return json.dumps(found)
