"""Whether anything else uses the machine: engines that wait for each other at barriers suffer far more from it than
others do, so ratios of a busy machine say nothing."""

import time
from pathlib import Path

MOST = 0.1  # of all CPUs


def _times() -> tuple[int, int]:
    """Clock ticks of all CPUs since start: all, and idle (waiting for disks included)."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def busy_share(seconds: float = 2.0) -> float:
    """The part of all CPUs' time that goes to others (hosts that share the cores included) while this program sleeps."""
    all_before, idle_before = _times()
    time.sleep(seconds)
    all_after, idle_after = _times()
    passed = all_after - all_before
    return 1 - (idle_after - idle_before) / passed if passed else 0.0
