"""How a server starts, what it prints, and why it may refuse to."""

import json
import os
import signal
import socket
import sqlite3
import stat

import pytest

from marquee_server import MODEL, Server, wait_for
from program import Terminal, copy_model


def started(program, *arguments, **environment):
    """A server's output until it is ready, and how it ended when told to. @return (output, exit status)"""
    running = program.start("serve", "--port", "0", *arguments, **environment)
    shown = ""
    for line in running.stdout:
        shown += line
        if "  stop " in line:
            break
    running.terminate()
    shown += running.communicate(timeout=600)[0]
    return shown, running.returncode


def test_the_first_start_shows_the_admin_key_once(with_model):
    shown, status = started(with_model)
    file = with_model.data / "admin.key"
    secret = file.read_text().strip()
    assert status == 0 and shown.count(secret) == 1 and str(file) in shown
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "\x1b" not in shown, "no colours where there is no terminal"
    again, status = started(with_model)
    assert status == 0 and secret not in again and file.read_text().strip() == secret
    assert not (with_model.data / "server.json").exists(), "the note goes with the server"


def test_it_starts_without_a_model_and_says_so(marquee):
    shown, status = started(marquee)
    assert status == 0 and "marquee pull" in shown


def test_a_model_asked_for_must_be_there(with_model):
    assert "did you mean" in with_model("serve", "--port", "0", "--models", "smollm2-135", status=3).stderr
    assert not (with_model.data / "admin.key").exists()


def test_a_port_in_use_is_named(marquee):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = marquee("serve", "--port", port, status=1)
        assert f"127.0.0.1 port {port}" in done.stderr and "in use" in done.stderr
        assert "--port" in marquee("doctor", "--port", port, status=1).stdout
    assert not (marquee.data / "admin.key").exists()


def test_two_servers_cannot_share_a_data_folder(marquee):
    marquee.data.mkdir(parents=True)
    server = Server(marquee.data)
    try:
        done = marquee("serve", "--port", "0", status=5)
        assert f"process {server.process.pid}" in done.stderr and "--data" in done.stderr
        assert server.url in marquee("doctor").stdout
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(marquee):
    locked = marquee.home / "locked"
    locked.mkdir(mode=0o500)
    assert str(locked) in marquee("serve", "--port", "0", "--data", locked / "data", status=1).stderr


def test_a_data_folder_that_cannot_be_seen(marquee):
    (marquee.home / "loop").symlink_to("loop")
    for arguments in (["list"], ["run", "hi"], ["usage"]):
        assert "cannot look into" in marquee(*arguments, "--data", marquee.home / "loop", status=1).stderr


def test_a_data_folder_that_is_a_file(marquee):
    file = marquee.home / "file"
    file.write_text("x")
    assert str(file) in marquee("serve", "--port", "0", "--data", file, status=1).stderr


def test_a_newer_database_is_refused(marquee):
    marquee("key", "create")
    with sqlite3.connect(marquee.data / "marquee.db") as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 99}")
    for arguments in (["serve", "--port", "0"], ["key", "list"], ["usage"]):
        done = marquee(*arguments, status=5)
        assert f"schema version {version + 99}" in done.stderr and "newer marquee" in done.stderr
    assert "newer marquee" in marquee("doctor", "--port", "0", status=1).stdout


def test_a_damaged_database_is_refused(marquee):
    marquee("key", "create")
    (marquee.data / "marquee.db").write_bytes(b"this is no database" * 500)
    done = marquee("serve", "--port", "0", status=1)
    assert "marquee.db" in done.stderr
    assert "marquee.db" in marquee("doctor", "--port", "0", status=1).stdout


def test_a_spoilt_model_does_not_keep_the_server_from_serving(marquee):
    file = copy_model(marquee.data)
    file.chmod(0o600)
    with open(file, "r+b") as model:
        model.write(b"XXXX")
    server = Server(marquee.data)
    try:
        answer = server.request("POST", "/v1/completions", {"model": MODEL, "prompt": "a", "max_tokens": 1})
        assert 400 <= answer.status < 600 and "GGUF" in answer.error["message"]
    finally:
        server.stop()
    assert "cannot be loaded" in server.log_path.read_text()


def test_a_second_signal_leaves_at_once(with_model):
    server = Server(with_model.data, "--drain-timeout", "600")
    connection = server.connect()
    body = {"model": MODEL, "prompt": "a", "max_tokens": 4000, "ignore_eos": True, "stream": True}
    connection.request("POST", "/v1/completions", json.dumps(body),
                       {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    response.read(1)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: server.request("GET", "/readyz", key=None).status == 503, what="leaving")
    assert server.process.poll() is None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 130
    connection.close()
    server.log.close()


def test_on_a_terminal_it_leaves_with_ctrl_c(with_model):
    terminal = Terminal(with_model, "serve", "--port", "0")
    shown = terminal.read_until("once more to leave at once")
    assert "Marquee serves on http://127.0.0.1:" in shown and "/docs" in shown
    terminal.read_until("loaded in")
    terminal.type("\x03")
    assert terminal.wait(60) == 0
    terminal.close()
