"""The client: picks the protocol, holds the merchant, the keyring and the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain import settings
from wechatpay_chain.chain.node import Chain, Root, call_of
from wechatpay_chain.crypto import asymmetric
from wechatpay_chain.encoding import paths, query
from wechatpay_chain.errors import ApiError, ChainError, ConfigError, WechatpayError
from wechatpay_chain.protocol.files import NamedFile, asks_gzip, files_in
from wechatpay_chain.protocol.keyring import Key, Keyring
from wechatpay_chain.protocol.signer import Signer
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.request import options as opts
from wechatpay_chain.request.body import Envelope, own_boundary
from wechatpay_chain.request.call import Call, Verb, build, named
from wechatpay_chain.response import HeaderFields, Response
from wechatpay_chain.settings import Recipe, Settings
from wechatpay_chain.tracebacks import hiding, without_frames
from wechatpay_chain.transport.certificate_download import CertificateDownload
from wechatpay_chain.transport.download import Source
from wechatpay_chain.transport.multipart import Multipart
from wechatpay_chain.transport.retry import ATTEMPTS, DEFAULT_TIMEOUT, Delivery
from wechatpay_chain.transport.session import Session
from wechatpay_chain.transport.signed_request import SignedRequest
from wechatpay_chain.transport.sink import Sink, pour

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.protocol.files import NamedFile
    from wechatpay_chain.protocol.notification import Notification
    from wechatpay_chain.protocol.payment import PayParams
    from wechatpay_chain.protocol.v2 import APIv2
    from wechatpay_chain.transport.download import Download, Progress
    from wechatpay_chain.typed.global_ import OpenGlobal
    from wechatpay_chain.typed.hk import OpenHk
    from wechatpay_chain.typed.v2 import OpenV2
    from wechatpay_chain.typed.v3 import OpenV3


__all__ = [
    "Client",
    "Encrypted",
    "Fields",
    "Inbox",
    "Known",
    "Opening",
    "Wechatpay",
    "addressed",
    "sources",
]

_HEADER = "Wechatpay-Serial"


class Encrypted(str):
    """Base64 of a ciphertext; ``serial`` is the id of WeChat Pay's key that opens it."""

    serial: str

    @classmethod
    def of(cls, text: object, key: Key, encrypt: Callable[[str, RSAPublicKey], str]) -> Encrypted:
        """``text`` encrypted for ``key``; ChainError for what is no text or does not fit."""
        try:
            encrypted = cls(encrypt(text, key.public_key)) if isinstance(text, str) else None
            told = f"text: expected text, found {type(text).__name__}"
        except UnicodeEncodeError:
            encrypted, told = None, "text: it holds characters that UTF-8 cannot"
        except ValueError as error:
            encrypted, told = None, str(error)
        finally:
            del text  # a name or an identity number: not for a traceback
        if encrypted is None:
            raise ChainError(told)
        encrypted.serial = key.id
        return encrypted


class Fields:
    """What a client offers for single fields: it encrypts for WeChat Pay and decrypts for the merchant."""

    _settings: Settings

    def encrypt(self, text: str) -> Encrypted:
        """``text`` encrypted (RSA-OAEP) for WeChat Pay, in base64; ``.serial`` names the key.

        Send it with ``headers={"Wechatpay-Serial": encrypted.serial}``, or use ``Sealed``, which sees to that.
        Raises ChainError for text of more than 214 bytes; downloads certificates when no key is held yet.
        """
        try:
            return Encrypted.of(text, self._settings.keyring.current, asymmetric.encrypt)
        finally:
            del text  # a name or an identity number: not for a traceback

    def encrypt_pkcs1v15(self, text: str) -> Encrypted:
        """The same with PKCS#1 v1.5 padding, for the overseas APIs that ask for it; up to 245 bytes."""
        try:
            return Encrypted.of(text, self._settings.keyring.current, asymmetric.encrypt_pkcs1v15)
        finally:
            del text

    def decrypt(self, ciphertext: str) -> str:
        """The text of an encrypted field (RSA-OAEP) in an answer; DecryptionError when it is not for this merchant."""
        return self._settings.merchant.decrypt(ciphertext)


