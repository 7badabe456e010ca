"""Why a signature does not hold: which part of the signed text differs, found by trying what clients do wrong.

A PKCS#1 v1.5 signature gives back the digest of what was signed (RFC 8017, section 8.2.2). So a text that a client
may have signed costs one SHA-256 to try, and thousands can be tried; the key tells nothing about other texts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm

__all__ = ["Cause", "Diagnosis", "Parts", "Request", "diagnose"]

# So many bytes are hashed at most for one wrong signature: some tens of milliseconds.
_BUDGET = 64 * 1024 * 1024
_LONGEST_BODY = 64 * 1024
_MOST_PARAMETERS = 5
_SECONDS_APART = 10
_SHOWN = 1024
_AROUND = 40
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class Parts(NamedTuple):
    """What the signature has to cover: the five lines."""

    method: str
    target: str
    timestamp: str
    nonce: str
    body: bytes

    @property
    def text(self) -> bytes:
        """The signed text."""
        return f"{self.method}\n{self.target}\n{self.timestamp}\n{self.nonce}\n".encode() + self.body + b"\n"


class Request(NamedTuple):
    """What else a client may have taken: where it called, the raw form, the path as it is documented."""

    base: str
    raw_body: bytes
    template: str


class Cause(NamedTuple):
    """One mistake, in English and in Chinese."""

    cause: str
    message: str


class Diagnosis(NamedTuple):
    """Which part differs, why, and the two texts where they are known."""

    differs: str
    why: Cause
    expected: str | None = None
    signed: str | None = None
    # All that was signed, where it is known.
    text: bytes | None = None


class _Variant(NamedTuple):
    """A text in place of a part, and the mistake that makes it."""

    text: bytes
    why: Cause


Changed = tuple[tuple[int, _Variant], ...]
Shape = tuple[Callable[[list[bytes]], bytes], "Cause | None"]
_PARTS = ("method", "target", "time", "nonce", "body")
# Which two of the parts are tried wrong at once, the likeliest first.
_PAIRS = ((1, 4), (0, 4), (2, 4), (0, 1), (1, 2), (2, 3), (3, 4), (1, 3), (0, 2), (0, 3))


def diagnose(parts: Parts, signature: str, keys: Mapping[str, RSAPublicKey], request: Request) -> Diagnosis:
    """The likeliest reason why ``signature`` is none of ``parts``.

    ``keys`` are the public keys that the sandbox knows, by whose they are, the merchant's first.
    """
    raw = _decode(signature)
    if isinstance(raw, Diagnosis):
        return raw
    digest = _digest_of(raw, next(iter(keys.values())))
    if digest is None:
        return _other_key(raw, parts.text, keys)
    name, covered = digest
    if name != "sha256":
        return _diagnosis("key", _ALGORITHM.format(name), _ALGORITHM_ZH.format(name))
    found = _search(covered, parts, request)
    if found:
        return found
    return _unknown_text(covered, parts.text)


_ALGORITHM = "it is a signature over {0}; WeChat Pay wants RSA over SHA-256 (SHA256withRSA, RSA-SHA256)"
_ALGORITHM_ZH = "签名使用了{0}摘要，应为SHA256（SHA256withRSA、RSA-SHA256）"


def _diagnosis(differs: str, cause: str, message: str, expected: str | None = None) -> Diagnosis:
    return Diagnosis(differs, Cause(cause, message), expected)


def _decode(signature: str) -> bytes | Diagnosis:
    """The bytes of a signature, or what is wrong with its text."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if re.fullmatch("[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}", signature):
        return _diagnosis(
            "key",
            "it is an MD5 or HMAC-SHA256 in hexadecimal digits, as APIv2 signs; APIv3 wants RSA over SHA-256 in base64",
            "这是APIv2的签名（MD5或HMAC-SHA256的十六进制），APIv3应为SHA256withRSA签名的base64",
        )
    if len(signature) >= 256 and _HEX.fullmatch(signature):
        return _diagnosis(
            "key", "the signature is in hexadecimal digits; write it in base64", "签名是十六进制文本，应为base64"
        )
    if raw:
        return raw
    urlsafe = signature.replace("-", "+").replace("_", "/")
    if urlsafe != signature:
        return _diagnosis(
            "key",
            "the signature is in URL-safe base64; use the standard alphabet",
            "签名用了URL安全的base64，应为标准base64",
        )
    if "%" in signature:
        return _diagnosis("key", "the signature was percent-encoded after base64", "签名在base64之后又做了URL编码")
    return _diagnosis("key", "the signature is no base64 in one line", "签名不是单行的base64文本")


