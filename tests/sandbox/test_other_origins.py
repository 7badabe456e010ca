"""Pages of other origins in a real Chromium, which try to pay, to read and to reset a sandbox on the same machine.

Each way is tried from another site (a name that points to this machine) and from another port of this machine, which is
of the same site and still another origin; and from a name that points to the sandbox itself, as by DNS rebinding.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.sandbox import shop
from tests.sandbox.browser import Browser, browsing
from wechatpay_chain import Sandbox, Wechatpay

HOSTS = ("127.0.0.1", "localhost", "attacker.example")
# What a page may do with an address, by name: a script that ends with what it learned. `where` is the sandbox, `number`
# an order that is not paid, `token` what its payer opens, `mchid` a secret of the sandbox.
FETCH = """
const [where, path, method, mode, type, body, done] = arguments;
const options = { method, mode, credentials: "include" };
if (type) options.headers = { "Content-Type": type };
if (body !== null) options.body = body;
fetch(where + path, options).then(
  async (answer) => done([answer.type, answer.status, await answer.text()]), (error) => done(["error", 0, ""]));
"""
FORM = """
const [where, path, method, type, done] = arguments;
const frame = Object.assign(document.createElement("iframe"), { name: "hidden" });
document.body.append(frame);
const form = document.createElement("form");
Object.assign(form, { action: where + path, method, enctype: type, target: "hidden" });
form.append(Object.assign(document.createElement("input"), { name: '{"a":"', value: '"}' }));
document.body.append(form);
frame.onload = () => { let read = ""; try { read = frame.contentDocument.body.innerText; } catch {} done(read); };
setTimeout(() => done(""), 300);
form.submit();
// A frame that was refused tells nothing, not even that it was.
"""
ELEMENT = """
const [where, path, tag, name, done] = arguments;
const made = document.createElement(tag);
if (tag === "link") made.rel = "stylesheet";
made.onload = () => done(["load", made.naturalWidth || 0]);
made.onerror = () => done(["error", 0]);
setTimeout(() => done(["nothing", 0]), 5000);
made[name] = where + path;
document.body.append(made);
"""
BEACON = """
const [where, path, type, done] = arguments;
done(navigator.sendBeacon(where + path, new Blob(["{}"], { type })));
"""

pytestmark = pytest.mark.slow


class _Page(BaseHTTPRequestHandler):
    """Any path is one empty page without a policy."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>another</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def pages() -> Iterator[int]:
    """The port of a server of somebody else."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


class Target:
    """A sandbox with an order that waits, and whether anything became of it."""

    def __init__(self, gateway: Sandbox, wxpay: Wechatpay) -> None:
        body = shop.order(gateway)
        code = wxpay.v3.pay.transactions.native.post(body).data["code_url"]
        self.gateway, self.number = gateway, str(body["out_trade_no"])
        self.payer_page = code.removeprefix("weixin:/")
        self.factor = gateway.clock.factor
        self.writes = (
            f"/_/orders/{self.number}/pay",
            f"/_/orders/{self.number}/close",
            "/_/reset",
            "/_/clock",
            "/_/faults",
            self.payer_page,
        )
        self.reads = ("/_/health", "/_/orders", "/_/requests", "/_/configuration", "/_/snippets", "/_/faults")

    def assert_untouched(self) -> None:
        told = shop.control(self.gateway, "GET", f"orders/{self.number}")
        assert (told[0], told[1].get("trade_state")) == (200, "NOTPAY")
        assert self.gateway.clock.factor == self.factor
        assert shop.control(self.gateway, "GET", "faults")[1]["faults"] == []


@pytest.fixture
def target(gateway: Sandbox, wxpay: Wechatpay) -> Target:
    return Target(gateway, wxpay)


@pytest.mark.parametrize("host", HOSTS)
def test_a_page_of_another_origin_changes_and_reads_nothing(chromium: Browser, target: Target, host: str) -> None:
    """By fetch in every mode, with every type that needs no leave, and with the one that does."""
    where = target.gateway.base_url
    with pages() as port:
        chromium.open(f"http://{host}:{port}/")
        for path in target.writes:
            for method in ("POST", "DELETE"):
                for mode, kind in (
                    ("no-cors", "text/plain"),
                    ("no-cors", "application/x-www-form-urlencoded"),
                    ("no-cors", "application/json"),
                    ("cors", "text/plain"),
                    ("cors", "application/json"),
                ):
                    if method == "DELETE" and mode == "no-cors":
                        continue
                    body = '{"advance": 86400, "factor": 9, "name": "SLOW"}'
                    found = chromium.script_async(FETCH, where, path, method, mode, kind, body)
                    assert found[0] in ("opaque", "error"), (path, found)
                    assert found[2] == ""
            for kind in ("text/plain", "application/x-www-form-urlencoded"):
                chromium.script_async(BEACON, where, path, kind)
        for path in target.reads:
            for mode in ("no-cors", "cors"):
                found = chromium.script_async(FETCH, where, path, "GET", mode, "", None)
                assert (found[0] in ("opaque", "error"), found[2]) == (True, ""), (path, found)
        target.assert_untouched()


@pytest.mark.parametrize("host", HOSTS)
def test_forms_and_frames_of_another_origin(chromium: Browser, target: Target, host: str) -> None:
    """A form that leads to it, and a frame around it: neither does anything nor is it read."""
    with pages() as port:
        chromium.open(f"http://{host}:{port}/")
        where = target.gateway.base_url
        for path in target.writes:
            for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded"):
                assert chromium.script_async(FORM, where, path, "post", kind) == "", (path, kind)
        for path in (*target.writes, *target.reads, "/_/"):
            assert chromium.script_async(FORM, where, path, "get", "text/plain") == "", path
        target.assert_untouched()


@pytest.mark.parametrize("host", HOSTS)
def test_elements_of_another_origin(chromium: Browser, target: Target, host: str) -> None:
    """As a picture, a script, a style, a frame or an object: nothing of it is shown, run or learned."""
    with pages() as port:
        chromium.open(f"http://{host}:{port}/")
        for path in (*target.writes, *target.reads, "/_/console/icon.svg", "/_/console/main.js", "/_/console/page.css"):
            for tag, name in (("img", "src"), ("script", "src"), ("link", "href"), ("video", "src")):
                found = chromium.script_async(ELEMENT, target.gateway.base_url, path, tag, name)
                assert found[0] != "load", (path, tag, found)
        target.assert_untouched()


def test_a_name_that_points_to_the_sandbox(chromium: Browser, target: Target) -> None:
    """After DNS rebinding the browser takes all for one origin: Host alone tells it, to page, control and payer."""
    port = target.gateway.base_url.rsplit(":", 1)[1]
    where = f"http://rebound.example:{port}"
    # Whatever the sandbox answers to that name is a page of that name.
    chromium.open(f"{where}/_/")
    assert "FORBIDDEN" in chromium.text("body")
    for path in target.writes:
        for method in ("POST", "DELETE"):
            found = chromium.script_async(FETCH, where, path, method, "same-origin", "application/json", "{}")
            assert (found[0], found[1]) == ("basic", 403), (path, found)
    for path in (*target.reads, "/_/", "/_/console/main.js", target.payer_page):
        found = chromium.script_async(FETCH, where, path, "GET", "same-origin", "", None)
        assert (found[0], found[1]) == ("basic", 403), (path, found)
        assert target.gateway.mchid not in found[2]
    target.assert_untouched()


def test_the_sandboxs_own_page_may(chromium: Browser, target: Target) -> None:
    """The same scripts from its own origin do what they say: what stops the others is not the scripts."""
    where = target.gateway.base_url
    chromium.open(f"{where}/_/health")
    found = chromium.script_async(FETCH, where, "/_/configuration", "GET", "same-origin", "", None)
    assert (found[1], target.gateway.mchid in found[2]) == (200, True)
    path = f"/_/orders/{target.number}/pay"
    found = chromium.script_async(FETCH, where, path, "POST", "same-origin", "application/json", "{}")
    assert (found[0], found[1]) == ("basic", 200)
    assert shop.control(target.gateway, "GET", f"orders/{target.number}")[1]["trade_state"] == "SUCCESS"
    assert chromium.script_async(ELEMENT, where, "/_/console/icon.svg", "img", "src")[0] == "load"
