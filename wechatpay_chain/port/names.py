"""Which Python name stands for a variable, a class, a method; what is not here, the package lacks."""

from __future__ import annotations

import builtins
import keyword
import re

from wechatpay_chain.encoding import paths

__all__ = ["CLASSES", "EXCEPTIONS", "METHODS", "STATIC", "TYPES", "VERBS", "Names", "method_word", "path_word", "snake"]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Names that the translation itself may write.
_OURS = frozenset(
    (
        *("copy", "datetime", "hashlib", "json", "math", "os", "random", "secrets", "time", "timezone", "quote"),
        *("Builder", "Media", "Path", "Promise", "Wechatpay", "main"),
    )
)
# The classes of wechatpay-php and Guzzle that are here under their own names, and whence they come.
CLASSES = {
    "Builder": "wechatpay_chain",
    "Wechatpay": "wechatpay_chain",
    **dict.fromkeys(
        ("AesEcb", "AesGcm", "Formatter", "Hash", "MediaUtil", "PemUtil", "Rsa", "Transformer"), "wechatpay_chain.php"
    ),
}
EXCEPTIONS = {
    **dict.fromkeys(("Exception", "Throwable", "Error"), "Exception"),
    **dict.fromkeys(("ClientException", "RequestException", "ServerException"), ""),
    **dict.fromkeys(("InvalidArgumentException", "UnexpectedValueException"), ""),
    # Guzzle's roots of these errors.
    "BadResponseException": "RequestException",
    "TransferException": "RequestException",
    "GuzzleException": "RequestException",
}
# Interfaces that only annotate; Python needs no name for them.
TYPES = frozenset(
    [
        "ResponseInterface",
        "MessageInterface",
        "RequestInterface",
        "StreamInterface",
        "PromiseInterface",
        "BuilderChainable",
        "BuilderTrait",
        "OpenSSLAsymmetricKey",
    ]
)
STATIC = {
    "Builder": {"factory"},
    "Rsa": {"from", "fromPkcs1", "fromPkcs8", "fromSpki", "pkcs1ToSpki", "sign", "verify", "encrypt", "decrypt"},
    "Formatter": {
        *("nonce", "timestamp", "authorization", "request", "response"),
        *("joinedByLineFeed", "ksort", "queryStringLike"),
    },
    "AesGcm": {"encrypt", "decrypt"},
    "AesEcb": {"encrypt", "decrypt"},
    "Hash": {"md5", "hmac", "sign", "equals"},
    "Transformer": {"toArray", "toXml"},
    "PemUtil": {
        *("loadPrivateKey", "loadPrivateKeyFromString", "loadCertificate", "loadCertificateFromString"),
        "parseCertificateSerialNo",
    },
}
METHODS = frozenset(
    (
        # PSR-7
        *("getStatusCode", "getReasonPhrase", "getBody", "getHeader", "getHeaderLine", "getHeaders", "hasHeader"),
        *("getContents", "getSize", "eof", "rewind"),
        # Throwable
        *("getMessage", "getCode", "hasResponse", "getResponse", "getTraceAsString"),
        # MediaUtil
        *("getStream", "getContentType", "getMeta", "setMeta"),
        # promises
        *("then", "otherwise", "wait", "getState"),
    )
)
VERBS = frozenset(["get", "post", "put", "patch", "delete"])
# What a node or a client keeps for itself: as a word of a path it stands in brackets.
_KEPT = frozenset(["chain", "prepare", "download", "pay_params", "close", "notification", "encrypt", "decrypt"])


def snake(word: str) -> str:
    """``outTradeNo`` as ``out_trade_no``, ``baseURL`` as ``base_url``; constants stay."""
    return word if word.isupper() else _WORD.sub("_", word).lower()


def path_word(word: str) -> str | None:
    """The attribute that gives the same segment as ``word``; None for what has to stand in brackets."""
    if keyword.iskeyword(word):
        return word + "_"
    is_plain = word.isascii() and word.isidentifier() and word not in _KEPT and not paths.is_foreign(word)
    is_shorn = word.endswith("_") and keyword.iskeyword(word[:-1])
    return word if is_plain and not is_shorn and not word.startswith("__") else None


def method_word(word: str) -> str:
    """A method's name: a keyword takes one underscore."""
    return word + "_" if keyword.iskeyword(word) else word


class Names:
    """The Python names of a document's variables: one for each, never two for one."""

    def __init__(self, variables: set[str]) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()
        # Who is written as Python writes it keeps its name, whoever comes first.
        for variable in sorted(variables, key=lambda each: (snake(each) != each, each)):
            self._given[variable] = self.fresh(_valid(snake(variable)))

    def __getitem__(self, variable: str) -> str:
        if variable not in self._given:
            self._given[variable] = self.fresh(_valid(snake(variable)))
        return self._given[variable]

    def __contains__(self, word: str) -> bool:
        return word in self._taken

    def free(self, word: str) -> None:
        """Take back a name that nothing has any more."""
        self._taken.discard(word)

    def fresh(self, word: str) -> str:
        """A name that nothing else has."""
        found, number = word, 2
        while found in self._taken:
            found, number = f"{word}_{number}", number + 1
        self._taken.add(found)
        return found


def _valid(word: str) -> str:
    word = re.sub(r"\W", "_", word)
    if word[:1].isdigit() or not word.isidentifier():
        word = "_" + re.sub(r"[^A-Za-z0-9_]", "_", word)
    is_kept = keyword.iskeyword(word) or (keyword.issoftkeyword(word) and word != "_")
    return word + "_" if is_kept or word in _OURS or hasattr(builtins, word) or word in CLASSES else word