def _digest_of(signature: bytes, key: RSAPublicKey) -> tuple[str, bytes] | None:
    """The name of the hash and the digest in a signature of this key's owner; None for another's."""
    hashes: Iterable[HashAlgorithm] = (SHA256(), SHA1(), SHA512())  # noqa: S303 - to tell that it was used
    for algorithm in hashes:
        try:
            return algorithm.name, key.recover_data_from_signature(signature, PKCS1v15(), algorithm)
        except InvalidSignature:
            continue
        except ValueError:
            return None
    return None


def _other_key(signature: bytes, text: bytes, keys: Mapping[str, RSAPublicKey]) -> Diagnosis:
    owner, key = next(iter(keys.items()))
    if len(signature) != key.key_size // 8:
        size = len(signature) * 8
        return _diagnosis(
            "key",
            f"the signature has {size} bits, and the key of {owner} {key.key_size}: another private key signed",
            f"签名长度为{size}位，而{owner}的密钥为{key.key_size}位：使用了另一把私钥",
        )
    for algorithm in (SHA256(), SHA1(), SHA512()):  # noqa: S303
        try:
            key.verify(signature, text, PSS(MGF1(algorithm), PSS.AUTO), algorithm)
        except InvalidSignature:
            continue
        return _diagnosis(
            "key",
            "it is signed with RSA-PSS; WeChat Pay wants PKCS#1 v1.5 padding",
            "使用了RSA-PSS填充，应为PKCS#1 v1.5",
        )
    for whose, other in itertools.islice(keys.items(), 1, None):
        if _digest_of(signature, other):
            return _diagnosis(
                "key", f"{whose} signed, not the key of {owner}", f"签名所用的是{whose}的私钥，而非{owner}的私钥"
            )
    return _diagnosis(
        "key",
        f"another private key than that of {owner} signed; take the apiclient_key.pem that belongs to this serial_no",
        f"签名所用的私钥与{owner}不匹配，请使用与serial_no对应的apiclient_key.pem",
    )


def _unknown_text(covered: bytes, text: bytes) -> Diagnosis:
    expected = hashlib.sha256(text).hexdigest()
    return _diagnosis(
        "text",
        "the key fits, so another text was signed, and no usual mistake makes it; compare the five lines, byte by byte,"
        f" with what you signed: its SHA-256 is {covered.hex()}, that of the expected text {expected}. A nonce or"
        " timestamp that was drawn twice, for the signature and for the header, looks so",
        f"私钥正确，但签名的文本不同，且不是常见的错误。请逐字节比较：所签文本的SHA-256为{covered.hex()}，"
        f"应签文本的SHA-256为{expected}。签名与请求头各自生成了一次nonce_str或timestamp时也会如此",
        _excerpt(text.decode("utf-8", "replace"), 0),
    )


def _search(covered: bytes, parts: Parts, request: Request) -> Diagnosis | None:
    """Try the likeliest first, until so many bytes were hashed that a client would notice the time."""
    right = [part.encode() if isinstance(part, str) else part for part in parts]
    left = _BUDGET
    for changed, (shape, why) in _attempts(right, parts, request):
        lines = list(right)
        for at, variant in changed:
            lines[at] = variant.text
        text = shape(lines)
        if hashlib.sha256(text).digest() == covered:
            return _describe(parts, changed, why, text)
        left -= len(text)
        if left < 0:
            break
    return None


def _attempts(right: list[bytes], parts: Parts, request: Request) -> Iterator[tuple[Changed, Shape]]:
    """Right parts in every shape, one wrong part, one wrong part in every other shape, two wrong parts."""
    yield from (((), shape) for shape in _SHAPES)
    variants = _variants(parts, request)
    single = [[(at, variant) for variant in _unique(right[at], variants[at])] for at in range(len(right))]
    for shape in _SHAPES:
        yield from (((one,), shape) for each in single for one in each)
    for first, second in _PAIRS:
        yield from ((both, _SHAPES[0]) for both in itertools.product(single[first], single[second]))


def _unique(right: bytes, variants: Iterable[_Variant]) -> list[_Variant]:
    found: dict[bytes, _Variant] = {}
    for variant in variants:
        if variant.text != right:
            found.setdefault(variant.text, variant)
    return list(found.values())


