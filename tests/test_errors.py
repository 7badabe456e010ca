from __future__ import annotations

import inspect
import pickle
import re

import pytest
import requests

from tests.test_response import made
from wechatpay_chain import errors

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
    assert set(errors.__all__) == {*CLASSES, "Attempt", "without_frames"}
