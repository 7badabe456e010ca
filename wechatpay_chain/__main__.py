"""``python -m wechatpay_chain`` is ``wechatpay-chain``."""

from __future__ import annotations

import sys

from wechatpay_chain.cli import main

if __name__ == "__main__":
    sys.exit(main())
