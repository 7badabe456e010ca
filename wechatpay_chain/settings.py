"""Configuration, checked once: from the constructor, the environment or a profile."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import requests

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.encoding import file_urls, query
from wechatpay_chain.encoding.style import JS
from wechatpay_chain.errors import ChainError, ConfigError
from wechatpay_chain.protocol.hosts import Base, bases_of
from wechatpay_chain.protocol.keyring import Keyring, canonical
from wechatpay_chain.protocol.merchant import Merchant
from wechatpay_chain.request.options import mapping, read_deadline, read_headers, read_retry, read_timeout
from wechatpay_chain.transport.signed_request import MAX_BODY

if TYPE_CHECKING:
    from wechatpay_chain.protocol.authorities import Authorities
    from wechatpay_chain.protocol.certificate_folder import Folder

__all__ = [
    "VARIABLES",
    "Recipe",
    "Settings",
    "entries",
    "from_env",
    "from_profile",
    "from_recipe",
    "merge_entries",
    "read",
    "user_folder",
    "with_source",
]

# Where an entry, or a part of one, may name a file; what else it may be is a key.
_KEY_ENTRIES = frozenset({"private_key", "public_key", "cert", "ssl_key"})
_PARTS = {"certs": None, "merchant": frozenset({"cert", "key", "pkcs12", "pfx"})}
# A private key may come with its passphrase.
_PAIRS = frozenset({"private_key", "key"})
# These are secrets wherever they stand.
_SECRETS = frozenset({"apiv3_key", "secret", "auth"})


class Recipe(NamedTuple):
    """Entries without keys, and the names of those that are keys.

    ``source`` is ``("env", "")`` or ``("profile", name)`` where these bring the other entries; then ``whose`` is the
    merchant whom they must name again.
    """

    entries: Mapping[str, Any]
    held: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    whose: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, entries: Mapping[str, Any], source: tuple[str, ...] = (), merchant: Merchant | None = None) -> Recipe:
        """The recipe for a client of ``merchant`` that was made from ``entries``, and from ``source``."""
        given = {name: value for name, value in entries.items() if value is not None}
        held = tuple(told for name, value in given.items() for told in _secret_parts(name, value))
        whose = (merchant.identity, merchant.serial) if merchant else ("", "")
        return cls(
            {} if held else {name: _absolute_paths(name, value) for name, value in given.items()}, held, source, whose
        )

    def plus(self, entries: Mapping[str, Any]) -> Recipe:
        """This recipe with more entries."""
        more = Recipe.of(entries)
        held = (*self.held, *more.held)
        return self._replace(entries={} if held else {**self.entries, **more.entries}, held=held)

    def check(self, merchant: Merchant) -> None:
        """Raise ConfigError when another process's environment names another merchant."""
        if self.source and self.whose != (merchant.identity, merchant.serial):
            found, expected = merchant.identity, self.whose[0]
            told = found if found != expected else f"another serial of {found}"
            raise ConfigError(f"mchid: this process configures {told}, the client was made for {expected}", "mchid")

    def require(self, client: object) -> Recipe:
        """This recipe; TypeError, which names the entries, when it would have to hold a key."""
        if self.held:
            raise TypeError(
                f"{client!r} holds keys and connections and is not pickled, since {', '.join(self.held)} would be in"
                " it: give keys as files, or make it by from_env() or from_profile()"
            )
        return self


def _secret_parts(name: str, value: Any) -> Iterator[str]:
    """The parts of an entry that are no names of files and no plain settings."""
    if name in _SECRETS or (name in _KEY_ENTRIES and not key_loader.names_a_file(value)):
        yield name
    elif name in _PARTS and isinstance(value, Mapping):
        files = _PARTS[name]
        for part, item in value.items():
            if item is not None and not (key_loader.names_a_file(item) and (files is None or part in files)):
                yield f"{name}[{str(part)[:64]!r}]"
    elif (not _is_plain(value) and not key_loader.names_a_file(value)) or (name == "proxy" and "@" in f"{value}"):
        yield name


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bytes | int | float)


def _absolute_paths(name: str, value: Any) -> Any:
    """Paths as absolute ones, since another process may start in another folder."""
    if name in _PARTS and isinstance(value, Mapping):
        return {part: _absolute(item) for part, item in value.items()}
    if name == "certs_ca":
        return [_absolute_paths(name, each) for each in value] if isinstance(value, list | tuple) else _own_path(value)
    return _absolute(value) if name in _KEY_ENTRIES or name == "certs_dir" else value


