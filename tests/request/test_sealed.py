from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from wechatpay_chain import Sealed, errors
from wechatpay_chain.request.encryption import Envelope, Seals

HIDDEN = "张三-hush"


def test_a_sealed_text_is_never_shown() -> None:
    """Not by repr, str, format, vars, or inside a container."""
    sealed = Sealed(HIDDEN)
    told = f"{sealed}{sealed!r}{sealed!s:>20}{[sealed]}{ {'a': sealed} }%s" % sealed
    assert "hush" not in told
    assert not hasattr(sealed, "__dict__")


def test_a_sealed_text_is_neither_pickled_nor_json() -> None:
    """It would lie somewhere in the clear."""
    for store in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            store(Sealed(HIDDEN))
        assert "hush" not in str(caught.value)


def test_a_payload_may_be_copied() -> None:
    """The text never changes, so a copy is the same."""
    payload = {"a": [Sealed(HIDDEN)]}
    assert copy.deepcopy(payload)["a"][0] is payload["a"][0]
    assert copy.copy(payload["a"][0]) is payload["a"][0]
    with pytest.raises(AttributeError, match="never changes"):
        payload["a"][0]._text = ""


@pytest.mark.parametrize("wrong", [None, 5, b"x", ["x"], Sealed("x"), "\ud800"])
def test_what_is_no_text_is_refused(wrong: Any) -> None:
    """Where it is sealed, not where it is sent."""
    with pytest.raises(errors.ChainError, match=r"^Sealed: .*nothing was sent"):
        Sealed(wrong)


def test_an_envelope_holds_marks_until_it_is_opened() -> None:
    """Whoever sends it by mistake sends no text, and no two bodies have the same marks."""
    seals = Seals()
    body = json.dumps({"a": Sealed(HIDDEN), "b": [Sealed("")]}, default=seals).encode()
    envelope = Envelope.of(body, seals, ["a", "b[0]"])
    assert envelope.find(b"hush") < 0
    assert "hush" not in repr(envelope)
    assert json.loads(envelope.encrypt_texts(lambda text: str(len(text)))) == {"a": str(len(HIDDEN)), "b": ["0"]}
    other = Seals()
    json.dumps([Sealed("x")], default=other)
    assert other.mark != seals.mark
