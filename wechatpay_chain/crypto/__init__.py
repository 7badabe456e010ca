"""Pure functions over keys and bytes: no clock, no disk but for key files, no network."""
