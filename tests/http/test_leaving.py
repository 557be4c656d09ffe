"""SIGTERM, the second signal, and where a server may listen."""

import json
import signal
import subprocess
import threading
import time

from marquee_server import BINARY, MODEL, PATIENCE, make_data_folder, wait_for


def start_stream(server, tokens: int):
    connection = server.connect()
    # One letter again and again: each token is an event of its own.
    body = {"model": MODEL, "prompt": "Once", "max_tokens": tokens, "stream": True, "ignore_eos": True,
            "logit_bias": {"64": 100}}
    connection.request("POST", "/v1/completions", json.dumps(body),
                       {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
    response = connection.getresponse()
    response.readline()
    return connection, response


def test_running_streams_finish_and_nothing_new_is_taken(start_server):
    server = start_server()
    idle = server.connect()
    server.request("GET", "/healthz", connection=idle)
    streams = [start_stream(server, 150) for _ in range(3)]
    texts = [b""] * 3

    def read(index):
        texts[index] = streams[index][1].read()

    readers = [threading.Thread(target=read, args=(index,)) for index in range(3)]
    for reader in readers:
        reader.start()
    server.process.send_signal(signal.SIGTERM)
    ready = wait_for(lambda: (answer := server.request("GET", "/readyz", key=None)).status == 503 and answer)
    assert "retry-after" in ready.headers and ready.headers["connection"] == "close"
    assert server.request("GET", "/healthz", key=None).status == 200, "it lives"
    refused = server.request("POST", "/v1/completions", {"model": MODEL, "prompt": "x", "max_tokens": 1})
    assert refused.status == 503 and refused.error["message"] and "retry-after" in refused.headers
    assert server.request("GET", "/metrics").status == 200, "and can be watched"
    for reader in readers:
        reader.join(60 * PATIENCE)
    assert all(text.endswith(b"data: [DONE]\n\n") and text.count(b"data: ") >= 150 for text in texts)
    assert server.process.wait(20 * PATIENCE) == 0


def test_a_second_signal_leaves_at_once(start_server):
    server = start_server()
    connection, response = start_stream(server, 8000)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: server.request("GET", "/readyz", key=None).status == 503)
    sent = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    status = server.process.wait(10 * PATIENCE)
    took = time.monotonic() - sent
    print(f"the second signal took {took:.2f} s")
    assert status == 130 and took < 2.5 * PATIENCE
    connection.close()
    server.stop = lambda: None


def test_signals_that_come_to_the_very_end_do_no_harm(start_server):
    for _ in range(4):
        server = start_server()
        while server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.0005)
        assert server.process.returncode in (0, 130), server.log_path.read_text()[-2000:]
        server.stop = lambda: None


def test_after_the_drain_time_running_requests_are_cut(start_server):
    server = start_server("--drain-timeout", "1")
    connection, response = start_stream(server, 8000)
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(20 * PATIENCE) == 0
    connection.close()
    # What it had used is on the bill.
    report = subprocess.run([BINARY, "usage", "--data", server.data, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(report.stdout)["total"]["requests"] == 1


def test_an_idle_server_leaves_at_once(start_server):
    server = start_server()
    idle = [server.connect() for _ in range(3)]
    for connection in idle:
        server.request("GET", "/healthz", connection=connection)
    sent = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10 * PATIENCE) == 0
    assert time.monotonic() - sent < 3 * PATIENCE
    for connection in idle:
        connection.close()


def test_plain_http_beyond_this_machine_must_be_wanted(tmp_path):
    data = make_data_folder(tmp_path / "data")
    for address in ("0.0.0.0", "::", "192.0.2.1"):
        refused = subprocess.run([BINARY, "serve", "--host", address, "--port", "0", "--data", data],
                                 capture_output=True, text=True, timeout=60 * PATIENCE)
        assert refused.returncode == 2, refused.stderr
        assert "--insecure-http" in refused.stderr and "tls" in refused.stderr.lower()
    assert not (data / "admin.key").exists(), "nothing was begun"


def test_two_servers_do_not_share_a_folder(start_server):
    server = start_server()
    second = subprocess.run([BINARY, "serve", "--port", "0", "--data", server.data], capture_output=True, text=True,
                            timeout=60 * PATIENCE)
    assert second.returncode != 0 and "in use" in second.stderr
