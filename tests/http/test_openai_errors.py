"""What goes wrong reaches OpenAI's client as the exceptions its users catch."""

import json
import threading

import openai
import pytest
from marquee_server import MODEL, PATIENCE, wait_for

STORY = [{"role": "user", "content": "Tell me a story."}]


def chat(client, **options):
    return client.chat.completions.create(**{"model": MODEL, "messages": STORY, "max_tokens": 4, **options})


def client_of(server, key):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=60 * PATIENCE)


def test_a_wrong_key(server):
    with client_of(server, "mq_" + "A" * 43) as client, pytest.raises(openai.AuthenticationError) as caught:
        chat(client)
    assert caught.value.status_code == 401 and caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"
    assert caught.value.response.headers["www-authenticate"].startswith("Bearer")


def test_a_key_without_the_scope(server):
    _, secret = server.make_key("scopes", ("admin",))
    with client_of(server, secret) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        chat(client)
    assert caught.value.status_code == 403 and "infer" in caught.value.message


def test_an_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, model="gpt-99")
    assert caught.value.code == "model_not_found" and caught.value.param == "model"
    assert "gpt-99" in caught.value.message


BAD_FIELDS = [
    ("temperature", 2.1), ("temperature", -0.1), ("temperature", "warm"), ("top_p", 0), ("top_p", 1.01),
    ("n", 0), ("n", 17), ("n", 1.5), ("max_tokens", 0), ("max_tokens", -1), ("max_tokens", "8"),
    ("max_completion_tokens", 0), ("stop", ["a", "b", "c", "d", "e"]), ("stop", ""), ("stop", [1]), ("stop", {"a": 1}),
    ("presence_penalty", 3), ("frequency_penalty", -3), ("logit_bias", {"x": 1}), ("logit_bias", {"1": 101}),
    ("logit_bias", [1]), ("logit_bias", {"99999999": 1}), ("seed", 1.5), ("seed", "7"), ("logprobs", 1),
    ("top_logprobs", 3), ("stream", "yes"), ("stream_options", {"include_usage": True}), ("messages", []),
    ("messages", "hello"), ("response_format", "json"), ("grammar", "root = 5"),
    ("tools", {"type": "function", "function": {"name": "f"}}), ("tool_choice", "perhaps"), ("user", 5),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_bad_field_is_named(client, field, value):
    with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)) as caught:
        chat(client, extra_body={field: value})
    assert caught.value.param == field
    assert field in caught.value.message
    assert caught.value.type == "invalid_request_error"


BAD_EXTRAS = [("top_k", -2), ("min_p", 1.5), ("typical_p", 0), ("repetition_penalty", 0), ("priority", "urgent"),
              ("timeout_ms", 0), ("ignore_eos", 1)]


@pytest.mark.parametrize(("field", "value"), BAD_EXTRAS)
def test_a_bad_field_of_our_own_is_named(client, field, value):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, extra_body={field: value})
    assert caught.value.param == field


def test_the_place_of_a_bad_message_is_named(client):
    messages = [*STORY, {"role": "wizard", "content": "x"}]
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, messages=messages)
    assert caught.value.param == "messages[1].role"
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://localhost/"}}]}]
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, messages=image)
    assert caught.value.param == "messages[0].content[0].type"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b'{"model": NaN}', b'{"model": 1e999}',
                                  b'{"a": ' + b"[" * 5000, b'{"a":' * 3000 + b"1" + b"}" * 3000,
                                  b'{"model": "\\ud800"}', b'{"model": "\xff\xfe"}', b'{"a": 1,}', b"{'a': 1}",
                                  b'{"a": 01}', b'{"model": "a\nb"}', b"{} {}"])
def test_what_is_not_json_is_refused(server, body):
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/tokenize", "/v1/detokenize"):
        answer = server.request("POST", path, body, headers={"Content-Type": "application/json"})
        assert answer.status in (400, 413), (path, body[:40], answer.status)
        assert answer.error["message"]


def test_a_number_too_large_for_a_double(server):
    body = b'{"model": "%s", "prompt": "a", "max_tokens": 1, "temperature": 1e999}' % MODEL.encode()
    answer = server.request("POST", "/v1/completions", body, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and answer.error["param"] == "temperature"


def test_a_prompt_longer_than_the_context(client):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, messages=[{"role": "user", "content": "lighthouse " * 9_000}])
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "messages"


def test_a_full_queue(start_server):
    server = start_server("--max-sequences", "1", "--max-queue", "2")
    statuses, waits, texts = [], [], []
    lock = threading.Lock()

    def ask():
        with client_of(server, server.key) as client:
            try:
                raw = client.chat.completions.with_raw_response.create(
                    model=MODEL, messages=STORY, max_tokens=30, extra_body={"ignore_eos": True})
                with lock:
                    statuses.append(raw.status_code)
            except openai.RateLimitError as error:
                with lock:
                    statuses.append(error.status_code)
                    waits.append(error.response.headers["retry-after"])
                    texts.append(error.message)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) >= 3, "one runs and two wait"
    assert all(1 <= int(wait) <= 600 for wait in waits)
    assert all("try again" in text for text in texts)
    with client_of(server, server.key) as client:
        assert chat(client).choices, "the queue is free again"
    assert server.metric("marquee_requests_total", outcome="rejected") == statuses.count(429)
    usage = server.request("GET", "/v1/usage").json()["total"]
    assert usage["requests"] == statuses.count(200) + 1, "what was refused is not billed"


def test_the_official_clients_own_retry_gets_through(start_server):
    server = start_server("--max-sequences", "1", "--max-queue", "1")
    answers = []

    def ask():
        with openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=20,
                           timeout=60 * PATIENCE) as client:
            answers.append(chat(client, max_tokens=10).usage.completion_tokens)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 5


def test_a_deadline(server, client):
    answer = chat(client, max_tokens=5000, extra_body={"timeout_ms": 400 * PATIENCE, "ignore_eos": True})
    assert answer.choices[0].finish_reason == "length"
    assert 0 < answer.usage.completion_tokens < 5000
    with pytest.raises(openai.APIStatusError) as caught:
        chat(client, messages=[{"role": "user", "content": "story " * 4000}], extra_body={"timeout_ms": 1})
    assert caught.value.status_code == 408 and caught.value.param == "timeout_ms"


def test_the_clients_own_timeout_ends_the_generation(server):
    before = server.metric("marquee_requests_total", outcome="cancelled")
    with openai.OpenAI(base_url=server.url + "/v1", api_key=server.key, max_retries=0, timeout=0.5 * PATIENCE) as client:
        with pytest.raises(openai.APITimeoutError):
            chat(client, max_tokens=8000, extra_body={"ignore_eos": True})
    wait_for(lambda: server.metric("marquee_requests_total", outcome="cancelled") == before + 1, 10, "the cancellation")


def test_a_body_of_another_type(server):
    body = json.dumps({"model": MODEL, "messages": STORY, "max_tokens": 1})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = server.request("POST", "/v1/chat/completions", body, headers={"Content-Type": kind})
        assert answer.status == 415, kind
    answer = server.request("POST", "/v1/chat/completions", body, headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer.status == 200
