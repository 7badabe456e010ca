"""``python -m django_shop``: the shop on this machine, with a sandbox where no merchant is configured."""

import os
from contextlib import ExitStack
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from django.core.management import call_command

from wechatpay_chain import Sandbox


class Server(ThreadingMixIn, WSGIServer):
    """The standard library's server with a thread for each request."""

    daemon_threads = True


def main() -> None:
    """Make the tables and serve until Ctrl-C."""
    with ExitStack() as stack:
        if "WECHATPAY_MCHID" not in os.environ:
            gateway = stack.enter_context(Sandbox())
            os.environ |= gateway.environment()
            print(f"to pay an order: wechatpay-chain sandbox pay NUMBER --url {gateway.base_url}")
        from django_shop.wsgi import application

        call_command("migrate", run_syncdb=True, verbosity=0)
        server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application, Server)
        address = f"http://127.0.0.1:{server.server_port}"
        os.environ.setdefault("SHOP_URL", address)
        print(f"the shop is at {address}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
