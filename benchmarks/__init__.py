"""Where every figure in the documentation comes from."""
