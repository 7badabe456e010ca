"""Faults on demand: by rule, by rate and by a request's own header; and answers that a user wrote.

A fault with ``when="before"`` comes in place of the work, with ``"after"`` once it was carried out: whoever repeats the
request then finds out whether that is safe.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.catalog.remedies import find_code
from wechatpay_chain.errors import ArgumentError, ConfigError
from wechatpay_chain.protocol.v3 import CLOCK_WINDOW
from wechatpay_chain.sandbox import wildcard
from wechatpay_chain.sandbox.answer import Answer, Received, Refusal, Signing, signed_headers
from wechatpay_chain.sandbox.product import Failure
from wechatpay_chain.sandbox.routes import is_legacy

__all__ = ["HEADER", "NAMES", "WHENS", "Fault", "Faults", "Scripted", "parse_rule", "read_faults"]

# The header with which a request asks for a fault of its own: ``SLOW; seconds=3; when=after``.
HEADER = "Sandbox-Fault"
WHENS = ("before", "after")
_PROBE = "WECHATPAY/SIGNTEST/"
_SLOW_SECONDS = 3.0
_MOST_SECONDS = 3600.0
_NAME = re.compile("[A-Z][A-Z0-9_]*")
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"</body>\r\n</html>\r\n"
)


class _Kind(NamedTuple):
    """How a fault behaves: what it is by default, what it may be, and whether APIv2 has it."""

    when: str
    whens: tuple[str, ...] = WHENS
    in_v2: bool = True


_ANSWERED = _Kind("after", ("after",))
_OF_V3 = _Kind("after", ("after",), in_v2=False)
_KINDS: Mapping[str, _Kind] = {
    "SYSTEM_ERROR": _Kind("before"),
    "FREQUENCY_LIMITED": _Kind("before"),
    "SLOW": _Kind("before"),
    # Nobody sees the difference but the next request: that is what it is for.
    "HANG_UP": _Kind("after"),
    "BAD_GATEWAY": _Kind("before"),
    "WRONG_SIGNATURE": _ANSWERED,
    "SIGNTEST": _OF_V3,
    "UNKNOWN_SERIAL": _OF_V3,
    "STALE_CLOCK": _OF_V3,
    "TAMPERED": _ANSWERED,
}
NAMES = tuple(_KINDS)


@dataclass
class Fault:
    """A rule: which requests meet which fault, how often and when; ``rate`` is a part of them, 0 to 1.

    ``times`` is None for ever; ``seconds`` is how long SLOW takes.
    """

    name: str
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    when: str = ""
    rate: float = 1.0
    seconds: float | None = None
    id: int = 0
    used: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or not _is_known(self.name):
            raise ArgumentError(
                f"name: {self.name!r:.60} is no fault; expected {', '.join(NAMES)}, or an error code of WeChat Pay"
            )
        kind = _KINDS.get(self.name, _Kind("before"))
        self.when = self.when or kind.when
        if self.when not in kind.whens:
            found = f"{self.when!r:.40}"
            raise ArgumentError(f"when: {self.name} comes {' or '.join(kind.whens)} the work, found {found}")
        self.rate = _rate(self.rate)
        self.seconds = _seconds(self.seconds, self.name)
        self.method, self.path = _read_place(self.method, self.path, self.times)

    @property
    def left(self) -> int | None:
        """How often it still comes, None for ever."""
        return None if self.times is None else max(self.times - self.used, 0)

    def fits(self, request: Received) -> bool:
        """Whether a request may meet it."""
        path = request.target.partition("?")[0]
        if is_legacy(path) and not _KINDS.get(self.name, _ANSWERED).in_v2:
            return False
        return self.left != 0 and _matches(self.method, self.path, request.method, path)

    def replacement(self, request: Received) -> Answer | None:
        """The answer in place of the work's own; None where that stays. Raises Refusal for an error code."""
        if self.name == "HANG_UP":
            return Answer(502, is_signed=False, is_dropped=True)
        if self.name == "BAD_GATEWAY":
            return Answer(502, _BAD_GATEWAY, {"Content-Type": "text/html"}, is_signed=False)
        if self.name == "SLOW" or self.name in _CHANGES:
            return None
        path = request.target.partition("?")[0]
        row = find_code(request.method, path, self.name, is_v2=is_legacy(path))
        code, text = (self.name, self.name) if row is None else (row.code, row.zh)
        if is_legacy(path):
            raise Failure(code, text)
        # A code that is known without a status is refused as most are.
        raise Refusal((row and row.status) or 400, code, text)

    def change(self, answer: Answer, signing: Signing, asked: str) -> None:
        """Spoil a finished answer, where that is what the fault does."""
        change = _CHANGES.get(self.name)
        if change is not None:
            change(answer, signing, asked)


