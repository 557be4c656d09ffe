"""Text completions, models and tokens through OpenAI's Python package."""

import openai
import pytest
from marquee_server import MODEL


def complete(client, prompt="Once upon a time", **options):
    return client.completions.create(**{"model": MODEL, "prompt": prompt, "max_tokens": 6, "temperature": 0, **options})


def tokens_of(server, text):
    return server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": text}).json()["tokens"]


def test_one_prompt(client):
    answer = complete(client)
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert answer.choices[0].text and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 6


def test_sixteen_tokens_unless_told(client):
    answer = client.completions.create(model=MODEL, prompt="Once", temperature=0, extra_body={"ignore_eos": True})
    assert answer.usage.completion_tokens == 16


def test_several_prompts(client):
    prompts = ["Once upon a time", "The sea"]
    answer = complete(client, prompts)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert [choice.text for choice in answer.choices] == [complete(client, one).choices[0].text for one in prompts]
    assert answer.usage.completion_tokens == 12
    pairs = complete(client, prompts, n=2, temperature=1, seed=3)
    assert [choice.index for choice in pairs.choices] == [0, 1, 2, 3]


def test_prompts_of_token_ids(client, server):
    ids = tokens_of(server, "Once upon a time")
    text = complete(client).choices[0].text
    assert complete(client, ids).choices[0].text == text
    answer = complete(client, [ids, tokens_of(server, "The sea")])
    assert [choice.text for choice in answer.choices] == [text, complete(client, "The sea").choices[0].text]
    assert answer.usage.prompt_tokens == len(ids) + len(tokens_of(server, "The sea"))


def test_echo(client, server):
    text = complete(client).choices[0].text
    assert complete(client, echo=True).choices[0].text == "Once upon a time" + text
    assert complete(client, tokens_of(server, "Once upon a time"), echo=True).choices[0].text == "Once upon a time" + text
    streamed = "".join(chunk.choices[0].text for chunk in complete(client, echo=True, stream=True))
    assert streamed == "Once upon a time" + text


def test_echo_of_more_than_a_stream_may_buffer_is_refused(client):
    prompts = ["-" * 9_000 + name for name in "ab"]  # 64 dashes are one token
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, prompts, n=16, echo=True, stream=True, max_tokens=1)
    assert caught.value.param == "echo"
    texts = [""] * 14
    for chunk in complete(client, prompts, n=7, echo=True, stream=True, max_tokens=1):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert all(text.startswith(prompts[i // 7]) for i, text in enumerate(texts))
    whole = complete(client, prompts, n=16, echo=True, max_tokens=1)
    assert all(choice.text.startswith(prompts[choice.index // 16]) for choice in whole.choices)


def test_stream(client):
    chunks = list(complete(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == complete(client).choices[0].text
    assert chunks[-1].usage.completion_tokens == 6 and chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


def test_logprobs(client):
    choice = complete(client, logprobs=2).choices[0]
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == choice.text
    assert len(logprobs.token_logprobs) == len(logprobs.top_logprobs) == len(logprobs.text_offset) == 6
    for i, token in enumerate(logprobs.tokens):
        assert len(logprobs.top_logprobs[i]) == 2
        assert logprobs.top_logprobs[i][token] == pytest.approx(logprobs.token_logprobs[i], abs=1e-5)
        assert choice.text[logprobs.text_offset[i]:].startswith(token)
    assert complete(client).choices[0].logprobs is None


def test_stop_is_not_part_of_the_text(client):
    whole = complete(client, max_tokens=16).choices[0].text
    stop = whole[5:9]
    stopped = complete(client, max_tokens=16, stop=[stop]).choices[0]
    assert stopped.text == whole[:whole.index(stop)] and stopped.finish_reason == "stop"


def test_what_cannot_be_done_is_refused(client):
    for options in ({"suffix": "the end"}, {"best_of": 3}, {"echo": True, "logprobs": 1}):
        with pytest.raises(openai.BadRequestError) as caught:
            complete(client, **options)
        assert caught.value.param in options
        assert caught.value.code == "unsupported"
    assert complete(client, suffix="").choices and complete(client, n=2, best_of=2, temperature=1).choices


def test_models(client):
    assert [model.id for model in client.models.list()] == [MODEL]
    model = client.models.retrieve(MODEL)
    assert model.object == "model" and model.owned_by == "marquee" and model.created > 1_700_000_000
    for missing in ("no-such-model", "an/other", "../../etc/passwd", "Grüße %2F"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(missing)
        assert caught.value.code == "model_not_found"


def test_tokens_there_and_back(server):
    text = "Grüße, 世界! 👩‍🚀 <|im_start|> fin\n"
    ids = tokens_of(server, text)
    back = server.request("POST", "/v1/detokenize", {"model": MODEL, "tokens": ids})
    assert back.json() == {"prompt": text}
    answer = server.request("POST", "/v1/tokenize", {"model": MODEL, "prompt": text, "return_token_strs": True}).json()
    assert answer["count"] == len(ids) == len(answer["token_strs"])
    assert answer["max_model_len"] == 8192
    skipped = server.request("POST", "/v1/detokenize", {"model": MODEL, "tokens": ids, "skip_special_tokens": True})
    assert "<|im_start|>" not in skipped.json()["prompt"]


def test_tokens_of_a_conversation_are_those_that_are_billed(client, server):
    messages = [{"role": "user", "content": "Tell me a story."}]
    counted = server.request("POST", "/v1/tokenize", {"model": MODEL, "messages": messages}).json()["count"]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1)
    assert answer.usage.prompt_tokens == counted


def test_token_ids_out_of_the_vocabulary(client, server):
    answer = server.request("POST", "/v1/detokenize", {"model": MODEL, "tokens": [10_000_000]})
    assert answer.status == 400 and answer.error["param"] == "tokens"
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, [10_000_000])
    assert caught.value.param == "prompt"