def _own_path(source: Any) -> Any:
    """A path as an absolute one; what is PEM text already stays so."""
    return _absolute(source) if key_loader.names_a_file(source) else source


def _absolute(path: Any) -> Any:
    if path is None or (isinstance(path, str) and file_urls.is_file_url(path.strip())):
        return path
    text = os.fspath(path)
    return os.path.abspath(os.path.expanduser(text.strip() if isinstance(text, str) else text))


T = TypeVar("T")

_NAMES = frozenset(
    {
        "mchid",
        "brand_id",
        "serial",
        "private_key",
        "certs",
        "certs_dir",
        "certs_ca",
        "public_key_id",
        "public_key",
        "apiv3_key",
        "secret",
        "merchant",
        "base_url",
        "allow_http",
        "timeout",
        "headers",
        "max_workers",
        "retry",
        "deadline",
        "max_body",
        "on_call",
        "session",
        "params",
    }
)
_ALIASES = {
    "privateKey": "private_key",
    "baseURL": "base_url",
    "allowHttp": "allow_http",
    "apiv3Key": "apiv3_key",
    "certsDir": "certs_dir",
    "certsCa": "certs_ca",
    "brandId": "brand_id",
}
# What wechatpayv3 and wechatpy call an entry, or configure where it is none here.
_IN_BODY = "it is a field of the body, in each call"
_ELSEWHERE = {
    "api_key": "did you mean secret, the APIv2 key, or apiv3_key?",
    "appid": _IN_BODY,
    "cert_dir": "did you mean certs_dir?",
    "logger": "the logger is logging.getLogger('wechatpay_chain')",
    "mch_cert": "did you mean merchant={'cert': …, 'key': …}?",
    "mch_key": "did you mean merchant={'cert': …, 'key': …}?",
    "notify_url": _IN_BODY,
    "partner_mode": "it is a word of the chain: v3.pay.partner.transactions",
    "proxy": "proxies are those of session=, a requests.Session, or of HTTPS_PROXY",
    "sandbox": "a sandbox is wechatpay_chain.Sandbox().client()",
    "sub_appid": _IN_BODY,
    "sub_mch_id": _IN_BODY,
    "sub_mchid": _IN_BODY,
    "wechatpay_type": "it is a word of the chain: v3.pay.transactions.native, .jsapi, .h5 or .app",
}
_IDENTITIES = {"mchid", "brand_id"}
_KEYS = {"certs", "certs_dir", "public_key", "public_key_id"}
_FILES = ("private_key", "public_key", "certs_dir", "certs_ca")
_ENVIRONMENT = {
    "WECHATPAY_MCHID": "mchid",
    "WECHATPAY_BRAND_ID": "brand_id",
    "WECHATPAY_SERIAL": "serial",
    "WECHATPAY_PRIVATE_KEY": "private_key",
    "WECHATPAY_PUBLIC_KEY_ID": "public_key_id",
    "WECHATPAY_PUBLIC_KEY": "public_key",
    "WECHATPAY_CERTS_DIR": "certs_dir",
    "WECHATPAY_CERTS_CA": "certs_ca",
    "WECHATPAY_APIV3_KEY": "apiv3_key",
    "WECHATPAY_SECRET": "secret",
    "WECHATPAY_BASE_URL": "base_url",
    "WECHATPAY_ALLOW_HTTP": "allow_http",
}
# An environment has text alone.
_FLAGS = {"1": True, "true": True, "0": False, "false": False}
_MERCHANT_ENVIRONMENT = {"WECHATPAY_MERCHANT_CERT": "cert", "WECHATPAY_MERCHANT_KEY": "key"}
# Every variable that a client is configured by.
VARIABLES = (*_ENVIRONMENT, *_MERCHANT_ENVIRONMENT)


@dataclass(frozen=True)
class Settings:
    """A client's configuration in its final types."""

    merchant: Merchant
    tls: ssl.SSLContext | None
    keyring: Keyring
    bases: tuple[Base, ...]
    timeout: tuple[float, float] | None
    headers: tuple[tuple[str, str | None], ...]
    params: Mapping[str, Any]
    folder: Folder | None
    recipe: Recipe
    authorities: Authorities | None = None
    allow_http: bool = False
    retry: int | None = None
    max_workers: int | None = None
    deadline: float | None = None
    max_body: int = MAX_BODY
    on_call: Callable[[Any], object] | None = field(default=None, repr=False)
    session: requests.Session | None = field(default=None, repr=False)

    def missing_for(self, protocol: str) -> list[str]:
        """The entries that a call of ``protocol`` (v2 or v3) needs and that were left out."""
        if protocol == "v2":
            return [name for name in ("mchid", "secret") if not getattr(self.merchant, name)]
        missing = [] if self.merchant.private_key else ["serial", "private_key"]
        brings = self.merchant.mchid and self.merchant.apiv3_key
        return missing if self.keyring or brings else [*missing, "certs"]


