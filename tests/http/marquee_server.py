"""A real `marquee serve` for the tests: started on a free port, ended by its process id."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "marquee"
TEST_DATA = Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data"))
MODEL = "smollm2-135m-instruct"

SANITIZED = bool(os.environ.get("MARQUEE_SANITIZED"))
# What a sanitizer's checks may cost, for limits that are not about speed.
PATIENCE = 10 if SANITIZED else 1


def make_data_folder(folder: Path) -> Path:
    """A data folder that holds the test model and nothing else."""
    source = TEST_DATA / "models" / MODEL
    assert source.is_dir(), f"{TEST_DATA} has no {MODEL}: run script/setup --data {TEST_DATA}"
    (folder / "models").mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    try:
        shutil.copytree(source, folder / "models" / MODEL, copy_function=os.link)
    except OSError:  # another file system
        shutil.copytree(source, folder / "models" / MODEL, dirs_exist_ok=True)
    return folder


class Answer:
    """A whole HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json()["error"]


class Server:
    """One run of `marquee serve`. The key is the data folder's first admin key."""

    def __init__(self, data: Path, *arguments: str, wait: bool = True):
        self.data = data
        self.tls = "--tls-certificate" in arguments
        self.log_path = data.parent / f"{data.name}.log"
        self.log = open(self.log_path, "ab")
        command = [BINARY, "serve", "--port", "0", "--data", data, "--threads", "2", "--kv-memory", "512MiB",
                   "--packed-cache", "0", "--log-level", "info", *arguments]
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log)
        self.port = self._wait_for_port()
        self.key = (data / "admin.key").read_text().strip()
        if wait:
            self.wait_until_ready()

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("the server ended at start:\n" + self.log_path.read_text())
            try:
                note = json.loads((self.data / "server.json").read_text())
                if note["pid"] == self.process.pid:
                    return int(note["url"].rsplit(":", 1)[1])
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(0.02)
        raise AssertionError("the server does not listen:\n" + self.log_path.read_text())

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60 * PATIENCE
        while self.request("GET", "/readyz", key=None).status != 200:
            assert self.process.poll() is None, self.log_path.read_text()
            assert time.monotonic() < deadline, "the server is not ready:\n" + self.log_path.read_text()
            time.sleep(0.05)

    def connect(self, timeout: float | None = None) -> http.client.HTTPConnection:
        timeout = timeout or 60 * PATIENCE
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                               context=ssl._create_unverified_context())
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def socket(self, timeout: float | None = None) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout or 30 * PATIENCE)

    def request(self, method: str, path: str, body=None, *, key: str | None = "", headers: dict | None = None,
                connection: http.client.HTTPConnection | None = None) -> Answer:
        """@param key "" for the server's admin key, None for no key"""
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = "Bearer " + (key or self.key)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        own = connection or self.connect()
        try:
            own.request(method, path, body, sent)
            response = own.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()},
                          response.read())
        finally:
            if connection is None:
                own.close()

    def make_key(self, tenant: str, scopes: tuple[str, ...] = ("infer",)) -> tuple[str, str]:
        """@return the key's id and its secret"""
        answer = self.request("POST", "/v1/keys", {"tenant": tenant, "scopes": list(scopes)})
        assert answer.status == 201, answer.body
        created = answer.json()
        return created["id"], created["secret"]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        from prometheus_text import parse_metrics

        families = parse_metrics(self.request("GET", "/metrics").body.decode())
        return sum(sample.value for family in families.values() for sample in family.samples
                   if sample.name == name and labels.items() <= sample.labels.items())

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """Ends the server in order; a crash, or a leak that a sanitizer reports, fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(45 * PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log.close()
        assert status == 0, f"the server ended with status {status}:\n{self.log_path.read_text()[-8000:]}"


def wait_for(condition, timeout: float = 10, what: str = "it"):
    """Polls until `condition()` is true and returns what it gave."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout * PATIENCE} s"
        time.sleep(0.02)
