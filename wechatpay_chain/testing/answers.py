"""Mocked answers that are signed as WeChat Pay signs them.

>>> import responses
>>> from wechatpay_chain import Wechatpay, testing
>>> wxpay = Wechatpay(**testing.configuration())
>>> body = '{"prepay_id":"wx1"}'
>>> with responses.RequestsMock() as mock:
...     url = "https://api.mch.weixin.qq.com/v3/pay/transactions/jsapi"
...     _ = mock.post(url, body=body, headers=testing.signed(200, body))
...     wxpay.v3.pay.transactions.jsapi.post({"description": "a book"}).data
{'prepay_id': 'wx1'}
"""

from __future__ import annotations

import json
import secrets
import time
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.protocol.v3 import answer_text

__all__ = ["configuration", "signed"]

_KEY_ID = "PUB_KEY_ID_0116000000002026000000000000000001"


@cache
def _key(owner: str) -> RSAPrivateKey:
    """A key pair that lives as long as this process."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def configuration() -> dict[str, Any]:
    """Entries for ``Wechatpay(…)`` and ``Builder.factory(…)``, whose keys are made once for each process.

    The client that they make trusts the answers of ``signed``, and no others.
    """
    return {
        "mchid": "1900000001",
        "serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        "private_key": _key("merchant"),
        "certs": {_KEY_ID: _key("WeChat Pay").public_key()},
        "apiv3_key": "0" * 32,
        "secret": "1" * 32,
    }


def signed(status: int = 200, body: str | bytes | dict[str, Any] | list[Any] | None = None) -> dict[str, str]:
    """The headers of a mocked answer, for a client of ``configuration``.

    ``body`` is the very text or bytes that the mock returns; a dict or a list is signed as ``json.dumps`` writes it,
    which is what mocks do with ``json=``. Ignored for 204. The signature is good for 300 s, as WeChat Pay's.
    Source: https://pay.weixin.qq.com/doc/v3/merchant/4013053249
    """
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"status: expected one from 200 to 599, found {status!r:.40}")
    if body is not None and not isinstance(body, str | bytes | dict | list):
        raise TypeError(f"body: expected text, bytes, a dict or a list, found {type(body).__name__}")
    text = json.dumps(body) if isinstance(body, dict | list) else body or ""
    content = b"" if status == 204 else text.encode("utf-8") if isinstance(text, str) else text
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Request-ID": f"{secrets.token_hex(16).upper()}-0",
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": _KEY_ID,
        "Wechatpay-Signature": asymmetric.sign(answer_text(timestamp, nonce, content), _key("WeChat Pay")),
        "Wechatpay-Timestamp": timestamp,
    }