def read(config: object, options: Mapping[str, Any], aliases: Mapping[str, str] = _ALIASES) -> Settings:
    """The settings in one mapping and in names beside it; ConfigError names the entry to mend."""
    given = {name: _trim(name, value) for name, value in _canonical_entries(config, options, aliases).items()}
    merchant = Merchant.of(
        given.get("mchid"),
        given.get("serial"),
        given.get("private_key"),
        given.get("apiv3_key"),
        given.get("secret"),
        given.get("brand_id"),
    )
    folder = None if given.get("certs_dir") is None else _folder(given["certs_dir"], merchant)
    allow_http = _flag(given.get("allow_http"), "allow_http")
    authorities = None if given.get("certs_ca") is None else _authorities(given["certs_ca"])
    return Settings(
        merchant=merchant,
        tls=None if given.get("merchant") is None else _tls(given["merchant"], given.get("private_key"), merchant),
        keyring=Keyring.of(
            _certs(given, folder),
            merchant.serial,
            folder.read_shared(authorities) if folder is not None and folder.is_cache else None,
            merchant_key=merchant.private_key,
            authorities=authorities,
        ),
        authorities=authorities,
        bases=bases_of(given.get("base_url"), allow_http=allow_http),
        allow_http=allow_http,
        timeout=_option("timeout", read_timeout, given),
        headers=_option("headers", read_headers, given),
        params=_option("params", _params, given),
        retry=_option("retry", read_retry, given),
        max_workers=_max_workers(given.get("max_workers")),
        deadline=_option("deadline", read_deadline, given),
        max_body=_max_body(given.get("max_body")),
        on_call=_on_call(given.get("on_call")),
        session=_session(given.get("session")),
        folder=folder,
        recipe=Recipe.of(given),
    )


def _flag(value: object, name: str) -> bool:
    found = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if found is None and value is None:
        return False
    if not isinstance(found, bool):
        raise ConfigError(f"{name}: expected True or False, found {value!r:.40}", name)
    return found


def _folder(entry: object, merchant: Merchant) -> Folder:
    from wechatpay_chain.protocol.certificate_folder import Folder

    return Folder.of(entry, merchant.downloads)


def _authorities(entry: object) -> Authorities:
    # What few clients name is imported for them alone, since X.509 is a tenth of a cold start.
    from wechatpay_chain.protocol.authorities import Authorities

    return Authorities.of(entry)


def _tls(entry: object, private_key: object, merchant: Merchant) -> ssl.SSLContext:
    from wechatpay_chain.transport.tls import client_context

    # The merchant console hands out one key for signatures and for TLS, and to check it takes as long as all else that
    # a client is made of.
    if isinstance(entry, Mapping) and entry.get("passphrase") is None:
        key = entry.get("key")
        if isinstance(key, str) and isinstance(private_key, str) and key == private_key:
            entry = {**entry, "key": merchant.private_key}
    return client_context(entry)


def from_recipe(recipe: Recipe) -> Settings:
    """The settings of a client that was made in another process; ConfigError when this one names another merchant."""
    entries = recipe.entries
    if recipe.source:
        kind, name = recipe.source
        entries = merge_entries(from_profile(name) if kind == "profile" else from_env(), entries)
    found = read(entries, {})
    recipe.check(found.merchant)
    return replace(found, recipe=recipe)


def with_source(settings: Settings, source: tuple[str, ...], options: Mapping[str, Any]) -> Settings:
    """The settings of a client that ``source`` and ``options`` made, which can be made so again."""
    named = {_ALIASES.get(name, name): value for name, value in options.items()}
    return replace(settings, recipe=Recipe.of(named, source, settings.merchant))


