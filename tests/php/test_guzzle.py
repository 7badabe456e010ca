"""Guzzle's request options do what they do in Guzzle, for one call or for all."""

from __future__ import annotations

import io
import os
import socket
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest

from tests import answers
from tests.openssl import rightly_signed
from tests.protocol.test_v2 import certificate
from tests.sockets import raw_server
from wechatpay_chain import Sandbox, errors
from wechatpay_chain.php import ClientException, Instance, RequestException, ServerException, guzzle

KNOWN = """json query body headers xml form_params multipart sink stream timeout connect_timeout read_timeout verify
    proxy cert ssl_key auth allow_redirects http_errors debug base_uri nonceless security retry"""
UNKNOWN = """cookies curl decode_content delay expect force_ip_resolve handler idn_conversion on_headers on_stats
    progress synchronous version"""


def test_every_option_is_known() -> None:
    """All that Guzzle has and that means something here; the rest raises with its name."""
    assert set(guzzle.OPTIONS) == set(KNOWN.split())


@pytest.mark.parametrize("name", UNKNOWN.split())
def test_the_rest_raises_with_its_name(gateway: Sandbox, instance: Instance, name: str) -> None:
    """As does an option that is misspelt."""
    with pytest.raises(errors.ChainError, match=rf"^{name}: neither an option nor a placeholder of v3/x"):
        instance.v3.x.get({name: True})
    assert not gateway.requests


def test_form_params_are_a_form(gateway: Sandbox, instance: Instance) -> None:
    """As http_build_query writes them, and signed as they are sent; json comes before them, they before body."""
    with pytest.raises(ClientException):
        instance.v3.x.post({"form_params": {"a": "b c~+中", "d": [1, True, None], "e": {"f": 0}}, "body": "raw"})
    received = gateway.requests[-1]
    assert received.body == b"a=b+c%7E%2B%E4%B8%AD&d%5B0%5D=1&d%5B1%5D=1&e%5Bf%5D=0"
    assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert rightly_signed(received, gateway.identity.merchant_key.public_key())
    request = instance.prepare(instance.v3.x.post, {"json": {"a": 1}, "form_params": {"b": 2}})
    assert request.body == b'{"a":1}'


def test_multipart_is_a_form_of_parts(gateway: Sandbox, instance: Instance, tmp_path: Path) -> None:
    """With its meta it is signed as WeChat Pay does; a form without one is signed whole."""
    (tmp_path / "logo.png").write_bytes(b"png")
    with (tmp_path / "logo.png").open("rb") as file:
        parts = [
            {"name": "file", "contents": file},
            {"name": "meta", "contents": '{"filename":"logo.png"}', "headers": {"Content-Type": "application/json"}},
            {"name": "n", "contents": 5},
        ]
        assert instance.v3.merchant.media.upload.post({"multipart": parts}).getStatusCode() == 200
    form = gateway.requests[-1].form
    assert form is not None
    assert (form.meta, form.fields["n"], form.files["file"].filename) == (b'{"filename":"logo.png"}', b"5", "logo.png")
    request = instance.prepare(
        instance.v3.x.post, multipart=[{"name": "a", "contents": b"x", "filename": "b.txt", "headers": {"X-A": "y"}}]
    )
    boundary = request.headers["Content-Type"].partition("boundary=")[2]
    assert isinstance(request.body, bytes)  # signed whole
    assert request.body.decode() == (
        f'--{boundary}\r\nX-A: y\r\nContent-Disposition: form-data; name="a"; filename="b.txt"\r\n'
        f"Content-Length: 1\r\nContent-Type: text/plain\r\n\r\nx\r\n--{boundary}--\r\n"
    )
    assert request.message.endswith(request.body.decode() + "\n")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"timeout": 3}, (3, 3)),
        ({"timeout": 3.5, "connect_timeout": 1}, (1, 3.5)),
        ({"timeout": 3, "connect_timeout": 1, "read_timeout": 2}, (1, 2)),
        ({"connect_timeout": 1}, (1, 30)),
        ({"read_timeout": 2}, (5, 2)),
        ({"timeout": 0}, (86_400, 86_400)),
        ({"timeout": (1, 2)}, (1, 2)),
        ({}, None),
    ],
)
def test_time_outs(given: dict[str, Any], seconds: tuple[float, float] | None) -> None:
    """timeout bounds both waits, unless they have their own; 0 is no limit to Guzzle, and a day here."""
    assert guzzle.translate(given).get("timeout") == seconds


