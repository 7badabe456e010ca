"""What every benchmark measures with: interleaved rounds, and how much memory a piece of work took."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

__all__ = ["descriptors", "extra_memory", "machine", "resident", "rounds"]

_MIB = 1 << 20


def rounds(
    candidates: Mapping[str, Callable[[], object]],
    count: int = 15,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median seconds of each candidate, all run once in each of ``count`` rounds after one to warm up.

    What disturbs the machine for a while then disturbs all of them; ``time.process_time`` as ``clock`` counts
    the processor's time alone.
    """
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(count + 1):
        for name, candidate in candidates.items():
            started = clock()
            candidate()
            if number:
                taken[name].append(clock() - started)
    return {name: statistics.median(times) for name, times in taken.items()}


def extra_memory(work: Callable[[], object]) -> float:
    """MiB by which the peak of this process's resident memory rose while ``work`` ran; Linux only."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    before = _peak()
    work()
    return (_peak() - before) / _MIB


def resident() -> int:
    """Bytes of memory that this process holds, after a collection; Linux only."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """How many files and sockets this process has open; Linux only."""
    return len(os.listdir("/proc/self/fd"))


def machine(*packages: str) -> str:
    """One line for a table: processor, Python, and the versions of ``packages``."""
    cores = Path("/proc/cpuinfo").read_text().count("\nprocessor\t") + 1
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, {versions}"


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
