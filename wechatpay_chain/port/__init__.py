"""Chain calls of PHP and JavaScript, rewritten as Python."""
