"""kill -9 of a process that stores files, many times: see src/platform/files_kill_test.cc, which does the work."""
import os
import pathlib
import subprocess

import pytest

BINARIES = pathlib.Path(os.environ.get("MARQUEE_BIN", "build/release/bin"))


def kill(times: int) -> str:
    done = subprocess.run([BINARIES / "platform_test", "--gtest_filter=FilesKill.*"], text=True, capture_output=True,
                          env={**os.environ, "MARQUEE_KILLS": str(times)}, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"{times} kills, " in done.stdout
    return done.stdout


def test_fifty_kills_lose_nothing():
    kill(50)


@pytest.mark.faults
def test_a_thousand_kills_lose_nothing():
    print(kill(1000))
