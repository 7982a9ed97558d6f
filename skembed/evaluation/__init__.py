"""Cross-validation, and what is told of it."""
