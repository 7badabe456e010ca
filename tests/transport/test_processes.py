"""Clients in worker processes: each test makes real ones, and they call a real gateway in this one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.promises import PATIENCE
from tests.test_pickling import files
from wechatpay_chain import Sandbox, Wechatpay
from wechatpay_chain.protocol.certificate_folder import SHARED

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

NOTIFY_URL = "https://a.example"


def call(wxpay: Wechatpay, number: int = 0) -> tuple[str, bool, int]:
    """What a worker does: one call, and which process it was."""
    node = wxpay.v3.marketing.partner.productCoupon.notifyConfigs
    answer = node.post({"notify_url": NOTIFY_URL})
    return answer.data["notify_url"], answer.verified, os.getpid()


@pytest.fixture
def from_files(gateway: Sandbox, tmp_path: Path) -> Iterator[Wechatpay]:
    with Wechatpay(files(gateway, tmp_path)) as wxpay:
        yield wxpay


@pytest.fixture
def from_env(gateway: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wechatpay]:
    """Its certificates are downloaded by each process."""
    for name, value in gateway.environment().items():
        if "PUBLIC_KEY" not in name:
            monkeypatch.setenv(name, value)
    with Wechatpay.from_env() as wxpay:
        yield wxpay


def all_is_well(gateway: Sandbox, results: list[tuple[str, bool, int]]) -> None:
    assert {result[:2] for result in results} == {(NOTIFY_URL, True)}
    assert not [received.verdict for received in gateway.requests if received.verdict]
    assert sum(received.method == "POST" for received in gateway.requests) == len(results)


@pytest.mark.parametrize("source", ["from_files", "from_env"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method: str, source: str, gateway: Sandbox, request: pytest.FixtureRequest) -> None:
    """A pool of processes gets the client as an argument; the parent's goes on working beside it."""
    wxpay = request.getfixturevalue(source)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        futures = [pool.submit(call, wxpay, number) for number in range(8)]
        results = [call(wxpay), *(future.result(PATIENCE) for future in futures)]
    all_is_well(gateway, results)
    assert os.getpid() in {result[2] for result in results}
    assert len({result[2] for result in results}) > 1


def used_before_the_fork(wxpay: Wechatpay, outcome: Any) -> None:
    outcome.put([call(wxpay) for _ in range(5)])


@pytest.mark.parametrize("source", ["from_files", "from_env"])
def test_a_client_that_was_used_before_a_fork(source: str, gateway: Sandbox, request: pytest.FixtureRequest) -> None:
    """The child inherits it, downloaded keys included, and opens connections of its own."""
    wxpay = request.getfixturevalue(source)
    results = [call(wxpay)]
    context = multiprocessing.get_context("fork")
    outcome: Any = context.Queue()
    process = context.Process(target=used_before_the_fork, args=(wxpay, outcome))
    process.start()
    results += [call(wxpay) for _ in range(5)]
    results += outcome.get(timeout=PATIENCE)
    process.join(PATIENCE)
    assert process.exitcode == 0
    all_is_well(gateway, results)
    downloads = sum(received.target == "/v3/certificates" for received in gateway.requests)
    assert downloads == (1 if source == "from_env" else 0)


def test_processes_share_a_folder_while_certificates_rotate(
    gateway: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads what another one stored: no call fails, and a process alone asks at most twice."""
    for name, value in gateway.environment().items():
        if "PUBLIC_KEY" not in name:
            monkeypatch.setenv(name, value)
    wxpay = Wechatpay.from_env(certs_dir=tmp_path / "certs")
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(call, [wxpay] * 20))
        gateway.platform.rotate()
        gateway.platform.retire()
        results += pool.map(call, [wxpay] * 20)
    all_is_well(gateway, results)
    workers = len({result[2] for result in results})
    downloads = sum(received.target == "/v3/certificates" for received in gateway.requests)
    assert 2 <= downloads <= 2 * workers
    assert [file.name for file in (tmp_path / "certs").iterdir()] == [SHARED]


@pytest.mark.parametrize("source", ["from_files", "from_env"])
def test_celery(source: str, gateway: Sandbox, request: pytest.FixtureRequest) -> None:
    """A task gets the client as an argument, through a broker and the pickle serializer."""
    celery = pytest.importorskip("celery")
    testing = pytest.importorskip("celery.contrib.testing.worker")
    app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
    app.conf.update(task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"])
    app.conf.update(broker_connection_retry_on_startup=False)
    task = app.task(call, name="call")
    wxpay = request.getfixturevalue(source)
    with testing.start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=PATIENCE):
        waiting = [task.delay(wxpay, number) for number in range(4)]
        results = [tuple(each.get(timeout=PATIENCE)) for each in waiting]
    all_is_well(gateway, results)


@pytest.mark.parametrize("source", ["from_files", "from_env"])
def test_dask(source: str, gateway: Sandbox, request: pytest.FixtureRequest) -> None:
    """The workers of a LocalCluster, which are processes."""
    distributed = pytest.importorskip("distributed")
    wxpay = request.getfixturevalue(source)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        futures = [client.submit(call, wxpay, number, pure=False) for number in range(6)]
        results = client.gather(futures)
    all_is_well(gateway, results)
    assert os.getpid() not in {result[2] for result in results}
