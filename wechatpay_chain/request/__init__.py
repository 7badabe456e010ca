"""A verb and its arguments become one checked value."""
