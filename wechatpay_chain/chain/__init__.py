"""Chains: words become a path."""