def _describe(parts: Parts, changed: Changed, shape: Cause | None, text: bytes) -> Diagnosis:
    causes = [variant.why for _, variant in changed] + ([shape] if shape else [])
    cause = "; ".join(each.cause for each in causes)
    message = "；".join(each.message for each in causes)
    if len(changed) == 1 and not shape:
        (at, variant), part = changed[0], parts[changed[0][0]]
        expected = part if isinstance(part, str) else part.decode("utf-8", "replace")
        differs, signed = _PARTS[at], variant.text.decode("utf-8", "replace")
    else:
        differs = ",".join([*(_PARTS[at] for at, _ in changed), *(["lines"] if shape else [])])
        expected, signed = parts.text.decode("utf-8", "replace"), text.decode("utf-8", "replace")
    at = _first_difference(expected, signed)
    return Diagnosis(differs, Cause(cause, message), _excerpt(expected, at), _excerpt(signed, at), text)


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _excerpt(text: str, at: int) -> str:
    """The text, or where it is long the part of it around ``at``."""
    if len(text) <= _SHOWN:
        return text
    start = max(0, at - _AROUND)
    cut = text[start : start + _SHOWN]
    return f"{'…' if start else ''}{cut}{'…' if start + _SHOWN < len(text) else ''}"


# How the five lines are written, and what is wrong with it; the first is right.
def _text(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


_TWICE = Cause(
    "the text was hashed before it was signed; SHA256withRSA hashes it by itself, so give it the text",
    "签名前已对文本做了摘要；SHA256withRSA会自行计算摘要，应直接传入文本",
)
_SHAPES: tuple[Shape, ...] = (
    (_text, None),
    (
        lambda lines: b"\n".join(lines),
        Cause("the line break after the last line (the body) is missing", "缺少最后一行（请求体）之后的换行符"),
    ),
    (
        lambda lines: b"\n".join(lines[:4]) + b"\n",
        Cause("the last line, the body, is missing with its line break", "缺少请求体一行；没有请求体时也要有一个空行"),
    ),
    (
        lambda lines: b"\n".join(lines[:4]),
        Cause("the last line, the body, is missing with its line break", "缺少请求体一行；没有请求体时也要有一个空行"),
    ),
    (
        lambda lines: b"\n".join(lines) + b"\n\n",
        Cause(
            "there is one line break too many after the last line; Go's json.Encoder writes one behind the body",
            "最后一行之后多了一个换行符（Go的json.Encoder会在请求体后写入换行符）",
        ),
    ),
    (
        lambda lines: b"\r\n".join(lines) + b"\r\n",
        Cause("lines end in \\r\\n instead of \\n", "换行符用了\\r\\n，应为\\n"),
    ),
    (
        lambda lines: b"\\n".join(lines) + b"\\n",
        Cause(
            "lines end in a backslash and the letter n: the escape stands in a string where it is no line break",
            "换行写成了反斜杠加字母n两个字符，应为真正的换行符（如PHP中用双引号）",
        ),
    ),
    (lambda lines: b"".join(lines), Cause("the lines are not separated by line breaks", "各行之间没有换行符")),
    (
        lambda lines: b"\n".join((lines[2], lines[3], lines[4])) + b"\n",
        Cause(
            "it is the text of an answer or notice (time, nonce, body); a request's begins with method and target",
            "这是验证应答或通知的文本（时间戳、随机串、报文），请求的签名串应以方法和URL开头",
        ),
    ),
    (
        lambda lines: b"\n".join((lines[0], lines[1], lines[3], lines[2], lines[4])) + b"\n",
        Cause("nonce and timestamp are in the wrong order: the timestamp comes first", "时间戳与随机串的顺序颠倒"),
    ),
    (
        lambda lines: b"\n".join((lines[2], lines[3], lines[0], lines[1], lines[4])) + b"\n",
        Cause("time and nonce come before method and target; they follow them", "方法和URL应在时间戳和随机串之前"),
    ),
    (
        lambda lines: b"\n".join((lines[1], lines[0], *lines[2:])) + b"\n",
        Cause("the target comes before the method; the method is the first line", "方法应在URL之前"),
    ),
    (lambda lines: hashlib.sha256(_text(lines)).digest(), _TWICE),
    (lambda lines: hashlib.sha256(_text(lines)).hexdigest().encode(), _TWICE),
    (
        lambda lines: base64.b64encode(_text(lines)),
        Cause("the text was signed as base64", "签名的是文本的base64，而不是文本"),
    ),
    (
        lambda lines: b"\xef\xbb\xbf" + _text(lines),
        Cause("a byte order mark stands before the text (UTF-8 with BOM)", "文本前有BOM（带BOM的UTF-8）"),
    ),
)


def _variants(parts: Parts, request: Request) -> tuple[Iterable[_Variant], ...]:
    return (
        _methods(parts.method),
        _targets(parts.target, request),
        _times(parts.timestamp),
        _nonces(parts.nonce),
        _bodies(parts, request),
    )


def _methods(method: str) -> Iterator[_Variant]:
    yield _variant(method.lower(), "the method was signed in lower case", "方法用了小写，应为大写")
    yield _variant(method.title(), "the method was signed in another case", "方法的大小写不对，应为大写")
    for other in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        yield _variant(
            other, f"{other} was signed, and {method} was sent", f"签名用的方法是{other}，实际发送的是{method}"
        )
    yield _variant("", "no method was signed", "签名串中没有方法")


def _times(timestamp: str) -> Iterator[_Variant]:
    if timestamp.isascii() and timestamp.isdigit():
        for apart in range(1, _SECONDS_APART + 1):
            for other in (int(timestamp) - apart, int(timestamp) + apart):
                yield _variant(
                    str(other),
                    f"the clock was read twice: {other} was signed, and {timestamp} stands in the header",
                    f"时间戳取了两次：签名用的是{other}，请求头中是{timestamp}",
                )
        yield _variant(f"{timestamp}000", "milliseconds were signed; use seconds", "签名用了毫秒，应为秒")
        yield _variant(f"{timestamp}.0", "the time was signed with a fraction", "签名用的时间戳带有小数")
    yield _variant("", "no timestamp was signed", "签名串中没有时间戳")


def _nonces(nonce: str) -> Iterator[_Variant]:
    told = "the nonce was signed in another case", "随机串的大小写与请求头中的不一致"
    yield _variant(nonce.lower(), *told)
    yield _variant(nonce.upper(), *told)
    yield _variant("", "no nonce was signed", "签名串中没有随机串")
    yield _variant(f'"{nonce}"', "the nonce was signed with its quotes", "随机串连同引号一起被签名")


def _targets(target: str, request: Request) -> Iterator[_Variant]:
    path, mark, query = target.partition("?")
    host = request.base.partition("://")[2]
    whole = (
        "the whole URL was signed; sign the path with the query, without scheme and host",
        "签名用了完整URL，应只用路径和查询串",
    )
    for base in dict.fromkeys((request.base, host, "https://api.mch.weixin.qq.com", "api.mch.weixin.qq.com")):
        yield _variant(f"{base}{target}", *whole)
        yield _variant(f"{base}{path}", *whole)
    if mark:
        yield _variant(
            path, "the query was left out of the signed target", "签名的URL缺少查询串，应与实际发送的完全一致"
        )
        yield from _encodings(target)
        yield from _queries(path, query)
    else:
        yield _variant(f"{target}?", "a question mark without a query was signed", "签名的URL末尾多了问号")
    yield _variant(target[1:], "the slash at the beginning of the target was left out", "签名的URL缺少开头的斜杠")
    yield _variant(f"{path}/{mark}{query}", "a slash was signed at the end of the path", "签名的路径末尾多了斜杠")
    yield _variant(
        f"{path.rstrip('/')}{mark}{query}", "the slash at the end of the path was left out", "签名的路径缺少末尾的斜杠"
    )
    if path.startswith("/v3/"):
        yield _variant(target[3:], "the path was signed without /v3", "签名的路径缺少/v3")
    if request.template:
        told = "the path was signed before its placeholders were filled", "签名用的路径中占位符尚未替换"
        yield _variant(f"{request.template}{mark}{query}", *told)
        yield _variant(request.template, *told)
    yield from _encodings(target)


def _queries(path: str, query: str) -> Iterator[_Variant]:
    pairs = query.split("&")
    order = (
        "the query's parameters were signed in another order than they were sent",
        "签名时查询参数的顺序与实际发送的不一致",
    )
    orders: Iterable[tuple[str, ...]] = (
        itertools.permutations(pairs)
        if len(pairs) <= _MOST_PARAMETERS
        else (tuple(sorted(pairs)), tuple(reversed(pairs)), tuple(sorted(pairs, reverse=True)))
    )
    for each in orders:
        yield _variant(f"{path}?{'&'.join(each)}", *order)
    spelled = (
        "the query was signed in another percent-encoding than it was sent",
        "签名时查询串的编码方式与实际发送的不一致",
    )
    read = parse_qsl(query, keep_blank_values=True)
    for quoting in (quote, quote_plus):
        for safe in ("", "~", "/", ":/", "!'()*~", "-_.!~*'()", ":/,+@$;"):
            yield _variant(f"{path}?{urlencode(read, safe=safe, quote_via=quoting)}", *spelled)
    yield _variant(f"{path}?{urlencode(sorted(read))}", *order)
    yield _variant(f"{path}?{'&'.join(f'{name}={value}' for name, value in read)}", *_UNENCODED)
    kept = [pair for pair in pairs if pair.partition("=")[2]]
    yield _variant(f"{path}?{'&'.join(kept)}", "empty parameters were left out", "签名时省略了空的查询参数")
    for left_out in range(len(pairs)):
        rest = "&".join(pair for at, pair in enumerate(pairs) if at != left_out)
        name = pairs[left_out].partition("=")[0]
        yield _variant(
            f"{path}?{rest}" if rest else path, f"the parameter {name} was not signed", f"签名时缺少查询参数{name}"
        )


_UNENCODED = Cause(
    "the target was signed before it was percent-encoded; sign it as it travels",
    "签名用的是URL编码之前的文本，应与实际发送的一致",
)
_TWICE = Cause("the target was percent-encoded twice before it was signed", "签名用的URL被编码了两次")
_TWICE_SENT = Cause(
    "the target was percent-encoded once when signed and twice when sent", "发送的URL被编码了两次，而签名时只编码了一次"
)
_ESCAPED_TILDE = Cause("%7E was signed, and ~ was sent", "签名用的是%7E，实际发送的是~")
_BARE_TILDE = Cause("~ was signed, and %7E was sent", "签名用的是~，实际发送的是%7E")
_PLUS = Cause("a space was signed as +, and sent as %20", "空格在签名中为+，实际发送的是%20")
_ESCAPED_SPACE = Cause("a space was signed as %20, and sent as +", "空格在签名中为%20，实际发送的是+")
_CASE = Cause(
    "percent escapes were signed in another case than they were sent", "签名与发送的URL中百分号编码的大小写不一致"
)


def _encodings(target: str) -> Iterator[_Variant]:
    path, mark, query = target.partition("?")
    for head in dict.fromkeys((path, quote(path, safe="/%"))):
        for text, why in (
            (query.replace("%", "%25"), _TWICE),
            (query.replace("%25", "%"), _TWICE_SENT),
            (query.replace("~", "%7E"), _ESCAPED_TILDE),
            (query.replace("~", "%7e"), _ESCAPED_TILDE),
            (query.replace("%7E", "~").replace("%7e", "~"), _BARE_TILDE),
            (query.replace("%20", "+"), _PLUS),
            (query.replace("+", "%20"), _ESCAPED_SPACE),
            (_ESCAPE.sub(lambda found: found[0].lower(), query), _CASE),
            (_ESCAPE.sub(lambda found: found[0].upper(), query), _CASE),
            (unquote(query), _UNENCODED),
            (unquote_plus(query), _UNENCODED),
        ):
            yield _Variant(f"{head}{mark}{text}".encode(), why)
    for text, why in (
        (path.replace("%", "%25"), _TWICE),
        (path.replace("%25", "%"), _TWICE_SENT),
        (path.replace("~", "%7E"), _ESCAPED_TILDE),
        (path.replace("%7E", "~").replace("%7e", "~"), _BARE_TILDE),
        (_ESCAPE.sub(lambda found: found[0].lower(), path), _CASE),
        (_ESCAPE.sub(lambda found: found[0].upper(), path), _CASE),
        (unquote(path), _UNENCODED),
    ):
        yield _Variant(f"{text}{mark}{query}".encode("utf-8", "replace"), why)
    yield _Variant(unquote(target).encode("utf-8", "replace"), _UNENCODED)
    yield _Variant(quote(target, safe="").encode(), _TWICE)


def _bodies(parts: Parts, request: Request) -> Iterator[_Variant]:
    body = parts.body
    if len(body) > _LONGEST_BODY:
        return
    if not body:
        yield from _bodies_of_nothing(parts.target)
    yield _variant("", "no body was signed, and one was sent", "签名时没有包含请求体")
    yield _variant(
        request.raw_body,
        "the whole form was signed; of an upload only the text of the part meta is",
        "签名了整个表单；上传接口只对meta部分的文本签名",
    )
    space = "the body was signed with other white space at its ends", "请求体首尾的空白与签名时不一致"
    mark = b"\xef\xbb\xbf"
    for spaced in (body.strip(), body + b"\n", body + b"\r\n"):
        yield _variant(spaced, *space)
    for marked in (mark + body, body.removeprefix(mark)):
        yield _variant(
            marked, "signed and sent body differ by a byte order mark (BOM)", "签名与发送的请求体相差一个BOM"
        )
    crlf = "the line breaks of the body differ (\\r\\n and \\n)", "请求体的换行符与签名时不一致（\\r\\n与\\n）"
    yield _variant(body.replace(b"\r\n", b"\n"), *crlf)
    yield _variant(body.replace(b"\n", b"\r\n"), *crlf)
    text = body.decode("utf-8", "replace")
    for encoding in ("gbk", "latin-1", "utf-16-le"):
        yield _variant(
            text.encode(encoding, "replace"),
            f"the body was signed as {encoding}; use UTF-8",
            f"签名时请求体为{encoding}编码，应为UTF-8",
        )
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    yield from _serialisations(value)
    yield from _other_spellings(value, text)


def _bodies_of_nothing(target: str) -> Iterator[_Variant]:
    for text in ("{}", "null", "undefined", '""', "None", "[]", "nil", "false", " "):
        yield _variant(
            text,
            f"{text!r} was signed for a request without a body; sign an empty line",
            f"没有请求体时签名了{text!r}，应为空行",
        )
    query = target.partition("?")[2]
    if query:
        told = "the query was signed as the body; it belongs to the target", "查询参数被当作请求体签名，应属于URL"
        yield _variant(query, *told)
        for variant in _serialisations(dict(parse_qsl(query, keep_blank_values=True))):
            yield _variant(variant.text, *told)


_SERIALISED = Cause(
    "the JSON was serialised twice, for the signature and for the wire, and not alike; sign the bytes that are sent",
    "请求体被序列化了两次，签名的与发送的文本不同；请对实际发送的字节签名",
)
_SORTED = Cause(
    "the JSON was serialised twice: its keys were signed in sorted order, and sent in another",
    "请求体被序列化了两次：签名时键已排序，而发送时没有；请对实际发送的字节签名",
)


def _serialisations(value: Any) -> Iterator[_Variant]:
    """The usual texts of one JSON value, as the serialisers of many languages write it."""
    layouts: tuple[tuple[Any, tuple[str, str]], ...] = (
        (None, (",", ":")),
        (None, (", ", ": ")),
        (2, (",", ": ")),
        (4, (",", ": ")),
        ("\t", (",", ": ")),
        (4, (",", " : ")),
    )
    for (indent, separators), sort, ascii_only in itertools.product(layouts, (False, True), (False, True)):
        text = json.dumps(value, indent=indent, separators=separators, sort_keys=sort, ensure_ascii=ascii_only)
        why = _SORTED if sort else _SERIALISED
        for spelled in (text, text.replace("/", "\\/"), _as_go(text)):
            for end in ("", "\n"):
                yield _Variant((spelled + end).encode("utf-8", "replace"), why)


def _as_go(text: str) -> str:
    """Go's encoding/json writes <, > and & of strings as escapes."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _other_spellings(value: Any, text: str) -> Iterator[_Variant]:
    python = (
        "Python's text of a dict was signed; sign the JSON that is sent",
        "签名用了Python字典的文本，应为实际发送的JSON",
    )
    yield _variant(str(value), *python)
    yield _variant(repr(text.encode()), *python)
    yield _variant(
        json.dumps(text), "the JSON text was serialised once more as a string", "JSON文本又被当作字符串序列化了一次"
    )
    yield _variant(
        json.dumps(text, ensure_ascii=False), "the JSON text was serialised once more", "JSON文本又被序列化了一次"
    )
    if isinstance(value, str):
        yield _variant(
            value, "the JSON was serialised once for the signature and twice for the wire", "发送的JSON被序列化了两次"
        )
    if isinstance(value, dict):
        form = (
            "the body was signed as a form; sign the JSON that is sent",
            "签名用了表单格式的请求体，应为实际发送的JSON",
        )
        yield _variant(urlencode(value), *form)
        yield _variant("&".join(f"{name}={value[name]}" for name in sorted(value)), *form)
        yield _variant("[object Object]", "an object was signed in place of its JSON", "签名用了对象而非其JSON文本")
        yield _variant("Array", "an array was signed in place of its JSON", "签名用了数组而非其JSON文本")


def _variant(text: str | bytes, cause: str, message: str) -> _Variant:
    return _Variant(text.encode("utf-8", "replace") if isinstance(text, str) else text, Cause(cause, message))