def addressed(call: Call, headers: HeaderFields, keyring: Keyring, offline: bool = False) -> Call:
    """The call with its sealed texts encrypted, after the key's id is among the headers.

    A header of the caller's own selects the key, or raises ChainError when that is not held. ``offline`` leaves
    the id out while no key is held and none is needed.
    """
    # Even where the caller names a key: what cannot be proven is not sent.
    chosen = keyring.newest() if offline else keyring.current
    asked = headers.get(_HEADER)
    if isinstance(call.body, Envelope):
        key = _named(asked, keyring) if asked else chosen or keyring.current
        headers[_HEADER] = key.id
        return call._replace(body=call.body.opened(lambda text: asymmetric.encrypt(text, key.public_key)))
    if not asked and chosen is not None:
        headers[_HEADER] = chosen.id
    return call


def _named(key_id: str, keyring: Keyring) -> Key:
    try:
        return keyring.find(key_id)
    except WechatpayError as error:
        reason = str(error)
    told = f"headers: {_HEADER} names {key_id[:64]!r}, for which nothing can be encrypted: {reason}"
    raise ChainError(f"{told}; nothing was sent")


Opening: TypeAlias = "Callable[[], Response]"


def sources(source: Any, opening: Callable[[NamedFile], Opening], progress: Any = None) -> list[Source]:
    """The files of a download; ``opening`` makes of each the function that asks for it.

    Raises what would be wrong with it before anything is sent: ChainError, IntegrityError, ConfigError.
    """
    if progress is not None and not callable(progress):
        raise ChainError(f"progress: expected a function, found {type(progress).__name__}; nothing was sent")
    if not isinstance(source, Response):
        return [Source(file, opening(file)) for file in files_in(source)]
    if source.status_code is not None and source.status_code >= 300:
        raise ChainError(f"download: the answer is a refusal ({source.status_code}); nothing was sent")
    request: Any = source.request
    target, body = ("", None) if request is None else (request.path_url, request.body)
    is_gzip = asks_gzip(target.partition("?")[2], body if isinstance(body, bytes) else None)
    if _is_json(source):
        return [Source(file, opening(file)) for file in files_in(source.data, is_gzip)]
    return [Source(NamedFile("", is_gzip=is_gzip), lambda: source)]


def _is_json(answer: Response) -> bool:
    """Whether an answer names files; one that streams is a file, and to look into it would be to read it."""
    if not answer._content_consumed:  # type: ignore[attr-defined]
        return False
    if isinstance(answer._content, bool):
        raise ChainError("download: the answer streamed, and was read already; ask for it again")
    return isinstance(answer.data, Mapping)


class Known:
    """Nothing at run time; where code is written, each known path with its verbs, and any other word beside them."""

    if TYPE_CHECKING:
        v2: OpenV2
        v3: OpenV3
        hk: OpenHk
        global_: OpenGlobal


class Inbox:
    """Notifications of both protocols, verified and decrypted."""

    _settings: Settings
    _v3: APIv3

    @cached_property
    def _v2(self) -> APIv2:
        # Most merchants never call it, and XML is a tenth of a cold start.
        from wechatpay_chain.protocol.v2 import APIv2

        merchant = self._settings.merchant
        return APIv2(merchant.mchid, merchant.secret)

    def notification(self, headers: Any, body: bytes) -> Notification:
        """What WeChat Pay pushed, verified and decrypted; never None.

        ``headers`` as the web server has them (any mapping or list of pairs), ``body`` the raw bytes. Raises the
        VerificationError that tells why it is not proven, DecryptionError, ConfigError, or TypeError for a body
        that is text or parsed already.
        """
        from wechatpay_chain.protocol import notification

        return notification.read(self._v3, self._settings.merchant, headers, body)

    def notification_v2(self, body: bytes) -> dict[str, Any]:
        """The fields of what APIv2 pushed, verified; of a refund ``mch_id`` and the opened ``req_info`` alone are.

        Raises SignatureMismatch, DecryptionError, BusinessError, ConfigError, or TypeError for a body that is text.
        """
        from wechatpay_chain.protocol import notification

        return notification.read_v2(self._v2, self._settings.merchant, body)


C = TypeVar("C", bound="Client")
W = TypeVar("W", bound="Wechatpay")


