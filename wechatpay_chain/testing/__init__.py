"""Help for the tests of programs that use this package: a pytest plugin, a sandbox to test against, signed answers.

As a plugin it is loaded by every run of pytest where this package is installed, so it imports nothing of the package
before a name is used. PYTEST_DONT_REWRITE: a program may import it before it starts pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wechatpay_chain.testing.answers import configuration, signed
    from wechatpay_chain.testing.observed import Finding, ObservedSandbox
    from wechatpay_chain.testing.pool import sandbox

__all__ = ["Finding", "ObservedSandbox", "configuration", "sandbox", "signed"]

# What pytest loads with this module: https://docs.pytest.org/en/stable/how-to/writing_plugins.html
pytest_plugins = ("wechatpay_chain.testing.fixtures",)

_HOME = {
    "Finding": "observed",
    "ObservedSandbox": "observed",
    "configuration": "answers",
    "sandbox": "pool",
    "signed": "answers",
}


# There is no __dir__ with these names: pytest gets every name that dir() lists of a plugin, and would import them all.
def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
