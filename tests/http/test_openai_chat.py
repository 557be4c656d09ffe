"""Chat completions through OpenAI's Python package."""

import math

import pytest
from marquee_server import MODEL

STORY = [{"role": "user", "content": "Tell me a story about a lighthouse."}]


def ask(client, **options):
    return client.chat.completions.create(**{"model": MODEL, "messages": STORY, "max_tokens": 8, "temperature": 0, **options})


def test_whole_answer(client):
    answer = ask(client)
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == MODEL
    assert answer.system_fingerprint.startswith("fp_")
    choice = answer.choices[0]
    assert choice.index == 0 and choice.message.role == "assistant" and choice.message.content
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.usage.prompt_tokens > 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_the_answer_ends_by_itself(client):
    answer = client.chat.completions.create(model=MODEL, temperature=0, messages=[
        {"role": "user", "content": "Say yes."}], max_tokens=400)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens < 400
    assert "<|im_end|>" not in answer.choices[0].message.content


def test_stream_says_what_the_whole_answer_says(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == []
    assert chunks[-1].usage.model_dump(exclude={"prompt_tokens_details"}) == whole.usage.model_dump(
        exclude={"prompt_tokens_details"})
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 1, "not streamed by token"


def test_stream_without_usage_has_none(client):
    chunks = list(ask(client, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_helper_that_gathers_a_stream(client):
    stop = ask(client).choices[0].message.content[6:9]  # the helper takes an answer cut by its length for an error
    with client.chat.completions.stream(model=MODEL, messages=STORY, max_tokens=8, temperature=0, stop=stop) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == ask(client, stop=stop).choices[0].message.content


def test_max_completion_tokens_wins(client):
    assert ask(client, max_tokens=9, max_completion_tokens=3).usage.completion_tokens == 3


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs(client, stream):
    options = {"logprobs": True, "top_logprobs": 3, "max_tokens": 6}
    if stream:
        chunks = list(ask(client, stream=True, **options))
        tokens = [token for chunk in chunks if chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        choice = ask(client, **options).choices[0]
        tokens, text = choice.logprobs.content, choice.message.content
    assert len(tokens) == 6
    assert b"".join(bytes(token.bytes) for token in tokens).decode() == text
    for token in tokens:
        assert -50 < token.logprob <= 0
        assert len(token.top_logprobs) == 3
        likeliest = [candidate.logprob for candidate in token.top_logprobs]
        assert likeliest == sorted(likeliest, reverse=True)
        assert token.token == token.top_logprobs[0].token, "temperature 0 takes the likeliest"
        assert token.logprob == pytest.approx(likeliest[0], abs=1e-5)
        assert sum(math.exp(logprob) for logprob in likeliest) <= 1 + 1e-6


def test_logprobs_are_absent_unless_asked_for(client):
    assert ask(client).choices[0].logprobs is None


def test_stop_strings(client):
    whole = ask(client, max_tokens=24).choices[0].message.content
    for stop in (whole[7:12], [whole[7:12]], ["never to be found", whole[7:12]]):
        stopped = ask(client, max_tokens=24, stop=stop).choices[0]
        assert stopped.message.content == whole[:whole.index(whole[7:12])]
        assert stopped.finish_reason == "stop"
    streamed = list(ask(client, max_tokens=24, stop=whole[7:12], stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == whole[:whole.index(whole[7:12])]


def test_several_answers(client):
    answer = ask(client, n=3, temperature=1, seed=5)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage.completion_tokens == 24
    streamed = {0: "", 1: "", 2: ""}
    finished = set()
    for chunk in ask(client, n=3, temperature=1, seed=5, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                finished.add(choice.index)
    assert finished == {0, 1, 2}
    assert streamed == {choice.index: choice.message.content for choice in answer.choices}


def test_the_same_seed_gives_the_same_text(client):
    first, second, other = (ask(client, temperature=1.2, seed=seed, max_tokens=16) for seed in (7, 7, 8))
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.system_fingerprint == second.system_fingerprint
    assert first.choices[0].message.content != other.choices[0].message.content
    assert ask(client, temperature=1.2, seed=-3).choices, "negative seeds are seeds too"


def test_logit_bias(client, server):
    plain = ask(client, logprobs=True, max_tokens=1).choices[0].logprobs.content[0].token
    token = server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": plain,
                                                   "add_special_tokens": False}).json()["tokens"][0]
    assert ask(client, logit_bias={str(token): -100}, max_tokens=1).choices[0].message.content != plain
    forced = server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": " moon",
                                                     "add_special_tokens": False}).json()["tokens"]
    assert ask(client, logit_bias={str(forced[0]): 100}, max_tokens=3).choices[0].message.content == " moon" * 3


def test_penalties_and_filters(client):
    repeated = ask(client, max_tokens=30, messages=[{"role": "user", "content": "Repeat: la la la la la la la"}])
    penalised = ask(client, max_tokens=30, presence_penalty=2, frequency_penalty=2,
                    messages=[{"role": "user", "content": "Repeat: la la la la la la la"}])
    assert repeated.choices[0].message.content != penalised.choices[0].message.content
    greedy = ask(client).choices[0].message.content
    for filtered in ({"top_p": 1e-6}, {"extra_body": {"top_k": 1}}, {"extra_body": {"min_p": 1.0}}):
        assert ask(client, temperature=1.5, **filtered).choices[0].message.content == greedy


def test_messages_in_parts_and_by_developers(client):
    parts = [{"role": "developer", "content": "You are brief."},
             {"role": "user", "content": [{"type": "text", "text": "Tell me"}, {"type": "text", "text": "a story."}]}]
    joined = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Tell me\na story."}]
    assert ask(client, messages=parts).choices[0].message.content == ask(client, messages=joined).choices[0].message.content


def test_unknown_fields_are_ignored(client):
    answer = ask(client, user="someone", metadata={"a": "b"}, store=False,
                 extra_body={"no_such_field": {"deep": [1, 2]}, "parallel_tool_calls": False})
    assert answer.choices[0].message.content == ask(client).choices[0].message.content


def test_ignore_eos_goes_on(client):
    answer = client.chat.completions.create(model=MODEL, temperature=0, max_tokens=60, extra_body={"ignore_eos": True},
                                            messages=[{"role": "user", "content": "Say yes."}])
    assert answer.usage.completion_tokens == 60
    assert answer.choices[0].finish_reason == "length"


def test_the_request_id_is_given(client):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=STORY, max_tokens=1)
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert raw.parse().id.removeprefix("chatcmpl-") == raw.headers["x-request-id"].removeprefix("req_")
