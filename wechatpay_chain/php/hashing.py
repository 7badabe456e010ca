"""``Hash`` of wechatpay-php: APIv2's signatures."""

from __future__ import annotations

from wechatpay_chain.crypto import digest
from wechatpay_chain.php.helper import raise_helper_errors

__all__ = ["Hash"]


class Hash:
    """Signatures over text that is already sorted and joined."""

    ALGO_MD5 = "MD5"
    ALGO_HMAC_SHA256 = "HMAC-SHA256"

    @staticmethod
    @raise_helper_errors
    def md5(thing: str | bytes, key: str | bytes = "", agency: bool | int | str = False) -> str:
        """The MD5 in lower-case hex, with the key behind the text; a true ``agency`` says that it is WeCom's."""
        # To PHP the text 0 is false.
        return digest.md5(thing, "" if key in ("0", b"0") else key, bool(agency) and agency != "0")

    @staticmethod
    @raise_helper_errors
    def hmac(thing: str | bytes, key: str | bytes, algorithm: str = "sha256") -> str:
        """The HMAC in lower-case hex, of the text with the key behind it; ChainError for an unknown algorithm."""
        return digest.hmac(thing, key, algorithm)

    @staticmethod
    @raise_helper_errors
    def sign(type: str, data: str | bytes, key: str | bytes) -> str:
        """The signature in upper-case hex; ChainError for another ``type`` than MD5 and HMAC-SHA256."""
        return digest.sign(type, data, key)

    @staticmethod
    @raise_helper_errors
    def equals(known_string: str | bytes, user_string: str | bytes | None = None) -> bool:
        """Whether two signatures are the same, compared in constant time; None is no signature."""
        return digest.equals(known_string, user_string)
