"""kill -9 at any moment loses no usage row that a client saw answered, and doubles none.

A real server answers real clients; it is killed at a random moment, again and again on the same data folder. After each
kill the database is read by SQLite itself: it must be intact, and hold exactly one row for every answer that a client
received whole. MARQUEE_KILLS sets the number of kills of the long run (1,000 unless told).
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "marquee"
MODEL = "smollm2-135m-instruct"
CLIENTS = 6


def find_test_data() -> Path:
    data = Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data"))
    assert (data / "models" / MODEL).is_dir(), f"{data} has no {MODEL}: run script/setup --data {data}"
    return data


class Server:
    """One run of `marquee serve` on a data folder; ended by SIGKILL."""

    def __init__(self, data: Path):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--port", "0", "--data", data, "--log-level", "warning", "--threads", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.started = time.monotonic()
        self.port = self._wait_for_port(data)

    def _wait_for_port(self, data: Path) -> int:
        while time.monotonic() - self.started < 60:
            if self.process.poll() is not None:
                raise AssertionError("the server ended at start: " + self.process.stdout.read())
            try:
                state = json.loads((data / "server.json").read_text())
                if state["pid"] == self.process.pid:
                    port = int(re.search(r":(\d+)", state["url"].removeprefix("http://").removeprefix("https://"))[1])
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                    connection.request("GET", "/readyz")
                    if connection.getresponse().status == 200:
                        return port
            except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
                pass
            time.sleep(0.01)
        raise AssertionError("the server was not ready within 60 s")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def complete_request(connection: http.client.HTTPConnection, key: str, rng: random.Random) -> str | None:
    """Sends one completion and reads its answer to the end. Returns the request id if all of it arrived."""
    stream = rng.random() < 0.5
    body = {"model": MODEL, "prompt": "Once", "max_tokens": rng.randint(1, 3), "stream": stream, "ignore_eos": True}
    connection.request("POST", "/v1/completions", json.dumps(body),
                       {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        return None
    if stream and not answer.rstrip().endswith(b"data: [DONE]"):
        return None
    if not stream:
        json.loads(answer)
    return response.headers["x-request-id"]


def client_loop(port: int, key: str, seed: int, acknowledged: list[str], first: threading.Event) -> None:
    rng = random.Random(seed)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while True:
            request_id = complete_request(connection, key, rng)
            if request_id:
                acknowledged.append(request_id)
                first.set()
    except (OSError, http.client.HTTPException, ValueError):
        return


def check_database(data: Path, acknowledged: set[str]) -> int:
    with sqlite3.connect(data / "marquee.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = [row[0] for row in database.execute("SELECT request_id FROM usage")]
    database.close()
    assert len(rows) == len(set(rows)), "a usage row is doubled"
    lost = acknowledged - set(rows)
    assert not lost, f"{len(lost)} acknowledged usage rows are lost: {sorted(lost)[:3]}"
    return len(rows)


def run_kills(tmp_path: Path, kills: int, seed: int) -> None:
    source, data = find_test_data(), tmp_path / "data"
    (data / "models").mkdir(parents=True, mode=0o700)
    shutil.copytree(source / "models" / MODEL, data / "models" / MODEL, copy_function=os.link
                    if os.stat(source).st_dev == os.stat(data).st_dev else shutil.copy2)
    rng = random.Random(seed)
    acknowledged: set[str] = set()
    ready_s = []
    for kill in range(kills):
        server = Server(data)
        ready_s.append(time.monotonic() - server.started)
        key = (data / "admin.key").read_text().strip()
        answered: list[str] = []
        first = threading.Event()
        clients = [threading.Thread(target=client_loop, args=(server.port, key, rng.random(), answered, first))
                   for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        assert first.wait(30), "no request was answered"
        time.sleep(rng.uniform(0, 0.3))
        server.kill()
        for client in clients:
            client.join()
        acknowledged.update(answered)
        rows = check_database(data, acknowledged)
        if kill % 50 == 49 or kill == kills - 1:
            print(f"{kill + 1} kills: {len(acknowledged)} acknowledged, {rows} rows, none lost or doubled; "
                  f"ready after {sorted(ready_s)[len(ready_s) // 2]:.2f} s (median), {max(ready_s):.2f} s (most)",
                  flush=True)
    assert len(acknowledged) > kills


def test_a_few_kills(tmp_path):
    run_kills(tmp_path, kills=12, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_many_kills(tmp_path, capsys):
    with capsys.disabled():
        run_kills(tmp_path, kills=int(os.environ.get("MARQUEE_KILLS", "1000")), seed=2)
