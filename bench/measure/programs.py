"""Running other programs: to their end, or as servers on a free port."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".peers"


class Broken(Exception):
    """A program that failed, with what it said last."""


def output_of(command: list, *, stdin: str | None = None, timeout_s: float = 1800, **environment: str) -> str:
    """What the program writes to standard output. @error Broken if it fails"""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout_s,
                              env=os.environ | environment)
    except FileNotFoundError as error:
        raise Broken(f"{words[0]} is not there; run script/bench without --no-setup") from error
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{words[0]} did not end within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-12:])
        raise Broken(f"{' '.join(words)} ended with status {done.returncode}:\n{tail}")
    return done.stdout


def output_and_peak(command: list, **environment: str) -> tuple[str, float]:
    """What the program writes to standard output, and its largest resident memory in MB. @error Broken if it fails"""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(words, stdout=out, stderr=err, env=os.environ | environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, err):
            file.seek(0)
        if process.returncode != 0:
            raise Broken(f"{' '.join(words)} ended with status {process.returncode}:\n{err.read()[-2000:]}")
        return out.read(), used.ru_maxrss / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(url: str, body: dict, timeout_s: float = 300) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        return json.load(answer)


class Server:
    """A server that is waited for and, in a `with`, ended by its own process."""

    def __init__(self, command: list, port: int, health: str, log: Path, timeout_s: float = 120):
        self.url = f"http://127.0.0.1:{port}"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as sink:
            self.process = subprocess.Popen([str(word) for word in command], stdout=sink, stderr=sink)
        deadline = time.monotonic() + timeout_s
        while not self._healthy(health):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Broken(f"{command[0]} does not serve; see {log}")
            time.sleep(0.1)

    def _healthy(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
