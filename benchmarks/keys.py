"""What keys cost: certificates that are downloaded against fixed ones, and encrypted fields.

``python -m benchmarks.keys``: a call and its parts on a sandbox in another process, in turn.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import machine, rounds
from wechatpay_chain import Sealed, Wechatpay

CALLS = 200
_SERVE = """
import json, sys
from wechatpay_chain import Sandbox
with Sandbox() as gateway:
    print(json.dumps(gateway.configuration()), flush=True)
    sys.stdin.read()
"""


def main() -> None:
    """Print the table."""
    with subprocess.Popen([sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        entries = json.loads(server.stdout.readline())
        public = {name: key for name, key in entries["certs"].items() if name.startswith("PUB")}
        with Wechatpay({**entries, "certs": public}) as fixed, Wechatpay({**entries, "certs": None}) as brought:
            _show(fixed, brought, entries)
        server.stdin.close()


def _show(fixed: Wechatpay, brought: Wechatpay, entries: dict[str, Any]) -> None:
    calls = rounds(
        {"fixed": _calls(fixed, "x"), "downloaded": _calls(brought, "x"), "sealed": _calls(fixed, Sealed("x"))}
    )
    keyring = brought._settings.keyring
    key_id = keyring.current.id
    times = rounds({"find": lambda: [(keyring.current, keyring.find(key_id)) for _ in range(CALLS)]})
    print(f"| {machine('requests', 'cryptography')} | |")
    print("|---|---|")
    print(f"| a call with a fixed public key | {1000 * calls['fixed'] / CALLS:.2f} ms |")
    print(f"| the same with downloaded certificates | {calls['downloaded'] / calls['fixed']:.2f} of it |")
    print(f"| the same with one sealed field | {calls['sealed'] / calls['fixed']:.2f} of it |")
    print(f"| choosing and finding a key, once for each call | {1e6 * times['find'] / CALLS:.1f} µs |")
    print(f"| a client of files as a pickle | {_pickled(entries)} bytes |")


def _calls(wxpay: Wechatpay, name: Any) -> Callable[[], None]:
    node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs

    def work() -> None:
        for _ in range(CALLS):
            node.post({"notify_url": "https://a.example", "name": name})

    return work


def _pickled(entries: dict[str, Any]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        key, public = Path(folder, "key.pem"), Path(folder, "public.pem")
        key.write_text(entries["private_key"])
        name, text = next(iter(entries["certs"].items()))
        public.write_text(text)
        made = {"mchid": entries["mchid"], "serial": entries["serial"], "private_key": key, "certs": {name: public}}
        return len(pickle.dumps(Wechatpay(made)))


if __name__ == "__main__":
    main()
