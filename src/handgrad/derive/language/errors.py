"""The two things that can go wrong: an expression that cannot be read, a derivation that is false."""

WINDOW = 70  # characters of the source shown around the caret


class ExpressionError(ValueError):
    """An expression, a dimension or an argument that cannot be accepted.

    Parameters
    ----------
    message : str
        What was found and what is needed.
    text : str, optional
        The source; the message then shows it with a caret.
    start, stop : int
        The offending part of `text`.
    """

    def __init__(self, message: str, text: str = "", start: int = 0, stop: int = 0) -> None:
        self.message, self.text, self.start = message, text, start
        if text:
            left = max(0, start - WINDOW // 2)
            shown = text[left : left + WINDOW].replace("\n", " ").replace("\t", " ")
            carets = "^" * max(1, min(stop, left + WINDOW) - start)
            message = message + "\n  " + shown + "\n  " + " " * (start - left) + carets
        super().__init__(message)


class DerivationError(AssertionError):
    """A line of a derivation that is not true; the message names the line and both numbers."""
