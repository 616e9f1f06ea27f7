"""Where the reasons of a derivation stand: beside its steps, or below them where a phone has no room beside.

The box on the page "Derive your own" uses this as well, in the reader's browser (derive_box.py).
"""

import re

REASON = re.compile(r"^(?P<equation>.*&(?:=|\\neq) .*?) && (?P<reason>.*?)(?P<end> \\\\.*)?$", re.MULTILINE)


def below(tex: str) -> str:
    r"""Put each reason on a line of its own, below its step.

    >>> print(below(r"a &= b && \text{why} \\"))
    a &= b \\[-0.2em]
     & \quad {\footnotesize \text{why}} \\[0.4em]
    """

    def lines(step: re.Match[str]) -> str:
        end = r" \\[0.4em]" if step["end"] else ""
        return rf"{step['equation']} \\[-0.2em]" + "\n" + rf" & \quad {{\footnotesize {step['reason']}}}{end}"

    return REASON.sub(lines, tex)
