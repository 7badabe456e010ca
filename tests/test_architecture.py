"""The house: imports run down the floors only, rooms are small, and what is written twice says the same."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wechatpay_chain

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wechatpay_chain"
FLOORS = {
    "version": 0,
    "errors": 0,
    "throwable": 0,
    "frames": 0,
    "floats": 0,
    "words": 0,
    "literal": 0,
    "query": 0,
    "bill": 0,
    "workers": 0,
    "pending": 0,
    "promise": 0,
    "response": 0,
    "display": 0,
    "picture": 0,
    "terminal": 0,
    "fields": 0,
    "flight": 0,
    "sealed": 0,
    "crypto": 1,
    "protocol": 2,
    "transport": 3,
    "catalog": 4,
    "options": 5,
    "fetch": 5,
    "body": 5,
    "legacy": 5,
    "headers": 5,
    "recipe": 5,
    "renewal": 5,
    "sealing": 5,
    "call": 5,
    "chain": 5,
    "prompt": 5,
    "interpreter": 5,
    "settings": 5,
    "inbox": 5,
    "known": 5,
    "typed": 5,
    "client": 5,
    "php": 6,
    "port": 7,
    "sandbox": 7,
    "web": 7,
    "cli": 8,
}
# What a room may import beside the two packages that are always there.
THIRD_PARTIES = {
    "wechatpay_chain.port.source": {"tree_sitter", "tree_sitter_php", "tree_sitter_javascript"},
    "wechatpay_chain.web.flask": {"flask", "werkzeug"},
    "wechatpay_chain.web.django": {"django"},
    "wechatpay_chain.web.fastapi": {"starlette"},
}
ROOMS = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem not in ("__init__", "__main__")
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in ROOMS}


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Every module that a file names, and whether it is for type checkers alone."""
    tree = ast.parse(path.read_text())
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module), node in typing_only


def floor(module: str) -> int:
    return FLOORS[module.split(".")[1]]


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_down_the_floors(module: str) -> None:
    """A room imports from its own floor or lower ones, never from the package's root."""
    for name, _ in imported(MODULES[module]):
        if name.split(".")[0] == "wechatpay_chain":
            assert name != "wechatpay_chain", f"{module} imports the root"
            assert floor(name) <= floor(module), f"{module} imports {name}"


def test_no_import_circle() -> None:
    """Not even on one floor; imports for type checkers aside."""
    edges = {
        module: {name for name, typing_only in imported(path) if name in MODULES and not typing_only} - {module}
        for module, path in MODULES.items()
    }
    while leaves := [module for module, names in edges.items() if not names]:
        for leaf in leaves:
            del edges[leaf]
        for names in edges.values():
            names.difference_update(leaves)
    assert not edges


@pytest.mark.parametrize("module", MODULES)
def test_third_parties_are_two(module: str) -> None:
    """requests, with the urllib3 that it brings, and cryptography; requests' sessions in transport alone."""
    allowed = {"wechatpay_chain", "requests", "urllib3", "cryptography"} | THIRD_PARTIES.get(module, set())
    for name, typing_only in imported(MODULES[module]):
        top = name.split(".")[0]
        if typing_only and (top, module.split(".")[1]) == ("tree_sitter", "port"):
            continue
        assert top in allowed | sys.stdlib_module_names, name
        if name.startswith(("requests.sessions", "requests.adapters", "socket", "http.client")):
            assert module.startswith(("wechatpay_chain.transport", "wechatpay_chain.sandbox")), module


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_is_small(path: Path) -> None:
    """About 300 lines."""
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("module", MODULES)
def test_all_names_what_is_public(module: str) -> None:
    """__all__ is sorted by the linter; here: every name exists, and every public definition is named."""
    room = importlib.import_module(module)
    tree = ast.parse(MODULES[module].read_text())
    definitions = (ast.FunctionDef, ast.ClassDef)
    public = {node.name for node in tree.body if isinstance(node, definitions) and not node.name.startswith("_")}
    if public or hasattr(room, "__all__"):
        assert public <= set(room.__all__)
        assert all(hasattr(room, name) for name in room.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_public_things_have_docstrings(module: str) -> None:
    """Rooms, classes, functions and methods without an underscore, but for those that override."""
    tree = ast.parse(MODULES[module].read_text())
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module}.{node.name}"
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    ellipsis = isinstance(inner.body[0], ast.Expr) and inner.body[0].value
                    assert ast.get_docstring(inner) or isinstance(ellipsis, ast.Constant), f"{node.name}.{inner.name}"


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither requests nor cryptography before a name that needs them is used."""
    code = "import sys, wechatpay_chain; print({'requests', 'urllib3', 'cryptography'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "set()\n"


def test_the_version_is_the_head_of_the_changelog() -> None:
    """One number in two places."""
    head = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert head
    assert head[1] == wechatpay_chain.__version__


def test_setup_cfg_says_what_is_needed() -> None:
    """Name, Python, two packages, the console script."""
    configuration = configparser.RawConfigParser()
    configuration.read(ROOT / "setup.cfg")
    needs = [re.split(r"[><=]", line)[0] for line in configuration["options"]["install_requires"].split()]
    assert needs == ["requests", "cryptography"]
    assert configuration["metadata"]["name"] == "wechatpay-chain"
    assert configuration["options"]["python_requires"] == ">=3.10"
    assert "wechatpay-chain = wechatpay_chain.cli:main" in configuration["options.entry_points"]["console_scripts"]


def test_the_design_page_names_every_room() -> None:
    """docs/design.md is kept true."""
    page = (ROOT / "docs/design.md").read_text()
    for path in ROOMS:
        if path.stem != "__init__":
            assert f"{path.stem}.py" in page, path
