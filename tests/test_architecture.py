"""The house: imports run down the floors only, rooms are small, and what is written twice says the same."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import wechatpay_chain

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wechatpay_chain"
# Which folder may import which; a folder may always import itself. The files at the package's root are two of them:
# ``base``, on which everything stands, and ``client``. ``stubs`` are the generated ``typed/**/*.pyi``.
# Imports for type checkers count like any other.
BASE = {"bill_reader", "errors", "promise", "response", "tracebacks", "version", "workers"}
CLIENT = {"client", "settings"}
ALLOWED = {
    "display": set[str](),
    "base": {"display"},
    "encoding": {"base"},
    "crypto": {"base", "encoding"},
    "catalog": {"display", "encoding"},
    "protocol": {"base", "crypto", "encoding"},
    "transport": {"base", "crypto", "encoding", "protocol"},
    "request": {"base", "catalog", "crypto", "encoding", "protocol", "transport"},
    "chain": {"base", "catalog", "display", "encoding", "request"},
    "stubs": {"base", "chain", "request", "transport"},
    "client": {"base", "chain", "crypto", "encoding", "protocol", "request", "stubs", "transport"},
    "testing": {"client", "crypto", "php", "protocol", "sandbox"},
    "typed": {"client", "stubs"},
    "php": {"base", "client", "crypto", "encoding", "protocol", "request", "transport"},
    "port": {"base", "encoding", "php"},
    "pyinstaller": set(),
    "web": {"base", "client", "protocol"},
    "sandbox": {"base", "catalog", "client", "crypto", "display", "encoding", "php", "protocol"},
    "cli": {
        *("base", "catalog", "chain", "client", "crypto", "display", "encoding", "port", "protocol", "request"),
        *("sandbox", "transport"),
    },
}
# What a room may import beside the two packages that are always there.
THIRD_PARTIES = {
    "wechatpay_chain.promise": {"trio"},  # where one awaits under it
    "wechatpay_chain.port.source": {
        *("tree_sitter", "tree_sitter_php", "tree_sitter_javascript", "tree_sitter_typescript")
    },
    "wechatpay_chain.port.python": {"black"},
    "wechatpay_chain.testing.fixtures": {"pytest"},
    "wechatpay_chain.web.flask": {"flask", "werkzeug"},
    "wechatpay_chain.web.django": {"django"},
    "wechatpay_chain.web.fastapi": {"starlette"},
}
# PyInstaller's hooks are named hook-….py: no module can be, and PyInstaller alone runs them.
ROOMS = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.stem.isidentifier() and (path.parent != PACKAGE or path.stem not in ("__init__", "__main__"))
)
STUBS = sorted(PACKAGE.rglob("*.pyi"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in ROOMS}
WITH_STUBS = {**{module_of(path): path for path in STUBS}, **MODULES}


@cache
def imported(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every module that a file names, and whether it is for type checkers alone."""
    return tuple(imports(path))


def imports(path: Path) -> Iterator[tuple[str, bool]]:
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
                yield inner if inner in WITH_STUBS else str(node.module), node in typing_only


def folder(module: str) -> str:
    """The name in ``ALLOWED`` under which a module stands."""
    name = module.split(".")[1]
    if WITH_STUBS[module].suffix == ".pyi":
        return "stubs"
    return "base" if name in BASE else "client" if name in CLIENT else name


def test_imports_run_down() -> None:
    """A file imports from its own folder or from those that ``ALLOWED`` names, never from the package's root."""
    for module, path in WITH_STUBS.items():
        for name, _ in imported(path):
            if name.split(".")[0] == "wechatpay_chain":
                assert name != "wechatpay_chain", f"{module} imports the root"
                assert folder(name) in {folder(module), *ALLOWED[folder(module)]}, f"{module} imports {name}"


def test_allowed_arrows_are_used_and_run_one_way() -> None:
    """Every pair in ``ALLOWED`` is an import that exists, and no folder can be reached from itself."""
    used = {
        (folder(module), folder(name))
        for module, path in WITH_STUBS.items()
        for name, _ in imported(path)
        if name in WITH_STUBS and folder(module) != folder(name)
    }
    assert used == {(above, below) for above, folders in ALLOWED.items() for below in folders}
    assert not circles({above: set(folders) for above, folders in ALLOWED.items()})


def test_no_import_circle() -> None:
    """Not within a folder either, and imports for type checkers count."""
    edges = {
        module: {name for name, _ in imported(path) if name in WITH_STUBS} - {module}
        for module, path in WITH_STUBS.items()
    }
    assert not circles(edges)


def circles(edges: dict[str, set[str]]) -> set[str]:
    """What is left of a graph when everything that leads nowhere is taken out again and again."""
    while leaves := [name for name, names in edges.items() if not names]:
        for leaf in leaves:
            del edges[leaf]
        for names in edges.values():
            names.difference_update(leaves)
    return set(edges)


def test_the_root_of_the_package_has_few_files() -> None:
    """Twelve at most: what users import, and what everybody needs."""
    at_root = {path.stem for path in PACKAGE.glob("*.py")}
    assert at_root == {"__init__", "__main__", *BASE, *CLIENT}
    assert len(at_root) <= 12


def test_no_file_name_stands_twice() -> None:
    """Whoever searches a name finds one file; ``__init__`` aside."""
    names = [path.stem for path in ROOMS if path.stem != "__init__"]
    assert not {name for name in names if names.count(name) > 1}


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
    """Name, Python, the packages that are imported, the console script; CI tries their lowest versions."""
    configuration = configparser.RawConfigParser()
    configuration.read(ROOT / "setup.cfg")
    needs = configuration["options"]["install_requires"].split()
    assert [re.split(r"[><=]", line)[0] for line in needs] == ["requests", "cryptography", "urllib3"]
    lowest = re.findall(r"^[\w-]+==\S+", (ROOT / ".ci/lowest.txt").read_text(), re.MULTILINE)
    assert lowest == [re.split(",", line)[0].replace(">=", "==") for line in needs]
    assert configuration["metadata"]["name"] == "wechatpay-chain"
    assert configuration["options"]["python_requires"] == ">=3.10"
    assert "wechatpay-chain = wechatpay_chain.cli:main" in configuration["options.entry_points"]["console_scripts"]


def test_the_design_page_names_every_room() -> None:
    """docs/design.md is kept true."""
    page = (ROOT / "docs/design.md").read_text()
    named = re.findall(r"^\| `([a-z0-9_/]+\.py)` \|", page, re.MULTILINE)
    rooms = [path.relative_to(PACKAGE).as_posix() for path in ROOMS if path.stem != "__init__"]
    assert sorted(named) == sorted({"__init__.py", "__main__.py", *rooms})
