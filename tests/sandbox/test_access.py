"""Who may steer a sandbox: a page of another origin may not, in any way that a browser has; others by a token."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox import by_hand, shop
from wechatpay_chain import Sandbox, Wechatpay, errors

JSON = "application/json"
EVIL = "https://evil.example"
NAVIGATED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCHED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}
# What a browser sends by itself for each way that a page has to make a request, and cannot be made to leave out.
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "a form": ("POST", {"Origin": EVIL, "Content-Type": "application/x-www-form-urlencoded", **NAVIGATED}),
    "a form of text": ("POST", {"Origin": EVIL, "Content-Type": "text/plain", **NAVIGATED}),
    "a form of parts": ("POST", {"Origin": EVIL, "Content-Type": "multipart/form-data; boundary=b", **NAVIGATED}),
    "a form of a sandboxed frame": ("POST", {"Origin": "null", "Content-Type": "text/plain", **NAVIGATED}),
    "a form of an old browser": ("POST", {"Content-Type": "text/plain"}),
    "fetch without CORS": ("POST", {"Origin": EVIL, "Content-Type": "text/plain", **FETCHED}),
    "fetch with CORS": ("POST", {"Origin": EVIL, "Content-Type": JSON, **FETCHED, "Sec-Fetch-Mode": "cors"}),
    "a beacon": ("POST", {"Origin": EVIL, "Content-Type": JSON, **FETCHED}),
    "another port of this machine": (
        "POST",
        {"Origin": "http://127.0.0.1:1", "Content-Type": JSON, "Sec-Fetch-Site": "same-site"},
    ),
    "another port, without its origin": ("POST", {"Content-Type": JSON, "Sec-Fetch-Site": "same-site"}),
    "an image": ("GET", {**FETCHED, "Sec-Fetch-Dest": "image"}),
    "a script": ("GET", {**FETCHED, "Sec-Fetch-Dest": "script"}),
    "a frame": ("GET", {**NAVIGATED, "Sec-Fetch-Dest": "iframe"}),
    "fetch to read": ("GET", {"Origin": EVIL, **FETCHED, "Sec-Fetch-Mode": "cors"}),
    "a name that points here": (
        "POST",
        {"Host": "evil.example", "Origin": "http://evil.example", "Content-Type": JSON},
    ),
    "a name that points here, to read": ("GET", {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}),
    "a name that only begins as ours": ("GET", {"Host": "127.0.0.1.evil.example"}),
    "a name with our name as user": ("GET", {"Host": "localhost@evil.example"}),
    "our name with a user": ("GET", {"Host": "evil.example@127.0.0.1"}),
    "our name with a fragment": ("GET", {"Host": "127.0.0.1#evil.example"}),
    "another form of our address": ("GET", {"Host": "127.1"}),
    "an extension": ("POST", {"Host": "127.0.0.1", "Origin": "chrome-extension://127.0.0.1", "Content-Type": JSON}),
}
PARTS = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
READ = ("orders", "requests", "notices", "configuration", "snippets", "faults", "refunds", "transfers", "health")


@pytest.mark.parametrize("way", WAYS)
def test_a_page_of_another_origin_is_refused(gateway: Sandbox, wxpay: Wechatpay, way: str) -> None:
    """It neither pays, nor resets, nor reads; what it gets has no secret and no CORS header."""
    number = shop.number()
    wxpay.v3.pay.transactions.native.post(shop.order(gateway, out_trade_no=number))
    method, headers = WAYS[way]
    body = PARTS if "multipart" in headers.get("Content-Type", "") else b"{}"
    writes = (f"orders/{number}/pay", "reset", "faults", "clock")
    for path in READ if method == "GET" else writes:
        head: dict[str, str | None] = {"Authorization": None, "Accept": "*/*", **headers}
        answer = by_hand.send(gateway, by_hand.request(gateway, method, f"/_/{path}", body, headers=head))
        assert answer.status in (403, 415), path
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert number not in answer.body.decode()
        assert gateway.identity.apiv3_key not in answer.body.decode()
    assert shop.query(wxpay, gateway, number)["trade_state"] == "NOTPAY"


def test_the_host_of_a_whole_url_counts(gateway: Sandbox) -> None:
    """Whatever the header beside it says: that is how a proxy is asked."""
    for url, status in (("http://evil.example", 403), (gateway.base_url, 200)):
        head = f"GET {url}/_/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        assert by_hand.send(gateway, head).status == status


def test_a_preflight_permits_nothing(gateway: Sandbox) -> None:
    """A page that asks first, as for JSON it has to, is told no."""
    headers: dict[str, str | None] = {
        "Authorization": None,
        "Origin": EVIL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = by_hand.send(gateway, by_hand.request(gateway, "OPTIONS", "/_/reset", headers=headers))
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.0.0.2", "LOCALHOST", "localhost."])
def test_a_program_of_this_machine_is_served(gateway: Sandbox, name: str) -> None:
    """By each name that this machine has for itself; its own page too."""
    host = f"{name}:{gateway.base_url.rpartition(':')[2]}"
    own: dict[str, str | None] = {"Authorization": None, "Host": host}
    assert by_hand.send(gateway, by_hand.request(gateway, "GET", "/_/orders", headers=own)).status == 200
    page = own | {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin", "Content-Type": JSON}
    assert by_hand.send(gateway, by_hand.request(gateway, "POST", "/_/reset", b"{}", headers=page)).status == 200


@pytest.fixture(scope="module")
def open_one() -> Iterator[Sandbox]:
    """A sandbox that listens for other machines."""
    with Sandbox(host="0.0.0.0", token="a token of a team".replace(" ", "-")) as made:
        yield made


def asked(gateway: Sandbox, method: str, path: str, token: str | None) -> tuple[int, Any]:
    """Status and JSON of a control call with a token."""
    headers = {} if token is None else {"Authorization": token}
    return shop.control(gateway, method, path, **headers)


@pytest.mark.parametrize("path", [path for path in READ if path != "health"])
def test_another_machine_says_the_token(open_one: Sandbox, path: str) -> None:
    """For all but its health, whatever it asks; a wrong one is none."""
    token = open_one.token
    assert asked(open_one, "GET", path, f"Bearer {token}")[0] == 200
    for wrong in (None, "Bearer", "Bearer x", token, f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}"):
        status, told = asked(open_one, "GET", path, wrong)
        assert (status, told["code"], token in json.dumps(told)) == (401, "UNAUTHORIZED", False)


def test_what_it_tells_without(open_one: Sandbox) -> None:
    """That it is there, and that it wants a token; it changes nothing."""
    status, told = asked(open_one, "GET", "health", None)
    assert (status, told["needs_token"], open_one.identity.secret in json.dumps(told)) == (200, True, False)
    assert asked(open_one, "POST", "reset", None)[0] == 401
    assert asked(open_one, "POST", "reset", f"Bearer {open_one.token}")[0] == 200
    assert open_one.environment()["WECHATPAY_SANDBOX_TOKEN"] == open_one.token


def test_a_host_of_any_name_is_served_with_it(open_one: Sandbox) -> None:
    """Other machines call it by names that it does not know."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Host": "pay.team.example", "Authorization": f"Bearer {open_one.token}"}
        assert session.get(f"{open_one.base_url}/_/orders", headers=headers, timeout=10).status_code == 200


def test_on_the_loopback_address_there_is_none(gateway: Sandbox) -> None:
    """Nothing is asked for there, by either version of IP."""
    assert gateway.token == ""
    if socket.has_ipv6:
        with Sandbox(host="::1") as other:
            assert (other.token, other.is_local) == ("", True)
            assert shop.control(other, "GET", "configuration")[1]["secret"] == other.identity.secret


@pytest.mark.parametrize("token", ["short", "with a space in it", "é" * 20])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    """Before it serves."""
    with pytest.raises(errors.ConfigError) as caught:
        Sandbox(host="0.0.0.0", token=token)
    assert caught.value.field == "token"
