"""A task queue whose tasks call WeChat Pay, with a broker in a folder."""

from __future__ import annotations

import os

import celery

from wechatpay_chain import Wechatpay

_FOLDER = os.environ["QUEUE_FOLDER"]
app = celery.Celery("shop", broker="filesystem://", backend=f"file://{_FOLDER}/results")
app.conf.broker_transport_options = {
    "data_folder_in": f"{_FOLDER}/queue",
    "data_folder_out": f"{_FOLDER}/queue",
    "control_folder": f"{_FOLDER}/control",
}


@app.task(soft_time_limit=1, name="pay")  # type: ignore[untyped-decorator]
def pay(url: str) -> str:
    """What a call to a host that never answers ends with."""
    try:
        Wechatpay.from_env(base_url=url).v3.marketing.favor.callbacks.post({"mchid": "1"}, retry=3)
    except Exception as error:
        return type(error).__name__
    return "no error"
