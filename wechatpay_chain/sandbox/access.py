"""Who may steer a sandbox: a program on this machine, a page of its own, or whoever has its token.

A browser sends ``Host``, ``Origin`` and ``Sec-Fetch-Site`` by itself, and no page can change them; with them a page of
another origin is told apart: https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import hmac
import re
from ipaddress import ip_address

from wechatpay_chain.sandbox.answer import Received, Refusal

__all__ = ["LOOPBACK", "check_host", "check_origin", "check_token"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_OWN_SITES = ("same-origin", "none")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+))(?::[0-9]{0,5})?")
# A proxy before the sandbox may end TLS, so that the page has another scheme than the request.
_SCHEMES = ("http", "https")


def check_host(request: Received, is_local: bool) -> None:
    """Refuse a name that was only made to point here, where a sandbox listens for this machine alone."""
    host = request.headers.get("Host", "")
    # Who listens for other machines is called by names that this one does not know.
    if is_local and host and not _is_loopback(_name_of(host)):
        raise Refusal(403, "FORBIDDEN", f"Host: expected 127.0.0.1 or localhost, found {host:.80}")


def check_origin(request: Received, is_local: bool) -> None:
    """Refuse a page of another origin, and a name that was only made to point here."""
    check_host(request, is_local)
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin", "")
    scheme, _, place = origin.partition("://")
    if origin and (scheme not in _SCHEMES or place != host):
        raise Refusal(403, "FORBIDDEN", f"Origin: a page of {origin:.80} has no business here")
    site = request.headers.get("Sec-Fetch-Site", "")
    if site and site not in _OWN_SITES:
        raise Refusal(403, "FORBIDDEN", f"Sec-Fetch-Site: expected same-origin, found {site:.40}")


def check_token(request: Received, token: str) -> None:
    """Refuse who does not say the token, where one is asked for."""
    if not token:
        return
    scheme, _, found = request.headers.get("Authorization", "").partition(" ")
    is_right = hmac.compare_digest(found.strip().encode("utf-8", "replace"), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        told = "this sandbox listens for other machines: send Authorization: Bearer and the token that it printed"
        raise Refusal(401, "UNAUTHORIZED", told)


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.rstrip(".") in LOOPBACK


def _name_of(host: str) -> str:
    """The name or address in a Host header; empty for what is none, such as one with a user before it."""
    found = _HOST.fullmatch(host)
    return "" if found is None else (found[1] or found[2]).lower()
