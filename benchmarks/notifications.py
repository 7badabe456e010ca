"""How fast a notification is verified and decrypted, beside wechatpayv3 and beside what cannot be left out.

``python -m benchmarks --only notifications`` in an environment with the extra ``bench``. The floor is one RSA
verification, one AES-GCM decryption and two readings of JSON, by ``cryptography`` and ``json`` themselves.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from wechatpayv3 import WeChatPay, WeChatPayType

from benchmarks.measure import rounds
from benchmarks.table import Table
from wechatpay_chain import Sandbox
from wechatpay_chain.sandbox.push import Notice
from wechatpay_chain.web import Seen
from wechatpay_chain.web.receiver import Receiver

COUNT = 200
# So many rounds find notifications enough that are new.
_MOST = 15


def floor(gateway: Sandbox, notice: Notice) -> Callable[[], dict[str, Any]]:
    """What no receiver can leave out; the keys are loaded before."""
    key, cipher = gateway.identity.public_key.public_key(), AESGCM(gateway.identity.apiv3_key.encode())
    padding, digest = PKCS1v15(), SHA256()

    def read() -> dict[str, Any]:
        headers, body = notice.headers, notice.body
        text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        key.verify(base64.b64decode(headers["Wechatpay-Signature"]), text, padding, digest)
        resource = json.loads(body)["resource"]
        sealed = base64.b64decode(resource["ciphertext"])
        plain: dict[str, Any] = json.loads(
            cipher.decrypt(resource["nonce"].encode(), sealed, resource["associated_data"].encode())
        )
        return plain

    return read


def other(gateway: Sandbox, notice: Notice) -> Callable[[], dict[str, Any]]:
    """wechatpayv3's ``callback``, configured with the public key so that it downloads nothing."""
    entries, identity = gateway.configuration(), gateway.identity
    wxpay = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=entries["mchid"],
        private_key=entries["private_key"],
        cert_serial_no=entries["serial"],
        apiv3_key=entries["apiv3_key"],
        appid="wx8888888888888888",
        public_key=entries["certs"][identity.public_key_id],
        public_key_id=identity.public_key_id,
    )

    def read() -> dict[str, Any]:
        resource: dict[str, Any] = wxpay.callback(notice.headers, notice.body)["resource"]
        return resource

    return read


def repeated(work: Callable[[], object]) -> None:
    for _ in range(COUNT):
        work()


def distinct(gateway: Sandbox, receiver: Receiver) -> Callable[[], None]:
    """A whole receiver with a store: every notification is a new one."""
    pusher = gateway.pusher()
    waiting = [pusher.notice("TRANSACTION.SUCCESS") for _ in range(COUNT * 16)]

    def run() -> None:
        for _ in range(COUNT):
            notice = waiting.pop()
            assert receiver.run(notice.headers, notice.body, lambda notification: None).status == 204

    return run


def tables(count: int) -> Iterator[Table]:
    """One table; the medians of ``count`` rounds."""
    with Sandbox() as gateway, gateway.client() as wxpay, tempfile.TemporaryDirectory() as folder:
        notice = gateway.pusher().notice("TRANSACTION.SUCCESS")
        readers: dict[str, Callable[[], dict[str, Any]]] = {
            "floor": floor(gateway, notice),
            "notification": lambda: wxpay.notification(notice.headers, notice.body).resource,
            "wechatpayv3": other(gateway, notice),
        }
        assert len({json.dumps(read(), sort_keys=True) for read in readers.values()}) == 1
        candidates: dict[str, Callable[[], object]] = {name: partial(repeated, read) for name, read in readers.items()}
        seen = Seen(Path(folder, "seen.sqlite"))
        candidates["receiver and Seen"] = distinct(gateway, Receiver(wxpay, seen))
        taken = rounds(candidates, min(count, _MOST), time.process_time)
    each = {name: seconds / COUNT for name, seconds in taken.items()}
    rows = [
        [_SHOWN[name], f"{one * 1e6:.0f} µs", f"{1 / one:,.0f}", f"{one / each['floor']:.2f}"]
        for name, one in each.items()
    ]
    yield Table("notifications", ["a payment of 2.4 KB", "each", "per second", "floors"], rows)


_SHOWN = {
    "floor": "floor: RSA verification, AES-GCM, JSON twice",
    "notification": "`wxpay.notification`",
    "wechatpayv3": "wechatpayv3's `callback`, which does not look at the clock",
    "receiver and Seen": "a whole receiver with `Seen`, each notification a new one",
}
