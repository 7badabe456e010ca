"""``python -m fastapi_shop``: the shop on this machine, with a sandbox where no merchant is configured."""

import os
import socket
from contextlib import ExitStack

import uvicorn

from fastapi_shop import create_app
from wechatpay_chain import Sandbox


def main() -> None:
    """Serve until Ctrl-C."""
    with ExitStack() as stack:
        if "WECHATPAY_MCHID" not in os.environ:
            gateway = stack.enter_context(Sandbox())
            os.environ |= gateway.environment()
            print(f"to pay an order: wechatpay-chain sandbox pay NUMBER --url {gateway.base_url}")
        door = stack.enter_context(socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000")))))
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        os.environ.setdefault("SHOP_URL", address)
        print(f"the shop is at {address}", flush=True)
        uvicorn.Server(uvicorn.Config(create_app(), log_level="warning")).run([door])


if __name__ == "__main__":
    main()
