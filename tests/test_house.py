"""The script behind the design page's figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import house


def test_imports_levels_and_circles_of_a_package(tmp_path: Path) -> None:
    """Imports count in any place, a package's own file by its name; a circle is one level."""
    package = tmp_path / "wechatpay_chain"
    sources = {
        "__init__": "",
        "a": "from wechatpay_chain import b\nimport os",
        "b": "from wechatpay_chain.c import x",
        "c": "def f():\n    from wechatpay_chain.d.e import y",
        "d/__init__": "",
        "d/e": "if TYPE_CHECKING:\n    from wechatpay_chain.b import z\nfrom wechatpay_chain import d",
    }
    for name, source in sources.items():
        path = package / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    graph = {name.removeprefix("wechatpay_chain."): found for name, found in house.imports_of(package).items()}
    assert graph["a"] == {"wechatpay_chain.b"}
    assert graph["d.e"] == {"wechatpay_chain.b", "wechatpay_chain.d"}
    whole = house.imports_of(package)
    assert [each for each in house.components(whole) if len(each) > 1] == [
        {"wechatpay_chain.b", "wechatpay_chain.c", "wechatpay_chain.d.e"}
    ]
    assert house.levels(whole) == 3


@pytest.mark.slow
def test_this_tree_is_measured() -> None:
    """A call that enters no room, or a first call without the client, was not measured."""
    (found,) = house.measure([house.ROOT], runs=1)
    assert found.files_at_the_root <= 12
    assert found.circles == 0
    assert 10 < found.rooms_of_a_call < found.modules_of_a_first_call < found.files
    assert found.milliseconds > 0
