"""WeChat Pay's keys by the id that answers name: platform certificates and public keys side by side."""

from __future__ import annotations

import copy
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from wechatpay_chain.crypto import key_loader
from wechatpay_chain.errors import ConfigError, UnknownSerial

if TYPE_CHECKING:
    from cryptography import x509

    from wechatpay_chain.protocol.authorities import Authorities
    from wechatpay_chain.protocol.single_flight import SingleFlight

__all__ = ["Clock", "Fetched", "Key", "Keyring", "Refresh", "canonical", "key_of"]

_log = logging.getLogger("wechatpay_chain")

# It travels in a header, and is compared with what an answer names.
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
# As people write serials that tools print.
_ID_OR_SERIAL = re.compile(r"[A-Za-z0-9_.: -]{1,192}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
# A serial has 20 bytes at most: RFC 5280, 4.1.2.2.
_LONGEST_SERIAL = 40
_ALWAYS = float("inf")
# A key with such an id is handed out by the merchant console alone, so no download brings it:
# https://pay.weixin.qq.com/doc/v3/merchant/4013053249
_PUBLIC_KEY_ID = "PUB_KEY_ID_"
# Seconds. WeChat Pay asks for at most one poll in 12 h: https://pay.weixin.qq.com/doc/v3/merchant/4012551764
_FRESH = 12 * 3600
_PAUSE = 30
# How long a certificate verifies that the newest download no longer brings: answers under way may name it.
_LEAVING = 300
_MOST_TOLD = 5


class Key(NamedTuple):
    """One of WeChat Pay's keys, valid ``since`` and ``until`` (seconds since 1970).

    A public key has no end, and its ``since`` is the far future: it is preferred to every certificate.
    """

    id: str
    public_key: RSAPublicKey
    since: float
    until: float = _ALWAYS


class Fetched(NamedTuple):
    """Certificates as WeChat Pay handed them out ``at`` a time (seconds since 1970).

    ``left_out`` are the serials of those that are not to be trusted, each with the reason.
    """

    keys: tuple[Key, ...]
    at: float
    left_out: tuple[tuple[str, str], ...] = ()

    def reasons(self) -> str:
        """Why each certificate was left out, as the end of an error's text; empty when none was."""
        told = "; ".join(f"{serial} is left out: {reason}" for serial, reason in self.left_out[:_MOST_TOLD])
        return f"; {told}" if told else ""


def canonical(key_id: str) -> str:
    """The id as configured ones are compared: in upper case, a serial without leading zeros.

    What an answer names is compared as it is: WeChat Pay writes it in one way alone.
    """
    if _HEX.fullmatch(key_id):
        return key_id.upper().lstrip("0") or "0"
    return key_id.upper() if key_id.upper().startswith(_PUBLIC_KEY_ID) else key_id


Clock = Callable[[], float]
# Given the id that is wanted, or an empty one.
Refresh = Callable[[str], Fetched]


class Keyring:
    """Fixed keys, and certificates that ``refresh`` brings; ids are opaque text.

    Many threads read it; what changes is swapped as a whole. ``refresh`` is called by one thread at a time:
    at the first need when no key is held, in the background when what it brought is 12 h old, and once for an
    unknown id, at most every 30 s.

    A public key is preferred over certificates for what leaves (``current``), since merchants that hold
    both are on their way to it: https://pay.weixin.qq.com/doc/v3/merchant/4012154180
    """

    def __init__(
        self, keys: Mapping[str, Key], fetched: Fetched | None = None, clock: Clock = lambda: time.time()
    ) -> None:
        self._fixed = dict(keys)
        self._fetched = fetched
        self._held = _join(self._fixed, fetched)
        # No other key is preferred to a public key, which has no end.
        self._preferred = next((key for key in keys.values() if key.since == key.until == _ALWAYS), None)
        self.refresh: Refresh | None = None
        self.clock = clock
        self._tried: float | None = None
        # What the last attempt came to, as long as no later one succeeded.
        self._failure: Exception | None = None
        self._flight: SingleFlight[None] | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    @classmethod
    def of(
        cls,
        certs: object,
        merchant_serial: str = "",
        fetched: Fetched | None = None,
        clock: Clock = lambda: time.time(),
        merchant_key: RSAPrivateKey | None = None,
        authorities: Authorities | None = None,
    ) -> Keyring:
        """The keyring in a ``certs`` entry, ``{id: key}``; ConfigError names the id of what is wrong.

        That is also a certificate under an id that is not its serial, one that none of ``authorities`` issued, and
        the merchant's own key.
        """
        if certs is None:
            return cls({}, fetched, clock)
        if not isinstance(certs, Mapping):
            raise ConfigError(f"certs: expected {{id: key}}, found {type(certs).__name__}", "certs")
        if not certs:
            raise ConfigError("certs: empty; give {'PUB_KEY_ID_…': public key} or {serial: certificate}", "certs")
        keys: dict[str, Key] = {}
        for name, source in certs.items():
            key = _key(name, source, merchant_serial, authorities)
            _check_foreign(key, merchant_key)
            if canonical(key.id) in map(canonical, keys):
                raise ConfigError(f"certs[{key.id!r}]: given twice", "certs")
            keys[key.id] = key
        return cls(keys, fetched, clock)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __repr__(self) -> str:
        return f"<Keyring {', '.join(self._held) or 'empty'}>"

    @property
    def fixed(self) -> Mapping[str, Key]:
        """The keys that were configured."""
        return self._fixed

    @property
    def current(self) -> Key:
        """The key for fields to be encrypted, whose id every request names.

        Brings certificates when there is no key yet, and begins to renew old ones in the background. Raises
        ConfigError when there is no key, and what ``refresh`` raises; for 30 s it raises that again, unasked.
        """
        key = self.newest()
        if key is None and self.refresh is not None:
            self._update("", self._is_due_first)
            key = self.newest()
            if key is None and self._failure is not None:
                raise self._repeat(self._failure)
        else:
            self._renew()
        # An expired one is better than none: the answer tells.
        key = key or max(self._held.values(), key=_since, default=None)
        if key is None:
            raise ConfigError("certs: no key of WeChat Pay; give {'PUB_KEY_ID_…': public key}", "certs")
        return key

    def newest(self) -> Key | None:
        """The key that ``current`` would prefer among those that are held and valid now."""
        if self._preferred is not None:
            return self._preferred
        now = self.clock()
        held = self._held.values()
        return max(
            (key for key in held if key.until == _ALWAYS or key.since <= now < key.until), key=_since, default=None
        )

    def find(self, key_id: str) -> Key:
        """The key named ``key_id``, brought if need be.

        UnknownSerial when it cannot be had; ConfigError when no key is held at all.
        """
        key = self._valid(key_id)
        if key is not None:
            self._renew()
            return key
        failure = self._fetch(key_id)
        key = self._valid(key_id)
        if key is not None:
            return key
        why = f"; asking for it failed: {failure}" if failure else ""
        if self._fetched is not None:
            why += self._fetched.reasons()
        if failure and not self._held:
            raise ConfigError(
                f"certs: no key of WeChat Pay to prove an answer with{why}; configure the public key as"
                " {'PUB_KEY_ID_…': public key}",
                "certs",
            ) from failure
        held = ", ".join(self._held) or "none"
        raise UnknownSerial(
            f"signed with key {key_id[:64]!r}, this client holds {held}; add it to certs{why}"
        ) from failure

    def _valid(self, key_id: str) -> Key | None:
        key = self._held.get(key_id)
        # What was configured is trusted as long as it is configured.
        return key if key is None or key_id in self._fixed or self.clock() < key.until else None

    def _fetch(self, key_id: str) -> Exception | None:
        if self.refresh is None or not _ID.fullmatch(key_id) or key_id.startswith(_PUBLIC_KEY_ID):
            return None
        try:
            self._update(key_id, lambda: self._valid(key_id) is None and self._is_due())
        except Exception as error:  # whatever it is, the answer is not proven
            return error
        return self._failure

    def _repeat(self, failure: Exception) -> Exception:
        """The failure of an attempt that was made a moment ago: many calls must not ask as often."""
        repeated = copy.copy(failure).with_traceback(None)
        if repeated.args and isinstance(repeated.args[0], str):
            told = f"{repeated.args[0]} (asked less than {_PAUSE} s ago, and not again before that is over)"
            repeated.args = (told, *repeated.args[1:])
        return repeated

    def is_old(self, fetched: Fetched) -> bool:
        """Whether WeChat Pay should be asked again."""
        return not 0 <= self.clock() - fetched.at < _FRESH

    def _is_stale(self) -> bool:
        fetched = self._fetched
        return fetched is not None and self.refresh is not None and self.is_old(fetched)

    def _is_due(self) -> bool:
        # A clock that was set back must not end all refreshing.
        return self._tried is None or not 0 <= self.clock() - self._tried < _PAUSE

    def _is_due_first(self) -> bool:
        return self.newest() is None and self._is_due()

    def _renew(self) -> None:
        """Begin to bring new certificates when those that were brought are old; nobody waits for it."""
        if self._fetched is None or not self._is_stale():
            return
        flight = self._begin("", lambda: self._is_stale() and self._is_due(), joining=False)
        if flight is None:
            return

        def quietly() -> None:
            try:
                flight.run()
            except Exception as error:
                _log.warning("the platform certificates could not be renewed: %s", error)

        from wechatpay_chain import workers

        try:
            workers.default.submit(quietly, "the renewal of the certificates")
        except RuntimeError:  # the interpreter is about to end
            self._flight = None

    def _update(self, wanted: str, is_due: Callable[[], bool]) -> None:
        """Refresh, or wait for the thread that does."""
        from concurrent.futures import CancelledError

        while (flight := self._begin(wanted, is_due)) is not None:
            try:
                return flight.run()
            except CancelledError:
                continue

    def _begin(self, wanted: str, is_due: Callable[[], bool], joining: bool = True) -> SingleFlight[None] | None:
        """The refresh that is under way, or a new one if it is due; None when there is nothing to wait for."""
        if self._process != os.getpid():
            # No thread of the parent lives on in a forked child, and its lock may be held by one of them.
            self._lock, self._flight, self._process = threading.Lock(), None, os.getpid()
            self._tried = None
        with self._lock:
            if self._flight is not None:
                return self._flight if joining else None
            if is_due():
                from wechatpay_chain.protocol.single_flight import SingleFlight

                self._tried = self.clock()
                self._flight = SingleFlight(lambda: self._bring(wanted))
            return self._flight

    def _bring(self, wanted: str) -> None:
        try:
            assert self.refresh is not None  # noqa: S101  # nothing begins without it
            fetched = self.refresh(wanted)
            with self._lock:
                if self._fetched is None and fetched.keys:
                    self._tried = None  # the first one does not count
                self._failure = None
                fetched = _keep_expiring(self._fetched, fetched, self.clock() + _LEAVING)
                self._fetched, self._held = fetched, _join(self._fixed, fetched)
        except Exception as error:
            self._failure = error
            raise
        except BaseException:
            self._tried = None  # a wait that somebody broke off tells nothing
            raise
        finally:
            self._flight = None


def key_of(certificate: x509.Certificate, field: str) -> Key:
    """The key in one of WeChat Pay's certificates, under its serial; ConfigError when it is not of RSA."""
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Key(
        key_loader.serial_of(certificate),
        key_loader.load_public_key(certificate, field),
        since.timestamp(),
        until.timestamp(),
    )


def _since(key: Key) -> float:
    return key.since


def _join(fixed: Mapping[str, Key], fetched: Fetched | None) -> dict[str, Key]:
    return {**{key.id: key for key in (fetched.keys if fetched else ())}, **fixed}


def _keep_expiring(before: Fetched | None, after: Fetched, end: float) -> Fetched:
    """``after`` with what only ``before`` had, which ends soon and is preferred to nothing."""
    brought = {key.id for key in after.keys}
    old = (key for key in (before.keys if before else ()) if key.id not in brought)
    kept = tuple(key._replace(since=0.0, until=min(key.until, end)) for key in old if key.until > end - _LEAVING)
    return after._replace(keys=(*after.keys, *kept))


def _key(name: object, source: object, merchant_serial: str, authorities: Authorities | None) -> Key:
    if not isinstance(name, str) or not _ID_OR_SERIAL.fullmatch(name.strip()):
        raise ConfigError(f"certs: an id is text of letters, digits and _, found {name!r:.80}", "certs")
    key_id = name.strip()
    field = f"certs[{key_id[:64]!r}]"
    if merchant_serial and canonical(merchant_serial) in _readings(key_id):
        raise ConfigError(
            f"{field}: this is the merchant's own serial; certs takes WeChat Pay's keys (PUB_KEY_ID_… or the"
            " platform certificate's serial)",
            "certs",
        )
    if source is None:
        raise ConfigError(f"{field}: missing", "certs")
    # Whatever the id is, a certificate tells its own.
    certificate = key_loader.load_certificate(source, field)  # type: ignore[arg-type]  # its own error names a wrong type
    if certificate is None:
        _check_id(key_id, name)
        return Key(_spell(key_id), key_loader.load_public_key(source, field), _ALWAYS)  # type: ignore[arg-type]
    if merchant_serial and canonical(key_loader.serial_of(certificate)) == canonical(merchant_serial):
        raise ConfigError(f"{field}: this is the merchant's own certificate; certs takes WeChat Pay's", "certs")
    key = key_of(certificate, field)
    if canonical(key_id) != canonical(key.id):
        form = " (the same number in another form)" if canonical(key.id) in _readings(key_id) else ""
        raise ConfigError(
            f"{field}: the serial of this certificate is {key.id!r}{form}; give it under that id", "certs"
        )
    objection = authorities.objection((certificate,), time.time()) if authorities else ""
    if objection:
        raise ConfigError(f"{field}: {objection}", "certs")
    return key


def _check_id(key_id: str, name: object) -> None:
    """ConfigError for what can be no id of a public key: answers would never name it."""
    if not _ID.fullmatch(key_id):
        raise ConfigError(f"certs: an id is text of letters, digits and _, found {name!r:.80}", "certs")
    is_prefixed = key_id[:2].lower() == "0x" and _HEX.fullmatch(key_id[2:])
    is_decimal = key_id.isdecimal() and len(key_id.lstrip("0")) > _LONGEST_SERIAL
    if is_prefixed or is_decimal:
        found = "0x and hex" if is_prefixed else f"a number of {len(key_id)} decimal digits"
        raise ConfigError(
            f"certs[{key_id[:64]!r}]: {found}; WeChat Pay names a serial by its hex digits alone, as"
            f" {min(_readings(key_id) - {key_id}, key=len)!r}",
            "certs",
        )


def _readings(key_id: str) -> set[str]:
    """What an id is in canonical form, and what it would be if it were a serial in another form."""
    compact = re.sub(r"[: -]", "", key_id).lower()
    readings = {canonical(key_id), canonical(compact), canonical(compact.removeprefix("0x"))}
    if compact.isdecimal() and _LONGEST_SERIAL // 2 < len(compact) < 2 * _LONGEST_SERIAL:
        readings.add(f"{int(compact):X}")
    return readings


def _spell(key_id: str) -> str:
    """The id as WeChat Pay writes it: capitals, and a serial of 20 bytes with the zero before its first digit."""
    if _HEX.fullmatch(key_id):
        return key_id.upper() if len(key_id) < _LONGEST_SERIAL - 1 else canonical(key_id).rjust(_LONGEST_SERIAL, "0")
    is_public_key = key_id.upper().startswith(_PUBLIC_KEY_ID)
    return _PUBLIC_KEY_ID + key_id[len(_PUBLIC_KEY_ID) :] if is_public_key else key_id


def _check_foreign(key: Key, merchant_key: RSAPrivateKey | None) -> None:
    """ConfigError for the merchant's own key, under whatever id: it proves no answer."""
    if merchant_key is None or key_loader.is_remote_key(merchant_key) or key_loader.is_remote_key(key.public_key):
        return
    if key.public_key.public_numbers() == merchant_key.public_key().public_numbers():
        raise ConfigError(
            f"certs[{key.id[:64]!r}]: this is the merchant's own public key or certificate; certs takes WeChat Pay's"
            " (pub_key.pem of the merchant console)",
            "certs",
        )
