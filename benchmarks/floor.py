"""What no call can do without, written by hand: sign, send with urllib3, verify, read the JSON.

Nobody would keep it in a program: one host, one way to fail, no clock, one key. It is what the others are
measured by.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

__all__ = ["PATH", "PAYLOAD", "Floor", "Hand"]

# The call that everybody makes.
PATH = "/v3/marketing/partner/product-coupon/notify-configs"
PAYLOAD = {"notify_url": "https://pay.weixin.qq.com/notify"}
_PADDING, _SHA256 = PKCS1v15(), SHA256()


class Hand:
    """Signatures by hand; ``entries`` are those of the gateway's merchant."""

    def __init__(self, entries: dict[str, Any]) -> None:
        private = load_pem_private_key(entries["private_key"].encode(), None)
        self.key_id, pem = next(item for item in entries["certs"].items() if item[0].startswith("PUB_KEY_ID_"))
        public = load_pem_public_key(pem.encode())
        assert isinstance(private, RSAPrivateKey)
        assert isinstance(public, RSAPublicKey)
        self._private, self._public = private, public
        self._mchid, self._serial = entries["mchid"], entries["serial"]

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """Those of a signed request."""
        now, nonce = str(int(time.time())), secrets.token_hex(16)
        text = f"{method}\n{path}\n{now}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode(self._private.sign(text, _PADDING, _SHA256)).decode()
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "floor",
            "Wechatpay-Serial": self.key_id,
            "Authorization": f'WECHATPAY2-SHA256-RSA2048 mchid="{self._mchid}",nonce_str="{nonce}",timestamp="{now}",'
            f'serial_no="{self._serial}",signature="{signature}"',
        }

    def verify(self, headers: Any, body: bytes) -> None:
        """Raise InvalidSignature for an answer that is not WeChat Pay's."""
        text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        self._public.verify(base64.b64decode(headers["Wechatpay-Signature"]), text, _PADDING, _SHA256)


class Floor:
    """Calls with nothing but what they need; ``ca`` is the certificate to trust over TLS."""

    def __init__(self, entries: dict[str, Any], ca: str | None) -> None:
        options: dict[str, Any] = {} if ca is None else {"ca_certs": ca}
        timeout = urllib3.Timeout(connect=5, read=30)
        self._pool = urllib3.connection_from_url(entries["base_url"], maxsize=64, timeout=timeout, **options)
        self._hand = Hand(entries)

    def call(self) -> Any:
        """One call, and what is in its answer."""
        body = json.dumps(PAYLOAD).encode()
        answer = self._pool.urlopen("POST", PATH, body, self._hand.headers("POST", PATH, body), retries=False)
        assert answer.status == 200
        self._hand.verify(answer.headers, answer.data)
        return json.loads(answer.data)
