"""The client: picks the protocol, holds the merchant, the keyring and the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from wechatpay_chain import headers, query, settings, words
from wechatpay_chain import options as opts
from wechatpay_chain.body import own_boundary
from wechatpay_chain.call import Call, Verb, build, named
from wechatpay_chain.chain import Chain, Root, call_of
from wechatpay_chain.errors import ApiError, BusinessError, ChainError, ConfigError
from wechatpay_chain.fields import HeaderFields
from wechatpay_chain.frames import hiding, without_frames
from wechatpay_chain.inbox import Inbox
from wechatpay_chain.known import Known
from wechatpay_chain.protocol.proof import Signer
from wechatpay_chain.protocol.v3 import APIv3
from wechatpay_chain.recipe import Recipe
from wechatpay_chain.renewal import Renewal
from wechatpay_chain.response import Response
from wechatpay_chain.sealing import Fields, addressed
from wechatpay_chain.settings import Settings
from wechatpay_chain.transport.delivery import ATTEMPTS, DEFAULT_TIMEOUT, Delivery
from wechatpay_chain.transport.multipart import Multipart
from wechatpay_chain.transport.request import SignedRequest
from wechatpay_chain.transport.session import Session
from wechatpay_chain.transport.sink import Sink, pour

if TYPE_CHECKING:
    from wechatpay_chain import fetch
    from wechatpay_chain.protocol.files import NamedFile
    from wechatpay_chain.protocol.payment import PayParams
    from wechatpay_chain.transport.download import Download, Progress

__all__ = ["Client", "Wechatpay"]

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
        if merchant.downloads:
            configured.keyring.refresh = Renewal(self._session, configured)

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
        from wechatpay_chain import fetch
        from wechatpay_chain.transport.download import receive

        sink = opts.read_sink(to, "to")
        return receive(fetch.sources(source, self._open, progress), sink, self._settings.merchant.private_key, progress)

    @property
    def pay_params(self) -> PayParams:
        """What front ends take: ``.jsapi .miniprogram .app .h5``, with ``_v2`` for APIv2, and ``.busifavor``."""
        from wechatpay_chain.protocol.payment import PayParams

        return PayParams(self._settings.merchant)

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

    @property
    def _mchid(self) -> str:
        return self._settings.merchant.mchid

    def _text(self, text: str) -> str:
        return words.as_written(text)

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

    def _open(self, file: NamedFile) -> fetch.Opening:
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
        given = headers.of(call, self._settings)
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
                from wechatpay_chain.catalog.suggestion import meant

                hint = meant(call.method, call.path)
                error.add(hint)
                if hint:
                    # No operation was called, so no operation's code was answered.
                    raise
            error.advise(_remedy(call, error, error.status))
            raise
        except BusinessError as error:
            error.advise(_remedy(call, error, 0))
            raise
        response.response_type = call.response_type
        if call.sink is not None:
            pour(response, call.sink)
        return response


def _remedy(call: Call, error: ApiError | BusinessError, status: int) -> str:
    # Read with the first refusal, and never by a call that goes well.
    from wechatpay_chain.catalog.remedies import remedy

    return remedy(call.method, call.path, status, error.code, error.message)


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
