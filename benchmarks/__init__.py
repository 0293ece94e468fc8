"""Benchmarks: scripts that measure speed and accuracy, and write the figures that the documentation quotes.

Tests check that the scripts work and that the documentation quotes the committed results. No test asserts a
measured figure, because figures depend on the machine.
"""
