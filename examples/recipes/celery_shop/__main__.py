"""``python -m celery_shop``: the shop and a worker on this machine, with a sandbox where no merchant is configured.

Where no broker is configured, a folder of files is one.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from flask import Flask
from werkzeug.serving import make_server

from wechatpay_chain import Sandbox

WORKER = [sys.executable, "-m", "celery", "-A", "celery_shop.tasks", "worker", "--concurrency=2", "--loglevel=WARNING"]


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; the worker ends with the shop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ExitStack() as stack:
        if "WECHATPAY_MCHID" not in os.environ:
            gateway = stack.enter_context(Sandbox())
            os.environ |= gateway.environment()
            print(f"to pay an order: wechatpay-chain sandbox pay NUMBER --url {gateway.base_url}")
        if "CELERY_BROKER_URL" not in os.environ:
            os.environ["SHOP_QUEUE"] = stack.enter_context(tempfile.TemporaryDirectory())
        worker = stack.enter_context(subprocess.Popen(WORKER))  # noqa: S603  # the words are those above
        stack.callback(worker.terminate)
        from celery_shop.web import create_app

        server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), Flask("starting"), threaded=True)
        os.environ.setdefault("SHOP_URL", f"http://127.0.0.1:{server.port}")
        server.app = create_app()
        print(f"the shop is at http://127.0.0.1:{server.port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