class Client(Root, Inbox, Fields):
    """What both faces share: a root of chains, one session, and the way of a call."""

    _face = opts.NATIVE
    _dialect = "NATIVE"
    _response_class = Response

    def __init__(self, configured: Settings) -> None:
        self._settings = configured
        merchant = configured.merchant
        self._session = Session(configured.bases, configured.tls, configured.session, configured.retry or ATTEMPTS)
        self._v3 = APIv3(merchant, configured.keyring)
        self._certificates = CertificateDownload(
            self._session,
            merchant,
            configured.keyring,
            configured.folder,
            configured.bases,
            configured.timeout or DEFAULT_TIMEOUT,
            Call("GET", "/").request_headers(configured.headers),
        )
        if merchant.downloads:
            configured.keyring.refresh = self._certificates

    @hiding
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
    def download(self, source: Any, to: Sink | None = None, *, progress: Progress | None = None) -> Download | bytes:
        """Fetch the file that an answer names, check it, and put it in its place.

        ``source`` is the answer of a bill, receipt or invoice API, its JSON or one entry of it, a URL, or an
        APIv2 bill's answer (``stream=True`` keeps it out of memory). ``to`` is a path, which gets the file
        (for its owner alone) when it is whole, a binary file, then too, or None for the bytes, at most 64 MiB.
        ``progress`` is called with the bytes that arrived and their total or None. Decrypts, unzips and joins.
        Raises IntegrityError for a file that is not the one that was named, ChainError before anything is sent.
        """
        # What few calls need is imported where it is needed: a cold start waits for all else.

        from wechatpay_chain.transport.download import receive

        sink = opts.read_sink(to, "to")
        return receive(sources(source, self._open, progress), sink, self._settings.merchant.private_key, progress)

    @property
    def pay_params(self) -> PayParams:
        """What front ends take: ``.jsapi .miniprogram .app .h5``, with ``_v2`` for APIv2, and ``.busifavor``."""
        from wechatpay_chain.protocol.payment import PayParams

        return PayParams(self._settings.merchant)

    @property
    def mchid(self) -> str:
        """The merchant's number; empty for a brand."""
        return self._settings.merchant.mchid

    def download_certificates(self) -> list[x509.Certificate]:
        """WeChat Pay's platform certificates that are valid now, verified, from WeChat Pay itself.

        Raises ConfigError where the merchant has none, and what any call raises.
        Source: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
        """
        return self._certificates.download()

    def close(self) -> None:
        """Close the connections, but those of a ``session`` that was given; a later call opens new ones."""
        self._session.close()

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        configured: Settings | None = self.__dict__.get("_settings")
        told = f" {configured.merchant.identity} at {configured.bases[0].origin}" if configured else ""
        return f"<{type(self).__name__}{told}>"

    @classmethod
    def _made(cls: type[C], recipe: Recipe) -> C:
        client = cls.__new__(cls)
        Client.__init__(client, settings.again(recipe))
        return client

    def __reduce_ex__(self, protocol: object) -> Any:
        return _again, (type(self), self._settings.recipe.require(self))

    def _text(self, text: str) -> str:
        return paths.as_written(text)

    def _read(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
        given = opts.read_native(method, args, options)
        given["params"] = query.joined(self._settings.params, given.get("params"), self._face.query_style)
        return given

    def _dispatch(self, verb: Verb, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        call = self._call(verb.method, path, args, options)
        if not verb.is_async:
            return self._send(call)
        from wechatpay_chain.promise import Promise

        if call.payload is None and self._settings.keyring.newest() is None:
            # The first call brings the keys; whoever asks for a promise does not wait for them.
            return Promise.run(partial(self._send, call))
        return Promise.run(partial(self._send, call, self._request(call)))

    def _call(self, method: str, path: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Call:
        call = build(method, path, self._read(method, args, options), self._face, self._settings.bases)
        missing = self._settings.missing_for(call.protocol)
        if missing:
            raise ConfigError(
                f"{', '.join(missing)}: missing; API{call.protocol} calls need them; nothing was sent", missing[0]
            )
        if call.payload is None:
            return call
        body, query = call.payload.signed(method, self._v2, self._face)
        kind = body.content_type if isinstance(body, Multipart) else call.content_type
        given = own_boundary(call.headers, body, kind)
        return call._replace(body=body, query=query or call.query, content_type=kind, headers=given)

    def _open(self, file: NamedFile) -> Opening:
        call = named(self._call("GET", "v3", (), {}), file.url, self._settings.bases)
        request = self._request(call)
        request.is_download, request.knows_digest = True, bool(file.digest)
        return lambda: self._send(call, request)

    def _request(self, call: Call, offline: bool = False) -> SignedRequest:
        given = self._headers(call)
        protocol: Signer
        if call.payload is None:
            call, protocol = addressed(call, given, self._settings.keyring, offline), self._v3
        else:
            protocol = self._v2
        request = SignedRequest(call, given, protocol, self._response_class)
        request.http_errors, request.redirect_errors = call.http_errors, call.redirects is None
        return request

    def _headers(self, call: Call) -> HeaderFields:
        given = call.request_headers(self._settings.headers)
        if call.authorization:
            given["Authorization"] = call.authorization
        if isinstance(call.body, Multipart):
            given["Content-Length"] = str(len(call.body))
        return given

    def _delivery(self, call: Call) -> Delivery:
        return Delivery(
            bases=call.bases or self._settings.bases,
            timeout=call.timeout or self._settings.timeout or DEFAULT_TIMEOUT,
            stream=call.stream or call.sink is not None,
            secure=call.payload is not None and call.payload.security,
            retry=call.retry,
            tls=call.tls,
            verify=call.verify,
            proxies=call.proxies,
        )

    def _exchange(self, call: Call, request: SignedRequest) -> Response:
        try:
            return self._session.send(request, self._delivery(call))
        finally:
            if isinstance(call.body, Multipart):
                call.body.close()

    @hiding
    def _send(self, call: Call, request: SignedRequest | None = None) -> Any:
        try:
            response = self._exchange(call, request or self._request(call))
        except ApiError as error:
            if error.status == 404 and call.payload is None:
                from wechatpay_chain.catalog.search import meant

                error.add(meant(call.method, call.path))
            raise
        response.response_type = call.response_type
        if call.sink is not None:
            pour(response, call.sink)
        return response


class Wechatpay(Client, Known):
    """WeChat Pay: the URL is the code.

    ``wxpay.v3.marketing.favor.callbacks.post({…})`` is a signed POST to /v3/marketing/favor/callbacks, and
    what it returns is verified. Configuration comes by name or as one mapping: ``mchid`` or ``brand_id`` (digits),
    ``serial`` and ``private_key`` of who calls, ``certs`` as ``{id: key}`` of WeChat Pay's public keys
    and platform certificates, ``certs_dir`` (a folder of them), ``apiv3_key`` (32 bytes; certificates are
    downloaded with it), ``secret`` (the APIv2 key), ``merchant`` (the TLS certificate, ``{"cert", "key"}`` or
    ``{"pkcs12", "passphrase"}``), ``base_url`` (one or a list, main site first), ``timeout`` (seconds, one number
    or (connect, read)), ``headers``, ``params`` (of every query), ``retry`` (how often a get may be tried in all;
    False is once), ``session`` (a ``requests.Session`` that many share). Raises ConfigError, which names the field.
    Making one touches no network.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        failure = None
        try:
            configured = settings.read(config, options)
        except Exception as error:  # whatever it is, its frames hold keys
            failure = without_frames(error)
        # The frames of a traceback must not hold what was configured.
        del config, options
        if failure is not None:
            raise failure from None
        super().__init__(configured)

    @classmethod
    def from_env(cls: type[W], **options: Any) -> W:
        """A client from ``WECHATPAY_MCHID`` (or ``_BRAND_ID``), ``_SERIAL``, ``_PRIVATE_KEY``, ``_PUBLIC_KEY_ID``,
        ``_PUBLIC_KEY``, ``_CERTS_DIR``, ``_APIV3_KEY``, ``_SECRET``, ``_MERCHANT_CERT``, ``_MERCHANT_KEY`` and
        ``_BASE_URL``; ``options`` come first."""
        try:
            client = cls(settings.joined(settings.from_env(), options))
            client._settings = settings.sourced(client._settings, ("env", ""), options)
            return client
        except Exception as error:
            failure = without_frames(error)
        del options
        raise failure from None

    @classmethod
    def from_profile(cls: type[W], name: str, **options: Any) -> W:
        """A client from the table ``[name]`` of the profile file; ``options`` come first.

        The file is ``$WECHATPAY_PROFILES``, else ``~/.config/wechatpay-chain/profiles.toml``; its entries are
        named as the constructor's, and relative paths of keys start at its folder.
        """
        try:
            client = cls(settings.joined(settings.from_profile(name), options))
            client._settings = settings.sourced(client._settings, ("profile", name), options)
            return client
        except Exception as error:
            failure = without_frames(error)
        del options
        raise failure from None


def _again(face: type[Client], recipe: Recipe) -> Client:
    """A client as it was pickled, with its keys read anew."""
    try:
        return face._made(recipe)
    except Exception as error:  # whatever it is, its frames hold keys
        failure = without_frames(error)
    raise failure from None
