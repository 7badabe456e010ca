"""What must be signed, and what a true answer looks like: bytes in, bytes out, no sockets."""
