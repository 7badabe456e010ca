"""The gateway: a request is checked, answered by a product within one transaction, and the answer is signed."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.errors import ConfigError
from wechatpay_chain.sandbox import (
    authorization,
    control,
    hints,
    index,
    legacy,
    outbox,
    parameters,
    payer,
    upload,
    world,
)
from wechatpay_chain.sandbox.answer import UNKNOWN, Answer, Client, Form, Received, Refusal
from wechatpay_chain.sandbox.certificate import client_context
from wechatpay_chain.sandbox.clock import Clock
from wechatpay_chain.sandbox.identity import Identity, Party, private_pem
from wechatpay_chain.sandbox.outbox import Outbox
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.product import Call
from wechatpay_chain.sandbox.products import PRODUCTS, stored
from wechatpay_chain.sandbox.products.bills import Bills
from wechatpay_chain.sandbox.products.refunds import Refunds
from wechatpay_chain.sandbox.products.transfers import Transfers
from wechatpay_chain.sandbox.push import SCHEDULE, Delivery, Pusher, check_address
from wechatpay_chain.sandbox.routes import Absent, Found, Routes, is_legacy
from wechatpay_chain.sandbox.server import Server
from wechatpay_chain.sandbox.store import Store
from wechatpay_chain.sandbox.trust import Trust
from wechatpay_chain.sandbox.world import Settings, Ticker, World

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.php import Instance

__all__ = ["Sandbox"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REMEMBERED = 10_000
_MOST_HELD = 64 * 1024 * 1024
_CLOCK = "clock"
_IDENTITY = "identity"
_TABLES = (*world.TABLES, *outbox.TABLES, *(table for product in PRODUCTS for table in product.tables), *stored.TABLES)
_JOBS = {name: job for product in PRODUCTS for name, job in product.jobs.items()}
_ROUTES = Routes(PRODUCTS, stored.reply)


class Sandbox:
    """A gateway that checks requests, keeps orders, pushes notices and signs answers as WeChat Pay does.

    It serves from its making until ``close()`` or the end of ``with``. ``host`` and ``port`` are where it listens,
    ``tls`` True, with ``ca_file`` as what clients have to trust, or a server's context; else it speaks plain HTTP.
    ``database`` is a file that is made once and goes on after a restart, None keeps all in memory. ``mchid`` is the
    merchant's number, else any. ``clock`` is how fast its time passes (0 stands still) or a Clock. ``pay_after`` and
    ``refund_after`` are the seconds after which orders are paid and refunds end by themselves, None for never.
    ``verify`` says which key of WeChat Pay signs: one of ``platform.MODES``.

    ``requests`` holds what arrived, the last 10,000 or 64 MiB; ``tamper``, when set, gets each signed answer and the
    request and may change the answer, to see a client refuse it. ``platform`` rotates the platform certificates,
    ``bills`` says how its bills are. Raises ConfigError for what cannot be served.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        tls: bool | ssl.SSLContext = False,
        mchid: str = "",
        database: str | Path | None = None,
        clock: float | Clock | None = None,
        pay_after: float | None = None,
        refund_after: float | None = 1.0,
        verify: str = "both",
    ) -> None:
        self._store = Store(_TABLES, database)
        self.identity = self._identity(mchid)
        self.clock = self._clock(clock)
        self._verify = verify
        self.platform = Platform(self.identity, verify)
        self._brand: Party | None = None
        self._context: ssl.SSLContext | None = None
        self.requests: deque[Received] = deque(maxlen=_REMEMBERED)
        self._held = 0
        self.tamper: Callable[[Answer, Received], None] | None = None
        self._settings = Settings(
            _seconds("pay_after", pay_after), _seconds("refund_after", refund_after), is_tls=bool(tls)
        )
        self.notices = Outbox(self._store, self.clock, self.identity, lambda: self.platform, self._v2_notice)
        self.world = self._new_world()
        self._trust = Trust(self.identity.authority) if tls is True else None
        if tls is True:
            tls = self.identity.authority.server_context((host, *_LOOPBACK))
        try:
            self._server = Server(host, port, self.respond, tls or None)
        except ConfigError:
            self._release()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="sandbox",
            daemon=True,
        )
        self._thread.start()
        self._ticker = Ticker(lambda: self.world)
        self.clock.changed = self._clock_changed

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def connections(self) -> int:
        """How many connections were opened to it so far."""
        return self._server.accepted

    @property
    def open_connections(self) -> int:
        """How many of them are open now."""
        return self._server.open_connections

    @property
    def mchid(self) -> str:
        """The one merchant that it knows."""
        return self.identity.mchid

    @property
    def merchant(self) -> dict[str, str]:
        """The merchant's TLS certificate and its key as PEM text: the entry ``merchant`` of a client."""
        return self.identity.merchant_entry

    @property
    def bills(self) -> Bills:
        """How its bills are."""
        bills: Bills = self.world.bills
        return bills

    def configuration(self) -> dict[str, Any]:
        """The merchant's entries for ``Wechatpay``; keys as PEM text."""
        return {**self.identity.configuration(self.platform.verify), "base_url": self.base_url}

    def environment(self) -> dict[str, str]:
        """The same for ``Wechatpay.from_env``, with the public key alone, and the key that signs as WeChat Pay."""
        own = {"WECHATPAY_BASE_URL": self.base_url, "WECHATPAY_SANDBOX_KEY": private_pem(self.identity.public_key)}
        return {**self.identity.environment(self.platform.verify), **own}

    def client(self, **options: Any) -> Wechatpay:
        """A client of its merchant; ``options`` replace single entries."""
        from wechatpay_chain.client import Wechatpay

        return Wechatpay({**self.configuration(), **self._own_session(), **self._own_keys(), **options})

    @property
    def brand(self) -> Party:
        """The one brand that it knows, made when it is first asked for."""
        self._brand = self._brand or Party.brand()
        return self._brand

    def brand_client(self, **options: Any) -> Wechatpay:
        """A client of its brand, for paths under ``/brand/``; ``options`` replace single entries."""
        from wechatpay_chain.client import Wechatpay

        lacks = dict.fromkeys(("mchid", "apiv3_key", "secret"))
        entries = {**self.configuration(), **lacks, **self._own_session(), **self.brand.configuration()}
        return Wechatpay({**entries, **options})

    def builder(self, **options: Any) -> Instance:
        """The same with the PHP face; ``options`` replace single entries, under their PHP names."""
        from wechatpay_chain.php import Builder

        php = {"private_key": "privateKey", "base_url": "base_uri"}
        entries = {php.get(name, name): value for name, value in self.configuration().items()}
        own = {php.get(name, name): value for name, value in self._own_keys().items()}
        return Builder.factory({**entries, **self._own_session(), **own, **options})

    @property
    def ca_file(self) -> Path | None:
        """The file of the authority that clients of ``tls=True`` have to trust, until ``close()``; else None."""
        return None if self._trust is None else self._trust.file

    def _own_keys(self) -> dict[str, Any]:
        """The keys as objects: reading them from PEM text takes longer than all else that a client is made of."""
        key = self.identity.merchant_key
        if self._context is None:
            self._context = client_context(self.merchant)
        return {"private_key": key, "merchant": self._context}

    def _own_session(self) -> dict[str, Any]:
        return {} if self._trust is None else {"session": self._trust.session()}

    def pay(self, out_trade_no: str, openid: str | None = None) -> str:
        """Pay an order of any kind as a payer would with the phone; its ``transaction_id``. Its notice goes out.

        ``openid`` is the payer's, else the order's or a new one. Raises KeyError for an unknown order, and
        PaymentRefused (a ValueError) for one that is paid, closed or expired, or was placed for another openid.
        """
        self.world.settle()
        return payer.pay_number(self.world, out_trade_no, openid)

    def refund(self, out_refund_no: str, status: str = "SUCCESS") -> None:
        """Let a refund end as ``SUCCESS`` or ``CLOSED``, or become ``ABNORMAL``; its notice goes out.

        Raises KeyError for an unknown refund, and ValueError for a status that cannot follow on its own.
        """
        with self._store.transaction():
            refunds = Refunds(self.world, self.clock.now())
            refund = refunds.numbered(out_refund_no)
            if refund is None:
                raise KeyError(out_refund_no)
            refunds.turn(refund, status)

    def transfer(self, out_bill_no: str, state: str = "SUCCESS", fail_reason: str = "") -> None:
        """Let a transfer end as ``SUCCESS``, ``FAIL`` or ``CANCELLED``; its notice goes out.

        ``fail_reason`` says why it failed. Raises KeyError for an unknown transfer, and ValueError for a state that
        cannot follow on its own.
        """
        with self._store.transaction():
            transfers = Transfers(self.world, self.clock.now())
            transfer = transfers.numbered(out_bill_no)
            if transfer is None:
                raise KeyError(out_bill_no)
            transfers.turn(transfer, state, fail_reason)

    def advance(self, seconds: float) -> None:
        """Move its clock forward, or back for a negative number; what is due by then has been done."""
        self.clock.advance(seconds)
        self.world.settle()

    def push(
        self,
        event_type: str,
        resource: Mapping[str, Any] | None = None,
        *,
        notify_url: str,
        schedule: Sequence[float] | None = None,
        clock: Callable[[], float] = lambda: time.time(),
        sleep: Callable[[float], object] | None = None,
    ) -> Delivery:
        """Push a notification to ``notify_url``; what became of the first attempt.

        ``resource`` is what is encrypted, else the example of the documentation with this sandbox's own merchant.
        A receiver that does not accept it gets it again by the outbox, on WeChat Pay's schedule and by the sandbox's
        clock. With ``schedule`` or ``sleep`` this call itself waits and repeats instead: ``()`` pushes once. Raises
        ChainError for an unknown type without a resource.
        """
        told = stored.example_of(event_type, self.mchid) if resource is None else resource
        check_address(notify_url)
        self.pusher(clock).notice(event_type, told)  # so that what cannot be sent is not learned
        stored.learn(self.world, event_type, told)
        if schedule is not None or sleep is not None:
            pauses = SCHEDULE if schedule is None else schedule
            return self.pusher(clock, sleep or time.sleep).push(event_type, told, notify_url, pauses)
        return self.notices.push(notify_url, event_type, told, self.clock.now())

    def pusher(
        self,
        clock: Callable[[], float] = lambda: time.time(),
        sleep: Callable[[float], object] = lambda seconds: time.sleep(seconds),
    ) -> Pusher:
        """What pushes; its ``notice(event_type)`` is a signed notification that is not sent, for tests of a handler."""
        return Pusher(self.identity.apiv3_key, *self.platform.notice_signer(), clock, sleep)

    def reset(self) -> None:
        """Forget what was received, stored and rotated; the keys stay, and the clock is as it was made."""
        self.requests.clear()
        self._held = 0
        self.tamper = None
        self._store.wipe()
        self.clock.reset()
        self.platform = Platform(self.identity, self._verify)
        self.world = self._new_world()

    def close(self) -> None:
        """Stop serving and close all connections."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
        if self._ticker is not None:
            self._ticker.close()
        self._release()

    def _release(self) -> None:
        self.notices.close()
        self._store.close()
        if self._trust is not None:
            self._trust.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sandbox of {self.mchid} at {self.base_url}>"

    def respond(
        self,
        method: str,
        target: str,
        headers: CaseInsensitiveDict[str],
        body: bytes,
        form: Form | None = None,
        *,
        client: Client = UNKNOWN,
    ) -> Answer:
        """The signed answer to one request, which is remembered with the verdict on its signature."""
        request = Received(method, target, headers, body, form=form, client=client)
        path = target.partition("?")[0]
        is_page = path == "/" and method in ("GET", "HEAD")
        own = index.page(self.base_url, self.mchid) if is_page else control.answer(self, request)
        if own is not None:
            return own
        try:
            found = _ROUTES.find("GET" if method == "HEAD" else method, path)
        except Absent as absent:
            hint = hints.absent(method, path)
            answer = Answer(absent.status, headers={hints.HINT: hint}, is_signed=False)
            return self._remembered(answer, replace(request, verdict=self._verdict(request)))
        if is_legacy(path):
            verdict, answer = legacy.answer(
                request, found.operation, self.identity, lambda fields: self._reply(found, request, fields)
            )
            return self._remembered(answer, replace(request, verdict=verdict))
        try:
            authorization.check(self.identity, self._party(target), request)
            answer = self._reply(found, request)
        except Refusal as refusal:
            answer = refusal.answer()
            if not refusal.is_signed:
                request = replace(request, verdict=str(refusal))
        answer.sign(self.platform, headers.get("Wechatpay-Serial", "") or self._unasked(target))
        return self._remembered(answer, request)

    def _verdict(self, request: Received) -> str:
        """What is wrong with the signature of a request whose path is not there; nobody answers it with that."""
        if is_legacy(request.target) and "Authorization" not in request.headers:
            return "404"
        try:
            authorization.check(self.identity, self._party(request.target), request)
        except Refusal as refusal:
            return "" if refusal.is_signed else str(refusal)
        return ""

    def _reply(self, found: Found, request: Received, v2: Mapping[str, Any] | None = None) -> Answer:
        """The unsigned answer of a product, in one transaction; ``v2`` are the fields of an APIv2 request."""
        route, operation = found
        if v2 is None:
            given = _ROUTES.parameters(found, request)
            if request.form is not None:
                upload.check(request.form)
            if operation is not None:
                if route.is_strict:
                    parameters.refuse_unknown(operation, given.fields)
                given = self._unsealed(found, request, given)
        else:
            query = parameters.query_of(request.target.partition("?")[2])
            given = parameters.Parameters({}, query, v2)
        self.world.settle()
        with self._store.transaction():
            call = Call(request, self.world, route, operation, given.path, given.query, given.fields, self.clock.now())
            try:
                return route.reply(call)
            except Refusal as refusal:
                # What was seen to have expired is written down all the same.
                refused = refusal
        raise refused

    def _unsealed(self, found: Found, request: Received, given: parameters.Parameters) -> parameters.Parameters:
        """The parameters with what was encrypted at their top opened; Refusal for what does not open."""
        texts: dict[str, str] = {}
        for field in parameters.sealed(found.operation, given) if found.operation else ():
            text = self.platform.opened(request, field.value, field.field, field.location)
            if field.name:
                texts[field.name] = text
        if not texts:
            return given
        query = {name: texts.get(name, value) for name, value in given.query.items()}
        return given._replace(query=query, fields={name: texts.get(name, v) for name, v in given.fields.items()})

    def _new_world(self) -> World:
        made = World(self.identity, self.platform, self._store, self.clock, self.notices, self._settings, _JOBS)
        made.bills = Bills(made)
        made.wake = self._wake
        return made

    def _identity(self, mchid: str) -> Identity:
        """The keys of this sandbox: of a file that goes on, those that it has."""
        kept = self._store.kept(_IDENTITY)
        if kept is None:
            made = Identity.new(mchid)
            self._store.keep(_IDENTITY, made.to_json())
            return made
        found = Identity.from_json(kept)
        if mchid and mchid != found.mchid:
            raise ConfigError(
                f"mchid: the database is that of {found.mchid}, not of {mchid}; take another file", "mchid"
            )
        return found

    def _clock(self, clock: float | Clock | None) -> Clock:
        """The clock that was asked for; of a file that goes on, the one that it had."""
        if isinstance(clock, Clock):
            return clock
        kept = self._store.kept(_CLOCK)
        ahead, factor = (float(part) for part in kept.split()) if kept else (0.0, 1.0)
        return Clock(factor if clock is None else clock, start=time.time() + ahead)

    def _wake(self) -> None:
        # Work of a file that goes on may be due before the thread for it is there.
        if self._ticker is not None:
            self._ticker.wake()

    def _clock_changed(self) -> None:
        self._store.keep(_CLOCK, f"{self.clock.now() - time.time()} {self.clock.factor}")
        self._wake()
        self.notices.wake()

    def _v2_notice(self, kind: str, fields: Mapping[str, Any]) -> bytes:
        return legacy.notice(kind, fields, self.identity.secret)

    def _party(self, target: str) -> Party:
        return self.brand if target.startswith("/brand/") else self.identity.party

    def _unasked(self, target: str) -> str:
        """The key that an answer is asked of when the request names none: those who have no key yet ask so."""
        return self.identity.certificate_serial if target == "/v3/certificates" else ""

    def _remembered(self, answer: Answer, received: Received) -> Answer:
        self.requests.append(received)
        self._held += len(received.body)
        while self._held > _MOST_HELD and len(self.requests) > 1:
            self._held -= len(self.requests.popleft().body)
        if self.tamper is not None:
            self.tamper(answer, received)
        return answer


def _seconds(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise ConfigError(f"{name}: expected seconds from 0 on, or None for never, found {value!r:.40}", name)
    return float(value)
