"""What PyInstaller must know to freeze a program with this package; PyInstaller finds it by its entry point.

Source: https://pyinstaller.org/en/stable/hooks.html#providing-pyinstaller-hooks-with-your-package
"""

from __future__ import annotations

import os

__all__ = ["get_hook_dirs"]


def get_hook_dirs() -> list[str]:
    """The folder that holds ``hook-wechatpay_chain.py``."""
    return [os.path.dirname(__file__)]
