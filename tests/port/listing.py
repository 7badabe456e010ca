"""What ``port`` prints for a piece of source, as the tests look at it."""

from __future__ import annotations

from wechatpay_chain.port.report import Report, port
from wechatpay_chain.port.snippets import Snippet

__all__ = ["code_of", "listed", "without_comments"]


def listed(source: str, language: str, file: str = "shop") -> Report:
    """The report of one snippet, whose Python compiles."""
    report = port([(file, Snippet(source, language))])
    compile(report.python(), file, "exec")
    return report


def without_comments(python: str) -> str:
    """The code, without the originals above it and the blank lines between."""
    lines = [line for line in python.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines)


def code_of(source: str, language: str) -> str:
    """The code alone, without its imports."""
    lines = without_comments(listed(source, language).python()).split("\n")
    return "\n".join(line for line in lines if not line.startswith(("import ", "from ")))
