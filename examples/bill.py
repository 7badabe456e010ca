"""Download yesterday's bills, checked, and add up their amounts.

Run it as it stands: it calls a sandbox. For the real gateway, make ``wxpay`` with ``Wechatpay.from_env()``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from wechatpay_chain import Sandbox, errors, read_bill

with Sandbox(bill_rows=20) as gateway, gateway.client() as wxpay, tempfile.TemporaryDirectory() as folder:
    # The bill of a day is there from ten o'clock of the next; its URL lives for five minutes.
    answer = wxpay.v3.bill.tradebill.get(params={"bill_date": "2026-11-01", "bill_type": "ALL", "tar_type": "GZIP"})
    path = Path(folder, "trade.csv")
    file = wxpay.download(answer, path)
    print(f"{file.size} bytes, {file.hash_type} {file.digest}, verified: {file.verified}")

    with read_bill(path, amounts="fen") as bill:
        total = sum(row["订单金额"] for row in bill)
        assert total == bill.summary["订单总金额"]
    print(f"{total} fen in {bill.summary['总交易单数']} trades")

    # A platform's bill is encrypted, and may come in parts: they are decrypted and joined.
    params = {"bill_date": "2026-11-01", "account_type": "ALL", "algorithm": "AEAD_AES_256_GCM"}
    parts = wxpay.v3.ecommerce.bill.fundflowbill.get(params=params)
    print(wxpay.download(parts, Path(folder, "fund.csv")).size)

    # What is not the file that was named never takes its place.
    try:
        wxpay.download({**answer.data, "hash_value": "0" * 40}, Path(folder, "wrong.csv"))
    except errors.IntegrityError as error:
        print(error)
    assert not Path(folder, "wrong.csv").exists()
