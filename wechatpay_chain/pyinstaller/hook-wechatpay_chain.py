"""The modules that ``wechatpay_chain`` imports by name when they are first used, and the data files beside them."""

from __future__ import annotations

import sys

from PyInstaller.utils.hooks import collect_data_files

import wechatpay_chain

__all__ = ["datas", "hiddenimports"]

# A public name's module is imported when the name is read. What those modules import themselves is seen without help.
_public = [getattr(wechatpay_chain, name) for name in wechatpay_chain.__all__ if name != "__version__"]

datas = collect_data_files("wechatpay_chain", excludes=["**/*.pyi", "**/py.typed"])
hiddenimports = [getattr(thing, "__module__", None) or thing.__name__ for thing in _public]
hiddenimports.append("tomllib" if sys.version_info >= (3, 11) else "tomli")
