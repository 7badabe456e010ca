"""What all frameworks do with a notification: verify it, run the handler once, and answer."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from wechatpay_chain.client import Client
from wechatpay_chain.errors import DecryptionError, VerificationError
from wechatpay_chain.protocol.notification import Notification
from wechatpay_chain.web.seen_store import Claim, Seen, positive

__all__ = ["LIMIT", "Input", "Receiver", "Refused", "Reply", "check_length", "read"]

R = TypeVar("R")
# No notification comes near it.
LIMIT = 1 << 20
# How long a duplicate waits for the one that is being handled: WeChat Pay gives up after five seconds.
_PATIENCE = 3.0
_PAUSE = 0.05
_BLOCK = 1 << 16
_log = logging.getLogger("wechatpay_chain.web")


class Reply(NamedTuple):
    """An answer to WeChat Pay; a body is JSON."""

    status: int
    body: bytes = b""


class Refused(Exception):
    """A notification that the handler does not get; ``reply`` is the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = _fail(status, message)


class Input(Protocol):
    """A body that is not read yet."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


class _Duplicate(Exception):
    """It was handled before."""


class _Raised(Exception):
    """The handler raised; the cause is its error."""


class _Failed(Exception):
    """The handler returned an answer of its framework that is a failure."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer


def check_length(length: int | str | None) -> None:
    """Refuse a body whose length is beyond ``LIMIT``; what a header declares, before any of it is read."""
    if isinstance(length, str):
        # Python makes no number of any length of text; so many digits are too many already.
        length = int(length[:20]) if length.isascii() and length.isdigit() else None
    if length is not None and length > LIMIT:
        raise Refused(413, f"body: {length} bytes, at most {LIMIT} are read")


def read(stream: Input) -> bytes:
    """The body of a request that declares no length, refused as soon as more than ``LIMIT`` bytes have come."""
    blocks: list[bytes] = []
    size = 0
    # One byte beyond the limit is enough to know.
    while block := stream.read(min(_BLOCK, LIMIT + 1 - size)):
        blocks.append(block)
        size += len(block)
        check_length(size)
    return b"".join(blocks)


class Receiver:
    """Verifies for ``wxpay`` and remembers in ``seen``, if there is one.

    204 says that the handler has finished, now or for an earlier copy. A notification that does not verify is answered
    403, one that cannot be read 400, both without running the handler. A handler that raised is answered 500, and
    the resend runs it again. While one process runs it, a duplicate waits for the outcome, and after ``patience``
    (seconds) is answered 409, so that it comes again: it must not count as received before it was handled.
    Source: https://pay.weixin.qq.com/docs/merchant/apis/h5-payment/payment-notice.html
    """

    def __init__(self, wxpay: Client, seen: Seen | None = None, patience: float = _PATIENCE) -> None:
        if not isinstance(wxpay, Client):
            raise TypeError(f"wxpay: expected a client, found {type(wxpay).__name__}")
        if seen is not None and not isinstance(seen, Seen):
            raise TypeError(f"seen: expected Seen(path) or None, found {type(seen).__name__}")
        self._wxpay = wxpay
        self._seen = seen
        # Not to wait at all is a patience too.
        self._patience = patience if patience == 0 else positive(patience, "patience")

    def run(self, headers: object, body: bytes, handle: Callable[[Notification], R | None]) -> Reply | R:
        """The answer to one request; ``handle`` returns None, or its framework's own answer when it failed."""
        try:
            notification = self._wxpay.notification(headers, body)
            deadline = time.monotonic() + self._patience
            while (claim := self._claim(notification.id)) is None:
                _check_patience(deadline)
                time.sleep(_PAUSE)
            with _hold(claim):
                _check(handle(notification))
            claim.done()
        except Exception as error:
            answer: Reply | R = _answer(error)
            return answer
        return Reply(204)

    async def run_async(
        self, headers: object, body: bytes, handle: Callable[[Notification], Awaitable[R | None]]
    ) -> Reply | R:
        """The same in an event loop, which neither the disk nor a download of keys keeps waiting."""
        try:
            notification = await asyncio.to_thread(self._wxpay.notification, headers, body)
            deadline = time.monotonic() + self._patience
            while (claim := await self._claim_async(notification.id)) is None:
                _check_patience(deadline)
                await asyncio.sleep(_PAUSE)
            with _hold(claim):
                _check(await handle(notification))
            # It did happen, even if nobody waits for the answer any more.
            await asyncio.shield(asyncio.to_thread(claim.done))
        except Exception as error:
            answer: Reply | R = _answer(error)
            return answer
        return Reply(204)

    def _claim(self, identifier: str) -> Claim | None:
        if self._seen is None:
            return Claim(lambda handled: None)
        claim = self._seen.claim(identifier)
        if claim is None and self._seen.handled(identifier):
            raise _Duplicate
        return claim

    async def _claim_async(self, identifier: str) -> Claim | None:
        """The claim; a thread that is asked for one goes on when its task is cancelled, and then gives it back."""
        claiming = asyncio.ensure_future(asyncio.to_thread(self._claim, identifier))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(_give_back)
            raise


def _give_back(claiming: asyncio.Future[Claim | None]) -> None:
    if not claiming.cancelled() and claiming.exception() is None and (claim := claiming.result()) is not None:
        claim.release()


@contextmanager
def _hold(claim: Claim) -> Iterator[None]:
    """Give the claim back when the handler does not return; what it raised is the cause of _Raised."""
    try:
        yield
    except BaseException as error:
        claim.release()
        if isinstance(error, Exception) and not isinstance(error, _Failed):
            raise _Raised from error
        raise


def _check(answer: object) -> None:
    if answer is not None:
        raise _Failed(answer)


def _check_patience(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise Refused(409, "its handler is still running; send it again")


def _answer(error: Exception) -> Any:
    """The answer that an error stands for. What it says goes to the log: whoever asked may be anybody."""
    kind = type(error).__name__
    if isinstance(error, _Duplicate):
        return Reply(204)
    if isinstance(error, _Failed):
        return error.answer
    if isinstance(error, Refused):
        return error.reply
    if isinstance(error, VerificationError | DecryptionError):
        _log.warning("a notification was refused: %s: %s", kind, error)
        return _fail(403 if isinstance(error, VerificationError) else 400, kind)
    if isinstance(error, _Raised):
        _log.error("the handler of a notification failed; it will be sent again", exc_info=error.__cause__)
        return _fail(500, "the handler failed")
    _log.error("a notification could not be received; it will be sent again", exc_info=error)
    return _fail(500, kind)


def _fail(status: int, message: str) -> Reply:
    # WeChat Pay reads at most 64 characters.
    return Reply(status, json.dumps({"code": "FAIL", "message": message[:64]}).encode("ascii"))
