"""The smallest configuration that checks equations."""

project = "Example"
extensions = ["myst_parser", "handgrad.sphinx"]
