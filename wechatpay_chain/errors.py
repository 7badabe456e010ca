"""Every error of this package.

WechatpayError
├── ArgumentError                        what was given cannot work; nothing was sent
│   ├── ConfigError (ValueError)         names the field; raised at construction
│   └── ChainError (TypeError)           missing or unknown placeholder, unknown option, bad segment
├── DecryptionError (ValueError)         wrong key or tampered text; names the likely cause
├── AggregateError                       every promise given to Promise.any was rejected; .errors tells each
└── CallError (requests.RequestException)   a call that was made and did not end well
    ├── VerificationError                the answer is not WeChat's: .response kept; on a 2xx the operation
    │   │                                may have happened
    │   ├── HeadersIncomplete            a signature header is missing or unreadable
    │   ├── ClockOffset                  the two clocks are more than 300 s apart
    │   ├── UnknownSerial                signed with a key that this client does not hold
    │   ├── SignatureMismatch            the bytes are not those that were signed
    │   ├── IntegrityError               a downloaded file is not the one that was named: .expected .found
    │   └── SignatureProbe               a deliberate wrong signature (WECHATPAY/SIGNTEST/)
    ├── TransportError (requests.ConnectionError)   every host failed; .attempts tells each
    │   └── TimedOut (requests.Timeout)  sent perhaps; repeated by itself only for a GET
    ├── ApiError (requests.HTTPError)    .status .code .message .detail .request_id .response .verified .remedy
    │   ├── ClientError (4xx)
    │   │   ├── SignError (401 SIGN_ERROR)
    │   │   └── RateLimited (429)
    │   └── ServerError (5xx)
    └── BusinessError                    v2: return_code / result_code not SUCCESS
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import requests

from wechatpay_chain.tracebacks import caller_lines

if TYPE_CHECKING:
    from wechatpay_chain.response import Response


__all__ = [
    "AggregateError",
    "ApiError",
    "ArgumentError",
    "Attempt",
    "BusinessError",
    "CallError",
    "ChainError",
    "ClientError",
    "ClockOffset",
    "ConfigError",
    "DecryptionError",
    "HeadersIncomplete",
    "IntegrityError",
    "RateLimited",
    "ServerError",
    "SignError",
    "SignatureMismatch",
    "SignatureProbe",
    "TimedOut",
    "TransportError",
    "UnknownSerial",
    "VerificationError",
    "WechatpayError",
]


class _Throwable:
    """What code for wechatpay-php calls on an exception; those of Guzzle have an answer where there was one."""

    def getMessage(self) -> str:
        """The message, as PHP names it."""
        return str(self)

    def getCode(self) -> int:
        """The HTTP status of the answer, 0 where there is none."""
        return int(getattr(self.getResponse(), "status_code", 0))

    def hasResponse(self) -> bool:
        """Whether there is an answer."""
        return self.getResponse() is not None

    def getResponse(self) -> Any:
        """The answer, with the methods of PSR-7 in the PHP face, or None."""
        return getattr(self, "response", None)

    def getTraceAsString(self) -> str:
        """The traceback in lines."""
        return "".join(traceback.format_tb(getattr(self, "__traceback__", None)))


class WechatpayError(_Throwable, Exception):
    """The root of every error that this package raises; its message is one line."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if args and isinstance(args[0], str):
            args = (" ".join(args[0].splitlines()), *args[1:])
        super().__init__(*args, **options)

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: the caller's line and the error; ``__cause__`` keeps what is behind it."""
        return caller_lines(self)


class ArgumentError(WechatpayError):
    """Something that was given, as configuration or for a call, and cannot work; nothing was sent."""


