"""Uploads in APIv2: the fields are signed, the file by its MD5 beside it, and the form streams."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance

FILE = b"\x89PNG\r\n--x\r\n"
MD5 = hashlib.md5(FILE).hexdigest()


def fields_of(gateway: Sandbox) -> dict[str, str]:
    form = gateway.requests[-1].form
    assert form is not None
    return {name: value.decode() for name, value in form.fields.items()}


def sign(fields: Mapping[str, str], secret: str) -> str:
    """APIv2's signature, written down a second time."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign") + f"&key={secret}"
    if fields["sign_type"] == "MD5":
        return hashlib.md5(text.encode()).hexdigest().upper()
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


@pytest.mark.parametrize("kind", ["MD5", "HMAC-SHA256"])
def test_a_form_is_signed_over_its_fields(
    gateway: Sandbox, wxpay: Wechatpay, instance: Instance, tmp_path: Path, kind: str
) -> None:
    """From bytes, a path and an open file, in both faces: the documented fields alone, before the file."""
    path = tmp_path / "file.png"
    path.write_bytes(FILE)
    upload, php = wxpay.v2.secapi.mch.uploadmedia, instance.v2.secapi.mch.uploadmedia
    fields = {"mch_id": gateway.mchid, "sign_type": kind}
    texts = [{"name": name, "contents": value} for name, value in fields.items()]
    with path.open("rb") as file, path.open("rb") as other:
        calls: list[Callable[[], Any]] = [
            lambda: upload.post(xml=fields, files={"media": ("file.png", FILE)}),
            lambda: upload.post(fields, files={"media": path}),
            lambda: upload.post_async(xml={**fields, "media_hash": MD5}, files=[("media", file)]).wait(),
            lambda: php.post({"multipart": [*texts, {"name": "media", "contents": FILE, "filename": "file.png"}]}),
            lambda: php.post(multipart=[*texts, {"name": "media", "contents": other}]),
        ]
        for call in calls:
            answer = call()
            assert (answer.verified, answer.data["result_code"]) == (True, "SUCCESS")
            assert answer.data["media_id"]
            sent = fields_of(gateway)
            assert sent == {**fields, "media_hash": MD5, "sign": sign(sent, gateway.identity.secret)}
            received = gateway.requests[-1]
            assert received.form is not None
            assert (received.verdict, received.form.files["media"].size) == ("", len(FILE))
            assert received.body.index(b'name="sign"') < received.body.index(b'name="media";')


def test_the_type_of_the_signature_is_named(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """A form has to name it, so it is MD5 where the caller names none."""
    wxpay.v2.secapi.mch.uploadmedia.post(xml={"mch_id": gateway.mchid}, files={"media": ("file.png", FILE)})
    sent = fields_of(gateway)
    assert (sent["sign_type"], sent["sign"]) == ("MD5", sign(sent, gateway.identity.secret))


def test_a_form_that_is_signed_already_is_the_same(gateway: Sandbox, instance: Instance) -> None:
    """As code for wechatpay-php signs it."""
    fields = {"mch_id": gateway.mchid, "media_hash": MD5, "sign_type": "HMAC-SHA256"}
    fields["sign"] = sign(fields, gateway.identity.secret)
    parts: list[dict[str, Any]] = [{"name": "media", "contents": FILE, "filename": "file.png"}]
    parts += [{"name": name, "contents": value} for name, value in fields.items()]
    assert instance.v2.secapi.mch.uploadmedia.post({"multipart": parts}).data["result_code"] == "SUCCESS"
    assert fields_of(gateway) == fields


def test_a_large_file_streams(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Its digest is checked, though the gateway keeps none of it."""
    file = io.BytesIO(bytes(3 << 20))
    file.name = "file.png"
    assert wxpay.v2.secapi.mch.uploadmedia.post(xml={"mch_id": gateway.mchid}, files={"media": file}).verified
    form = gateway.requests[-1].form
    assert form is not None
    assert (form.files["media"].size, gateway.requests[-1].body) == (3 << 20, b"")


def test_the_gateway_refuses_what_does_not_fit(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Another digest, a file under another name, no file."""
    upload, fields = wxpay.v2.secapi.mch.uploadmedia, {"mch_id": gateway.mchid}
    with pytest.raises(errors.BusinessError, match=r"^FAIL: 参数 media_hash 错误$"):
        upload.post(xml={**fields, "media_hash": "0" * 32}, files={"media": ("file.png", FILE)})
    with pytest.raises(errors.BusinessError, match=r"^FAIL: 缺少参数 media$"):
        upload.post(xml={**fields, "media_hash": MD5}, files={"file": ("file.png", FILE)})
    with pytest.raises(errors.BusinessError, match=r"^FAIL: 缺少参数 media$"):
        upload.post(xml={**fields, "media_hash": MD5})


def test_what_cannot_be_meant_is_not_sent(gateway: Sandbox, wxpay: Wechatpay, instance: Instance) -> None:
    """One line each that names the option."""
    native, php = wxpay.v2.secapi.mch.uploadmedia, instance.v2.secapi.mch.uploadmedia
    fields, files = {"mch_id": gateway.mchid}, {"media": ("file.png", FILE)}
    own = {"name": "mch_id", "contents": gateway.mchid}
    file = {"name": "media", "contents": FILE, "filename": "file.png"}
    boundary = {"Content-Type": "multipart/form-data; boundary=other"}
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: native.post(files=files), "mch_id: is missing"),
        (lambda: native.post(xml={"mch_id": "1"}, files=files), "mch_id: is '1'"),
        (lambda: native.post(xml=fields, files={}), "files: empty"),
        (lambda: native.post(xml=fields, files={"media": FILE}), r"files\.media: the file has no name"),
        (lambda: native.post(xml=fields, files={"media": "/nowhere/file.png"}), "cannot be read"),
        (lambda: native.post(xml={**fields, "a": {1}}, files=files), "a: expected text"),
        (lambda: native.post(xml={**fields, "sign_type": "SHA1"}, files=files), "sign_type: expected MD5"),
        (lambda: native.post(xml=fields, files=files, meta={}), "meta: APIv2 takes its fields as xml"),
        (lambda: native.post(xml=fields, files=files, headers=boundary), "headers: Content-Type"),
        (lambda: native.get(params=fields, files=files), "files: get signs its query"),
        (lambda: php.post({"multipart": [own]}), "multipart: no file is in it"),
        (lambda: php.post({"multipart": [own, own, file]}), "multipart: mch_id is there twice"),
        (lambda: php.post({"multipart": [{**own, "contents": b"\xff"}, file]}), "multipart: mch_id is no UTF-8 text"),
        (lambda: php.post({"xml": fields, "multipart": [file]}), "xml and multipart are two bodies"),
        (lambda: php.get({"query": fields, "multipart": [file]}), "multipart: get signs its query"),
    ]
    for call, words in cases:
        with pytest.raises(errors.ChainError, match=rf"{words}.*nothing was sent$"):
            call()
    assert not gateway.requests


def test_a_form_can_be_looked_at_before_it_is_sent(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """Its curl command names fields and file."""
    request = wxpay.prepare(
        wxpay.v2.secapi.mch.uploadmedia.post, {"mch_id": gateway.mchid}, files={"media": ("file.png", b"text")}
    )
    assert f"mch_id={gateway.mchid}" in request.curl()
    assert request.headers["Content-Length"] == str(len(request.body))
    assert not gateway.requests
