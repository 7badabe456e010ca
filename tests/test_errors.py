from __future__ import annotations

import inspect
import json
import pickle
import re

import pytest
import requests

from tests.test_response import made
from wechatpay_chain import Wechatpay, errors, php

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.WechatpayError)
}


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    """Every class once, under its parent."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([│├└─ ]*)(\w+)", line)
        if found and found[2] in CLASSES:
            depth = len(found[1])
            above = [(level, name) for level, name in above if level < depth]
            drawn[found[2]] = above[-1][1] if above else ""
            above.append((depth, found[2]))
    assert drawn.keys() == CLASSES.keys()
    for name, parent in drawn.items():
        assert not parent or CLASSES[name].__mro__[1] is CLASSES[parent], name


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (errors.ConfigError, ValueError),
        (errors.ChainError, TypeError),
        (errors.DecryptionError, ValueError),
        (errors.VerificationError, requests.RequestException),
        (errors.TransportError, requests.ConnectionError),
        (errors.TimedOut, requests.Timeout),
        (errors.ApiError, requests.HTTPError),
        (errors.BusinessError, requests.RequestException),
    ],
)
def test_old_except_clauses_hold(kind: type[Exception], also: type[Exception]) -> None:
    """Each error is a child of the host library's as well."""
    assert issubclass(kind, also)


def test_every_error_is_picklable() -> None:
    """With what it carries."""
    answer = made(b'{"code":"A","message":"b","detail":{"c":1}}')
    answer.status_code = 429
    samples: list[errors.WechatpayError] = [
        errors.ConfigError("mchid: missing", "mchid"),
        errors.ChainError("x"),
        errors.DecryptionError("x"),
        *(kind("x", answer) for kind in CLASSES.values() if issubclass(kind, errors.VerificationError)),
        errors.TransportError("x", (errors.Attempt("h", "e", False),)),
        errors.TimedOut("x", (errors.Attempt("h", "e", True),)),
        errors.ApiError.of(answer),
        *(kind("x", answer) for kind in CLASSES.values() if issubclass(kind, errors.ApiError)),
        errors.BusinessError("x"),
        errors.WechatpayError("x"),
        errors.ArgumentError("x"),
        errors.AggregateError(),
        errors.CallError("x"),
    ]
    assert {type(sample) for sample in samples} == set(CLASSES.values())
    for sample in samples:
        again = pickle.loads(pickle.dumps(sample))
        assert (type(again), str(again)) == (type(sample), str(sample))
        told = {name: value for name, value in vars(sample).items() if name not in ("response", "request")}
        assert {name: vars(again)[name] for name in told} == told
        if getattr(sample, "response", None) is not None:
            assert again.response.content == answer.content


def test_all_is_complete() -> None:
    """__all__ names every error."""
    assert set(errors.__all__) == {*CLASSES, "Attempt"}


def test_an_error_answers_as_php_asks(wxpay: Wechatpay) -> None:
    """getMessage and the others, on an error with an answer and on one without."""
    with pytest.raises(php.ClientException) as caught:
        wxpay.v3.marketing.partner.productCoupon.notifyConfigs.get()
    error = caught.value
    assert isinstance(error, php.RequestException)
    assert (error.getMessage(), error.getCode(), error.hasResponse()) == (str(error), 404, True)
    assert error.getResponse() is error.response
    assert "test_errors" in error.getTraceAsString()
    with pytest.raises(php.InvalidArgumentException) as refused:
        wxpay.v3.certificates.get(5)  # type: ignore[arg-type]
    assert (refused.value.getCode(), refused.value.hasResponse(), refused.value.getResponse()) == (0, False, None)


def test_php_names_are_classes_of_the_tree() -> None:
    """What existing except clauses name, and what falls under each."""
    assert issubclass(errors.ConfigError, php.InvalidArgumentException)
    assert issubclass(errors.ChainError, php.InvalidArgumentException)
    assert php.UnexpectedValueException is errors.DecryptionError
    for kind in (errors.SignatureMismatch, errors.TimedOut, errors.BusinessError, php.ServerException):
        assert issubclass(kind, php.RequestException)
    assert not issubclass(errors.ConfigError, php.RequestException)


_AT = {"field": "signature", "location": "authorization"}
REASONS: list[tuple[object, str]] = [
    ({**_AT, "issue": "timestamp expired"}, " (authorization signature: timestamp expired)"),
    ({**_AT, "detail": {"issue": "serial_no not match"}}, " (authorization signature: serial_no not match)"),
    ({"field": "/amount/total", "location": "body", "value": "hush-hush"}, " (body /amount/total)"),
    ({"location": None, "value": ["/body/payer/openid"]}, ""),
    (None, ""),
    ("text", ""),
    ({"issue": ["a", "list"]}, " (['a', 'list'])"),
]


@pytest.mark.parametrize(("detail", "told"), REASONS)
def test_the_reason_of_a_refusal_is_in_its_text(detail: object, told: str) -> None:
    """In both shapes that WeChat Pay's detail has; no value that was sent."""
    body = json.dumps({"code": "SIGN_ERROR", "message": "wrong", "detail": detail}).encode()
    response = made(body)
    response.status_code = 401
    assert str(errors.ApiError.of(response)) == f"401 SIGN_ERROR: wrong{told} (Request-ID R-1)"