def test_a_time_out_is_kept(gateway: Sandbox) -> None:
    """Of the client, and of one call before it."""
    with gateway.builder(timeout=3, connect_timeout=2) as instance:
        call = instance._call("GET", "v3/x", ({},), {})
        assert call.timeout == (2.0, 3.0)
        assert instance._call("GET", "v3/x", ({"timeout": 9},), {}).timeout == (2.0, 9.0)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request:urllib3.exceptions.InsecureRequestWarning")
def test_a_server_is_trusted_by_the_bundle_that_is_named(gateway: Sandbox, tmp_path: Path) -> None:
    """verify names a CA bundle, or is False: on the loopback alone, since anybody could read these requests."""
    site = certificate(tmp_path, "site", "subjectAltName=IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site)

    def behave(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                secured.sendall(b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass

    with raw_server(behave) as (url, _), gateway.builder(base_uri=url.replace("http:", "https:")) as instance:
        for trusted in (False, f"{site}.crt"):
            with pytest.raises(ClientException, match="400"):
                instance.v3.x.get({"verify": trusted})
        for untrusted in ({}, {"verify": True}):
            with pytest.raises(errors.TransportError, match=r"nothing was sent.*certificate verify failed"):
                instance.v3.x.get(untrusted)
    with gateway.builder(base_uri=None) as instance:
        for far in ({}, {"base_uri": "https://a.example"}):
            with pytest.raises(errors.ChainError, match=r"^verify: False would trust any server.*nothing was sent$"):
                instance.v3.x.get({"verify": False, **far})


@pytest.mark.parametrize("form", ["text", "mapping", "no"])
def test_a_proxy_is_used(gateway: Sandbox, form: str) -> None:
    """For all, or by scheme; hosts in no are reached without it."""
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with raw_server(behave) as (url, _), gateway.builder() as instance:
        proxy = {"text": url, "mapping": {"http": url}, "no": {"http": url, "no": ["127.0.0.1", "localhost"]}}[form]
        if form == "no":
            assert instance.v3.certificates.get({"proxy": proxy}).getStatusCode() == 200
            assert not seen
            return
        with pytest.raises(ClientException):
            instance.v3.certificates.get({"proxy": proxy})
    assert seen[0].startswith(f"GET {gateway.base_url}/v3/certificates HTTP/1.1\r\n".encode())
    assert not gateway.requests


def test_a_certificate_of_ones_own_is_shown(gateway: Sandbox, tmp_path: Path) -> None:
    """cert and ssl_key, each a path, or a path and its passphrase; connections are kept apart from those without."""
    site = certificate(tmp_path, "site", "subjectAltName=IP:127.0.0.1")
    own = certificate(tmp_path, "own", "extendedKeyUsage=clientAuth")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site)
    context.load_verify_locations(f"{own}.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    seen: list[bool] = []

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            seen.append(bool(secured.getpeercert()))
            secured.sendall(b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with raw_server(behave) as (url, _), gateway.builder(base_uri=url.replace("http:", "https:")) as instance:
        pair = {"cert": f"{own}.crt", "ssl_key": [str(own), "unused"]}
        for options in ({"cert": str(own)}, pair, pair, {}):
            with pytest.raises(ClientException):
                instance.v3.x.get({"verify": f"{site}.crt", **options})
        assert len(instance._session._with_certificate) == 2
    assert seen == [True, True, True, False]


def test_errors_can_be_left_to_the_caller(gateway: Sandbox, instance: Instance) -> None:
    """http_errors False hands 4xx and 5xx back; what is not proven still raises."""
    gateway.tamper = answers.bare(503, b"<html>busy</html>")
    answer = instance.v3.certificates.get({"http_errors": False})
    assert (answer.getStatusCode(), answer.verified, str(answer.getBody())) == (503, False, "<html>busy</html>")
    with pytest.raises(ServerException):
        instance.v3.certificates.get({"http_errors": True})
    gateway.tamper = answers.changed
    with pytest.raises(RequestException):
        instance.v3.certificates.get({"http_errors": False})
    gateway.tamper = None
    with gateway.builder(http_errors=False) as lenient:
        assert lenient.v3.nowhere.get().getStatusCode() == 404
        with pytest.raises(ClientException):
            lenient.v3.nowhere.get(http_errors=True)


def moved(target: str, status: int = 302) -> answers.Tamper:
    """A redirect away from everything but ``target``'s own place."""
    place = "/v3/certificates"

    def tamper(answer: Any, received: Any) -> None:
        if received.target != place:
            answers.bare(status, Location=target)(answer, received)

    return tamper


def test_a_redirect_is_followed_when_that_is_asked_for(gateway: Sandbox, instance: Instance) -> None:
    """By GET, newly signed, on hosts that may see such requests; else it is an error, or handed back for False."""
    for target in ("/v3/certificates", f"{gateway.base_url}/v3/certificates"):
        gateway.tamper = moved(target)
        gateway.requests.clear()
        answer = instance.v3.x.get({"query": {"a": 1}, "allow_redirects": True})
        assert answer.data["data"]
        assert answer.verified
        assert [received.target for received in gateway.requests] == ["/v3/x?a=1", "/v3/certificates"]
        assert not any(received.verdict for received in gateway.requests)
    answer = instance.v3.x.get({"allow_redirects": False})
    assert (answer.getStatusCode(), answer.verified) == (302, False)
    for options in ({}, {"allow_redirects": None}):
        with pytest.raises(errors.ApiError, match=r"302 redirect to .* not followed"):
            instance.v3.x.get(options)


def test_a_redirect_leads_nowhere_else(gateway: Sandbox, instance: Instance) -> None:
    """No post is sent again, no other host sees a signature, and a circle ends."""
    gateway.tamper = moved("/v3/certificates", 307)
    with pytest.raises(errors.ApiError, match="not followed"):
        instance.v3.x.post({"json": {}, "allow_redirects": True})
    assert len(gateway.requests) == 1
    with Sandbox() as other:
        for target in (f"{other.base_url}/v3/certificates", f"//{other.base_url[7:]}/x", "https://[", "javascript:1"):
            gateway.tamper = moved(target)
            gateway.requests.clear()
            with pytest.raises(errors.WechatpayError):
                instance.v3.x.get(allow_redirects=True)
            assert other.connections == 0
            assert len(gateway.requests) <= 2
    gateway.tamper = moved("/v3/y")
    for most, count in ((True, 6), ({"max": 2}, 3), ({"max": 0}, 1)):
        gateway.requests.clear()
        if most == {"max": 0}:
            assert instance.v3.x.get(allow_redirects=most).getStatusCode() == 302
        else:
            with pytest.raises(errors.ApiError, match="redirect to /v3/y not followed"):
                instance.v3.x.get(allow_redirects=most)
        assert len(gateway.requests) == count


def test_debug_shows_both_sides(gateway: Sandbox, instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output for True, else in a text file; a signature is cut, so that it cannot be sent again."""
    instance.v3.certificates.get({"debug": True})
    shown = capsys.readouterr().out
    assert shown.startswith(f"> GET {gateway.base_url}/v3/certificates HTTP/1.1\n> ")
    assert "\n< HTTP/1.1 200 OK\n" in shown
    assert 'signature="…"' in shown
    file = io.StringIO()
    gateway.tamper = answers.bare(500)
    with pytest.raises(ServerException):
        instance.v3.certificates.get({"debug": file})
    assert "\n< HTTP/1.1 500 " in file.getvalue()
    instance.v3.certificates.get({"debug": False, "http_errors": False})
    assert capsys.readouterr().out == ""


def test_auth_is_a_header_that_the_signature_replaces(gateway: Sandbox, instance: Instance) -> None:
    """As in PHP: APIv2 sends it, APIv3 sends its own Authorization."""
    request = instance.prepare(instance.v3.x.get, {"auth": ["u", "p"]})
    assert request.headers["Authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")
    fields = {"mch_id": gateway.mchid}
    request = instance.prepare(instance.v2.x.post, {"xml": fields, "auth": ["u", "p", "basic"]})
    assert request.headers["Authorization"] == "Basic dTpw"
    request = instance.prepare(instance.v2.x.post, {"xml": fields, "auth": False})
    assert "Authorization" not in request.headers


def test_a_query_of_the_client_is_replaced_by_that_of_a_call(gateway: Sandbox) -> None:
    """As Guzzle merges its options."""
    with gateway.builder(query={"d": True}) as instance:
        assert instance.prepare(instance.v3.x.get).target == "/v3/x?d=1"
        assert instance.prepare(instance.v3.x.get, {"query": {"a": 1}}).target == "/v3/x?a=1"
        assert instance.prepare(instance.v3.x.get, {"query": None}).target == "/v3/x"


def closed(file: Any) -> Any:
    file.close()
    return file


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"form_params": 5}, "form_params: expected a mapping"),
    ({"form_params": {}, "multipart": [{}]}, "form_params and multipart are two bodies"),
    ({"multipart": {}}, "multipart: expected a list of parts"),
    ({"multipart": []}, "multipart: empty"),
    ({"multipart": [5]}, r"multipart\[0\]: expected a mapping"),
    ({"multipart": [{"name": "a"}]}, r"multipart\[0\]: expected name, contents"),
    ({"multipart": [{"name": "a", "contents": "x", "file": 1}]}, r"multipart\[0\]: expected .*, found 'file'"),
    ({"multipart": [{"name": "a", "contents": object()}]}, r"multipart\[0\].contents: expected a path, bytes or"),
    ({"multipart": [{"name": "a", "contents": "x", "headers": {"X": "a\r\nb"}}]}, "characters that a header cannot"),
    ({"timeout": "5"}, "timeout: expected seconds"),
    ({"connect_timeout": -1}, "connect_timeout: expected seconds"),
    ({"read_timeout": True}, "read_timeout: expected seconds"),
    ({"timeout": False}, "timeout: expected seconds"),
    ({"verify": 5}, "verify: expected True, False or a CA bundle's path, found int"),
    ({"verify": ""}, "verify: no CA bundle at ''"),
    ({"verify": "/nowhere.pem"}, "verify: no CA bundle at '/nowhere.pem'"),
    ({"body": object()}, "body: expected text or bytes"),
    ({"json": {}, "sink": ""}, "sink: empty"),
    ({"json": {}, "sink": io.BufferedReader(io.BytesIO())}, "sink: expected a path or a binary file to write"),
    ({"debug": closed(io.StringIO())}, "debug: expected True, False or a text file to write"),
    ({"json": {}, "sink": closed(io.BytesIO())}, "sink: expected a path or a binary file to write"),
    ({"allow_redirects": {"strict": True}}, "allow_redirects: 'strict' is not supported"),
    ({"headers": {"A": []}}, "headers: A is an empty list"),
    ({"base_uri": "nope"}, "base_uri: expected https://host"),
    ({"proxy": 5}, "proxy: expected a mapping"),
    ({"proxy": {"ftp": "x"}}, "proxy: expected a URL, or"),
    ({"proxy": {"http": 5}}, "proxy: expected a URL, or"),
    ({"cert": "/nowhere.pem"}, r"^cert: neither a key nor a readable file"),
    ({"cert": 5}, "^cert: expected a path"),
    ({"ssl_key": "/nowhere.pem"}, "ssl_key: missing beside it: cert"),
    ({"cert": ["/nowhere.pem", 1900000001]}, "cert: expected the passphrase as text, found int; write it in quotes"),
    (
        {"cert": "/nowhere.pem", "ssl_key": ("/nowhere.pem", [1])},
        "ssl_key: expected the passphrase as text, found list",
    ),
    ({"auth": "u:p"}, "auth: expected"),
    ({"auth": ["u", "p", "digest"]}, "auth: expected"),
    ({"auth": ["u", 5]}, "auth: expected"),
    ({"allow_redirects": 5}, "allow_redirects: expected a mapping"),
    ({"allow_redirects": {"max": -1}}, "allow_redirects: expected"),
    ({"http_errors": 0}, "http_errors: expected True or False"),
    ({"debug": "yes"}, "debug: expected True, False or a text file"),
    ({"debug": io.BytesIO()}, "debug: expected True, False or a text file"),
    ({"json": {}, "query": {"a": object()}}, "query: a is object"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_a_value_that_cannot_be_meant_raises(
    gateway: Sandbox, instance: Instance, options: dict[str, Any], words: str
) -> None:
    """Nothing is sent; for a client ConfigError, when it is made."""
    with pytest.raises(errors.ChainError, match=words) as caught:
        instance.v3.x.post(options)
    assert "nothing was sent" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not gateway.requests
    if options.keys() <= guzzle.DEFAULTS:
        with pytest.raises(errors.ConfigError, match=words):
            gateway.builder(**options)


def test_values_of_placeholders_are_spelled_as_in_php(instance: Instance) -> None:
    """Scalars as strings, items joined by commas that stay, names and values of a mapping likewise."""
    node = instance.v3.a._x_.b
    spelled: list[tuple[Any, str]] = [
        (True, "1"),
        (1.5, "1.5"),
        (["a", "b/c"], "a,b%2Fc"),
        ({"x": 1, "y": "z z"}, "x,1,y,z%20z"),
        (["1", True], "1,1"),
    ]
    for value, text in spelled:
        assert instance.prepare(node.get, x=value).target == f"/v3/a/{text}/b"
    assert instance.prepare(instance["v3/a/{+x}"].get, x=["a", "b/c"]).target == "/v3/a/a,b/c"
    wrong: list[Any] = [False, [], {}, [[1]], {"a": {"b": 1}}, [".."], object(), [object()], b"x"]
    for value in wrong:
        with pytest.raises(errors.ChainError, match=r"^x: "):
            instance.prepare(node.get, x=value)


def test_a_parts_filename_is_the_last_of_its_path(instance: Instance) -> None:
    """As in Guzzle: no path of this machine leaves it."""
    parts = [{"name": "meta", "contents": "{}"}, {"name": "file", "contents": b"x", "filename": "/home/shop/y.png"}]
    body: Any = instance.prepare(instance.v3.x.post, {"multipart": parts}).body
    assert b'filename="y.png"' in body.read()


def test_a_form_that_is_signed_whole_names_its_boundary(instance: Instance) -> None:
    """Whatever Content-Type was given without one; another type is refused."""
    parts = [{"name": "a", "contents": "x"}]
    for headers in ({"Content-Type": "multipart/form-data"}, {"Content-Type": None}, {}):
        request = instance.prepare(instance.v3.x.post, {"multipart": parts, "headers": headers})
        boundary = request.headers["Content-Type"].partition("multipart/form-data; boundary=")[2]
        assert isinstance(request.body, bytes)
        assert request.body.startswith(f"--{boundary}".encode())
    with pytest.raises(errors.ChainError, match="Content-Type is 'text/plain', but the body is"):
        instance.prepare(instance.v3.x.post, {"multipart": parts, "headers": {"Content-Type": "text/plain"}})


def test_bodies_and_headers_are_cast_as_in_php(instance: Instance) -> None:
    """Scalars as strings; False is empty."""
    for body, text in ((5, b"5"), (True, b"1"), (1.5, b"1.5")):
        assert instance.prepare(instance.v3.x.post, {"body": body}).body == text
    headers = instance.prepare(instance.v3.x.get, {"headers": {"A": False, "B": True, "C": 1.5}}).headers
    assert (headers["A"], headers["B"], headers["C"]) == ("", "1", "1.5")


def test_a_form_may_be_empty_as_an_array_is(instance: Instance) -> None:
    """PHP has one empty array."""
    assert instance.prepare(instance.v3.x.post, {"form_params": []}).body == b""
    assert instance.prepare(instance.v3.x.get, {"query": []}).target == "/v3/x"
    assert instance.prepare(instance.v3.x.get, {"query": ["x", ["a", "b"]]}).target == (
        "/v3/x?0=x&1%5B0%5D=a&1%5B1%5D=b"
    )


def test_trust_in_any_server_stays_on_the_loopback(gateway: Sandbox) -> None:
    """A redirect to WeChat Pay's own host does not take verify=False along."""
    gateway.tamper = answers.bare(302, Location="https://api.mch.weixin.qq.com/v3/certificates")
    sent: list[str] = []
    with gateway.builder() as instance:
        exchange = instance._session.send

        def noting(request: Any, options: Any) -> Any:
            sent.extend(base.origin for base in options.bases)
            return exchange(request, options)

        instance._session.send = noting  # type: ignore[method-assign]
        with pytest.raises(errors.ApiError, match="not followed"):
            instance.v3.x.get({"verify": False, "allow_redirects": True})
    assert sent == [gateway.base_url]


@pytest.mark.parametrize(
    "options",
    [
        {"auth": ["user", "hush-hush"], "timeout": "x"},
        {"cert": ["/nowhere.pem", "hush-hush"]},
        {"proxy": "http://user:hush-hush@127.0.0.1:9"},
        {"auth": ["user", "hush-hush"], "json": {"a": object()}},
        {"form_params": {"password": "hush-hush"}, "verify": 5},
    ],
)
@pytest.mark.parametrize("verb", ["post", "postAsync"])
def test_no_secret_of_a_call_is_in_a_traceback(instance: Instance, options: dict[str, Any], verb: str) -> None:
    """The frames that an error has left show their lines, and no value of ours."""
    call = getattr(instance.v3.x, verb)
    with pytest.raises(errors.WechatpayError) as caught:
        call(options).wait()
    seen: list[BaseException] = [caught.value]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) is not None:
        seen.append(cause)
    frames = [frame for error in seen for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "test_guzzle" not in frame.f_code.co_filename]
    assert ours
    assert "hush-hush" not in "".join(repr(frame.f_locals) for frame in ours) + str(caught.value)


@pytest.mark.slow
def test_many_certificates_do_not_pile_up(gateway: Sandbox, instance: Instance, tmp_path: Path) -> None:
    """The connections of the oldest are given up; a file that was renewed is read again."""
    own = certificate(tmp_path, "own", "extendedKeyUsage=clientAuth")
    contexts: set[ssl.SSLContext] = set()
    for number in range(20):
        os.utime(own, ns=(number, number))
        instance.v3.certificates.get({"cert": str(own)})
        instance.v3.certificates.get({"cert": str(own)})
        contexts.update(instance._session._with_certificate)
    assert len(contexts) == 20
    assert len(instance._session._with_certificate) == 16
