"""The contenders of ``benchmarks/extract.py``: one module for each, and what they share."""
