"""``python -m flask_shop``: the shop on this machine, with a sandbox where no merchant is configured."""

import os
from contextlib import ExitStack

from flask import Flask
from werkzeug.serving import make_server

from flask_shop import create_app
from wechatpay_chain import Sandbox


def main() -> None:
    """Serve until Ctrl-C."""
    with ExitStack() as stack:
        if "WECHATPAY_MCHID" not in os.environ:
            gateway = stack.enter_context(Sandbox())
            os.environ |= gateway.environment()
            print(f"to pay an order: wechatpay-chain sandbox pay NUMBER --url {gateway.base_url}")
        server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), Flask("starting"), threaded=True)
        os.environ.setdefault("SHOP_URL", f"http://127.0.0.1:{server.port}")
        server.app = create_app()
        print(f"the shop is at http://127.0.0.1:{server.port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
