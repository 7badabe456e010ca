"""A real gateway for every test, with keys made new at each run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.php import Instance


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def gateway(served: Sandbox) -> Iterator[Sandbox]:
    """The gateway with nothing received, stored or tampered with."""
    served.reset()
    yield served
    served.reset()


@pytest.fixture
def wxpay(gateway: Sandbox) -> Iterator[Wechatpay]:
    with gateway.client() as client:
        yield client


@pytest.fixture
def instance(gateway: Sandbox) -> Iterator[Instance]:
    with gateway.builder() as client:
        yield client
