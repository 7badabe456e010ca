"""Words and variables as each shell writes them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

__all__ = ["SHELLS", "assignment", "default_shell", "quote"]

# How a shell sets a variable that other programs see; bash and zsh do as sh does.
SHELLS: Mapping[str, str] = {
    "sh": "export {name}={value}",
    "fish": "set -gx {name} {value}",
    "powershell": "$env:{name} = {value}",
}


def assignment(shell: str, name: str, value: str) -> str:
    """One line for ``sh``, ``fish`` or ``powershell``, which sets ``name`` to exactly ``value``."""
    return SHELLS[shell].format(name=name, value=quote(shell, value))


def quote(shell: str, text: str) -> str:
    """``text`` as one word in which nothing is replaced."""
    if shell == "fish":
        # Inside these quotation marks \\ and \' alone are escapes.
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if shell == "powershell":
        # It takes typographic quotation marks for plain ones.
        doubled = "".join(letter * 2 if letter in "'\u2018\u2019\u201a\u201b" else letter for letter in text)
        return f"'{doubled}'"
    return shlex.quote(text)


def default_shell(environment: Mapping[str, str], system: str = os.name) -> str:
    """PowerShell on Windows, unless a Unix shell runs there, and sh elsewhere."""
    return "powershell" if system == "nt" and not environment.get("SHELL") else "sh"
