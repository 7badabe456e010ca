"""Six words and a verb without the network, beside those who build paths of attributes too.

Each is stopped where method and path are handed over to what would send: here ``Client._dispatch``, in the others
the call of their session or opener. A second row goes on to the checked, unsigned request.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import hammock
import python_http_client
import requests
import slumber

from benchmarks.measure import rounds as interleaved
from benchmarks.table import Table
from wechatpay_chain import Sandbox, Wechatpay

__all__ = ["HOST", "PATH", "asked", "candidates", "tables"]

REPEATED = 1000
PATH = "/v3/marketing/partner/delivery/plan/notify"
HOST = "http://127.0.0.1"
# The URLs that sessions were asked for.
asked: set[str] = set()
_BODY = {"notify_url": "https://pay.weixin.qq.com"}


class _Stopped(Wechatpay):
    def _dispatch(self, verb: Any, path: str, args: tuple[Any, ...], options: Any) -> str:
        return f"/{path}"


class _Unsent(Wechatpay):
    def _dispatch(self, verb: Any, path: str, args: tuple[Any, ...], options: Any) -> str:
        return self._request(self._call(verb.method, path, args, options)).path


class _Session(requests.Session):
    """What stands in the way of hammock and slumber."""

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        asked.add(url)
        return _NOTHING


def _unopened(self: Any, opener: Any, request: urllib.request.Request, timeout: Any = None) -> Any:
    """What stands in the way of python-http-client."""
    return _Opened(request.full_url)


class _Opened:
    """An answer as urllib's opener gives it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def getcode(self) -> int:
        return 204

    def read(self) -> bytes:
        return b""

    def info(self) -> dict[str, str]:
        return {}


_NOTHING = requests.Response()
_NOTHING.status_code = 204


def candidates(gateway: Sandbox) -> dict[str, Callable[[], object]]:
    """By name, what makes the six words and their call."""
    entries = gateway.configuration()
    stopped, unsent = _Stopped(entries), _Unsent(entries)
    theirs, other = hammock.Hammock(HOST), slumber.API(HOST, session=_Session(), append_slash=False)
    theirs._session = _Session()
    client = python_http_client.Client(host=HOST)
    return {
        "wechatpay_chain": lambda: stopped.v3.marketing.partner.delivery.plan.notify.post(_BODY),
        "wechatpay_chain, to the checked request": lambda: unsent.v3.marketing.partner.delivery.plan.notify.post(_BODY),
        "hammock": lambda: theirs.v3.marketing.partner.delivery.plan.notify.POST(data=json.dumps(_BODY)),
        "slumber": lambda: other.v3.marketing.partner.delivery.plan.notify.post(_BODY),
        "python-http-client": lambda: client.v3.marketing.partner.delivery.plan.notify.post(request_body=_BODY),
    }


def tables(rounds: int) -> Iterator[Table]:
    """One table."""

    def repeated(make: Callable[[], object]) -> Callable[[], None]:
        def work() -> None:
            for _ in range(REPEATED):
                make()

        return work

    with Sandbox() as gateway, patch.object(python_http_client.Client, "_make_request", _unopened):
        made = candidates(gateway)
        taken = interleaved({name: repeated(make) for name, make in made.items()}, rounds, time.process_time)
    first = taken["wechatpay_chain"]
    rows = [[name, f"{each / REPEATED * 1e6:.1f} µs", f"{each / first:.2f}"] for name, each in taken.items()]
    yield Table("chains", ["six words and a verb", "each", "of ours"], rows)
