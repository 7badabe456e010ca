"""The client: turns a chain that is called into a signed request, sends it, and returns the verified answer."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from wechatpay_chain import settings
from wechatpay_chain.chain.node import Chain, FirstWord, Root, call_of
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.encoding import paths, query
from wechatpay_chain.errors import ApiError, BusinessError, ChainError, ConfigError
from wechatpay_chain.protocol.signer import Signer
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.request.body import replace_boundary
from wechatpay_chain.request.call import Call, Verb, build, download_url
from wechatpay_chain.request.encryption import SERIAL_HEADER, Encrypted, Envelope, encrypt_fields
from wechatpay_chain.request.options import NATIVE, read_native, read_sink
from wechatpay_chain.request.record import CallRecord, report
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.settings import Recipe, Settings
from wechatpay_chain.tracebacks import hide_values
from wechatpay_chain.transport.multipart import Multipart
from wechatpay_chain.transport.retry import ATTEMPTS, DEFAULT_DEADLINE, DEFAULT_TIMEOUT, SendOptions
from wechatpay_chain.transport.session import Session
from wechatpay_chain.transport.signed_request import SignedRequest
from wechatpay_chain.transport.sink import Sink, save_body

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.protocol.files import NamedFile
    from wechatpay_chain.protocol.notification import Notification, NotificationV2
    from wechatpay_chain.protocol.payment import PayParams
    from wechatpay_chain.protocol.v2 import APIv2
    from wechatpay_chain.transport.certificate_download import CertificateDownload
    from wechatpay_chain.transport.download import Download, Opening, Progress
    from wechatpay_chain.typed.global_ import OpenGlobal
    from wechatpay_chain.typed.hk import OpenHk
    from wechatpay_chain.typed.v2 import OpenV2
    from wechatpay_chain.typed.v3 import OpenV3

__all__ = ["Client", "Wechatpay"]

_log = logging.getLogger("wechatpay_chain")

# How paths of WeChat Pay begin; a whole URL and a template are looked at where they are made.
_BEGINNING = re.compile(r"/*(v[23]|hk|global|brand)([/?#{]|$)|https?://|//|/?\{", re.IGNORECASE)

C = TypeVar("C", bound="Client")
W = TypeVar("W", bound="Wechatpay")


# What a body with a number that is no whole one holds; text may look like it.
_FRACTION = re.compile(rb"(?:^|[\[:,])-?[0-9]+(?:\.[0-9]|\.?[0-9]*e)")


class Client(Root):
    """What both faces share: a root of chains, one session, and the way of a call.

    A face differs in ``_face`` (what is data), in how it reads arguments and text, and in what its own options do.
    """

    _face = NATIVE
    _response_class = Response

    def __init__(self, configured: Settings) -> None:
        self._settings = configured
        merchant = configured.merchant
        self._session = Session(configured.bases, configured.tls, configured.session, configured.retry or ATTEMPTS)
        self._v3 = APIv3(merchant, configured.keyring)
        self._checked_protocols: set[str] = set()
        self._workers: Workers | None = None
        if configured.max_workers is not None:
            from wechatpay_chain.workers import Workers

            self._workers = Workers(configured.max_workers)
        if merchant.downloads:
            configured.keyring.refresh = self._certificates

    # What users ask for beside chains. What few calls need is imported where it is needed: a cold start waits for
    # all else.

    @property
    def mchid(self) -> str:
        """The merchant's number; empty for a brand."""
        return self._settings.merchant.mchid

    @property
    def brand_id(self) -> str:
        """The brand's number; empty for a merchant."""
        return self._settings.merchant.brand_id

    @hide_values
    def prepare(self, verb: Chain | Callable[..., Any], *args: Any, **options: Any) -> SignedRequest:
        """The signed request that calling ``verb`` with these arguments would send, unsent.

        ``wxpay.prepare(wxpay.v3.certificates.get)`` has ``.method .url .headers .body .message .curl()``.
        Raises what the call would raise before sending. It names no key while none is held, since only sealed
        texts make it download one.
        """
        if not isinstance(verb, Chain):
            raise ChainError(f"prepare: expected a chain that ends with a verb, found {type(verb).__name__}")
        kind, path = call_of(verb)
        call = self._call(kind.method, path, args, options)
        request = self._request(call, offline=True)
        request.sign_for((call.bases or self._settings.bases)[0])
        return request

    @overload
    def download(self, source: Any, to: None = None, *, progress: Progress | None = None) -> bytes: ...
    @overload
    def download(self, source: Any, to: Sink, *, progress: Progress | None = None) -> Download: ...
    @hide_values
    def download(self, source: Any, to: Sink | None = None, *, progress: Progress | None = None) -> Download | bytes:
        """Fetch the file that an answer names, check it, and put it in its place.

        ``source`` is the answer of a bill, receipt or invoice API, its JSON or one entry of it, a URL, or an
        APIv2 bill's answer (``stream=True`` keeps it out of memory). ``to`` is a path, which gets the file
        (for its owner alone) when it is whole, a binary file, then too, or None for the bytes, at most 64 MiB.
        A URL of WeChat Pay's is asked of ``base_url`` where that is another host.
        ``progress`` is called with the bytes that arrived and their total or None. Decrypts, unzips and joins.
        Raises IntegrityError for a file that is not the one that was named, ChainError before anything is sent.
        """
        from wechatpay_chain.transport.download import open_sources, receive

        sink = read_sink(to, "to")
        sources = open_sources(source, self._open, progress)
        return receive(sources, sink, self._settings.merchant.private_key, progress)

    @hide_values
    def download_certificates(self) -> list[x509.Certificate]:
        """WeChat Pay's platform certificates that are valid now, verified, from WeChat Pay itself.

        Raises ConfigError where the merchant has none, and what any call raises.
        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
        """
        return self._certificates.download()

    @hide_values
    def notification(self, headers: Any, body: bytes, *, now: float | None = None) -> Notification:
        """What WeChat Pay pushed, verified and decrypted; never None.

        ``headers`` as the web server has them (any mapping or list of pairs), ``body`` the raw bytes. ``now`` (Unix
        seconds) judges the freshness of one that was saved as of that time. Raises the VerificationError that tells
        why it is not proven, DecryptionError, ConfigError, or TypeError for a body that is text or parsed already.
        """
        notification: Notification = self._notifications.read(self._v3, self._settings.merchant, headers, body, now)
        return notification

    @hide_values
    def notification_v2(self, body: bytes) -> NotificationV2:
        """The fields of what APIv2 pushed, a dict whose ``verified`` tells whether they are signed.

        A refund's are not: ``mch_id`` is compared and ``req_info`` opened, but what the APIv2 key opens may be put
        together of two notices, or be an old one. Ask ``refundquery`` before it is booked.
        Raises SignatureMismatch, DecryptionError, BusinessError, ConfigError, or TypeError for a body that is text.
        """
        notification: NotificationV2 = self._notifications.read_v2(self._v2, self._settings.merchant, body)
        return notification

    @cached_property
    def _certificates(self) -> CertificateDownload:
        from wechatpay_chain.transport.certificate_download import CertificateDownload

        configured = self._settings
        return CertificateDownload(
            self._session,
            configured.merchant,
            configured.keyring,
            configured.folder,
            configured.bases,
            configured.timeout or DEFAULT_TIMEOUT,
            Call("GET", "/").request_headers(configured.headers),
            configured.authorities,
        )

    @cached_property
    def _notifications(self) -> ModuleType:
        from wechatpay_chain.protocol import notification

        return notification

    @property
    def pay_params(self) -> PayParams:
        """What front ends take: ``.jsapi .miniprogram .app .h5``, with ``_v2`` for APIv2, and ``.busifavor``."""
        from wechatpay_chain.protocol.payment import PayParams

        return PayParams(self._settings.merchant)

    @hide_values
    def encrypt(self, text: str) -> Encrypted:
        """``text`` encrypted (RSA-OAEP) for WeChat Pay, in base64; ``.serial`` names the key.

        Send it with ``headers={"Wechatpay-Serial": encrypted.serial}``, or use ``Sealed``, which sees to that.
        Raises ChainError for text of more than 214 bytes; downloads certificates when no key is held yet.
        """
        return Encrypted.of(text, self._settings.keyring.current, asymmetric.encrypt)

    @hide_values
    def encrypt_pkcs1v15(self, text: str) -> Encrypted:
        """The same with PKCS#1 v1.5 padding, for the overseas APIs that ask for it; up to 245 bytes."""
        return Encrypted.of(text, self._settings.keyring.current, asymmetric.encrypt_pkcs1v15)

    @hide_values
    def decrypt(self, ciphertext: str) -> str:
        """The text of an encrypted field (RSA-OAEP) in an answer; DecryptionError when it is not for this merchant."""
        return self._settings.merchant.decrypt(ciphertext)

    def close(self) -> None:
        """Close the connections, but those of a ``session`` that was given; a later call opens new ones."""
        self._session.close()

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self: C) -> C:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"a client never changes: {name} cannot be set; give it to the constructor or to one call as {name}=…"
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        configured: Settings | None = self.__dict__.get("_settings")
        whose = f" {configured.merchant.identity} at {configured.bases[0].origin}" if configured else ""
        return f"<{type(self).__name__}{whose}>"

    # A client is pickled as what it was made from, never as keys and connections.

    @classmethod
    @hide_values
    def _from_recipe(cls: type[C], recipe: Recipe) -> C:
        client = cls.__new__(cls)
        Client.__init__(client, settings.from_recipe(recipe))
        return client

    def __reduce_ex__(self, protocol: object) -> Any:
        return type(self)._from_recipe, (self._settings.recipe.require(self),)

    # The way of a call: arguments become a call, the call a signed request, the request an answer.

    def _dispatch(self, verb: Verb, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        call = self._call(verb.method, path, args, options)
        if not verb.is_async:
            return self._send(call)
        from wechatpay_chain.promise import Promise

        if call.payload is None and self._settings.keyring.newest() is None:
            # The first call brings the keys; whoever asks for a promise does not wait for them.
            send = partial(self._send, call)
        else:
            send = partial(self._send, call, self._request(call))
        return Promise.run(send, pool=self._workers, name=f"{call.method} {call.path}")

    def _text(self, text: str) -> str:
        return paths.as_written(text)

    def _read(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
        given = read_native(method, args, options)
        defaults = self._settings.params
        if defaults:
            given["params"] = query.merge_params(defaults, given.get("params"), self._face.style)
        return given

    def _call(self, method: str, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Call:
        if not _BEGINNING.match(path):
            self._refuse_beginning(path)
        configured = self._settings
        given = self._read(method, args, options)
        call = build(method, path, given, self._face, configured.bases, configured.allow_http)
        if call.protocol not in self._checked_protocols:
            self._require(call.protocol)
        if call.payload is None:
            body = given.get("json") if given.get("data") is None else given["data"]
            if isinstance(call.body, Envelope) or (isinstance(call.body, bytes) and _FRACTION.search(call.body)):
                from wechatpay_chain.request import advice

                if not isinstance(call.body, Envelope) or advice.has_fraction(body):
                    advice.warn_of_fractions(method, call.path, body, self._face.style.json_number)
            return call
        fields = call.payload.fields
        if not all(isinstance(value, str | int | bytes | None) for value in fields.values()):
            from wechatpay_chain.request import advice

            advice.warn_of_fractions(method, f"v2{call.path}", fields, self._face.style.number)
        body, query = call.payload.sign(method, self._v2, self._face)
        kind = body.content_type if isinstance(body, Multipart) else call.content_type
        headers = replace_boundary(call.headers, body, kind)
        return call._replace(body=body, query=query or call.query, content_type=kind, headers=headers)

    def _refuse_beginning(self, path: str) -> None:
        """Raise ChainError for a path that is none of WeChat Pay's, and name the method that may be meant."""
        first = paths.display_path(path).strip("/").partition("/")[0]
        told = f"/{first[:64]}: paths begin with v3, v2, hk or global{self._method_hint(path)}"
        raise ChainError(f"{told}; nothing was sent")

    def _method_hint(self, path: str) -> str:
        """The method of the client that the first word of a path may be, as words; empty for a path of WeChat Pay's."""
        if _BEGINNING.match(path):
            return ""
        import difflib

        first = paths.display_path(path).strip("/").partition("/")[0].replace("_", "-")
        own = {name.replace("_", "-"): name for name in dir(Client) if not name.startswith("_")}
        close = difflib.get_close_matches(first, own, n=1)
        if not close:
            return ""
        name = own[close[0]]
        return f"; did you mean .{name}{'(…)' if callable(getattr(Client, name)) else ''} of the client?"

    def _require(self, protocol: str) -> None:
        """Raise ConfigError for entries that a protocol needs and that were left out."""
        missing = self._settings.missing_for(protocol)
        if missing:
            needed = f"API{protocol} calls need them; nothing was sent"
            raise ConfigError(f"{', '.join(missing)}: missing; {needed}", missing[0])
        self._checked_protocols.add(protocol)

    def _request(self, call: Call, offline: bool = False) -> SignedRequest:
        headers = call.request_headers(self._settings.headers)
        if isinstance(call.body, Multipart):
            headers["Content-Length"] = str(len(call.body))
        protocol: Signer
        if call.payload is None:
            call, protocol = self._name_key(call, headers, offline), self._v3
        else:
            protocol = self._v2
        request = SignedRequest(call, headers, protocol, self._response_class)
        request.max_body = self._settings.max_body
        return request

    def _name_key(self, call: Call, headers: HeaderFields, offline: bool) -> Call:
        """The call with its fields encrypted, after the id of WeChat Pay's key is among the headers.

        ``offline`` leaves the id out while no key is held and none is needed.
        """
        keyring = self._settings.keyring
        # Even where the caller names a key: what cannot be proven is not sent.
        key = keyring.newest() if offline else keyring.current
        if isinstance(call.body, Envelope):
            return call._replace(body=encrypt_fields(call.body, headers, keyring))
        if key is not None and not headers.get(SERIAL_HEADER):
            headers[SERIAL_HEADER] = key.id
        return call

    @cached_property
    def _v2(self) -> APIv2:
        # Most merchants never call it, and XML is a tenth of a cold start.
        from wechatpay_chain.protocol.v2 import APIv2

        return APIv2(self._settings.merchant.mchid, self._settings.merchant.secret)

    def _send_options(self, call: Call) -> SendOptions:
        deadline = call.deadline
        if deadline is None:
            # Files take as long as they take: there the pause between two bytes bounds.
            is_file = call.stream or call.sink is not None or isinstance(call.body, Multipart)
            deadline = math.inf if is_file else self._settings.deadline or DEFAULT_DEADLINE
        return SendOptions(
            deadline=time.monotonic() + deadline,
            bases=call.bases or self._settings.bases,
            timeout=call.timeout or self._settings.timeout or DEFAULT_TIMEOUT,
            stream=call.stream or call.sink is not None,
            secure=call.payload is not None and call.payload.security,
            retry=call.retry,
        )

    def _exchange(self, call: Call, request: SignedRequest) -> Response:
        try:
            return self._session.send(request, self._send_options(call))
        finally:
            if isinstance(call.body, Multipart):
                call.body.close()

    @hide_values
    def _send(self, call: Call, request: SignedRequest | None = None) -> Any:
        if self._settings.on_call is None and not _log.isEnabledFor(logging.INFO):
            return self._answer(call, request or self._request(call))
        return self._send_recorded(call, request)

    def _send_recorded(self, call: Call, request: SignedRequest | None) -> Any:
        started = time.perf_counter()
        answer: Any = None
        failure: BaseException | None = None
        try:
            request = request or self._request(call)
            answer = self._answer(call, request)
            return answer
        except BaseException as error:
            failure, answer = error, getattr(error, "response", None)
            raise
        finally:
            seconds, tries = time.perf_counter() - started, request.tries if request else 0
            status = None if answer is None else answer.status_code
            request_id = "" if answer is None else answer.request_id
            record = CallRecord(call.method, call.path, status, seconds, tries, request_id, failure)
            report(record, self._settings.on_call)

    def _answer(self, call: Call, request: SignedRequest) -> Any:
        try:
            response = self._exchange(call, request)
        except (ApiError, BusinessError) as error:
            from wechatpay_chain.request import advice  # no call that goes well needs it

            advice.advise(error, call.method, call.path, call.protocol)
            raise
        response.response_type = call.response_type
        if call.sink is not None:
            save_body(response, call.sink)
        return response

    def _open(self, file: NamedFile) -> Opening:
        call = download_url(self._call("GET", "v3", (), {}), file.url, self._settings.bases)
        request = self._request(call)
        request.is_download, request.knows_digest = True, bool(file.digest)
        return lambda: self._send(call, request)


class Wechatpay(Client):
    """WeChat Pay: the URL is the code.

    ``wxpay.v3.marketing.favor.callbacks.post({…})`` is a signed POST to /v3/marketing/favor/callbacks, and what it
    returns is verified. Configuration comes by name or as one mapping: ``mchid`` or ``brand_id`` (digits),
    ``serial`` and ``private_key`` of who calls, ``certs`` as ``{id: key}`` of WeChat Pay's public keys and platform
    certificates, ``certs_dir`` (a folder of them), ``certs_ca`` (the authorities that must have issued them),
    ``apiv3_key`` (32 bytes; certificates are downloaded with it), ``secret`` (the APIv2 key), ``merchant`` (the TLS
    certificate, ``{"cert", "key"}`` or ``{"pkcs12", "passphrase"}``), ``base_url`` (one or a list, main site first),
    ``allow_http`` (True: a host of your own may be plain http), ``timeout`` (seconds, one number or (connect,
    read)), ``headers``, ``params`` (of every query), ``retry`` (how often a get may be tried in all; False is
    once), ``deadline`` (seconds for a whole call, 60 by default; files have none), ``max_body`` (bytes of an answer
    that is read whole, 16 MiB by default), ``on_call`` (a function that gets a record of each call), ``max_workers``
    (how many asynchronous calls are under way at once: 128, shared by all clients that do not say), ``session`` (a
    ``requests.Session`` that many share). Raises ConfigError, which names the field. Making one touches no network.
    """

    if TYPE_CHECKING:
        # The words with which known paths begin; any other word is a chain too.
        v2: OpenV2
        v3: OpenV3
        hk: OpenHk
        global_: OpenGlobal
    else:
        v2, v3, hk, global_ = (FirstWord(word) for word in ("v2", "v3", "hk", "global_"))

    @hide_values
    def __init__(self, config: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        super().__init__(settings.read(config, options))

    @classmethod
    @hide_values
    def from_env(cls: type[W], **options: Any) -> W:
        """A client from ``WECHATPAY_MCHID`` (or ``_BRAND_ID``), ``_SERIAL``, ``_PRIVATE_KEY``, ``_PUBLIC_KEY_ID``,
        ``_PUBLIC_KEY``, ``_CERTS_DIR``, ``_APIV3_KEY``, ``_SECRET``, ``_MERCHANT_CERT``, ``_MERCHANT_KEY`` and
        ``_BASE_URL``; ``options`` come first."""
        client = cls(settings.merge_entries(settings.from_env(), options))
        client._settings = settings.with_source(client._settings, ("env", ""), options)
        return client

    @classmethod
    @hide_values
    def from_profile(cls: type[W], name: str, **options: Any) -> W:
        """A client from the table ``[name]`` of the profile file; ``options`` come first.

        The file is ``$WECHATPAY_PROFILES``, else ``profiles.toml`` in ``settings.user_folder("config")``; its entries
        are named as the constructor's, and relative paths of keys start at its folder.
        """
        client = cls(settings.merge_entries(settings.from_profile(name), options))
        client._settings = settings.with_source(client._settings, ("profile", name), options)
        return client
