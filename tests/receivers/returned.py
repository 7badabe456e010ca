"""Values that a handler may return."""

from __future__ import annotations

from typing import Any

# What no framework makes an answer of, or one that is no failure.
RETURNED: dict[str, Any] = {
    "true": True,
    "number": 500,
    "object": object(),
    "list": [1],
    "text": "text",
    "no tuple": (),
    "pair": ("a", "b"),
    "three": ("body", "of no status", 3),
    "answer": ("body", 201),
    "words": ("body", "200 OK"),
}
