"""The gateway: a request is checked, answered by a product within one transaction, and the answer is signed."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.errors import ConfigError
from wechatpay_chain.sandbox import (
    access,
    arguments,
    authorization,
    control,
    hints,
    index,
    legacy,
    outbox,
    parameters,
    payer,
    payer_page,
    upload,
    world,
)
from wechatpay_chain.sandbox.answer import UNKNOWN, Answer, Client, Form, Received, Refusal
from wechatpay_chain.sandbox.arguments import UnknownNumber
from wechatpay_chain.sandbox.book import Book, Order, OrderError
from wechatpay_chain.sandbox.certificate import Authority, client_context
from wechatpay_chain.sandbox.clock import Clock
from wechatpay_chain.sandbox.directory import CA_FILE, Directory
from wechatpay_chain.sandbox.faults import Fault, Faults, Scripted, read_faults
from wechatpay_chain.sandbox.identity import Identity, Party, private_pem
from wechatpay_chain.sandbox.journal import Journal
from wechatpay_chain.sandbox.journal_file import TABLES as JOURNAL_TABLES
from wechatpay_chain.sandbox.journal_file import JournalFile
from wechatpay_chain.sandbox.outbox import Outbox
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.product import Call, Route
from wechatpay_chain.sandbox.products import PRODUCTS, applyments, complaints, payscore, stored
from wechatpay_chain.sandbox.products.bills import Bills
from wechatpay_chain.sandbox.products.refunds import RULES, RefundError, Refunds
from wechatpay_chain.sandbox.products.transfers import Transfers
from wechatpay_chain.sandbox.proxy import Proxy
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

_REMEMBERED = 10_000
_MOST_HELD = 64 * 1024 * 1024
_CLOCK = "clock reading"
_IDENTITY = "identity"
_ASKED_FOR = "token"
_SHORTEST_TOKEN = 16
_TABLES = (
    *(*world.TABLES, *outbox.TABLES, *JOURNAL_TABLES),
    *(table for product in PRODUCTS for table in product.tables),
    *stored.TABLES,
)
_JOBS = {name: job for product in PRODUCTS for name, job in product.jobs.items()}
_ROUTES = Routes(PRODUCTS, stored.reply)


class _Forgotten(Exception):
    """All was reset while a request was on its way."""


class Sandbox:
    """A gateway that checks requests, keeps orders, pushes notices and signs answers as WeChat Pay does.

    It serves from its making until ``close()`` or the end of ``with``. ``host`` and ``port`` are where it listens,
    ``tls`` True, with ``ca_file`` as what clients have to trust, or a server's context; else it speaks plain HTTP.
    ``database`` is a file that is made once and goes on after a restart, None keeps all in memory. ``mchid`` is the
    merchant's number, else any. ``clock`` is how fast its time passes (0 stands still) or a Clock. ``pay_after`` and
    ``refund_after`` are the seconds after which orders are paid and refunds end by themselves, None for never.
    ``close_wait`` is how old an order has to be before it may be closed (WeChat Pay's older pages: 300 s), and
    ``refund_wait`` how long it takes after a refund until the next of its order is taken (WeChat Pay: 60 s).
    ``bill_rows`` is how many rows are made up in the bill of a day without trade; 0 is no bill, as WeChat Pay has it.
    ``verify`` says which key of WeChat Pay signs: one of ``platform.MODES``.

    ``proxy`` is the port (0 for any) of a proxy that leads WeChat Pay's hosts here, for clients with a fixed base URL.
    ``directory`` is a folder whose keys and numbers are made once and used again. ``token`` is what its control asks
    for when ``host`` is not this machine alone, else a new one. ``faults`` come from the beginning on, as ``Fault`` or
    as text (``"5%:SYSTEM_ERROR"``).

    ``requests`` holds what arrived, the last 10,000 or 64 MiB, ``journal`` the same with the answers; ``tamper``,
    when set, gets each signed answer and the request and may change the answer, to see a client refuse it.
    ``platform`` rotates the platform certificates, ``bills`` says how its bills are. Raises ConfigError for what
    cannot be served.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        tls: bool | ssl.SSLContext = False,
        mchid: str | int = "",
        database: str | Path | None = None,
        clock: float | Clock | None = None,
        pay_after: float | None = None,
        refund_after: float | None = 1.0,
        close_wait: float = 0,
        refund_wait: float = 0,
        bill_rows: int = 0,
        verify: str = "both",
        directory: str | Path | None = None,
        proxy: int | None = None,
        token: str = "",
        faults: Iterable[Fault | str] = (),
    ) -> None:
        self.faults = Faults(read_faults(faults))
        tls, mchid = arguments.check_tls(tls), arguments.check_merchant(mchid)
        host, token = arguments.check_host(host), arguments.check_setting("token", token)
        folder, file = arguments.check_path("directory", directory), arguments.check_path("database", database)
        for name, value in (("port", port), ("proxy", 0 if proxy is None else proxy)):
            arguments.check_port(name, value)
        self._settings = Settings(
            arguments.check_seconds("pay_after", pay_after),
            arguments.check_seconds("refund_after", refund_after),
            arguments.check_seconds("close_wait", close_wait) or 0,
            arguments.check_seconds("refund_wait", refund_wait) or 0,
            arguments.check_count("bill_rows", bill_rows),
            is_tls=bool(tls),
        )
        self._directory = None if folder is None else Directory(folder)
        self._store = Store(_TABLES, file)
        try:
            # In one transaction: two that begin at once on one file become one merchant.
            with self._store.transaction():
                self.identity = self._identity(mchid)
            self.platform = Platform(self.identity, verify)
            self.clock = self._clock(clock)
        except ConfigError:
            self._store.close()
            raise
        self._journal_file = None if file is None else JournalFile(self._store)
        self.journal = Journal(self._journal_file)
        self._verify = verify
        self._brand: Party | None = None
        self._context: ssl.SSLContext | None = None
        self.requests: deque[Received] = deque(maxlen=_REMEMBERED)
        # A request that was on its way when all was reset belongs to what was forgotten: it counts in no later life.
        self._resets = 0
        self._seen = threading.local()
        self._remembering = threading.Lock()
        self._held = 0
        self._closing = threading.Event()
        self.tamper: Callable[[Answer, Received], None] | None = None
        self.notices = Outbox(self._store, self.clock, self.identity, lambda: self.platform, self._v2_notice)
        self.world = self._new_world()
        authorities = self._authorities(tls is True, proxy is not None)
        self._trust = Trust(authorities) if tls is True or proxy is not None else None
        self._is_trusted = tls is True
        if tls is True:
            tls = self.identity.server_authority.server_context((host, *access.LOOPBACK), self.identity.authority)
        try:
            self._server = Server(host, port, self.respond, tls or None)
        except ConfigError:
            self._release()
            raise
        self._proxy: Proxy | None = None
        try:
            self._proxy = None if proxy is None else self._new_proxy(host, proxy)
            self.token = "" if self.is_local else self._choose_token(token)
            if self._directory is not None:
                self._directory.describe(self.description(), self._variables(), authorities)
        except ConfigError:
            self._server.server_close()
            if self._proxy is not None:
                self._proxy.server_close()
            self._release()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="sandbox",
            daemon=True,
        )
        self._thread.start()
        if self._proxy is not None:
            self._proxy.start()
        self._ticker = Ticker(lambda: self.world, self._flush_journal)
        self.clock.changed = self._clock_changed

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def is_closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._closing.is_set()

    @property
    def is_local(self) -> bool:
        """Whether it listens for this machine alone."""
        return self._server.is_local

    @property
    def proxy_url(self) -> str | None:
        """What clients with a fixed base URL take as ``HTTPS_PROXY``; None without ``proxy``."""
        return None if self._proxy is None else self._proxy.url

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
        if self.token:
            own["WECHATPAY_SANDBOX_TOKEN"] = self.token
        return {**self.identity.environment(self.platform.verify), **own}

    def description(self) -> dict[str, Any]:
        """Its numbers, secrets and files, as ``sandbox.json`` has them."""
        identity, folder = self.identity, self._directory
        return {
            "mchid": identity.mchid,
            "serial": identity.serial,
            "appid": identity.appid,
            "apiv3_key": identity.apiv3_key,
            "secret": identity.secret,
            "public_key_id": identity.public_key_id,
            "platform_serial": identity.certificate_serial,
            "base_url": self.base_url,
            "token": self.token,
            "proxy": self.proxy_url,
            "directory": None if folder is None else str(folder.path),
            "files": {} if folder is None else folder.files(identity),
        }

    def _variables(self) -> dict[str, str]:
        told = self.environment()
        return told if self._directory is None else self._directory.environment(self.identity, told)

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
        """The file of the authorities that clients of ``tls=True`` and of the proxy have to trust, until ``close()``.

        That of the proxy is for WeChat Pay's names alone, that of ``tls=True`` for localhost and private addresses;
        each is in the file only where it is needed. With a directory it is one of its files, and stays; None without
        any of these.
        """
        if self._directory is not None:
            return self._directory.path / CA_FILE
        return None if self._trust is None else self._trust.file

    def _own_keys(self) -> dict[str, Any]:
        """The keys as objects: reading them from PEM text takes longer than all else that a client is made of."""
        key = self.identity.merchant_key
        if self._context is None:
            self._context = client_context(self.merchant)
        return {"private_key": key, "merchant": self._context}

    def _own_session(self) -> dict[str, Any]:
        return {"session": self._trust.session()} if self._trust is not None and self._is_trusted else {}

    def pay(self, out_trade_no: str, openid: str | None = None) -> str:
        """Pay an order of any kind as a payer would with the phone; its ``transaction_id``. Its notice goes out.

        ``openid`` is the payer's, else the order's or a new one. Raises UnknownNumber (a KeyError) for an order that
        nobody placed, and PaymentRefused (a ValueError) for one that is paid, closed or expired, or was placed for
        another openid.
        """
        number = arguments.check_number("out_trade_no", out_trade_no)
        who = None if openid is None else arguments.check_text("openid", openid)
        self.world.settle()
        return payer.pay_number(self.world, number, who)

    def close_order(self, out_trade_no: str) -> None:
        """Close an order as its merchant would; a combined one with all its parts.

        Raises UnknownNumber (a KeyError) for an order that nobody placed, and ValueError for one that was paid, or is
        one of payment codes: its merchant can only reverse it.
        """
        number = arguments.check_number("out_trade_no", out_trade_no)
        self.world.settle()
        with self._store.transaction():
            book = Book(self.world, self.clock.now())
            found = book.find_by_number(number)
            if found is None:
                raise UnknownNumber("order", number)
            for order in [found] if isinstance(found, Order) else found.orders:
                if order.data["way"] == "codepay":
                    raise ValueError(f"order {number!r:.80} is paid by a code: it is reversed, and cannot be closed")
                try:
                    book.close(order)
                except OrderError:
                    raise ValueError(f"order {number!r:.80} is {order.state}: it cannot be closed") from None

    def ask_refund(
        self, out_trade_no: str, amount: int | None = None, out_refund_no: str = "", reason: str = ""
    ) -> str:
        """Refund an order as its merchant would, ``amount`` fen or all that is left; the refund's number.

        Notices go where the order's go. A combined order is refunded part by part, each under its own number. Raises
        UnknownNumber (a KeyError) for an order that nobody placed, ValueError for one that cannot be refunded so, and
        ArgumentError for what is no amount, number or reason of a refund.
        """
        paid = arguments.check_number("out_trade_no", out_trade_no)
        asked = None if amount is None else arguments.check_fen("amount", amount)
        refund_no = arguments.check_text("out_refund_no", out_refund_no, RULES["out_refund_no"])
        why = arguments.check_text("reason", reason, RULES["reason"])
        self.world.settle()
        with self._store.transaction():
            now = self.clock.now()
            book = Book(self.world, now)
            order = book.order(self.mchid, paid, combined=True)
            if order is None:
                if book.combined_order(self.mchid, paid) is None:
                    raise UnknownNumber("order", paid)
                raise ValueError(f"order {paid!r:.80} cannot be refunded: {_NOT_REFUNDED['combined']}")
            number = refund_no or f"SANDBOX{secrets.token_hex(8).upper()}"
            data = {name: order.data[name] for name in ("notify_url", "api", "sign_type") if order.data.get(name)}
            wanted = order.total - order.refunded if asked is None else asked
            try:
                Refunds(self.world, now).ask(order, number, order.total, wanted, {**data, "reason": why, "from": []})
            except RefundError as error:
                refused = error.reason
            else:
                return number
        raise ValueError(f"order {paid!r:.80} cannot be refunded: {_NOT_REFUNDED.get(refused, refused)}")

    def fault(
        self,
        name: str,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
        when: str = "",
        *,
        rate: float | str = 1.0,
        seconds: float | None = None,
    ) -> Fault:
        """Let the next ``times`` requests that fit meet a fault, None for all.

        ``name`` is one of ``faults.NAMES`` or an error code. ``when`` is ``"before"`` (nothing is carried out) or
        ``"after"`` (it was); HANG_UP comes after by default, and faults of the signature can come in no other way.
        ``path`` has ``*`` for anything; ``rate`` is the part of the requests that meet it (0.05, ``"5%"``); ``seconds``
        is how long SLOW takes. Raises ArgumentError.
        """
        return self.faults.add(Fault(name, method, path, times, when, rate, seconds))  # type: ignore[arg-type]

    def answer(
        self,
        method: str,
        path: str,
        status: int,
        body: Any = None,
        times: int | None = 1,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Scripted:
        """Answer the next ``times`` requests that fit with this, None for all: signed as it must be, nothing done.

        ``body`` is what JSON can say, text, or bytes; a mapping for a path of APIv2 becomes XML with a sign. Requests
        are checked as ever. Raises ArgumentError.
        """
        return self.faults.script(Scripted(method, path, status, body, times, headers or {}))

    def refund(self, out_refund_no: str, status: str = "SUCCESS") -> None:
        """Let a refund end as ``SUCCESS`` or ``CLOSED``, or become ``ABNORMAL``; its notice goes out.

        Raises UnknownNumber (a KeyError) for a refund that nobody asked for, and ValueError for a status that cannot
        follow on its own.
        """
        number = arguments.check_number("out_refund_no", out_refund_no)
        self.world.settle()
        with self._store.transaction():
            refunds = Refunds(self.world, self.clock.now())
            refund = refunds.find_by_number(number)
            if refund is None:
                raise UnknownNumber("refund", number)
            refunds.turn(refund, status)

    def transfer(self, out_bill_no: str, state: str = "SUCCESS", fail_reason: str = "") -> None:
        """Let a transfer end as ``SUCCESS``, ``FAIL`` or ``CANCELLED``; its notice goes out.

        ``fail_reason`` says why it failed. Raises UnknownNumber (a KeyError) for a transfer that nobody made, and
        ValueError for a state that cannot follow on its own.
        """
        number, why = (
            arguments.check_number("out_bill_no", out_bill_no),
            arguments.check_text("fail_reason", fail_reason),
        )
        self.world.settle()
        with self._store.transaction():
            transfers = Transfers(self.world, self.clock.now())
            transfer = transfers.find_by_number(number)
            if transfer is None:
                raise UnknownNumber("transfer", number)
            transfers.turn(transfer, state, why)

    def payscore(self, out_order_no: str, state: str) -> None:
        """Let the user of a PayScore order confirm it (``DOING``), pay it (``DONE``), or leave it (``EXPIRED``).

        Its notice goes out. Raises UnknownNumber (a KeyError) for an order that nobody created, and ValueError for a
        state that cannot follow.
        """
        number = arguments.check_number("out_order_no", out_order_no)
        self.world.settle()
        with self._store.transaction():
            payscore.turn(self.world, number, arguments.check_text("state", state), self.clock.now())

    def applyment(self, number: str, state: str, reason: str = "") -> None:
        """Let a sub-merchant's application take a state, such as ``REJECTED`` for a ``reason``, and stay there.

        Without it an application is audited and finished as the clock goes. Raises UnknownNumber (a KeyError) for a
        number that nobody handed in, and ValueError for a state that its API does not have.
        """
        known, why = arguments.check_number("number", number), arguments.check_text("reason", reason)
        self.world.settle()
        with self._store.transaction():
            applyments.turn(self.world, known, arguments.check_text("state", state), why)

    def complain(self, out_trade_no: str, detail: str = "") -> str:
        """Let the payer of an order complain, or complain again; the ``complaint_id``.

        A notice goes to the address of complaints. Raises UnknownNumber (a KeyError) for an order that nobody placed,
        and ValueError for one that nobody has paid.
        """
        number, said = arguments.check_number("out_trade_no", out_trade_no), arguments.check_text("detail", detail)
        self.world.settle()
        with self._store.transaction():
            return complaints.complain(self.world, number, said or "沙箱的投诉", self.clock.now())

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
        pauses = SCHEDULE if schedule is None else arguments.check_schedule(schedule)
        told = stored.example_of(event_type, self.mchid) if resource is None else resource
        check_address(notify_url)
        self.pusher(clock).notice(event_type, told)  # so that what cannot be sent is not learned
        stored.learn(self.world, event_type, told)
        if schedule is not None or sleep is not None:
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
        with self._remembering:
            self.requests.clear()
            self._held = 0
            self.journal.clear()
            if self._journal_file is not None:
                self._journal_file.discard()
            with self._store.transaction():
                self._resets += 1
                self._store.wipe()
        self.faults.reset()
        self.tamper = None
        self.clock.reset()
        self.platform = Platform(self.identity, self._verify)
        self.world = self._new_world()

    def close(self) -> None:
        """Stop serving and close all connections."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
        if self._proxy is not None:
            self._proxy.stop()
        if self._ticker is not None:
            self._ticker.close()
        self._flush_journal()
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
        began = time.perf_counter()
        request = Received(method, target, headers, body, form=form, client=client)
        own = self._own_page(request)
        if own is not None:
            return own
        self._seen.resets = resets = self._resets
        try:
            answer, request, refusal, fault = self._answer_request(request)
        except _Forgotten:
            return Answer(503, is_signed=False, is_dropped=True)
        name = "" if fault is None else fault.name
        with self._remembering:
            if resets == self._resets:
                self._remember(request)
        if self.tamper is not None:
            self.tamper(answer, request)
        with self._remembering:
            if resets == self._resets:
                seconds = time.perf_counter() - began
                self.journal.add(request, answer, time.time(), seconds, fault=name, refusal=refusal)
        return answer

    def _own_page(self, request: Received) -> Answer | None:
        """The answer to what is the sandbox's own: its first page, its control, and what payers open."""
        if request.client.proxied:
            return None
        if request.target.partition("?")[0] == "/" and request.method in ("GET", "HEAD"):
            return index.page(self.base_url, self.mchid)
        return control.answer(self, request) or payer_page.answer(self.world, self.is_local, request)

    def _answer_request(self, request: Received) -> tuple[Answer, Received, Refusal | None, Fault | None]:
        """The finished answer, the request with its verdict, what was wrong with its signature, and its fault."""
        target, path = request.target, request.target.partition("?")[0]
        try:
            found = _ROUTES.find("GET" if request.method == "HEAD" else request.method, path)
        except Absent as absent:
            if not self.faults.has_answer(request.method, path):
                refusal = self._refusal(request)
                hint = hints.explain_absence(request.method, path)
                answer = Answer(absent.status, headers={hints.HINT: hint}, is_signed=False)
                if is_legacy(path) and absent.status == 405 and _takes_post(path):
                    cause, answer = legacy.refuse_method(request.method)
                    answer.headers[hints.HINT] = hint
                    return answer, replace(request, verdict=cause.message, cause=cause.cause), None, None
                if is_legacy(path):
                    return answer, replace(request, verdict="404", cause=hint), refusal, None
                return answer, request if refusal is None else _with_verdict(request, refusal), refusal, None
            # A written answer waits for it.
            found = Found(Route(request.method, path, _nothing), None)
        met: list[Fault] = []
        if is_legacy(path):
            verdict, answer = legacy.answer(
                request,
                found.operation,
                self.identity,
                lambda fields: self._carry_out(found, request, met, fields),
            )
            if verdict is not None:
                request = replace(request, verdict=verdict.message, cause=verdict.cause)
        refusal = None
        asked = request.headers.get("Wechatpay-Serial", "") or self._default_key(target)
        if not is_legacy(path):
            try:
                authorization.check(self.identity, self._party(target), request)
                answer = self._carry_out(found, request, met)
            except Refusal as refused_:
                answer = refused_.answer()
                if not refused_.is_signed:
                    refusal = refused_
                    request = _with_verdict(request, refusal)
            answer.sign(self.platform, asked)
        for fault in met:
            fault.change(answer, self.platform, asked)
        return answer, request, refusal, met[0] if met else None

    def _carry_out(
        self, found: Found, request: Received, met: list[Fault], v2: Mapping[str, Any] | None = None
    ) -> Answer:
        """The answer to a rightly signed request: written by a user, or the work's, or a fault's before or after it."""
        fault = self.faults.take(request)
        if fault is None:
            return self.faults.scripted_answer(request) or self._reply(found, request, v2)
        met.append(fault)
        if fault.when == "before":
            self._wait(fault)
            return fault.replacement(request) or self.faults.scripted_answer(request) or self._reply(found, request, v2)
        try:
            answer = self.faults.scripted_answer(request) or self._reply(found, request, v2)
        except Refusal as refusal:
            # What was refused meets its fault all the same.
            error: Refusal | None = refusal
        else:
            error = None
        self._wait(fault)
        replaced = fault.replacement(request)
        if replaced is not None:
            return replaced
        if error is not None:
            raise error
        return answer

    def _wait(self, fault: Fault) -> None:
        if fault.seconds:
            self._closing.wait(fault.seconds)

    def _refusal(self, request: Received) -> Refusal | None:
        """What is wrong with the signature of a request whose path is not there; nobody answers it with that."""
        if is_legacy(request.target) and "Authorization" not in request.headers:
            return None
        try:
            authorization.check(self.identity, self._party(request.target), request)
        except Refusal as refusal:
            return None if refusal.is_signed else refusal
        return None

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
                given = self._decrypt_fields(found, request, given)
        else:
            query = parameters.query_of(request.target.partition("?")[2])
            given = parameters.Parameters({}, query, v2)
        self.world.settle()
        with self._store.transaction():
            if self._seen.resets != self._resets:
                raise _Forgotten
            call = Call(request, self.world, route, operation, given.path, given.query, given.fields, self.clock.now())
            try:
                return route.reply(call)
            except Refusal as refusal:
                # What was seen to have expired is written down all the same.
                refused = refusal
        raise refused

    def _decrypt_fields(self, found: Found, request: Received, given: parameters.Parameters) -> parameters.Parameters:
        """The parameters with what was encrypted at their top opened; Refusal for what does not open."""
        texts: dict[str, str] = {}
        for field in parameters.encrypted_fields(found.operation, given) if found.operation else ():
            text = self.platform.decrypt(request, field.value, field.field, field.location)
            if field.name:
                texts[field.name] = text
        if not texts:
            return given
        query = {name: texts.get(name, value) for name, value in given.query.items()}
        return given._replace(query=query, fields={name: texts.get(name, v) for name, v in given.fields.items()})

    def _new_world(self) -> World:
        settings = replace(self._settings)
        made = World(self.identity, self.platform, self._store, self.clock, self.notices, settings, _JOBS)
        made.bills = Bills(made, rows=settings.bill_rows)
        made.wake = self._wake
        return made

    def _identity(self, mchid: str) -> Identity:
        """The keys of this sandbox: of a folder or a file that goes on, those that it has."""
        text = self._store.read_text(_IDENTITY)
        try:
            kept = None if text is None else Identity.from_json(text)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"database: its keys are those of another version ({type(error).__name__}); take another file",
                "database",
            ) from None
        folder = self._directory
        held = None if folder is None else folder.identity()
        _check_identities(kept, held, mchid)
        made = held or kept or Identity.new(mchid)
        if folder is not None:
            if held is None:
                made = folder.claim(made)
                _check_identities(kept, made, mchid)
            folder.keep(made)
        if kept is None:
            self._store.keep(_IDENTITY, made.to_json())
        return made

    def _flush_journal(self) -> None:
        if self._journal_file is not None:
            self._journal_file.flush()

    def _authorities(self, is_tls: bool, is_proxied: bool) -> list[Authority]:
        """Those that a client has to trust, and no more; the one of WeChat Pay's names for a folder without TLS."""
        own = [self.identity.server_authority] if is_tls else []
        return [self.identity.authority, *own] if is_proxied or not is_tls else own

    def _new_proxy(self, host: str, port: int) -> Proxy:
        return Proxy(host, port, self.respond, self.identity.authority, self.base_url)

    def _choose_token(self, token: str) -> str:
        """The token that was given, or the one of a database that goes on, or a new one."""
        if not isinstance(token, str):
            raise ConfigError(f"token: expected text, found {type(token).__name__}", "token")
        if token and (not token.isascii() or not token.isprintable() or " " in token or len(token) < _SHORTEST_TOKEN):
            raise ConfigError(f"token: expected {_SHORTEST_TOKEN} or more ASCII characters without a space", "token")
        kept = token or self._store.read_text(_ASKED_FOR) or secrets.token_urlsafe(24)
        self._store.keep(_ASKED_FOR, kept)
        return kept

    def _clock(self, clock: float | Clock | None) -> Clock:
        """The clock that was asked for; of a file that goes on, the one that it had."""
        if isinstance(clock, Clock):
            return clock
        kept, now = self._store.read_text(_CLOCK), time.time()
        was, then, factor = (float(part) for part in kept.split()) if kept else (now, now, 1.0)
        # It went on while the sandbox was off, as fast as it did before: not at all when it stood still.
        try:
            made = Clock(factor if clock is None else clock, start=was + (now - then) * factor)
        except ConfigError as error:
            raise ConfigError(f"clock: {str(error).partition(': ')[2]}", "clock") from None
        self._keep_clock(made)
        return made

    def _keep_clock(self, clock: Clock) -> None:
        self._store.keep(_CLOCK, f"{clock.now()} {time.time()} {clock.factor}")

    def _wake(self) -> None:
        # Work of a file that goes on may be due before the thread for it is there.
        if self._ticker is not None:
            self._ticker.wake()

    def _clock_changed(self) -> None:
        self._keep_clock(self.clock)
        self._wake()
        self.notices.wake()

    def _v2_notice(self, kind: str, fields: Mapping[str, Any]) -> bytes:
        return legacy.notice(kind, fields, self.identity.secret)

    def _party(self, target: str) -> Party:
        return self.brand if target.startswith("/brand/") else self.identity.party

    def _default_key(self, target: str) -> str:
        """The key that an answer is asked of when the request names none: those who have no key yet ask so."""
        return self.identity.certificate_serial if target == "/v3/certificates" else ""

    def _remember(self, received: Received) -> None:
        self.requests.append(received)
        self._held += len(received.body)
        while self._held > _MOST_HELD and len(self.requests) > 1:
            self._held -= len(self.requests.popleft().body)


