"""Doctests of Markdown pages: a fence ends an example.

Python's parser takes every line up to a blank one for the expected output, the closing fence too.
"""

import doctest
import re

_parse = doctest.DocTestParser.parse


def _parse_without_fences(
    parser: doctest.DocTestParser, string: str, name: str = "<string>"
) -> list[str | doctest.Example]:
    # The line stays, blank, so that a failure names the right one.
    return _parse(parser, re.sub(r"^[ \t]*(?:`{3,}|~{3,}|:{3,}).*$", "", string, flags=re.MULTILINE), name)


doctest.DocTestParser.parse = _parse_without_fences  # type: ignore[method-assign]  # pytest offers no hook for it
