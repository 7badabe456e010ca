from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tests.transport.test_session import CALLS
from wechatpay_chain import Wechatpay
from wechatpay_chain.response import HeaderFields

NAMES = st.text("abAB-", min_size=1, max_size=3)
PAIRS = st.lists(st.tuples(NAMES, st.text("xyz", max_size=3)), max_size=8)


@given(pairs=PAIRS, name=NAMES, value=st.text("xyz", max_size=3))
def test_it_is_the_dictionary_of_requests(pairs: list[tuple[str, str]], name: str, value: str) -> None:
    """Whatever is asked of it, and whatever is done to it, where no name comes twice."""
    once = list({known.lower(): (known, text) for known, text in pairs}.values())
    fields, theirs = HeaderFields.of(once), CaseInsensitiveDict(once)

    def agree() -> None:
        assert fields == theirs
        assert repr(fields) == repr(theirs)
        assert list(fields.items()) == list(theirs.items()) == list(fields.plain().items())
        assert fields.get(name) == theirs.get(name)
        assert fields.get(name, value) == theirs.get(name, value)
        assert (name in fields) == (name in theirs)

    agree()
    fields[name] = theirs[name] = value
    agree()
    assert fields.copy() == pickle.loads(pickle.dumps(fields)) == theirs
    del fields[name], theirs[name]
    agree()
    with pytest.raises(KeyError):
        fields[name]


def test_a_name_that_comes_again_adds_to_its_value() -> None:
    """As urllib3 and RFC 9110 join them; the first spelling stays."""
    fields = HeaderFields.of([("Via", "a"), ("X", "1"), ("via", "b"), ("VIA", "c")])
    assert fields.plain() == {"Via": "a, b, c", "X": "1"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_users_look_at_is_that_dictionary(wxpay: Wechatpay, call: Any) -> None:
    """Of requests and of answers."""
    answer = call(wxpay)
    for headers in (answer.headers, answer.request.headers):
        assert isinstance(headers, CaseInsensitiveDict)
        assert isinstance(headers, HeaderFields)
        assert headers["CONTENT-TYPE"] == headers["content-type"]
        assert dict(headers) == headers.plain()
    assert "authorization" in answer.request.headers
    assert "Authorization" not in answer.request.copy().headers