# Why an order cannot be refunded, by the reasons of RefundError.
_NOT_REFUNDED = {
    "no order": "it is not paid",
    "all refunded": "nothing is left",
    "too much": "that is more than is left",
    "too many": "it has as many refunds as an order may have",
    "too late": "it was paid too long ago",
    "differs": "another refund has this number",
    "shared": "the rest was shared out, unfreeze it first",
    "too soon": "the last refund of this order was too short ago",
    "combined": "it is a combined order, refund its parts by their numbers",
}


def _with_verdict(request: Received, refusal: Refusal) -> Received:
    return replace(request, verdict=str(refusal), cause=refusal.cause or refusal.payload["message"])


def _takes_post(path: str) -> bool:
    try:
        _ROUTES.find("POST", path)
    except Absent:
        return False
    return True


def _nothing(call: Call) -> Answer:
    """Where a written answer was taken by another request in between."""
    return Answer(404, is_signed=False)


def _check_identities(kept: Identity | None, held: Identity | None, mchid: str) -> None:
    """Raise ConfigError where database, folder and number are not those of one merchant."""
    if kept is not None and held is not None and kept.to_json() != held.to_json():
        raise ConfigError(
            "directory: its keys are not those of the database; take the folder and the database of one sandbox",
            "directory",
        )
    found = held or kept
    if found is not None and mchid and mchid != found.mchid:
        where = "database" if held is None else "directory"
        another = "another file" if held is None else "another folder"
        raise ConfigError(f"mchid: the {where} is that of {found.mchid}, not of {mchid}; take {another}", "mchid")
