"""Pure text: paths, queries, values."""
