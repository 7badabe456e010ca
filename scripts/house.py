"""Figures of the house: ``python -m scripts.house [TREE …]``, each TREE a checkout, this one when none is named.

The figures in docs/design.md come from it: ``git worktree add ../v0.3.0 377c371``, then both trees in one run.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["House", "components", "imports_of", "levels", "main", "measure"]

PACKAGE = "wechatpay_chain"
ROOT = Path(__file__).parent.parent
RUNS = 9

# A gateway for the other processes, until its stdin is closed.
_SERVE = """
import json, sys
from wechatpay_chain import Sandbox
with Sandbox() as gateway:
    print(json.dumps(gateway.environment()), flush=True)
    sys.stdin.read()
"""
_CALL = """wxpay.v3.marketing.partner.deliveryPlan._sp_mchid_.notifyUrl.post(
    {"notify_url": "https://pay.weixin.qq.com"}, sp_mchid=wxpay_mchid
)"""
_FIRST = f"""
import time
start = time.perf_counter()
import os
from wechatpay_chain import Wechatpay
wxpay_mchid = os.environ["WECHATPAY_MCHID"]
wxpay = Wechatpay.from_env()
assert {_CALL}.verified
seconds = time.perf_counter() - start
import json, sys
print(json.dumps([seconds, sorted(name for name in sys.modules if name.split(".")[0] == "{PACKAGE}")]))
"""
_WARM = f"""
import json, os, sys
from wechatpay_chain import Wechatpay
wxpay_mchid = os.environ["WECHATPAY_MCHID"]
wxpay = Wechatpay.from_env()
for _ in range(3):
    {_CALL.replace(chr(10), chr(10) + "    ")}
entered = set()
sys.setprofile(lambda frame, event, _: entered.add(frame.f_code.co_filename) if event == "call" else None)
{_CALL}
sys.setprofile(None)
print(json.dumps(sorted(entered)))
"""


class House(NamedTuple):
    """What was found in one tree; ``milliseconds`` is the shortest first call, imports included."""

    files: int
    files_at_the_root: int
    rooms_of_a_call: int
    levels_of_imports: int
    levels_below_the_client: int
    circles: int
    modules_of_a_first_call: int
    milliseconds: float


def imports_of(package: Path) -> dict[str, set[str]]:
    """Each module of a package without its stubs, and the modules of the package that it imports, in any place."""
    paths = {_module(path, package): path for path in package.rglob("*.py")}
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def _module(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: Mapping[str, Path]) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                name = inner if inner in modules else str(node.module)
                if name in modules:
                    yield name


def components(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The sets of modules that can all be reached from each other; one that stands alone is a set of one."""

    reached = {name: _below(name, graph).keys() for name in graph}
    found: list[set[str]] = []
    for name in graph:
        if not any(name in each for each in found):
            found.append({other for other in reached[name] if name in reached[other]})
    return found


def _below(start: str, graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The part of a graph that a module reaches, the module itself included."""
    found, left = {start}, [start]
    while left:
        new = graph[left.pop()] - found
        found |= new
        left += new
    return {name: graph[name] for name in found}


def levels(graph: Mapping[str, set[str]]) -> int:
    """The length of the longest chain of imports; the modules of a circle count as one."""
    sets = components(graph)
    of = {name: index for index, each in enumerate(sets) for name in each}

    @cache
    def depth(index: int) -> int:
        below = {of[name] for each in sets[index] for name in graph[each]} - {index}
        return 1 + max(map(depth, below), default=0)

    return max(map(depth, range(len(sets))))


def measure(trees: Sequence[Path], runs: int = RUNS) -> list[House]:
    """The figures of each tree; its calls go to a sandbox of its own, in processes of their own.

    The first calls of the trees are made in turn, so that whatever else the machine does meets them all.
    """
    with ExitStack() as stack:
        environments = [stack.enter_context(_gateway(tree)) for tree in trees]
        pairs = list(zip(trees, environments, strict=True))
        firsts = [[_run(_FIRST, tree, environment) for tree, environment in pairs] for _ in range(runs)]
        entered = [_run(_WARM, tree, environment) for tree, environment in pairs]
    return [
        _house(tree, paths, first) for tree, paths, first in zip(trees, entered, zip(*firsts, strict=True), strict=True)
    ]


def _house(tree: Path, entered: Iterable[str], firsts: Iterable[tuple[float, list[str]]]) -> House:
    package = (tree / PACKAGE).resolve()
    graph = imports_of(package)
    inside = [path.relative_to(package) for path in map(Path, entered) if package in path.parents]
    seconds, modules = zip(*firsts, strict=True)
    return House(
        files=len(graph),
        files_at_the_root=len(list(package.glob("*.py"))),
        rooms_of_a_call=len([room for room in inside if room.parts[0] != "sandbox"]),
        levels_of_imports=levels(graph),
        levels_below_the_client=levels(_below(f"{PACKAGE}.client", graph)),
        circles=sum(len(each) > 1 for each in components(graph)),
        modules_of_a_first_call=len(modules[0]),
        milliseconds=min(seconds) * 1000,
    )


@contextmanager
def _gateway(tree: Path) -> Iterator[dict[str, str]]:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _SERVE], cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None  # noqa: S101
        assert server.stdout is not None  # noqa: S101
        yield json.loads(server.stdout.readline())
        server.stdin.close()


def _run(code: str, tree: Path, environment: Mapping[str, str]) -> Any:
    # Nothing else of this environment is asked; Windows opens no socket without SYSTEMROOT.
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=tree, env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main(arguments: list[str] | None = None) -> None:
    """Print a table with a column for each tree."""
    parser = argparse.ArgumentParser(prog="python -m scripts.house", description="Figures of the house.")
    parser.add_argument(
        "trees", metavar="TREE", nargs="*", type=Path, default=[ROOT], help="a checkout (default: this)"
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="how often a first call is made (default: %(default)s)")
    given = parser.parse_args(arguments)
    houses = measure(given.trees, given.runs)
    print("| | " + " | ".join(tree.resolve().name for tree in given.trees) + " |")
    print("|---|" + "---:|" * len(houses))
    for index, name in enumerate(House._fields):
        print(f"| {name.replace('_', ' ')} | " + " | ".join(f"{house[index]:.0f}" for house in houses) + " |")


if __name__ == "__main__":
    main()
