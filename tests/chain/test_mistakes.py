"""What is mistyped at a prompt is told before anything leaves, with what was meant."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest

from wechatpay_chain import Sandbox, Wechatpay, errors
from wechatpay_chain.php import Instance

MISTAKES: dict[str, tuple[Any, str]] = {
    "a parameter of a get": (
        lambda wxpay: wxpay.v3.bill.tradebill.get(bill_date="2026-11-01"),
        r"bill_date: .*params=\{'bill_date': …\}",
    ),
    "a field of a post": (
        lambda wxpay: wxpay.v3.pay.transactions.jsapi.post(description="a book"),
        r"description: .*post\(\{'description': …\}\)",
    ),
    "a path that ends with delete": (
        lambda wxpay: wxpay.v3.profitsharing.receivers.delete({"appid": "wx1"}),
        r"appid: .*\.delete\.post\(\{…\}\)",
    ),
    "a verb": (lambda wxpay: wxpay.v3.pay.transactions.jsapi.posst({"a": 1}), r"did you mean \.post\(…\)\?"),
    "an asynchronous verb": (
        lambda wxpay: wxpay.v3.pay.transactions.jsapi.postAsnyc({"a": 1}),
        r"did you mean \.postAsync\(…\)\?",
    ),
    "a method of the client": (lambda wxpay: wxpay.dowload({"download_url": "x"}), r"did you mean \.download\(…\)"),
    "a verb in capitals": (lambda wxpay: wxpay.v3.pay.transactions.jsapi.POST({"a": 1}), r"did you mean \.post\(…\)\?"),
    "a verb with one capital": (
        lambda wxpay: wxpay.v3.profitsharing.receivers.Delete({"a": 1}),
        r"did you mean \.delete\(…\)\?",
    ),
    "a field that is nearly an option": (
        lambda wxpay: wxpay.v3.pay.transactions.jsapi.post(amount={"total": 1}),
        r"amount: [^?]*post\(\{'amount': …\}\)",
    ),
    "a method with an answer": (lambda wxpay: wxpay.dowload(b"x"), r"did you mean \.download\(…\) of the client\?"),
    "a method with nothing": (lambda wxpay: wxpay.clsoe(), r"did you mean \.close\(…\) of the client\?"),
    "a method of a part": (
        lambda wxpay: wxpay.pay_param.jsapi("wx1", "wx2"),
        r"did you mean \.pay_params of the client\?",
    ),
    "a path without a version": (lambda wxpay: wxpay.pay.transactions.jsapi.post({}), r"/pay: paths begin with v3, v2"),
    "a version that is not there": (lambda wxpay: wxpay.v4.pay.transactions.get(), r"/v4: paths begin with v3, v2"),
    "a version mistyped": (lambda wxpay: wxpay.v33.certificates.get(), r"/v33: paths begin with v3, v2"),
    "the same as text": (lambda wxpay: wxpay.chain("pay/unifiedorder").post({}), r"/pay: paths begin with v3, v2"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_it_is_sent(gateway: Sandbox, wxpay: Wechatpay, mistake: str) -> None:
    """One line that names what to write."""
    call, words = MISTAKES[mistake]
    with pytest.raises(errors.ChainError, match=words) as caught:
        call(wxpay)
    assert str(caught.value).endswith("nothing was sent")
    assert "\n" not in str(caught.value)
    assert not gateway.requests


def test_the_php_face_names_its_own_options(gateway: Sandbox, instance: Instance) -> None:
    """query in place of params."""
    with pytest.raises(errors.ChainError, match=r"query=\{'bill_date': …\}"):
        instance.v3.bill.tradebill.get(bill_date="2026-11-01")
    assert not gateway.requests


def test_words_that_look_like_verbs_are_paths(gateway: Sandbox, wxpay: Wechatpay) -> None:
    """deposit, and whatever ends with a verb of its own."""
    for node in (wxpay.v3.deposit, wxpay.v3.profitsharing.receivers.delete.post, wxpay.v3.posst.post):
        with pytest.raises(errors.ClientError):
            node({"a": 1})
    assert [request.target for request in gateway.requests] == [
        "/v3/deposit",
        "/v3/profitsharing/receivers/delete",
        "/v3/posst",
    ]


@pytest.mark.parametrize("name", ["timeout", "mchid", "v3", "anything"])
def test_a_client_never_changes(wxpay: Wechatpay, name: str) -> None:
    """What would be lost in silence is an error that says where it belongs."""
    with pytest.raises(AttributeError, match=f"a client never changes: {name} cannot be set; .* as {name}=…"):
        setattr(wxpay, name, 3)


def test_a_mock_of_the_client_has_its_first_words() -> None:
    """``create_autospec`` finds them on the class; what no client has, the mock lacks too."""
    mock = create_autospec(Wechatpay, instance=True)
    mock.v3.pay.transactions.jsapi.post.return_value.data = {"prepay_id": "wx1"}
    assert mock.v3.pay.transactions.jsapi.post({}).data == {"prepay_id": "wx1"}
    assert mock.v2
    with pytest.raises(AttributeError):
        _ = mock.dowload
    with pytest.raises(errors.ChainError, match="belongs to a class"):
        Wechatpay.v3.certificates.get()
