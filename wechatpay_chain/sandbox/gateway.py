"""The gateway: reads a request, lets it be checked and answered, signs the answer."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict

from wechatpay_chain.sandbox import authorization, index, legacy, operations
from wechatpay_chain.sandbox.answer import UNKNOWN, Answer, Client, Form, Received, Refusal
from wechatpay_chain.sandbox.bills import Bills
from wechatpay_chain.sandbox.identity import Identity, Party, private_pem
from wechatpay_chain.sandbox.platform import Platform
from wechatpay_chain.sandbox.push import SCHEDULE, Delivery, Pusher
from wechatpay_chain.sandbox.routes import Routes
from wechatpay_chain.sandbox.server import Server

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.php import Instance

__all__ = ["Sandbox"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REMEMBERED = 10_000
_MOST_HELD = 64 * 1024 * 1024


class Sandbox:
    """A gateway on 127.0.0.1 that checks requests and signs answers as WeChat Pay does, with keys of its own.

    It serves from its making until ``close()`` or the end of ``with``. ``requests`` holds what arrived, the
    last 10,000 or 64 MiB; ``tamper``, when set, gets each signed answer and the request and may change the answer, to
    see a client refuse it. ``platform`` rotates the platform certificates, ``bills`` says how its bills are.
    ``tls`` is True or a server's context; without one it speaks plain HTTP. ``mchid`` is the merchant's number, else
    any. ``verify`` says which key of WeChat Pay signs (``platform.MODES``). Raises ConfigError for a port that is in
    use and for a host that this machine has not.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        tls: bool | ssl.SSLContext = False,
        mchid: str = "",
        verify: str = "both",
    ) -> None:
        self.identity = Identity.new(mchid)
        self._verify = verify
        self.platform = Platform(self.identity, verify)
        self._brand: Party | None = None
        self.requests: deque[Received] = deque(maxlen=_REMEMBERED)
        self._held = 0
        self.tamper: Callable[[Answer, Received], None] | None = None
        self._routes = Routes(self.identity, self.platform)
        self.bills = Bills(self.identity, self._routes.orders)
        if tls is True:
            tls = self.identity.authority.server_context((host, *_LOOPBACK))
        self._server = Server(host, port, self.respond, tls or None)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="sandbox",
            daemon=True,
        )
        self._thread.start()

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
        return self.identity.merchant_entry()

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

        return Wechatpay({**self.configuration(), "private_key": self.identity.merchant_key, **options})

    @property
    def brand(self) -> Party:
        """The one brand that it knows, made when it is first asked for."""
        self._brand = self._brand or Party.brand()
        return self._brand

    def brand_client(self, **options: Any) -> Wechatpay:
        """A client of its brand, for paths under ``/brand/``; ``options`` replace single entries."""
        from wechatpay_chain.client import Wechatpay

        lacks = dict.fromkeys(("mchid", "apiv3_key", "secret"))
        entries = {**self.configuration(), **lacks, **self.brand.configuration()}
        return Wechatpay({**entries, **options})

    def builder(self, **options: Any) -> Instance:
        """The same with the PHP face; ``options`` replace single entries, under their PHP names."""
        from wechatpay_chain.php import Builder

        php = {"private_key": "privateKey", "base_url": "base_uri"}
        entries = {php.get(name, name): value for name, value in self.configuration().items()}
        return Builder.factory({**entries, "privateKey": self.identity.merchant_key, **options})

    def pay(self, out_trade_no: str) -> str:
        """Pay an order as a payer would with the phone; its ``transaction_id``. KeyError for an unknown order."""
        return self._routes.orders.pay(out_trade_no)

    def push(
        self,
        event_type: str,
        resource: Mapping[str, Any] | None = None,
        *,
        notify_url: str,
        schedule: Sequence[float] = SCHEDULE,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Delivery:
        """Push a notification to ``notify_url``, and again after each pause of ``schedule`` until it is accepted.

        ``resource`` is what is encrypted, else the example of the documentation. The default schedule is WeChat
        Pay's, 24 hours; ``()`` pushes once. Raises ChainError for an unknown type without a resource.
        """
        return self.pusher(clock, sleep).push(event_type, resource, notify_url, schedule)

    def pusher(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], object] = time.sleep) -> Pusher:
        """What pushes; its ``notice(event_type)`` is a signed notification that is not sent, for tests of a handler."""
        identity = self.identity
        return Pusher(identity.apiv3_key, identity.public_key_id, identity.public_key, clock, sleep)

    def reset(self) -> None:
        """Forget what was received, stored and rotated, and what tampers; the keys stay."""
        self.requests.clear()
        self._held = 0
        self.tamper = None
        self.platform = Platform(self.identity, self._verify)
        self._routes = Routes(self.identity, self.platform)
        self.bills = Bills(self.identity, self._routes.orders)

    def close(self) -> None:
        """Stop serving and close all connections."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

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
        received = Received(method, target, headers, body, form=form, client=client)
        if method in ("GET", "HEAD") and target.partition("?")[0] == "/":
            return index.page(self.base_url, self.mchid)
        if legacy.is_legacy(target):
            verdict, answer = legacy.answer(received, self.identity, self.bills.legacy)
            return self._remembered(answer, replace(received, verdict=verdict))
        try:
            authorization.check(self.identity, self._party(target), received)
            own = (self.bills.answer, self._routes.answer)
            answer = operations.answer(received, own, self.identity, self.platform, self.bills)
        except Refusal as refusal:
            answer = refusal.answer()
            if not refusal.is_signed:
                received = replace(received, verdict=str(refusal))
        answer.sign(self.platform, headers.get("Wechatpay-Serial", "") or self._unasked(target))
        return self._remembered(answer, received)

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
