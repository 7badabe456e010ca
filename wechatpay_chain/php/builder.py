"""``Builder.factory([...])`` and what the chain of wechatpay-php does differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from wechatpay_chain import options as opts
from wechatpay_chain import query, settings, words
from wechatpay_chain.client import Client
from wechatpay_chain.errors import ChainError, without_frames
from wechatpay_chain.php.response import Response
from wechatpay_chain.protocol import spelling
from wechatpay_chain.settings import Settings

__all__ = ["Builder", "Instance"]

_FACE = opts.Face(
    options={
        "json": "json",
        "query": "params",
        "body": "raw",
        "headers": "headers",
        "timeout": "timeout",
        "retry": "retry",
        "stream": "stream",
        "sink": "sink",
        "base_uri": "base_url",
        "xml": "xml",
        "nonceless": "nonceless",
        "security": "security",
    },
    elsewhere={
        "multipart": "uploads are not supported yet",
        "form_params": "APIv3 takes no forms; write json",
        "verify": "answers are always verified; a CA bundle comes from REQUESTS_CA_BUNDLE",
        "auth": "requests are signed",
    },
    query_style=query.PHP,
    json_content_type=opts.JSON,
    query_replaces=True,
    xml_style=spelling.PHP,
    xml_accept="text/xml, text/plain, application/x-gzip",
)
_ALIASES = {"privateKey": "private_key", "apiv3Key": "apiv3_key", "base_uri": "base_url"}


class Builder:
    """The entry of wechatpay-php."""

    @staticmethod
    def factory(config: Mapping[str, Any] | None = None, /, **options: Any) -> Instance:
        """A client with the PHP face.

        Takes ``mchid serial privateKey certs secret merchant base_uri timeout headers``, as one mapping or
        by name. Raises ConfigError, which names the entry.
        """
        failure = None
        try:
            configured = _configured(config, options)
        except Exception as error:  # whatever it is, its frames hold keys
            failure = without_frames(error)
        # The frames of a traceback must not hold what was configured.
        del config, options
        if failure is not None:
            raise failure from None
        return Instance(configured)


class Instance(Client):
    """What ``Builder.factory`` returns: chains take Guzzle's options, answers have PSR-7's methods."""

    _face = _FACE
    _response_class = Response

    def _text(self, text: str) -> str:
        return words.as_php(text)

    def _read(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
        if len(args) > 1:
            raise ChainError(f"{method.lower()}: one mapping of options, found {len(args)} arguments; nothing was sent")
        # PHP has one empty array for lists and mappings: post([]) is post({}).
        given = None if not args or args[0] == [] else args[0]
        merged = opts.merged(opts.mapping(given, "options"), options)
        if merged.get("json") is not None:
            merged.pop("body", None)
        if merged.get("base_uri") is not None:
            merged["base_uri"] = _directory(merged["base_uri"])
        return merged


def _configured(config: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Settings:
    if isinstance(config, Mapping) and isinstance(config.get("base_uri"), str):
        config = {**config, "base_uri": _directory(config["base_uri"])}
    if isinstance(options.get("base_uri"), str):
        options = {**options, "base_uri": _directory(options["base_uri"])}
    return settings.read(config, options, _ALIASES)


def _directory(uri: Any) -> Any:
    """What RFC 3986 keeps of a base URI when a path is resolved against it: no file, query or user."""
    if not isinstance(uri, str):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    folder = parts.path[: parts.path.rfind("/") + 1]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], folder, "", ""))