class ConfigError(ArgumentError, ValueError):
    """A configuration that cannot work; ``field`` names the entry to mend."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.field)


class ChainError(ArgumentError, TypeError):
    """A chain or an option that cannot become a request; nothing was sent."""


class DecryptionError(WechatpayError, ValueError):
    """A text that the given key does not open."""


class AggregateError(WechatpayError):
    """Every promise given to ``Promise.any`` was rejected; ``errors`` is a tuple of why, in their order."""

    def __init__(self, errors: Iterable[BaseException] = ()) -> None:
        self.errors = tuple(errors)
        told = "; ".join(f"{type(error).__name__}: {error}" for error in self.errors)
        super().__init__(f"all {len(self.errors)} promises were rejected: {told or 'there was none'}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errors,)


class CallError(WechatpayError, requests.RequestException):
    """A call that did not end well: no answer, none that is proven, or a refusal.

    ``attempts`` tells of each try; ``remedy`` says what to do, a sentence, where that is known of a refusal.
    """

    attempts: tuple[Attempt, ...] = ()
    remedy: str = ""

    def add(self, hint: str) -> None:
        """Append what may help to the message; nothing for an empty hint."""
        if hint:
            self.args = (f"{self}; {hint}",)

    def advise(self, remedy: str) -> None:
        """Keep what to do about it, and append it to the message; nothing for an empty text."""
        if remedy:
            self.remedy = remedy
            self.add(remedy)


class VerificationError(CallError):
    """An answer that is not proven to be WeChat Pay's.

    ``response`` is kept for diagnosis. On a 2xx status the operation may have happened: ask for its
    state before sending it again.
    """

    response: Response | None

    def __init__(self, message: str, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class HeadersIncomplete(VerificationError):
    """One of the four signature headers is missing or unreadable."""


class ClockOffset(VerificationError):
    """The answer's clock and this machine's are more than 300 s apart; both are in the message."""


class UnknownSerial(VerificationError):
    """The answer is signed with a key that this client does not hold."""


class SignatureMismatch(VerificationError):
    """The signature does not fit the bytes that arrived."""


class IntegrityError(VerificationError):
    """A file that did not arrive whole and as it was named; nothing of it was kept.

    ``expected`` is the digest that WeChat Pay named, ``found`` that of what arrived, both in lower-case hex;
    either is empty where there is none.
    """

    def __init__(self, message: str, response: Response | None = None, expected: str = "", found: str = "") -> None:
        super().__init__(message, response)
        self.expected = expected
        self.found = found


class SignatureProbe(VerificationError):
    """WeChat Pay answered with a deliberate wrong signature to see whether it is refused."""


class Attempt(NamedTuple):
    """One try at one host: ``sent`` is False when no byte of the request can have left."""

    host: str
    error: str
    sent: bool


class TransportError(CallError, requests.ConnectionError):
    """No host answered; ``attempts`` tells of each try whether anything was sent."""

    def __init__(self, message: str, attempts: tuple[Attempt, ...] = ()) -> None:
        super().__init__(message)
        self.attempts = attempts


class TimedOut(TransportError, requests.Timeout):
    """The answer did not come in time; the request may have been carried out."""


class ApiError(CallError, requests.HTTPError):
    """WeChat Pay's own refusal.

    ``status`` (HTTP), ``code`` and ``message`` (WeChat's), ``detail`` (any JSON or None), ``request_id``,
    ``response``, and ``verified``: whether the refusal itself carried a valid signature; ``remedy`` says what to do,
    a sentence, where the code is known.
    Source: https://pay.weixin.qq.com/doc/v3/merchant/4012081709
    """

    status: int
    code: str
    message: str
    detail: Any
    request_id: str
    verified: bool
    response: Response

    def __init__(self, text: str, response: Response) -> None:
        super().__init__(text)
        body = response.data if isinstance(response.data, dict) else {}
        self.response = response
        self.request = response.request
        self.status = response.status_code
        self.code = _text(body.get("code"))
        self.message = _text(body.get("message"))
        self.detail = body.get("detail")
        self.request_id = response.request_id
        self.verified = response.verified

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.response), {"attempts": self.attempts, "remedy": self.remedy}

    @classmethod
    def of(cls, response: Response) -> ApiError:
        """The error that fits an answer of status 300 and above."""
        kind = _kind(response)
        return kind(_describe(response), response)


class ClientError(ApiError):
    """4xx: the request has to change."""


class SignError(ClientError):
    """401 SIGN_ERROR: the message names the first difference to the text that WeChat Pay built, and its usual cause.

    ``detail["sign_information"]`` holds that text, ``request.message`` the one that was signed.
    """


class RateLimited(ClientError):
    """429: slow down."""


class ServerError(ApiError):
    """5xx: repeat with the same order number, never a new one."""


class BusinessError(CallError):
    """An APIv2 answer whose return_code or result_code is not SUCCESS.

    ``code`` and ``message`` (WeChat's), ``data`` (all fields), ``verified``: whether the answer was signed;
    a refusal by return_code never is. ``response`` is kept; ``remedy`` says what to do, a sentence, where the code
    is known.
    """

    response: Response | None

    def __init__(self, text: str, data: Mapping[str, Any] | None = None, verified: bool = False) -> None:
        super().__init__(text)
        fields = data or {}
        self.data = dict(fields)
        self.verified = verified
        outcomes = [fields.get(name) for name in ("return_code", "result_code")]
        refused = next((outcome for outcome in outcomes if outcome and outcome != "SUCCESS"), outcomes[0])
        self.code = _text(fields.get("err_code") or refused)
        self.message = _text(fields.get("err_code_des") or fields.get("return_msg"))

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"response": self.response, "attempts": self.attempts, "remedy": self.remedy}
        return type(self), (str(self), self.data, self.verified), state

    @classmethod
    def of(cls, data: Mapping[str, Any], verified: bool) -> BusinessError:
        """The error in an answer's fields."""
        error = cls("", data, verified)
        return cls(f"{error.code}: {error.message}", data, verified)


def _kind(response: Response) -> type[ApiError]:
    status = response.status_code
    body = response.data if isinstance(response.data, dict) else {}
    if status == 401 and body.get("code") == "SIGN_ERROR":
        return SignError
    if status == 429:
        return RateLimited
    if 400 <= status < 500:
        return ClientError
    return ServerError if status >= 500 else ApiError


# A path that is not there has no body; a sandbox says in a header what may have been meant.
_LONGEST_HINT = 300


def _describe(response: Response) -> str:
    body = response.data
    if isinstance(body, dict) and body.get("code"):
        said = f"{_text(body['code'])}: {_text(body.get('message'))}{_reason(body.get('detail'))}"
    elif response.is_redirect:
        said = f"redirect to {response.headers['Location']} not followed; name the host as base_url if you trust it"
    else:
        kind = response.headers.get("Content-Type", "no content type")
        hint = response.headers.get("Sandbox-Hint", "")[:_LONGEST_HINT]
        said = f"no WeChat Pay error body ({kind}, {len(response.content)} bytes){f'; {hint}' if hint else ''}"
    reference = f" (Request-ID {response.request_id})" if response.request_id else ""
    return f"{response.status_code} {said}{reference}"


def _reason(detail: object) -> str:
    """What ``detail`` says of the cause, in both of its shapes; the value that was sent is not repeated.

    Source: https://pay.weixin.qq.com/doc/v3/merchant/4012081709
    """
    if not isinstance(detail, dict):
        return ""
    inner = detail.get("detail")
    issue = detail.get("issue") or (inner.get("issue") if isinstance(inner, dict) else None)
    place = " ".join(filter(None, (_text(detail.get("location")), _text(detail.get("field")))))
    reason = ": ".join(filter(None, (place, _text(issue))))
    return f" ({reason[:300]})" if reason else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)
