"""What the SDKs for PHP and JavaScript have, and what it is called here."""

from __future__ import annotations

import re

__all__ = [
    *("ANSWER_FIELDS", "CLASSES", "CLIENT_TYPES", "CONSTANTS", "EXCEPTIONS", "METHODS", "PROMISES", "STATIC"),
    *("mentions", "verb_of"),
]

# The classes that are here under their own names, and whence they come.
CLASSES = {
    "Builder": "wechatpay_chain",
    "Wechatpay": "wechatpay_chain",
    **dict.fromkeys(
        ("AesEcb", "AesGcm", "Formatter", "Hash", "MediaUtil", "PemUtil", "Rsa", "Transformer"), "wechatpay_chain.php"
    ),
}
# Static methods, and the kind of what each hands back.
STATIC: dict[str, dict[str, str]] = {
    "Builder": {"factory": "client"},
    "Rsa": {
        **dict.fromkeys(("from", "fromPkcs1", "fromPkcs8", "fromSpki"), "key"),
        **dict.fromkeys(("sign", "encrypt", "decrypt", "pkcs1ToSpki"), "text"),
        "verify": "flag",
    },
    "Formatter": {
        **dict.fromkeys(
            ("nonce", "authorization", "request", "response", "joinedByLineFeed", "queryStringLike"), "text"
        ),
        "timestamp": "int",
        "ksort": "map",
    },
    "AesGcm": {"encrypt": "text", "decrypt": "text"},
    "AesEcb": {"encrypt": "text", "decrypt": "text"},
    "Hash": {"md5": "text", "hmac": "text", "sign": "text", "equals": "flag"},
    "Transformer": {"toArray": "json", "toXml": "text"},
    "PemUtil": {
        **dict.fromkeys(("loadPrivateKey", "loadPrivateKeyFromString"), "key"),
        **dict.fromkeys(("loadCertificate", "loadCertificateFromString"), "key"),
        "parseCertificateSerialNo": "text",
    },
}
_AES = {"BLOCK_SIZE", "KEY_LENGTH_BYTE", "AUTH_TAG_LENGTH_BYTE", "ALGO_AES_256_GCM", "ALGO_AES_256_ECB"}
CONSTANTS = {
    "Rsa": {"KEY_TYPE_PUBLIC", "KEY_TYPE_PRIVATE"},
    "Hash": {"ALGO_MD5", "ALGO_HMAC_SHA256"},
    "AesGcm": _AES,
    "AesEcb": _AES,
}
# Exceptions, the name each has here, and whether only the package raises it.
EXCEPTIONS = {
    **dict.fromkeys(("Exception", "Throwable", "Error"), ("Exception", False)),
    **{name: (name, True) for name in ("ClientException", "RequestException", "ServerException")},
    **{name: (name, False) for name in ("InvalidArgumentException", "UnexpectedValueException")},
    # Guzzle's roots of these errors.
    **dict.fromkeys(("BadResponseException", "TransferException", "GuzzleException"), ("RequestException", True)),
}
# Methods of answers, of their bodies, of forms, and the kind of what each hands back.
METHODS: dict[str, dict[str, str]] = {
    "answer": {
        **{"getStatusCode": "int", "getReasonPhrase": "text", "getBody": "body", "getHeader": "list"},
        **{"getHeaderLine": "text", "getHeaders": "map", "hasHeader": "flag"},
    },
    "body": {"getContents": "text", "getSize": "int", "eof": "flag", "rewind": "", "__toString": "text"},
    "media": {"getStream": "stream", "getContentType": "text", "getMeta": "text", "setMeta": ""},
    "error": {"hasResponse": "flag", "getResponse": "answer"},
    "promise": {"getState": "text"},
}
# Parts of an answer in JavaScript, what each is called here, and its kind.
ANSWER_FIELDS = {
    "data": ("data", "json"),
    "status": ("status", "int"),
    "statusText": ("reason", "text"),
    "headers": ("headers", "headers"),
}
PROMISES = frozenset(["all", "any", "race", "settle", "unwrap"])
CLIENT_TYPES = frozenset(["BuilderChainable", "BuilderTrait", "Wechatpay"])
_VERB = re.compile(r"(get|post|put|patch|delete)(async)?", re.IGNORECASE)
_MENTION = re.compile(r"we_?chat|weixin|wx_?pay|->v[23]->|(?:chain\(|\[)\s*['\"`]/?v[23]\b", re.IGNORECASE)


def verb_of(word: str) -> tuple[str, bool] | None:
    """The verb that a method is, and whether it makes a promise; None for any other method."""
    found = _VERB.fullmatch(word)
    return (found[1].lower(), bool(found[2])) if found else None


def mentions(source: str) -> bool:
    """Whether a text speaks of WeChat Pay at all."""
    return _MENTION.search(source) is not None
