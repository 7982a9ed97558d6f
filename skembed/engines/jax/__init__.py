"""JAX, which runs every network that it can trace."""
