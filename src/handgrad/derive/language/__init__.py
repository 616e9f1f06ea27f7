"""What can be written: expressions and formulas, read from text, with a name for every axis, and printed."""
