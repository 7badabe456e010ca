"""The fixtures of the pytest plugin: a sandbox that is empty before each test, and clients of it.

PYTEST_DONT_REWRITE: a program may import it before it starts pytest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wechatpay_chain.client import Wechatpay
    from wechatpay_chain.php import Instance
    from wechatpay_chain.testing.observed import ObservedSandbox

__all__ = ["wechatpay_instance", "wechatpay_sandbox", "wxpay"]


@pytest.fixture(scope="session")
def _wechatpay_sandboxes() -> Iterator[None]:
    """What sandboxes were made is closed with the session; each worker of pytest-xdist is a session of its own."""
    from wechatpay_chain.testing import pool

    yield
    pool.close()


@pytest.fixture
def wechatpay_sandbox(_wechatpay_sandboxes: None) -> Iterator[ObservedSandbox]:
    """A sandbox without orders, requests, notices and faults; its keys stay the same for the session."""
    from wechatpay_chain.testing import pool

    with pool.sandbox() as gateway:
        yield gateway


@pytest.fixture
def wxpay(wechatpay_sandbox: ObservedSandbox) -> Iterator[Wechatpay]:
    """A client of ``wechatpay_sandbox``."""
    with wechatpay_sandbox.client() as client:
        yield client


@pytest.fixture
def wechatpay_instance(wechatpay_sandbox: ObservedSandbox) -> Iterator[Instance]:
    """The same with the PHP face."""
    with wechatpay_sandbox.builder() as client:
        yield client
