"""The commands of ``wechatpay_chain.cli``, each of which is imported by name when it is run."""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_submodules

__all__ = ["hiddenimports"]

hiddenimports = collect_submodules("wechatpay_chain.cli")
