"""What interpreters and their completers ask of the class of chains: light, since each client brings it."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["ChainType", "add_manual", "trust"]

T = TypeVar("T")
_TRUSTED: set[type] = set()


def trust(*kinds: type) -> None:
    """Let IPython's completer look at the attributes and items of ``kinds``, and of those that were told before.

    It evaluates nothing of a class with a ``__getattr__`` of its own, so ``wxpay.v3['`` would offer no paths;
    of chains it may, since making one does nothing. Called again, since IPython may be imported later.
    """
    _TRUSTED.update(kinds)
    if "IPython.core.completer" not in sys.modules:
        return
    try:
        guard = import_module("IPython.core.guarded_eval")
    except ImportError:  # before IPython 8.8 the completer evaluated anything
        return
    from wechatpay_chain.chain.calltips import register_with_ipython

    register_with_ipython()
    policy = getattr(guard, "EVALUATION_POLICIES", {}).get("limited")
    for name in ("allowed_getattr", "allowed_getitem"):
        allowed = getattr(policy, name, None)
        if isinstance(allowed, set):
            allowed.update(_TRUSTED)


def add_manual(kind: type[T]) -> type[T]:
    """Give the objects of a class a ``__doc__`` of their own, which their ``_manual()`` tells."""
    type.__setattr__(kind, "__doc__", _Doc(kind.__doc__ or ""))
    return kind


class ChainType(type):
    """The class of chains, which has a property for each known word.

    rlcompleter adds ``(`` to what can be called, as every node can, but not to a property. IPython needs none,
    and would show the property in place of the node.
    """

    def __dir__(cls) -> list[str]:
        # rlcompleter offers what the class has beside what the object lists, and so hides placeholders.
        hidden = ("chain",) if "rlcompleter" in sys.modules and "IPython" not in sys.modules else ()
        return [name for name in super().__dir__() if name not in hidden and re.match("_(?!_)", name) is None]

    def __getattr__(cls, name: str) -> Any:
        if "IPython" not in sys.modules:
            from wechatpay_chain.catalog import tree

            if name in tree.spellings():
                return _WORD
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


_WORD = property(doc="A word of a path.")


class _Doc:
    def __init__(self, own: str) -> None:
        self._own = own

    def __get__(self, thing: Any, owner: object = None) -> str:
        return self._own if thing is None else str(thing._manual()) or self._own
