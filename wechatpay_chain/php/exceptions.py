"""The exceptions that code for wechatpay-php and Guzzle catches: this package's own under their PHP names.

Their methods ``getMessage getCode hasResponse getResponse getTraceAsString`` are there as well.
"""

from __future__ import annotations

from wechatpay_chain.errors import (
    ApiError,
    ArgumentError,
    CallError,
    ClientError,
    DecryptionError,
    ServerError,
    TransportError,
)

__all__ = [
    "BadResponseException",
    "ClientException",
    "ConnectException",
    "GuzzleException",
    "InvalidArgumentException",
    "RequestException",
    "ServerException",
    "TransferException",
    "UnexpectedValueException",
]

InvalidArgumentException = ArgumentError
# Guzzle's own tree: https://docs.guzzlephp.org/en/stable/quickstart.html#exceptions
GuzzleException = CallError
TransferException = CallError
RequestException = CallError
ConnectException = TransportError
BadResponseException = ApiError
ClientException = ClientError
ServerException = ServerError
UnexpectedValueException = DecryptionError
