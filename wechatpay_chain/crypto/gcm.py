"""AEAD_AES_256_GCM and SM4_GCM over a text that comes in pieces, as encrypted bills do."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from wechatpay_chain.errors import DecryptionError

__all__ = ["Opener"]

_TAG_LENGTH = 16
# The two algorithms of bills differ in the length of their keys.
_BY_KEY_LENGTH: dict[int, type[CipherAlgorithm]] = {32: AES, 16: SM4}


class Opener:
    """Decrypts bytes whose last 16 are the tag; what ``update`` gives is not proven before ``finish`` returns.

    ``key`` has 32 bytes (AES-256) or 16 (SM4), ``nonce`` 8 to 128. DecryptionError for any other.
    Source: https://pay.weixin.qq.com/doc/v3/partner/4014314390
    """

    def __init__(self, key: bytes, nonce: bytes, associated_data: bytes = b"") -> None:
        length = len(key)
        try:
            cipher = Cipher(_BY_KEY_LENGTH[length](key), GCM(nonce))  # type: ignore[call-arg]
            self._decryptor = cipher.decryptor()
        except KeyError:
            reason = f"the key has {length} bytes, expected 32 (AES-256) or 16 (SM4)"
        except ValueError:
            reason = f"the nonce has {len(nonce)} bytes, expected 8 to 128"
        except UnsupportedAlgorithm:
            reason = "this OpenSSL has no SM4; ask for the bill with AEAD_AES_256_GCM"
        else:
            self._decryptor.authenticate_additional_data(associated_data)
            self._held = b""
            return
        finally:
            del key  # the frames of a traceback must not hold a key
        raise DecryptionError(f"encrypt_key: {reason}")

    def update(self, piece: bytes) -> bytes:
        """The next plain bytes; the last 16 are held back, since they may be the tag."""
        known = self._held + piece
        self._held = known[-_TAG_LENGTH:]
        return self._decryptor.update(known[:-_TAG_LENGTH])

    def finish(self) -> None:
        """Prove all that came; DecryptionError when anything was changed or is missing."""
        if len(self._held) == _TAG_LENGTH:
            try:
                self._decryptor.finalize_with_tag(self._held)
            except InvalidTag:
                pass
            else:
                return
        raise DecryptionError("its tag does not fit: it was changed or cut, or its key is another")
