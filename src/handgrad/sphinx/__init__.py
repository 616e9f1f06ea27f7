"""Checked equations."""
