"""The version, which is the head of CHANGELOG.md."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.4.0"
