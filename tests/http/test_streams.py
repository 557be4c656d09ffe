"""Many streams at once, clients that leave, that read slowly, or that must not wait for each other."""

import asyncio
import http.client
import json
import socket
import threading
import time

import openai
from marquee_server import MODEL, PATIENCE, SANITIZED, wait_for

STORY = [{"role": "user", "content": "Tell me a story."}]


def completion_body(**options):
    return {"model": MODEL, "prompt": "Once upon a time", "max_tokens": 8000, "ignore_eos": True, **options}


def send_request(server, body) -> socket.socket:
    payload = json.dumps(body).encode()
    connection = server.socket()
    connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
                       b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)
    return connection


def usage_total(server, key_id=None):
    return server.request("GET", "/v1/usage" + (f"?key={key_id}" if key_id else "")).json()["total"]


def test_32_streams_at_once(server):
    async def one(client, number):
        text, finish, usage = "", None, None
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"Story number {number}."}], max_tokens=12, seed=number,
            stream=True, stream_options={"include_usage": True}, extra_body={"ignore_eos": True})
        async for chunk in stream:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
            usage = chunk.usage or usage
        return text, finish, usage.completion_tokens

    async def all_of_them(count):
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0,
                                      timeout=120 * PATIENCE) as client:
            return await asyncio.gather(*(one(client, number) for number in range(count)))

    together = asyncio.run(all_of_them(32))
    assert [finish for _, finish, _ in together] == ["length"] * 32
    assert [tokens for _, _, tokens in together] == [12] * 32

    async def alone():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0,
                                      timeout=60 * PATIENCE) as client:
            return [await one(client, number) for number in (0, 13, 31)]

    assert asyncio.run(alone()) == [together[0], together[13], together[31]], "the seed's text depends on the company"


def test_a_connection_is_kept(server):
    connection = server.connect()
    server.request("GET", "/healthz", connection=connection)
    local = connection.sock.getsockname()
    for path in ("/v1/models", "/v1/no-such-route", "/v1/models/none", "/metrics"):
        server.request("GET", path, connection=connection)
    streamed = server.request("POST", "/v1/completions", completion_body(max_tokens=3, stream=True), connection=connection)
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    for body in (b"{", b"[1]"):
        answer = server.request("POST", "/v1/completions", body, connection=connection)
        assert answer.status == 400
    assert server.request("GET", "/healthz", connection=connection).status == 200
    assert connection.sock.getsockname() == local
    connection.close()


def leave(server, stream: bool) -> dict:
    key_id, secret = server.make_key("leavers")
    cancelled = server.metric("marquee_requests_total", outcome="cancelled", tenant="leavers")
    connection = server.connect()
    connection.request("POST", "/v1/completions", json.dumps(completion_body(stream=stream)),
                       {"Authorization": "Bearer " + secret, "Content-Type": "application/json"})
    if stream:
        response = connection.getresponse()
        for _ in range(6):
            response.readline()
    else:
        wait_for(lambda: server.metric("marquee_running_sequences") > 0, 10, "the generation's start")
        time.sleep(0.3)
    connection.sock.shutdown(socket.SHUT_RDWR)
    left = time.monotonic()
    connection.close()
    wait_for(lambda: server.metric("marquee_requests_total", outcome="cancelled", tenant="leavers") == cancelled + 1, 5)
    assert time.monotonic() - left < 1 * PATIENCE
    total = wait_for(lambda: (usage := usage_total(server, key_id))["requests"] == 1 and usage, 5, "the bill")
    time.sleep(0.3)
    assert usage_total(server, key_id) == total, "it is computed on"
    assert server.metric("marquee_running_sequences") == 0
    return total


def test_the_generation_ends_when_a_streams_reader_leaves(server):
    total = leave(server, stream=True)
    assert 1 <= total["tokens_out"] < 200 and total["tokens_in"] == 4


def test_the_generation_ends_when_the_client_of_a_whole_answer_leaves(server):
    total = leave(server, stream=False)
    assert 1 <= total["tokens_out"] < 400 and total["tokens_in"] == 4


def test_leaving_while_waiting_in_the_queue(start_server):
    server = start_server("--max-sequences", "1")
    first = send_request(server, completion_body(stream=True))
    wait_for(lambda: server.metric("marquee_running_sequences") == 1)
    second = send_request(server, completion_body())
    wait_for(lambda: server.metric("marquee_waiting_requests") == 1)
    second.close()
    wait_for(lambda: server.metric("marquee_waiting_requests") == 0, 2, "leaving the queue")
    assert server.metric("marquee_running_sequences") == 1, "the other one goes on"
    first.close()
    wait_for(lambda: server.metric("marquee_running_sequences") == 0, 5)
    total = wait_for(lambda: (usage := usage_total(server))["requests"] == 2 and usage)
    assert total["tokens_in"] <= 8


