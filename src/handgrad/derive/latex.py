"""LaTeX, translated token by token from the text that was checked."""

from .parse import tokenize

WORDS = {
    "tr": r"\operatorname{tr}", "det": r"\det", "logdet": r"\log\det", "diag": r"\operatorname{diag}",
    "exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan",
    "tanh": r"\tanh", "sinh": r"\sinh", "cosh": r"\cosh", "arctan": r"\arctan",
    "max": r"\max", "sigmoid": r"\sigma", "Phi": r"\Phi", "phi": r"\varphi", "delta": r"\delta",
    "alpha": r"\alpha", "beta": r"\beta", "gamma": r"\gamma", "lam": r"\lambda", "mu": r"\mu",
    "sigma": r"\sigma", "eps": r"\varepsilon", "theta": r"\theta", "eta": r"\eta",
}  # fmt: skip
SIGNS = {"*": r"\circ", "==": "=", "@": r"\,", ":": ":", "**": "^", "^": "^"}


def name(text: str) -> str:
    """A name: digits and what follows an underscore become a subscript, primes stay."""
    head, _, tail = text.partition("_")
    primes = len(text) - len(text.rstrip("'"))
    head = head.rstrip("'")
    stem = head.rstrip("0123456789")
    digits = head[len(stem) :]
    shown = WORDS.get(stem, stem if len(stem) == 1 else rf"\mathrm{{{stem}}}")
    if len(stem) == 2 and stem[0] == "d" and (stem[1].isalpha()):
        shown = r"\mathrm{d}" + stem[1]
    below = digits + ("" if not tail else name(tail.rstrip("'")))
    return shown + (f"_{{{below}}}" if below else "") + "'" * primes


def to_latex(text: str) -> str:
    r"""Translate a line of either notation.

    Parameters
    ----------
    text : str
        Index or matrix notation, as printed.

    Returns
    -------
    str

    Examples
    --------
    >>> print(to_latex("sum_i X[n,i] W[o,i]"))
    \sum_{i} X_{ni} W_{oi}
    >>> print(to_latex("(G^T X) : dW"))
    (G^\top X) : \mathrm{d}W
    """
    tokens = tokenize(text)
    out: list[str] = []
    at = 0
    while at < len(tokens) - 1:
        token = tokens[at]
        following = tokens[at + 1]
        if token.kind == "name" and token.text.startswith("sum_"):
            out.append(rf"\sum_{{{token.text[4:]}}}")
        elif token.text == "[":
            inside = ""
            while tokens[at + 1].text != "]":
                at += 1
                inside += tokens[at].text if tokens[at].text not in ",0" else ""
            at += 1
            if inside:
                last = out[-1]
                out[-1] = f"{{{last}}}_{{{inside}}}" if "_" in last or ")" in last else f"{last}_{{{inside}}}"
        elif token.kind == "number" and token.text == "1" and following.text.startswith("_"):
            out.append(rf"\mathbf{{1}}_{{{following.text[1:]}}}")
            at += 1
        elif token.kind == "name" and token.text.startswith("I_"):
            out.append(rf"I_{{{token.text[2:]}}}")
        elif token.text == "^":
            power = following.text
            at += 1
            if power == "-":
                at += 1
                power += tokens[at].text
            out[-1] += "^{" + power.replace("T", r"\top") + "}" if power != "T" else r"^\top"
        elif token.text == "**":
            at += 1
            out[-1] += rf"^{{\circ {following.text}}}"
        elif token.text == "." and following.text == "T":
            out[-1] += r"^\top"
            at += 1
        elif token.kind == "name":
            out.append(name(token.text))
        elif token.text == "(":
            out.append("(")
        elif token.text == ")":
            out.append(")")
        else:
            out.append(SIGNS.get(token.text, token.text))
        at += 1
    return _join(out)


def _join(parts: list[str]) -> str:
    text = ""
    for part in parts:
        tight = not text or text.endswith("(") or part[0] in "),"
        text += part if tight else " " + part
    return text
