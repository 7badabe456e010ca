"""A real gateway for every test, with keys made new at each run."""

from __future__ import annotations

import faulthandler
import gc
import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.promises import PATIENCE
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.php import Instance

# The collector's walk over what a whole run has left can fall into the first draw of any strategy, and how long an
# example takes is a matter of the machine.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """What a run keeps to its end is nothing that each collection has to walk over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    # Made-up rows, so that a test of bills need not trade first.
    with Sandbox(bill_rows=20) as sandbox:
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


@pytest.fixture
def no_hang(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Who waits for ever ends the run; the true stderr then tells where each thread stood."""
    with capfd.disabled():
        stderr = os.dup(2)
    faulthandler.dump_traceback_later(PATIENCE / 2, exit=True, file=stderr)
    yield
    faulthandler.cancel_dump_traceback_later()
    os.close(stderr)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Closed until a test sets it, and open at the end in any case: no worker stays behind."""
    event = threading.Event()
    yield event
    event.set()