def start_slow_reader(server, **options) -> socket.socket:
    """Asks for a large stream and reads none of it; the kernel takes little for it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60 * PATIENCE)
    connection.connect(("127.0.0.1", server.port))
    payload = json.dumps(completion_body(stream=True, n=16, logprobs=20, **options)).encode()
    connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
                       b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)
    return connection


def read_to_the_end(connection: socket.socket) -> bytes:
    text = b""
    while not text.endswith(b"0\r\n\r\n"):
        piece = connection.recv(65536)
        assert piece, "the stream broke off"
        text += piece
    return text


def test_a_reader_that_stops_reading_is_bounded_and_does_not_stop_others(start_server):
    server = start_server("--write-timeout", "600")
    before = server.resident_bytes()
    tokens = 40 if SANITIZED else 120
    slow = [start_slow_reader(server, max_tokens=tokens) for _ in range(2)]

    def steps():
        return server.metric("marquee_step_seconds_count")

    def stalled():  # computing has stopped because nobody reads
        first = steps()
        time.sleep(1)
        return first > 0 and steps() == first

    wait_for(stalled, 60, "the slow readers' stall")
    assert steps() < tokens, "everything was computed although nobody read"
    if not SANITIZED:  # measured: 17 to 20 MiB for the engine's own memory and both readers
        assert server.resident_bytes() - before < 48 * 1024 * 1024
    answer = server.request("POST", "/v1/completions", completion_body(max_tokens=5))
    assert answer.status == 200, "others are served meanwhile"
    # Now they read on: the answers are whole.
    texts = []
    readers = [threading.Thread(target=lambda one=one: texts.append(read_to_the_end(one))) for one in slow]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(120 * PATIENCE)
    assert len(texts) == 2 and all(b"data: [DONE]" in text for text in texts)
    if not SANITIZED:
        assert all(len(text) > 3 * 256 * 1024 for text in texts), "too small to prove that the stream waited"
    assert usage_total(server)["tokens_out"] == 2 * 16 * tokens + 5
    for connection in slow:
        connection.close()


def test_a_reader_that_never_reads_is_cut_off(start_server):
    server = start_server("--write-timeout", "1")
    connection = start_slow_reader(server, max_tokens=2000)
    wait_for(lambda: server.metric("marquee_requests_total", outcome="cancelled") == 1, 60, "the cut")
    assert usage_total(server)["requests"] == 1
    connection.close()


def test_a_long_prompt_does_not_stall_a_running_stream(server):
    times = []
    started, done = threading.Event(), threading.Event()

    def run_stream():
        connection = server.connect()
        # One letter again and again: every token is text at once. Of free text the server may hold a token back, when it
        # is part of a character or has no text.
        body = completion_body(stream=True, max_tokens=4000, logit_bias={"64": 100})
        connection.request("POST", "/v1/completions", json.dumps(body),
                           {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
        response = connection.getresponse()
        while not done.is_set():
            if response.readline().startswith(b"data: "):
                times.append(time.monotonic())
                if len(times) == 10:
                    started.set()
        connection.close()

    stream = threading.Thread(target=run_stream)
    stream.start()
    assert started.wait(60 * PATIENCE)
    begun = time.monotonic()
    answer = server.request("POST", "/v1/completions", completion_body(prompt="lighthouse " * 1_600, max_tokens=1))
    ended = time.monotonic()
    done.set()
    stream.join()
    assert answer.status == 200 and answer.json()["usage"]["prompt_tokens"] >= 1_600
    during = [time_ for time_ in times if begun <= time_ <= ended]
    gaps = [later - earlier for earlier, later in zip([begun, *during], [*during, ended], strict=True)]
    print(f"prompt {ended - begun:.2f} s, {len(during)} tokens meanwhile, longest gap {max(gaps):.3f} s")
    # 1,600 tokens are 7 chunks of 256: the stream gets a token after each, so no gap is near the prompt's whole time.
    assert len(during) >= 5
    assert max(gaps) < (ended - begun) / 3


def test_half_a_close_is_leaving(server):
    # A client that shuts its sending side while a generation runs has left, as HTTP servers commonly take it.
    connection = send_request(server, completion_body(stream=True))
    connection.recv(100)
    cancelled = server.metric("marquee_requests_total", outcome="cancelled")
    connection.shutdown(socket.SHUT_WR)
    wait_for(lambda: server.metric("marquee_requests_total", outcome="cancelled") == cancelled + 1, 5)
    connection.close()


def test_a_stream_over_http_1_0_ends_with_the_connection(server):
    payload = json.dumps(completion_body(stream=True, max_tokens=3)).encode()
    with server.socket() as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.0\r\nAuthorization: Bearer " + server.key.encode() +
                           b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.getheader("transfer-encoding") is None
        assert response.getheader("connection") == "close"
        assert response.read().endswith(b"data: [DONE]\n\n")
