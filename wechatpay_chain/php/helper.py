"""What the helper classes share: strings that are bytes, base64 that may be untidy, and errors without secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeAlias, TypeVar

from wechatpay_chain.errors import ConfigError, DecryptionError, WechatpayError
from wechatpay_chain.tracebacks import hide_values

__all__ = ["HelperError", "Text", "as_bytes", "as_text", "raise_helper_errors", "tidy_base64"]

# A PHP string: text, which is UTF-8, or bytes.
Text: TypeAlias = "str | bytes"
P = ParamSpec("P")
R = TypeVar("R")


class HelperError(ConfigError, DecryptionError):
    """A key or an argument of a helper that cannot work: in PHP an UnexpectedValueException."""


def as_bytes(thing: object) -> bytes:
    """The bytes of a PHP string: text is UTF-8; ConfigError for what is neither text nor bytes."""
    if isinstance(thing, str):
        return thing.encode("utf-8")
    if isinstance(thing, bytes):
        return thing
    raise ConfigError(f"expected text or bytes, found {type(thing).__name__}")


def as_text(found: bytes, name: str) -> str:
    """The text in decrypted bytes; DecryptionError, which names ``name``, when they are no UTF-8."""
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise DecryptionError(f"{name}: the decrypted bytes are no UTF-8 text") from None


def tidy_base64(text: str | bytes) -> str:
    """Base64 as PHP's ``base64_decode`` reads it: without what is not of its alphabet, and padded."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", as_bytes(text))
    # One letter alone at the end is not a byte.
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64encode(base64.b64decode(letters + b"=" * (-len(letters) % 4))).decode("ascii")


def raise_helper_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a helper: its errors are this package's, as PHP's are, and their frames hold no values."""

    @hide_values
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ConfigError as error:
            raise HelperError(str(error), error.field) from None
        except WechatpayError:
            raise
        except UnicodeEncodeError:
            raise HelperError("text that UTF-8 cannot hold") from None
        except ValueError as error:
            field, colon, _ = str(error).partition(":")
            raise HelperError(str(error), field if colon else "") from None

    return call
