"""Everything that a command touches outside itself, as one value, so that it is tested without a process."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

__all__ = ["Console"]


@dataclass
class Console:
    """Standard input, output and error, and the environment."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        # Python has None for a stream that was closed before it began: nothing is read there, and what is said is lost.
        self.stdin, self.stdout, self.stderr = (
            each or io.StringIO() for each in (self.stdin, self.stdout, self.stderr)
        )
        # Where a terminal cannot show Chinese, escapes are better than no answer.
        for stream in (self.stdout, self.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def say(self, text: str = "") -> None:
        """A line for standard output."""
        print(f"{text}\n", end="", file=self.stdout, flush=True)

    def complain(self, error: object) -> None:
        """One line for standard error, whatever the error holds."""
        # An error may quote an answer: what would steer a terminal is shown, not obeyed.
        text = " ".join(str(error).split())
        safe = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
        print(f"wechatpay-chain: {safe}", file=self.stderr, flush=True)

    def read_bytes(self, most: int = -1) -> bytes:
        """Standard input as bytes, ``most`` of them or all; empty where there is none."""
        raw = getattr(self.stdin, "buffer", None)
        if raw is not None:
            content: bytes = raw.read(most)
            return content
        return self.stdin.read(most).encode("utf-8", "surrogateescape")

    def write_bytes(self, data: bytes) -> None:
        """Bytes as they are."""
        self.stdout.flush()
        raw = getattr(self.stdout, "buffer", None)
        if raw is None:
            self.stdout.write(data.decode("utf-8", "replace"))
        else:
            raw.write(data)
            raw.flush()
