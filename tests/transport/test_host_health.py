from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from tests.sockets import closed_port
from wechatpay_chain import Sandbox
from wechatpay_chain.protocol.hosts import Base
from wechatpay_chain.transport.retry import SET_ASIDE, HostHealth

MAIN, BACKUP, THIRD = BASES = tuple(Base(f"https://{name}.example") for name in ("main", "backup", "third"))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_backup_is_kept_for_a_minute() -> None:
    """Then the main site is tried again."""
    clock = Clock()
    sites = HostHealth(clock)
    assert sites.order(BASES) == BASES
    sites.mark_failed(MAIN)
    clock.now += SET_ASIDE - 0.1
    assert sites.order(BASES) == (BACKUP, THIRD, MAIN)
    clock.now += 0.1
    assert sites.order(BASES) == BASES


def test_one_call_tries_the_main_site_again() -> None:
    """The others keep to the backup until it has connected, so one call alone waits for a site that is down."""
    clock = Clock()
    sites = HostHealth(clock)
    sites.mark_failed(MAIN)
    clock.now += SET_ASIDE
    together = threading.Barrier(16)

    def first(_: int) -> Base:
        together.wait()
        return sites.order(BASES)[0]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(first, range(16))).count(MAIN) == 1
    assert sites.order(BASES)[0] == BACKUP
    sites.mark_connected(MAIN)
    assert sites.order(BASES) == BASES


def test_when_all_are_down_the_list_counts() -> None:
    """Main site first, as if nothing were known."""
    sites = HostHealth(Clock())
    for base in BASES:
        sites.mark_failed(base)
    assert sites.order(BASES) == BASES


@given(
    st.lists(
        st.tuples(st.sampled_from(["mark_failed", "mark_connected", "order"]), st.sampled_from(BASES), st.floats(0, 99))
    )
)
def test_every_host_stays_in_the_list(steps: list[tuple[str, Base, float]]) -> None:
    """Whatever happens, each once."""
    clock = Clock()
    sites = HostHealth(clock)
    for step, base, seconds in steps:
        clock.now += seconds
        order = sites.order(BASES) if step == "order" else getattr(sites, step)(base) or BASES
        assert sorted(order) == sorted(BASES)


def test_a_client_keeps_to_the_backup_for_a_minute(gateway: Sandbox) -> None:
    """Two real hosts: the main one is not even asked, until the minute is over; its connection ends the matter."""
    clock = Clock()
    with Sandbox() as main:
        port = int(main.base_url.rpartition(":")[2])
    down = main.base_url
    with gateway.client(base_url=[down, gateway.base_url]) as wxpay:
        wxpay._session._adapter.host_health = sites = HostHealth(clock)
        wxpay.v3.certificates.get()
        assert len(gateway.requests) == 1
        with Sandbox(port) as main:
            main.identity, main.platform = gateway.identity, gateway.platform
            wxpay.v3.certificates.get()
            clock.now += SET_ASIDE - 1
            wxpay.v3.certificates.get()
            assert (len(main.requests), len(gateway.requests)) == (0, 3)
            clock.now += 1
            for _ in range(3):
                wxpay.v3.certificates.get()
            assert (len(main.requests), len(gateway.requests)) == (3, 3)
            assert sites.order((Base(down), Base(gateway.base_url)))[0].origin == down


def test_one_host_alone_is_never_held(gateway: Sandbox) -> None:
    """Who opted out of the backup tries the one host each time."""
    sites = HostHealth(Clock())
    sites.mark_failed(Base(closed_port()))
    sites.mark_failed(MAIN)
    assert sites.order((MAIN,)) == (MAIN,)


def test_a_clock_that_went_back_holds_no_host_for_ever() -> None:
    """As a test that freezes time leaves it: the steady clock said seconds since 1970 for a while."""
    clock = Clock()
    sites = HostHealth(clock)
    clock.now = 1.7e9
    sites.mark_failed(MAIN)
    clock.now = 1000.0
    assert sites.order(BASES) == BASES
