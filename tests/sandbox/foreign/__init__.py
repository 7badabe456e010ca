"""Programs that use clients which others wrote, each a process of its own."""
