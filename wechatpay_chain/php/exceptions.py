"""The exceptions that code for wechatpay-php and Guzzle catches: this package's own under their PHP names.

Their methods ``getMessage getCode hasResponse getResponse getTraceAsString`` are there as well.
"""

from __future__ import annotations

from wechatpay_chain.errors import ArgumentError, CallError, ClientError, DecryptionError, ServerError

__all__ = [
    "ClientException",
    "InvalidArgumentException",
    "RequestException",
    "ServerException",
    "UnexpectedValueException",
]

InvalidArgumentException = ArgumentError
RequestException = CallError
ClientException = ClientError
ServerException = ServerError
UnexpectedValueException = DecryptionError