@dataclass
class Scripted:
    """An answer that a user wrote, for the next ``times`` requests that fit (None for ever)."""

    method: str
    path: str
    status: int
    body: Any = None
    times: int | None = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    id: int = 0
    used: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.status, bool) or not isinstance(self.status, int) or not 200 <= self.status <= 599:
            raise ArgumentError(f"status: expected 200 to 599, found {self.status!r:.40}")
        self.method, self.path = _read_place(self.method, self.path, self.times)
        self.headers = _read_headers(self.headers)
        self._check_body()

    @property
    def left(self) -> int | None:
        """How often it still comes, None for ever."""
        return None if self.times is None else max(self.times - self.used, 0)

    def fits(self, method: str, path: str) -> bool:
        """Whether it answers such a request."""
        return self.left != 0 and _matches(self.method, self.path, method, path)

    def answer(self, request: Received) -> Answer:
        """The answer, still without a signature: fields of APIv2 become XML, text and bytes are sent as they are."""
        path = request.target.partition("?")[0]
        if isinstance(self.body, Mapping) and is_legacy(path):
            return Answer(self.status, fields=dict(self.body), headers=dict(self.headers))
        if isinstance(self.body, str | bytes):
            data = self.body.encode("utf-8") if isinstance(self.body, str) else self.body
            kind = "text/xml; charset=utf-8" if is_legacy(path) else "application/json; charset=utf-8"
            return Answer(self.status, data, {"Content-Type": kind, **self.headers})
        made = Answer.of(self.status, self.body)
        made.headers.update(self.headers)
        return made

    def _check_body(self) -> None:
        if self.status in _BODILESS and self.body not in (None, "", b""):
            # Its bytes would be read as the beginning of the next answer.
            raise ArgumentError(f"body: an answer of status {self.status} has none")
        if isinstance(self.body, str | bytes):
            return
        try:
            json.dumps(self.body, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ArgumentError(f"body: expected text, bytes, or what JSON can say ({error})") from None


class Faults:
    """The rules and the written answers of one sandbox; those that it was made with come back after a reset."""

    def __init__(self, first: tuple[Fault, ...] = ()) -> None:
        self._first = first
        self._lock = threading.Lock()
        self._last = 0
        self._rules: list[Fault] = []
        self._answers: list[Scripted] = []
        self.reset()

    @property
    def rules(self) -> list[Fault]:
        """The faults that may still come, the oldest first."""
        with self._lock:
            return [rule for rule in self._rules if rule.left != 0]

    @property
    def answers(self) -> list[Scripted]:
        """The answers that may still come, the oldest first."""
        with self._lock:
            return [each for each in self._answers if each.left != 0]

    def add(self, fault: Fault) -> Fault:
        """Let a fault come from now on."""
        with self._lock:
            self._last += 1
            fault.id = self._last
            self._rules = [*(rule for rule in self._rules if rule.left != 0), fault]
        return fault

    def script(self, scripted: Scripted) -> Scripted:
        """Answer so from now on."""
        with self._lock:
            self._last += 1
            scripted.id = self._last
            self._answers = [*(each for each in self._answers if each.left != 0), scripted]
        return scripted

    def remove(self, identifier: int) -> bool:
        """Take one away; False for an id that is not there."""
        with self._lock:
            before = len(self._rules) + len(self._answers)
            self._rules = [rule for rule in self._rules if rule.id != identifier]
            self._answers = [each for each in self._answers if each.id != identifier]
            return len(self._rules) + len(self._answers) < before

    def clear(self) -> None:
        """Take all away."""
        with self._lock:
            self._rules, self._answers = [], []

    def reset(self) -> None:
        """Let all be as it was made."""
        self.clear()
        for fault in self._first:
            self.add(Fault(fault.name, fault.method, fault.path, fault.times, fault.when, fault.rate, fault.seconds))

    def take(self, request: Received) -> Fault | None:
        """The fault that a request meets, of its own header before a rule's. Refusal for a header that is none."""
        told = request.headers.get(HEADER, "")
        if told:
            return _own_fault(told, request)
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.fits(request) and _draw(rule.rate):
                    rule.used += 1
                    return rule
        return None

    def has_answer(self, method: str, path: str) -> bool:
        """Whether a written answer waits for such a request."""
        return any(each.fits(method, path) for each in self._answers)

    def scripted_answer(self, request: Received) -> Answer | None:
        """The written answer to a request, None where none waits."""
        if not self._answers:
            return None
        path = request.target.partition("?")[0]
        with self._lock:
            for each in self._answers:
                if each.fits(request.method, path):
                    each.used += 1
                    return each.answer(request)
        return None


def parse_rule(text: str) -> Fault:
    """A rule as a command line writes it: ``5%:SYSTEM_ERROR`` and, after commas, ``when=after,path=/v3/refund/*``.

    Raises ArgumentError for what is none.

    >>> parse_rule("5%:SYSTEM_ERROR,when=after").rate
    0.05
    """
    first, *rest = text.split(",")
    rate, colon, name = first.strip().rpartition(":")
    options: dict[str, Any] = {"times": None}
    for part in rest:
        option, equals, value = part.strip().partition("=")
        if not equals or option not in ("when", "method", "path", "times", "seconds"):
            raise ArgumentError(f"fault: expected when=, method=, path=, times= or seconds=, found {part!r:.40}")
        options[option] = _number(option, value) if option in ("times", "seconds") else value
    return Fault(name, rate=_rate(rate) if colon else 1.0, **options)


def _own_fault(told: str, request: Received) -> Fault:
    name, *parts = (part.strip() for part in told.split(";"))
    try:
        options = dict(_option(part) for part in parts)
        fault = Fault(name, **options)
    except ArgumentError as error:
        raise Refusal(400, "PARAM_ERROR", f"header {HEADER}: {error}") from None
    if not fault.fits(request):
        raise Refusal(
            400, "PARAM_ERROR", f"header {HEADER}: {name} has no meaning in APIv2, whose answers have no headers"
        )
    return fault


def _option(part: str) -> tuple[str, Any]:
    name, equals, value = part.partition("=")
    if not equals or name not in ("when", "seconds"):
        raise ArgumentError(f"expected when= or seconds=, found {part!r:.40}")
    return name, _number(name, value) if name == "seconds" else value


def _number(name: str, text: str) -> float | int:
    try:
        return int(text) if name == "times" else float(text)
    except ValueError:
        raise ArgumentError(f"{name}: expected a number, found {text!r:.40}") from None


def _is_known(name: str) -> bool:
    return name in _KINDS or any(find_code("*", "", name, is_v2=is_v2) for is_v2 in (False, True))


def _rate(value: Any) -> float:
    text = value.strip() if isinstance(value, str) else value
    try:
        rate = float(text[:-1]) / 100 if isinstance(text, str) and text.endswith("%") else float(text)
    except (TypeError, ValueError):
        rate = -1.0
    if isinstance(value, bool) or not 0 <= rate <= 1:
        raise ArgumentError(f"rate: expected 0 to 1, or a percentage such as 5%, found {value!r:.40}")
    return rate


def _seconds(value: Any, name: str) -> float | None:
    if value is None:
        return _SLOW_SECONDS if name == "SLOW" else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_SECONDS:
        raise ArgumentError(f"seconds: expected 0 to {_MOST_SECONDS:g}, found {value!r:.40}")
    return float(value)


def _read_place(method: Any, path: Any, times: Any) -> tuple[str, str]:
    """The method and the pattern of the paths, as they are compared."""
    if not isinstance(method, str) or not re.fullmatch(r"\*|[A-Za-z]{1,10}", method):
        raise ArgumentError(f"method: expected a method or *, found {method!r:.40}")
    pattern = wildcard.read_pattern(path)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ArgumentError(f"times: expected 1 or more, or None for ever, found {times!r:.40}")
    return method.upper(), pattern


def _read_headers(headers: Any) -> dict[str, str]:
    """The headers as they are sent: each name once, and spelt as the server's own."""
    if not isinstance(headers, Mapping) or not all(_is_header(*pair) for pair in headers.items()):
        raise ArgumentError("headers: expected a mapping of names to text of one line")
    for name in headers:
        if name.lower() in _FRAMING:
            raise ArgumentError(f"headers: {name} says where the answer ends, and is the server's own")
        if name.lower() in _SIGNING:
            raise ArgumentError(f"headers: {name} comes with the signature; the fault WRONG_SIGNATURE spoils it")
    return {_SPELT.get(name.lower(), name): value for name, value in CaseInsensitiveDict(headers).items()}


def _is_header(name: Any, value: Any) -> bool:
    is_name = isinstance(name, str) and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None
    return is_name and isinstance(value, str) and value.isascii() and (value == "" or value.isprintable())


def _matches(method: str, path: str, asked: str, target: str) -> bool:
    return method in ("*", asked) and wildcard.matches(path, target)


def _draw(rate: float) -> bool:
    return rate >= 1 or secrets.randbelow(1 << 32) < rate * (1 << 32)


def _wrong_signature(answer: Answer, signing: Signing, asked: str) -> None:
    if answer.is_xml:
        answer.body = re.sub(
            rb"(<sign>(?:<!\[CDATA\[)?)([0-9A-F]+)", lambda found: found[1] + found[2][::-1], answer.body
        )
    elif _SIGNATURE in answer.headers:
        _sign_again(answer, signing, asked, 0, _covered_bytes(answer) + b" ")


def _probe(answer: Answer, signing: Signing, asked: str) -> None:
    if _SIGNATURE in answer.headers:
        answer.headers[_SIGNATURE] = _PROBE + base64.b64encode(secrets.token_bytes(240)).decode()


def _unknown_serial(answer: Answer, signing: Signing, asked: str) -> None:
    if _SERIAL in answer.headers:
        told = answer.headers[_SERIAL]
        answer.headers[_SERIAL] = told[:-16] + "".join(str(secrets.randbelow(10)) for _ in range(16))


def _stale_clock(answer: Answer, signing: Signing, asked: str) -> None:
    if _SIGNATURE in answer.headers:
        _sign_again(answer, signing, asked, -2 * CLOCK_WINDOW, _covered_bytes(answer))


def _tamper(answer: Answer, signing: Signing, asked: str) -> None:
    try:
        told = json.loads(answer.body or b"{}")
    except ValueError:
        told = None
    if isinstance(told, dict):
        answer.body = json.dumps({**told, "tampered": "1"}, ensure_ascii=False).encode("utf-8", "replace")
        if answer.status == 204:
            answer.status = 200
    elif answer.is_xml:
        answer.body = answer.body.replace(b"</xml>", b"<tampered>1</tampered></xml>")
    else:
        answer.body += b" "


_SIGNATURE, _SERIAL = "Wechatpay-Signature", "Wechatpay-Serial"
_SIGNING = {name.lower() for name in (_SIGNATURE, _SERIAL, "Wechatpay-Timestamp", "Wechatpay-Nonce")}
# RFC 9110, sections 15.3.5 and 15.4.5.
_BODILESS = (204, 304)
_FRAMING = ("content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer")
_SPELT = {name.lower(): name for name in ("Content-Type", "Date", "Request-ID", "Server", f"{_SIGNATURE}-Type")}
_CHANGES: Mapping[str, Callable[[Answer, Signing, str], None]] = {
    "WRONG_SIGNATURE": _wrong_signature,
    "SIGNTEST": _probe,
    "UNKNOWN_SERIAL": _unknown_serial,
    "STALE_CLOCK": _stale_clock,
    "TAMPERED": _tamper,
}


def _covered_bytes(answer: Answer) -> bytes:
    return answer.body if answer.covered is None else answer.covered


def _sign_again(answer: Answer, signing: Signing, asked: str, shift: float, covered: bytes) -> None:
    answer.headers.update(signed_headers(*signing.signer(asked), covered, time.time() + shift))


def read_faults(value: object) -> tuple[Fault, ...]:
    """Faults, or texts that are rules of them. Raises ConfigError for anything else."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ConfigError(f'faults: expected a list of rules such as "5%:SYSTEM_ERROR", found {value!r:.80}', "faults")
    return tuple(map(_check_fault, value))


def _check_fault(value: object) -> Fault:
    if isinstance(value, Fault):
        return value
    if not isinstance(value, str):
        raise ConfigError(f'faults: expected a rule such as "5%:SYSTEM_ERROR", found {value!r:.80}', "faults")
    return parse_rule(value)
