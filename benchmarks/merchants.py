"""What a platform's 2,000 merchants cost: one client each, one pool of connections for all.

Run as ``python -m benchmarks.merchants``. Counted is this process's resident memory, and with it what OpenSSL
holds: every client reads its own private key and its own key of WeChat Pay from PEM text. The text is the
same for all, since 2,000 new keys would take minutes to make; the objects are not.
"""

from __future__ import annotations

import threading
import time

import requests

from benchmarks.gateway import in_another_process
from benchmarks.measure import descriptors, machine, resident
from wechatpay_chain import Wechatpay

MERCHANTS = 2000


def main() -> None:
    """Print memory, threads and sockets of the clients, before and after a call of each."""
    print(f"{MERCHANTS} clients, one session; {machine('requests', 'urllib3', 'cryptography')}")
    with in_another_process() as configuration, requests.Session() as session:
        entries = {**configuration, "session": session}
        # One client pays for the imports and the pool.
        with Wechatpay(entries) as first:
            first.v3.certificates.get()
        threads, files, before = threading.active_count(), descriptors(), resident()
        started = time.perf_counter()
        clients = [Wechatpay(entries) for _ in range(MERCHANTS)]
        taken = time.perf_counter() - started
        made = resident()
        for client in clients:
            client.v3.certificates.get()
        called = resident()
        files = descriptors() - files
    print(f"made        {(made - before) / MERCHANTS / 1000:8.1f} kB each, {taken / MERCHANTS * 1e6:.0f} us each")
    print(f"after calls {(called - before) / MERCHANTS / 1000:8.1f} kB each")
    print(f"threads     {threading.active_count() - threads:8} more, sockets {files:+d}")


if __name__ == "__main__":
    main()
