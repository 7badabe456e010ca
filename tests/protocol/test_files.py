from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechatpay_chain.errors import ChainError, DecryptionError, IntegrityError
from wechatpay_chain.protocol.files import NamedFile, asks_gzip, files_in

URL = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=x"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["download_url", "url", "hash_type", "hash_value", "tar_type", "encrypt_key", "nonce", "encrypt_type"]
LISTS = ["download_bill_list", "download_bill_count", "fapiao_download_info_list", "bill_sequence"]


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("tar_type=GZIP", None, True),
        ("a=b&tartype=gzip", None, True),
        ("tar_type=", None, False),
        ("", b"<xml><tar_type>GZIP</tar_type></xml>", True),
        ("", b"<xml><tar_type><![CDATA[GZIP]]></tar_type></xml>", True),
        ("", b"<xml><bill_type>ALL</bill_type></xml>", False),
        ("", b'{"tar_type":"GZIP"}', False),
        ("", b"<xml><tar_type>GZIP", False),
    ],
)
def test_a_compressed_file_is_asked_for(query: str, body: bytes | None, expected: bool) -> None:
    """In the query of a request or of a URL, or in APIv2's XML."""
    assert asks_gzip(query, body) is expected


def test_a_file_is_what_is_said_of_it() -> None:
    """Digest in lower case, its kind without a dash."""
    told = {"download_url": URL, "hash_type": "sha-256", "hash_value": "AB" * 32, "tar_type": "GZIP"}
    assert files_in(told) == (NamedFile(URL, "ab" * 32, "SHA256", True),)
    assert files_in(URL) == (NamedFile(URL),)
    assert files_in(f"{URL}&tartype=gzip")[0].is_gzip


def test_parts_inherit_what_is_said_of_all() -> None:
    """The algorithm may stand beside their list."""
    part = {"bill_sequence": 1, "download_url": URL, "encrypted_key": "a2V5", "nonce": "n"}
    assert files_in({"download_bill_list": [part], "encrypt_type": "AEAD_AES_256_GCM"})[0].key == "a2V5"
    with pytest.raises(DecryptionError, match="ROT13"):
        files_in({"download_bill_list": [part], "encrypt_type": "ROT13"})


def test_ten_parts_stand_in_the_order_of_numbers() -> None:
    """Not in that of letters."""
    parts = [{"bill_sequence": number, "download_url": f"{URL}{number}"} for number in range(12, 0, -1)]
    found = files_in({"download_bill_list": parts})
    assert [file.url for file in found] == [f"{URL}{number}" for number in range(1, 13)]


@given(st.dictionaries(st.sampled_from(NAMES + LISTS), JSON) | JSON)
def test_whatever_an_answer_says_it_names_files_or_is_refused(data: Any) -> None:
    """By this package's errors alone."""
    try:
        files = files_in(data)
    except (ChainError, IntegrityError, DecryptionError) as error:
        told = str(error)
    else:
        told = "nothing was sent" if all(isinstance(file.url, str) and file.url for file in files) else ""
    assert told.endswith("nothing was sent")
