"""The PHP face: what code for wechatpay-php finds under its own names."""

from __future__ import annotations

from wechatpay_chain.php.aes import AesEcb, AesGcm
from wechatpay_chain.php.builder import Builder, Instance
from wechatpay_chain.php.exceptions import (
    BadResponseException,
    ClientException,
    ConnectException,
    GuzzleException,
    InvalidArgumentException,
    RequestException,
    ServerException,
    TransferException,
    UnexpectedValueException,
)
from wechatpay_chain.php.formatter import Formatter
from wechatpay_chain.php.hashing import Hash
from wechatpay_chain.php.media_util import MediaUtil
from wechatpay_chain.php.pem_util import PemUtil
from wechatpay_chain.php.psr7 import Body, Response
from wechatpay_chain.php.rsa import Rsa
from wechatpay_chain.php.transformer import Transformer

__all__ = [
    "AesEcb",
    "AesGcm",
    "BadResponseException",
    "Body",
    "Builder",
    "ClientException",
    "ConnectException",
    "Formatter",
    "GuzzleException",
    "Hash",
    "Instance",
    "InvalidArgumentException",
    "MediaUtil",
    "PemUtil",
    "RequestException",
    "Response",
    "Rsa",
    "ServerException",
    "TransferException",
    "Transformer",
    "UnexpectedValueException",
]
