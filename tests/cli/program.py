"""Runs `marquee` as a person or a script would: with arguments, pipes and terminals."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

from marquee_server import BINARY, MODEL, PATIENCE, ROOT, TEST_DATA, make_data_folder  # noqa: F401

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x01")


class Program:
    """The program with a home of its own, so that nothing of the person who runs the tests is seen or touched."""

    def __init__(self, home: Path):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("MARQUEE_", "XDG_")) and name not in ("NO_COLOR", "HF_TOKEN", "HF_ENDPOINT")}
        self.environment = kept | {"HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "MARQUEE_THREADS": "2",
                                   "MARQUEE_KV_MEMORY": "256MiB",
                                   "MARQUEE_PACKED_CACHE": "0", "no_proxy": "127.0.0.1"}

    @property
    def data(self) -> Path:
        return self.home / ".local/share/marquee"

    def with_model(self) -> "Program":
        make_data_folder(self.data)
        return self

    def __call__(self, *arguments, stdin: str | bytes | None = None, status: int | None = 0, cwd: Path | None = None,
                 **environment: str) -> subprocess.CompletedProcess:
        """Runs to the end. @param status what it must exit with; None for anything"""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([BINARY, *map(str, arguments)], env=self.environment | environment, cwd=cwd or self.home,
                              input=given, stdin=subprocess.DEVNULL if given is None else None,
                              capture_output=True, timeout=120 * PATIENCE)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        shown = f"marquee {' '.join(map(str, arguments))} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Sanitizer" not in done.stderr, shown
        assert status is None or done.returncode == status, shown
        return done

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, **options).stdout)

    def start(self, *arguments, **environment: str) -> subprocess.Popen:
        return subprocess.Popen([BINARY, *map(str, arguments)], env=self.environment | environment, cwd=self.home,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Terminal:
    """The program on a terminal of its own, with a person's keyboard."""

    def __init__(self, program: Program, *arguments, columns: int = 100, **environment: str):
        self.seen = ""  # and not yet taken
        self.raw = ""   # all of it, with colours
        self.process, self.keyboard = self._start(program, arguments, columns, environment)

    @staticmethod
    def _start(program, arguments, columns, environment):
        pid, keyboard = pty.fork()
        if pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
                os.chdir(program.home)
                os.execve(BINARY, [str(BINARY), *map(str, arguments)], program.environment | environment)
            finally:
                os._exit(127)
        return pid, keyboard

    def _read(self) -> None:
        """@error OSError when the program has left"""
        text = os.read(self.keyboard, 65536).decode(errors="replace")
        self.seen += text
        self.raw += text

    def read_until(self, text: str, timeout: float = 60) -> str:
        """@return all that was shown up to `text`, without colours; it is taken"""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            plain = ESCAPES.sub("", self.seen)
            if text in plain:
                end = plain.index(text) + len(text)
                self.seen = plain[end:]
                return plain[:end]
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} was not shown; what was:\n{self.seen}"
            if select.select([self.keyboard], [], [], left)[0]:
                try:
                    self._read()
                except OSError:  # the program has left
                    assert text in ESCAPES.sub("", self.seen), f"{text!r} was not shown; what was:\n{self.seen}"

    def read_prompt(self) -> str:
        """@return all that was shown up to the prompt; from then on each key goes to the program as it is"""
        shown = self.read_until("> ")
        while termios.tcgetattr(self.keyboard)[3] & termios.ICANON:
            time.sleep(0.005)
        return shown

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def wait(self, timeout: float = 30) -> int:
        """@return the exit status, or 128 and the signal's number"""
        deadline = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.process, os.WNOHANG)
            if pid:
                self.process = 0
                return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            if select.select([self.keyboard], [], [], 0.02)[0]:
                try:
                    self._read()
                except OSError:
                    time.sleep(0.02)
        raise AssertionError(f"the program did not end; it had shown:\n{self.seen}")

    def close(self) -> None:
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.keyboard)


def copy_model(data: Path) -> Path:
    """Puts a copy of the model's own, which a test may spoil, into a data folder. @return its file"""
    folder = data / "models" / MODEL
    shutil.copytree(TEST_DATA / "models" / MODEL, folder)
    return folder / "model.gguf"
