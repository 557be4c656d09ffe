"""Raw bytes: what no well-behaved client sends, and what every limit does."""

import http.client
import json
import socket
import subprocess
import time

import pytest
from marquee_server import MODEL, PATIENCE, wait_for

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


def talk(server, payload: bytes, *, half_close: bool = True) -> list[http.client.HTTPResponse]:
    """Sends bytes and reads answers until the server closes.

    @param half_close says that no more will come; to a stream it says that the client has left
    """
    received = b""
    with server.socket(30 * PATIENCE) as connection:
        try:
            connection.sendall(payload)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # closed while there was more to read: what was answered before is here
    return parse_answers(received)


class Replay:
    def __init__(self, data: bytes):
        import io
        self.file = io.BytesIO(data)

    def makefile(self, *_):
        return self.file


def parse_answers(received: bytes) -> list[http.client.HTTPResponse]:
    answers, source = [], Replay(received)
    source.file.close = lambda: None
    while source.file.tell() < len(received):
        answer = http.client.HTTPResponse(source, method="GET")
        answer.begin()
        answer.content = answer.read()
        answers.append(answer)
    return answers


def statuses(server, payload: bytes) -> list[int]:
    return [answer.status for answer in talk(server, payload)]


MALFORMED = {
    "content-length and chunked": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "content-length 0 and chunked": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and content-length": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "the same length twice": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}",
    "a signed length": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
    "a length in hex": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\n{}",
    "a length beyond 64 bits": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "chunked not last": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "identity": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "chunked twice": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked with a tail": b"POST /v1/tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /v1/tokenize HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "one bare LF": b"GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare CR": b"GET /healthz HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a folded line": b"GET /healthz HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "no colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nNonsense\r\n\r\n",
    "an empty name": b"GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a NUL": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a NUL in the path": b"GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "an empty host": b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "a host with a path": b"GET /healthz HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "a host with a user": b"GET /healthz HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
    "a host with spaces": b"GET /healthz HTTP/1.1\r\nHost: local host\r\n\r\n",
    "a port that is none": b"GET /healthz HTTP/1.1\r\nHost: localhost:abc\r\n\r\n",
    "an unclosed bracket": b"GET /healthz HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "no version": b"GET /healthz\r\nHost: a\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path without a slash": b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the path": b"GET /health z HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a byte above ASCII in the path": b"GET /health\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no method": b" /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_and_the_connection_closed(server, name):
    # What follows the fault must never be taken for a request of its own (smuggling).
    answers = talk(server, MALFORMED[name] + GET + b"\r\n")
    assert len(answers) == 1, f"{len(answers)} answers"
    assert answers[0].status in (400, 505), answers[0].status
    assert answers[0].getheader("connection") == "close"
    assert json.loads(answers[0].content)["error"]["message"]


@pytest.mark.parametrize("chunks", [b"x\r\n", b"-1\r\n", b"5\r\nabc", b"ffffffffffffffffff\r\n", b"2\r\n{}X\r\n0\r\n\r\n",
                                    b"2\n{}\n0\n\n", b"2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n"])
def test_malformed_chunks(server, chunks):
    head = b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode()
    payload = head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with server.socket() as connection:
        connection.sendall(payload)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    answers = parse_answers(received)
    assert [answer.status for answer in answers] in ([400], []), answers[0].status


def test_a_chunked_body(server):
    body = json.dumps({"model": MODEL, "prompt": "Once upon"}).encode()
    chunks = b"".join(b"%x;name=value\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\nX-Trailer: 1\r\n\r\n"
    payload = (b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
               b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + GET + b"\r\n")
    answers = talk(server, payload)
    assert [answer.status for answer in answers] == [200, 200]
    assert json.loads(answers[0].content)["count"] == 2


def test_byte_by_byte(server):
    body = json.dumps({"model": MODEL, "prompt": "Once upon"}).encode()
    payload = (b"\r\nPOST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
               b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    with server.socket() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in payload:
            connection.sendall(bytes([byte]))
            time.sleep(0.0005)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200 and json.loads(response.read())["count"] == 2


def test_pipelined_requests_are_answered_in_order(server):
    requests = b""
    for i in range(40):
        path = b"/healthz" if i % 2 else b"/readyz"
        requests += b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = talk(server, requests)
    assert [json.loads(answer.content)["status"] for answer in answers] == ["ready", "ok"] * 20


def test_a_request_behind_a_stream(server):
    body = json.dumps({"model": MODEL, "prompt": "Once", "max_tokens": 3, "stream": True}).encode()
    payload = (b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
               b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body + GET + b"Connection: close\r\n\r\n")
    answers = talk(server, payload, half_close=False)
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].content.endswith(b"data: [DONE]\n\n") and answers[1].content == b'{"status":"ok"}'


def test_head_options_and_methods(server):
    head = server.request("HEAD", "/v1/models")
    assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 20
    options = server.request("OPTIONS", "/v1/models", key=None)
    assert options.status == 204 and options.headers["allow"] == "GET, HEAD, OPTIONS"
    assert "access-control-allow-origin" not in options.headers, "no other site's page may call"
    for method, path, allowed in (("DELETE", "/v1/models", "GET, HEAD, OPTIONS"), ("GET", "/v1/tokenize", "POST, OPTIONS"),
                                  ("PUT", "/v1/keys", "GET, HEAD, POST, OPTIONS"), ("TRACE", "/healthz", "GET, HEAD, OPTIONS"),
                                  ("BREW", "/healthz", "GET, HEAD, OPTIONS"), ("PATCH", "/v1/keys/x", "DELETE, OPTIONS")):
        answer = server.request(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed), (method, path)
    assert statuses(server, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n") == [204]


def test_http_1_0(server):
    answers = talk(server, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert [answer.status for answer in answers] == [200] and answers[0].getheader("connection") == "close"
    kept = talk(server, b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    assert [answer.getheader("connection") for answer in kept] == ["keep-alive"] * 2
    assert statuses(server, b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n") == [505]


def test_expect_100_continue(server):
    body = json.dumps({"model": MODEL, "prompt": "Once upon"}).encode()
    head = b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n" % len(body)
    with server.socket() as connection:
        connection.sendall(head + b"Authorization: Bearer " + server.key.encode() + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    with server.socket() as connection:  # refused before the body is asked for
        connection.sendall(head + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401")
    assert statuses(server, GET + b"Expect: miracles\r\n\r\n") == [417]


@pytest.mark.parametrize(("host", "status"), [
    (b"localhost", 200), (b"LOCALHOST:8080", 200), (b"127.0.0.1", 200), (b"[::1]:80", 200), (b"evil.example", 421),
    (b"localhost.evil.example", 421), (b"127.0.0.1.evil.example", 421), (b"192.168.0.1", 421), (b"[::2]", 421)])
def test_only_this_machines_names_are_answered_on_loopback(server, host, status):
    # DNS rebinding: a page of evil.example whose name now points here must not reach this server.
    assert statuses(server, b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") == [status]
    assert statuses(server, b"GET http://" + host + b"/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == [status]


def test_more_names_can_be_allowed(start_server):
    server = start_server("--allowed-hosts", "marquee.example")
    assert statuses(server, b"GET /healthz HTTP/1.1\r\nHost: Marquee.Example:443\r\n\r\n") == [200]
    assert statuses(server, b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n") == [421]


def test_sizes(server):
    assert statuses(server, GET + b"X: " + b"a" * 15_000 + b"\r\n\r\n") == [200]
    assert statuses(server, GET + b"X: " + b"a" * 17_000 + b"\r\n\r\n") == [431]
    assert statuses(server, GET + b"X: " + b"a" * 1_000_000) == [431], "refused before its end"
    assert statuses(server, GET + b"X: 1\r\n" * 150 + b"\r\n") == [431]
    assert statuses(server, b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") == [414]
    assert statuses(server, b"GET /" + b"a" * 1_000_000) == [414]
    assert statuses(server, b"GET /healthz?" + b"a=1&" * 900 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") == [400]
    assert statuses(server, b"GET /v1/models/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n") == [404]


def test_bodies_over_the_cap(start_server):
    server = start_server("--max-body", "64KiB")
    head = b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() + b"\r\n"
    assert statuses(server, head + b"Content-Length: 70000\r\n\r\n") == [413], "refused before it is sent"
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert statuses(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n") == [413]
    assert statuses(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n") == [400], "read, and not JSON"
    assert statuses(server, GET + b"Content-Length: 100000\r\n\r\n") == [413], "a body that the route has no use for"
    assert statuses(server, GET + b"Content-Length: 4\r\n\r\nabcd" + GET + b"\r\n") == [200, 200]


def test_a_client_that_announces_much_takes_nothing_from_others(start_server):
    server = start_server("--max-bodies", "16MiB")
    head = b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() + b"\r\n"
    idle = [server.socket() for _ in range(20)]
    for connection in idle:
        connection.sendall(head + b"Content-Length: 16000000\r\n\r\n")
    time.sleep(0.3)
    answer = server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": "a " * 100_000})
    assert answer.status == 200
    # What has really come counts: the bodies together stay below the cap, and the one too many is told to wait.
    answers = []
    for connection in idle[:3]:
        try:
            connection.sendall(b" " * 7_000_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
    time.sleep(0.5 * PATIENCE)
    for connection in idle[:3]:
        connection.settimeout(0.5)
        try:
            answers.append(connection.recv(2000)[:12])
        except TimeoutError:
            answers.append(b"")
    assert answers.count(b"HTTP/1.1 503") == 1, answers
    for connection in idle:
        connection.close()
    wait_for(lambda: server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": "a"}).status == 200)


def test_times(start_server):
    server = start_server("--header-timeout", "1", "--body-timeout", "2", "--idle-timeout", "2")
    began = time.monotonic()
    with server.socket() as connection:  # slowloris: a byte now and then does not buy time
        connection.sendall(GET)
        try:
            for _ in range(40):
                time.sleep(0.1)
                connection.sendall(b"X: a\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        elapsed = time.monotonic() - began
    assert 0.9 < elapsed < 3 * PATIENCE
    with server.socket() as connection:  # and is told why
        connection.sendall(GET)
        assert connection.recv(2000).startswith(b"HTTP/1.1 408")
    with server.socket() as connection:  # nothing at all: closed without a word
        assert connection.recv(2000) == b""
    with server.socket() as connection:
        connection.sendall(b"POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
                           b"\r\nContent-Length: 100\r\n\r\nabc")
        assert connection.recv(2000).startswith(b"HTTP/1.1 408")
    with server.socket() as connection:
        connection.sendall(GET + b"\r\n")
        assert connection.recv(2000).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert connection.recv(2000) == b""
        assert 1.5 < time.monotonic() - began < 6 * PATIENCE, "an idle connection is closed"


def test_connections(start_server):
    server = start_server("--max-connections", "8")
    held = [server.socket() for _ in range(8)]
    wait_for(lambda: b"HTTP/1.1 503" in refused(server), 5, "the refusal")
    for connection in held:
        connection.close()
    wait_for(lambda: server.request("GET", "/healthz", key=None).status == 200, 5, "a free place")


def refused(server) -> bytes:
    with server.socket() as connection:
        connection.settimeout(0.5)
        try:
            return connection.recv(2000)
        except (TimeoutError, ConnectionResetError):
            return b""


def test_many_idle_connections_cost_little(start_server):
    server = start_server("--max-connections", "1000")
    server.request("GET", "/healthz")
    before = server.resident_bytes()
    held = [server.socket() for _ in range(800)]
    wait_for(lambda: server.metric("marquee_http_connections") >= 800)
    cost = server.resident_bytes() - before
    print(f"{cost / 800 / 1024:.1f} KiB for an idle connection")
    assert server.request("GET", "/healthz").status == 200
    if PATIENCE == 1:
        assert cost < 800 * 32 * 1024
    for connection in held:
        connection.close()


def test_security_headers(server):
    for path in ("/healthz", "/v1/models", "/nothing", "/docs"):
        headers = server.request("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "content-security-policy" in headers
        assert "server" not in headers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    (folder / "key.pem").chmod(0o600)
    return folder


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls(start_server, certificate):
    import ssl

    import httpx
    import openai

    server = start_server("--tls-certificate", certificate / "certificate.pem", "--tls-key", certificate / "key.pem",
                          "--header-timeout", "2")
    context = ssl.create_default_context(cafile=certificate / "certificate.pem")
    with httpx.Client(verify=context) as session:
        assert session.get(f"https://127.0.0.1:{server.port}/healthz").json() == {"status": "ok"}
        body = {"model": MODEL, "prompt": "Once upon", "max_tokens": 5, "stream": True}
        headers = {"Authorization": "Bearer " + server.key}
        with session.stream("POST", f"https://localhost:{server.port}/v1/completions", json=body, headers=headers) as stream:
            lines = [line for line in stream.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"
        big = session.post(f"https://localhost:{server.port}/v1/tokenize", headers=headers,
                           json={"model": MODEL, "prompt": "story " * 100_000})
        assert big.json()["count"] == 100_001
    with pytest.raises(openai.APIConnectionError):  # its certificate store does not know ours
        openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0).models.list()
    for version, accepted in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with context.wrap_socket(server.socket(), server_hostname="localhost") as connection:
                connection.sendall(GET + b"Connection: close\r\n\r\n")
                assert connection.recv(2000).startswith(b"HTTP/1.1 200")
                assert accepted, version
        except ssl.SSLError:
            assert not accepted, version
    with server.socket() as plain:  # speaking HTTP to it: closed, never answered in the clear
        plain.sendall(GET + b"\r\n")
        assert not plain.recv(2000).startswith(b"HTTP/")
    with server.socket() as silent:  # a handshake that never comes
        began = time.monotonic()
        assert silent.recv(2000) == b""
        assert time.monotonic() - began < 5 * PATIENCE


def test_the_generation_ends_when_a_tls_client_leaves(start_server, certificate):
    import ssl

    server = start_server("--tls-certificate", certificate / "certificate.pem", "--tls-key", certificate / "key.pem")
    body = json.dumps({"model": MODEL, "prompt": "Once", "max_tokens": 8000, "stream": True, "ignore_eos": True}).encode()
    context = ssl._create_unverified_context()
    for unclean in (False, True):
        connection = context.wrap_socket(server.socket(), server_hostname="localhost")
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                           server.key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(2000).startswith(b"HTTP/1.1 200")
        wait_for(lambda: server.metric("marquee_running_sequences") == 1)
        if unclean:
            connection.close()
        else:
            connection.settimeout(0.2)
            try:
                connection.unwrap()
            except (OSError, ssl.SSLError):
                pass
            connection.close()
        wait_for(lambda: server.metric("marquee_running_sequences") == 0, 5, "the generation's end")