def from_env(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The constructor's entries that the environment names; an empty variable counts as absent."""
    # A .env file that was edited on Windows leaves a carriage return behind each value.
    given = {variable: value.strip() for variable, value in environment.items() if value.strip()}
    entries: dict[str, Any] = {name: given[variable] for variable, name in _ENVIRONMENT.items() if variable in given}
    merchant = {name: given[variable] for variable, name in _MERCHANT_ENVIRONMENT.items() if variable in given}
    if "," in entries.get("base_url", ""):
        entries["base_url"] = [url.strip() for url in entries["base_url"].split(",") if url.strip()]
    return {**entries, "merchant": merchant} if merchant else entries


def merge_entries(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of all sources, the last first, under any of their names; None is absent.

    Keys of WeChat Pay come from one source alone: certs in a later one replace all of an earlier one.
    """
    entries: dict[str, Any] = {}
    for source in sources:
        given = {_ALIASES.get(name, name): value for name, value in source.items() if value is not None}
        if given.keys() & _KEYS:
            entries = {name: value for name, value in entries.items() if name not in _KEYS}
        if given.keys() & _IDENTITIES:
            entries = {name: value for name, value in entries.items() if name not in _IDENTITIES}
        entries |= given
    if not entries.get("mchid") and not entries.get("brand_id"):
        raise ConfigError("mchid: neither given nor set in the environment as WECHATPAY_MCHID", "mchid")
    return entries


def from_profile(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The constructor's entries in the table ``[name]`` of the profile file."""
    path = _profile_path(environment)
    tables = _read_toml(path)
    table = tables.get(name) if isinstance(name, str) else None
    if not isinstance(table, dict):
        known = ", ".join(sorted(key for key, value in tables.items() if isinstance(value, dict))) or "none"
        raise ConfigError(f"profile: no table [{name!s:.40}] in {path}; there are: {known}", "profile")
    named: dict[str, Any] = {_ALIASES.get(str(key), str(key)): value for key, value in table.items()}
    return {key: _resolve_path(key, value, path.parent) for key, value in named.items()}


def entries(config: object, options: Mapping[str, Any]) -> dict[str, Any]:
    """All that is configured in a mapping and by names beside it, under the names that were typed."""
    if config is not None and not isinstance(config, Mapping):
        raise ConfigError(f"configuration: expected a mapping or names, found {type(config).__name__}", "config")
    twice = next((name for name in options if (config or {}).get(name) is not None and options[name] is not None), None)
    if twice is not None:
        raise ConfigError(f"{twice}: given twice", twice)
    return {**(config or {}), **{name: value for name, value in options.items() if value is not None}}


def _canonical_entries(config: object, options: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """The entries under their own names."""
    named: dict[str, Any] = {}
    for given, value in entries(config, options).items():
        name = aliases.get(given, given)
        if name not in _NAMES:
            raise ConfigError(_unknown_entry(given, {*_NAMES, *aliases}), str(given))
        if named.get(name) is not None and value is not None:
            raise ConfigError(f"{name}: given twice", name)
        if value is not None or name not in named:
            named[name] = value
    return named


def _trim(name: str, value: Any) -> Any:
    """A text entry, and those in ``certs`` and ``merchant``, without what a text file leaves around it.

    A passphrase may begin or end with a blank: it loses its line end alone.
    """
    if isinstance(value, str):
        return value.rstrip("\r\n") if name == "passphrase" else value.strip()
    if name == "apiv3_key" and isinstance(value, bytes):
        return value.rstrip(b"\r\n")
    if name in _PARTS and isinstance(value, Mapping):
        return {part: _trim(str(part), item) for part, item in value.items()}
    if name in _PAIRS and isinstance(value, list | tuple) and len(value) == 2:
        return _trim(name, value[0]), _trim("passphrase", value[1])
    return value


def _option(name: str, read: Callable[[object], T], entries: Mapping[str, Any]) -> T:
    """An entry that is also an option of single calls, checked by the same rule."""
    try:
        return read(entries.get(name))
    except ChainError as error:
        raise ConfigError(str(error).removesuffix("; nothing was sent"), name) from None


def _params(params: object) -> Mapping[str, Any]:
    given = mapping(params, "params")
    query.build(given, JS)
    return dict(given)


def _max_body(size: object) -> int:
    if size is None:
        return MAX_BODY
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    found = f"{size!r:.40}" if isinstance(size, int | float) else type(size).__name__
    raise ConfigError(f"max_body: expected a number of bytes above 0, found {found}", "max_body")


def _on_call(function: object) -> Callable[[Any], object] | None:
    if function is None or callable(function):
        return function
    raise ConfigError(f"on_call: expected a function, found {type(function).__name__}", "on_call")


def _session(session: object) -> requests.Session | None:
    if session is None or isinstance(session, requests.Session):
        return session
    raise ConfigError(f"session: expected a requests.Session, found {type(session).__name__}", "session")


def _max_workers(number: object) -> int | None:
    """How many asynchronous calls may be under way at once; None where nothing was given."""
    if number is None or (isinstance(number, int) and not isinstance(number, bool) and number >= 1):
        return number
    found = f"{number:d}"[:40] if type(number) is int else type(number).__name__
    raise ConfigError(f"max_workers: expected a whole number from 1, found {found}", "max_workers")


def _unknown_entry(given: object, names: set[str]) -> str:
    if given in _ELSEWHERE:
        return f"{given}: no such entry; {_ELSEWHERE[str(given)]}"
    import difflib

    close = difflib.get_close_matches(str(given), names, n=1)
    return f"{given!s:.64}: no such entry" + (f"; did you mean {close[0]}?" if close else "")


def _certs(entries: Mapping[str, Any], folder: Folder | None) -> object:
    """``certs``, joined by what ``public_key`` and ``certs_dir`` name."""
    key_id, key = entries.get("public_key_id"), entries.get("public_key")
    if (key_id is None) != (key is None):
        missing = "public_key_id" if key_id is None else "public_key"
        raise ConfigError(f"{missing}: missing; public_key and public_key_id go together", missing)
    certs = entries.get("certs")
    named = {canonical(name.strip()) for name in certs if isinstance(name, str)} if isinstance(certs, Mapping) else ()
    more: dict[Any, Any] = {} if folder is None else folder.certificates()
    # One that is named and lies in the folder too is one entry.
    more = {serial: each for serial, each in more.items() if canonical(serial) not in named}
    if key is not None:
        more[key_id] = key
    if not more or not isinstance(certs, Mapping | None):
        return certs
    return {**(certs or {}), **more}


_FOLDER_NAME = "wechatpay-chain"
# The variable of the XDG base directories, its default, and the variable of Windows:
# https://specifications.freedesktop.org/basedir-spec/latest/
_USER_FOLDERS = {
    "config": ("XDG_CONFIG_HOME", "~/.config", "APPDATA"),
    "state": ("XDG_STATE_HOME", "~/.local/state", "LOCALAPPDATA"),
}
_WINDOWS_FOLDERS = {"APPDATA": "~/AppData/Roaming", "LOCALAPPDATA": "~/AppData/Local"}


def _profile_path(environment: Mapping[str, str]) -> Path:
    named = environment.get("WECHATPAY_PROFILES", "").strip()
    if named:
        return Path(named).expanduser()
    return user_folder("config", environment) / "profiles.toml"


def user_folder(kind: str, environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> Path:
    """Where a user's ``config`` or ``state`` files of this package are, by the rules of the platform.

    ``$XDG_CONFIG_HOME`` or ``$XDG_STATE_HOME`` counts everywhere. Else it is in ``%APPDATA%`` or ``%LOCALAPPDATA%``
    on Windows, in ``~/Library/Application Support`` on macOS, and in ``~/.config`` or ``~/.local/state`` elsewhere;
    a folder of an earlier version in the last two is used where the other one does not exist.
    """
    variable, unix, local = _USER_FOLDERS[kind]
    named = environment.get(variable, "").strip()
    plain = Path(named or unix).expanduser() / _FOLDER_NAME
    if named or system not in ("win32", "darwin"):
        return plain
    if system == "darwin":
        folder = Path("~/Library/Application Support").expanduser() / _FOLDER_NAME
    else:
        folder = Path(environment.get(local) or _WINDOWS_FOLDERS[local]).expanduser() / _FOLDER_NAME
    return plain if plain.is_dir() and not folder.is_dir() else folder


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError:
        reason = "is read with tomli on Python 3.10; install wechatpay-chain[profile]"
        raise ConfigError(f"profile: {path} {reason}", "profile") from None
    try:
        tables: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"profile: {path} cannot be read ({error.strerror})", "profile") from None
    except ValueError:
        # The parser's own words may quote a line that holds a secret.
        raise ConfigError(f"profile: {path} is no TOML", "profile") from None
    return tables


def _resolve_path(key: str, value: Any, folder: Path) -> Any:
    """Paths of a profile start at its folder; keys as text stay what they are."""
    if key == "certs" and isinstance(value, dict):
        return {name: _resolve_path("public_key", item, folder) for name, item in value.items()}
    if key in _PAIRS and isinstance(value, list) and len(value) == 2:
        return [_resolve_path(key, value[0], folder), value[1]]
    if key not in _FILES or not isinstance(value, str):
        return value
    return os.path.join(folder, os.path.expanduser(value)) if key_loader.looks_like_a_path(value) else value
