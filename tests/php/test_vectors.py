"""The helper classes held against what those of wechatpay-php 1.4.12 returned."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wechatpay_chain.errors import ChainError, ConfigError, WechatpayError
from wechatpay_chain.php.aes import AesEcb, AesGcm
from wechatpay_chain.php.exceptions import UnexpectedValueException
from wechatpay_chain.php.formatter import Formatter
from wechatpay_chain.php.hashing import Hash
from wechatpay_chain.php.media_util import MediaUtil
from wechatpay_chain.php.pem_util import PemUtil
from wechatpay_chain.php.rsa import Rsa
from wechatpay_chain.php.transformer import Transformer
from wechatpay_chain.protocol.xml import XMLError

RECORDED = json.loads(gzip.decompress((Path(__file__).parent.parent / "data/vectors.json.gz").read_bytes()))
KEYS: dict[str, str] = RECORDED["keys"]
VECTORS = {f"{row['fn']}/{row['id']}": row for row in RECORDED["vectors"]}
CLASSES = (AesEcb, AesGcm, Formatter, Hash, PemUtil, Rsa, Transformer)

# ``from`` is a keyword in Python.
RENAMED = {"from": "from_"}
# Where PHP's result is not wanted: what is raised, or the result, instead.
NOT_WELL_FORMED = (XMLError, "not well-formed: PHP warns and gives an empty array")
DOCTYPE = (XMLError, "a DOCTYPE is refused, whatever it declares")
DELIBERATE: dict[str, tuple[type[WechatpayError] | str, str]] = {
    "Hash::sign/md5-lower": (ChainError, "an unknown sign_type raises, PHP gives null"),
    "AesEcb::encrypt/key-empty": (ConfigError, "a key has 32 bytes; PHP pads it with zeros"),
    "Transformer::toXml/cdata-end": (
        "<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>",
        "]]> is escaped; PHP writes XML that nobody can read",
    ),
    "Transformer::toXml/cdata-end-only": ("<xml><a><![CDATA[]]]]><![CDATA[>]]></a></xml>", "as cdata-end"),
    "Transformer::toXml/invalid-utf8": (ChainError, "XML is UTF-8; PHP writes the bytes as they are"),
    "Transformer::toArray/cdata-end-raw": NOT_WELL_FORMED,
    "Transformer::toArray/bad-entity": NOT_WELL_FORMED,
    "Transformer::toArray/fixture-invalid.bad_entity.sample.xml": NOT_WELL_FORMED,
    "Transformer::toArray/roundtrip-cdata-wrapped": NOT_WELL_FORMED,
    "Transformer::toArray/doctype": DOCTYPE,
    "Transformer::toArray/fixture-invalid.xxe_injection.sample.xml": DOCTYPE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every recorded key as NAME.pem."""
    made = tmp_path_factory.mktemp("keys")
    for name, text in KEYS.items():
        (made / f"{name}.pem").write_text(text)
    return made


def plain(value: Any, folder: Path) -> Any:
    """A recorded argument or result as it is in Python."""
    if isinstance(value, list):
        return [plain(item, folder) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        return KEYS[value[1:]]
    if isinstance(value, str):
        return value.replace("{keys}", str(folder))
    if isinstance(value, dict) and set(value) == {"$b64"}:
        return base64.b64decode(value["$b64"])
    return {key: plain(item, folder) for key, item in value.items()} if isinstance(value, dict) else value


def call(row: dict[str, Any], folder: Path) -> Any:
    """What the helper of the same name makes of the recorded arguments."""
    owner, method = row["fn"].split("::")
    args = row["args"]
    if row["id"] == "65536-bytes-sha256":
        args = [base64.b64encode(b"a" * 65536).decode()]
    if owner == "MediaUtil":
        return uploaded(**args)
    function = getattr(next(each for each in CLASSES if each.__name__ == owner), RENAMED.get(method, method))
    return function(dict(args["pairs"])) if isinstance(args, dict) else function(*plain(args, folder))


def uploaded(filepath: str, content: str, set_meta: str | None) -> dict[str, Any]:
    """What was recorded of a MediaUtil."""
    media = MediaUtil(filepath, content)
    length = None if set_meta is None else media.setMeta(set_meta)
    stream = media.getStream()
    return {
        "meta": media.getMeta(),
        "set_meta_return": length,
        "stream_as_string": str(stream),
        "size": stream.getSize(),
        "content_type_prefix": media.getContentType()[:30],
    }


def facts(key: RSAPrivateKey | RSAPublicKey) -> dict[str, Any]:
    """What was recorded of a key."""
    public = key.public_key() if isinstance(key, RSAPrivateKey) else key
    numbers = public.public_numbers()
    return {
        "public_pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "bits": public.key_size,
        "n_hex": f"{numbers.n:x}",
        "e_hex": f"{numbers.e:06x}",
        "private": isinstance(key, RSAPrivateKey),
    }


def matches(row: dict[str, Any], found: Any, folder: Path) -> bool:
    """Whether the helper's result is the recorded one."""
    wanted = plain(row["result"], folder)
    if "property" in row:
        return re.search(row["property"].strip("/"), found) is not None
    if row["fn"] == "Rsa::encrypt":
        return bool(Rsa.decrypt(found, KEYS["platform_pkcs8"]) == row["args"][0])
    if isinstance(found, RSAPrivateKey | RSAPublicKey):
        return bool(facts(found) == wanted)
    if row["id"] == "65536-bytes-sha256":
        found = hashlib.sha256(found.encode()).hexdigest()
    if row["fn"] == "Formatter::ksort":
        found = [list(field) for field in found.items()]
    # PHP has one empty array for lists and mappings.
    return bool(found == wanted or (wanted == [] and found == {}))


@pytest.mark.parametrize("name", VECTORS)
def test_a_helper_does_what_php_does(name: str, folder: Path) -> None:
    """The recorded result, an error where PHP has one, or the difference that DELIBERATE names."""
    row = VECTORS[name]
    instead = DELIBERATE.get(name, (UnexpectedValueException if row["error"] else None, ""))[0]
    if isinstance(instead, type):
        with pytest.raises(instead):
            call(row, folder)
    elif instead is not None:
        assert call(row, folder) == instead != row["result"]
    else:
        assert matches(row, call(row, folder), folder)


def test_each_difference_is_one() -> None:
    """No row of DELIBERATE is without its recording, and all 114 recordings are here."""
    assert set(DELIBERATE) <= set(VECTORS)
    assert len(VECTORS) == 114
    assert all(VECTORS[name]["error"] is None for name in DELIBERATE)
