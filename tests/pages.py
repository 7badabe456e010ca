"""Pages as they are read: their blocks run in order, in one fresh process, with no name that they do not make.

``python -m tests.pages PAGE`` runs the blocks of Python of a page in the working folder. A block of ``text`` behind one
is what that one prints; ``…`` stands for anything, also for lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FENCE", "ROOT", "Block", "blocks", "fences", "fits", "run_python", "run_shell", "text_of"]

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: its language, its text, and the line where it begins."""

    language: str
    text: str
    line: int


def text_of(page: str) -> str:
    """A page of this repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in their order, all or those in some languages."""
    text = text_of(page)
    found = [Block(match[1], match[2], text.count("\n", 0, match.start()) + 2) for match in FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def fences(page: str, language: str = "") -> list[str]:
    """The texts of the blocks of a page, all or those in one language."""
    return [block.text for block in blocks(page, *filter(None, [language]))]


def fits(shown: str, printed: str) -> bool:
    """Whether what a page shows is what was printed; ``…`` stands for anything."""
    lines = (
        r"(?:.*\n)*" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown.splitlines()
    )
    return re.fullmatch("".join(lines), printed.rstrip("\n") + "\n") is not None


def run_python(page: str, folder: Path) -> None:
    """Run the blocks of Python of a page in one new process; AssertionError tells the line and what differs."""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-m", "tests.pages", page],
        cwd=folder,
        env=_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def run_shell(page: str, folder: Path, skip: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the blocks of a page that are for a shell in one bash, which ends at the first line that fails."""
    script = "".join(block.text for block in blocks(page, "sh")[skip:])
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=_environment() | {"HOME": str(folder), "LC_ALL": "C.UTF-8"},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def _environment() -> dict[str, str]:
    """That of this process without a merchant, and with the commands of this installation first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WECHATPAY_", "PYTEST"))}
    return kept | {"PATH": path, "PYTHONIOENCODING": "utf-8"}


def _main(page: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    found = blocks(page)
    for index, block in enumerate(found):
        if block.language != "python":
            continue
        following = found[index + 1] if index + 1 < len(found) else None
        code = compile("\n" * (block.line - 1) + block.text, page, "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        if following and following.language == "text" and not fits(following.text, printed.getvalue()):
            sys.exit(f"{page}, line {following.line}: shown\n{following.text}\nprinted\n{printed.getvalue()}")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(sys.argv[1])
