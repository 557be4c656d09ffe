"""Embeddings, similarity, rerank and classification, as clients use them: all-minilm-l6-v2 against the vectors that
PyTorch found, and tiny classifiers of tests/golden/encoders against our own arithmetic, which test_encoders.py in
tests/oracles compares with transformers."""

import base64
import concurrent.futures
import json
import shutil
import struct
import subprocess

import numpy as np
import openai
import pytest
from marquee_server import BINARY, MODEL, PATIENCE, ROOT, TEST_DATA, Server, make_data_folder, wait_for

MINILM = "all-minilm-l6-v2"
GOLDEN = ROOT / "tests/golden/encoders"
STORED = json.loads((GOLDEN / "minilm.json").read_text())
TINY = {"tiny-bert": "bert", "entailment": "bert_entailment", "cross-encoder": "bert_cross_encoder",
        "genres": "distilbert_labels"}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """A server with a model for text, all-minilm-l6-v2 and the tiny ones."""
    data = make_data_folder(tmp_path_factory.mktemp("encoders") / "data")
    source = TEST_DATA / "models" / MINILM
    assert source.is_dir(), f"{TEST_DATA} has no {MINILM}: run script/setup --data {TEST_DATA}"
    shutil.copytree(source, data / "models" / MINILM)
    for name, folder in TINY.items():
        subprocess.run([BINARY, "pull", GOLDEN / folder, "--name", name, "--data", data], check=True,
                       capture_output=True)
    running = Server(data)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(encoders):
    with openai.OpenAI(base_url=encoders.url + "/v1", api_key=encoders.key, max_retries=0,
                       timeout=60 * PATIENCE) as made:
        yield made


def probe(name, lines):
    """What our program computes without a server: logits, or vectors."""
    done = subprocess.run([BINARY.parent / "encoder_probe", GOLDEN / TINY[name], "int8", "text"],
                          input="\n".join(lines).encode() + b"\n", capture_output=True, check=True)
    return np.frombuffer(done.stdout, dtype="<f4").reshape(len(lines), -1)


def ask(encoders, path, **body):
    answer = encoders.request("POST", path, body)
    assert answer.status == 200, answer.body
    return answer.json()


def refused(encoders, path, status=400, **body):
    answer = encoders.request("POST", path, body)
    assert answer.status == status, answer.body
    return answer.error


def cosine(a, b):
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_vectors_are_those_of_pytorch(client):
    answer = client.embeddings.create(model=MINILM, input=STORED["texts"])
    assert answer.object == "list" and answer.model == MINILM
    assert [entry.index for entry in answer.data] == list(range(len(STORED["texts"])))
    for entry, expected in zip(answer.data, STORED["vectors"]):
        assert cosine(entry.embedding, expected) > 0.995
        assert abs(np.linalg.norm(entry.embedding) - 1) < 1e-5
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > len(STORED["texts"])


def test_float_and_base64_are_the_same(encoders):
    body = {"model": MINILM, "input": STORED["texts"][0]}
    plain = ask(encoders, "/v1/embeddings", **body)["data"][0]["embedding"]
    packed = ask(encoders, "/v1/embeddings", **body, encoding_format="base64")["data"][0]["embedding"]
    assert list(struct.unpack("<384f", base64.b64decode(packed))) == [struct.unpack("<f", struct.pack("<f", x))[0]
                                                                      for x in plain]


def test_dimensions_shorten_and_scale_again(client):
    whole = client.embeddings.create(model=MINILM, input="A quiet harbour.").data[0].embedding
    short = client.embeddings.create(model=MINILM, input="A quiet harbour.", dimensions=64).data[0].embedding
    assert len(short) == 64 and abs(np.linalg.norm(short) - 1) < 1e-5
    assert np.allclose(short, np.array(whole[:64]) / np.linalg.norm(whole[:64]), atol=1e-6)
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=MINILM, input="x", dimensions=385)
    assert caught.value.param == "dimensions" and "384" in caught.value.message


def test_token_ids_give_what_the_text_gives(client, encoders):
    text = "A heist at sea."
    ids = ask(encoders, "/v1/tokenize", model=MINILM, prompt=text)["tokens"]
    expected = client.embeddings.create(model=MINILM, input=text).data[0].embedding
    assert client.embeddings.create(model=MINILM, input=ids).data[0].embedding == expected
    both = client.embeddings.create(model=MINILM, input=[ids, ids])
    assert [entry.embedding for entry in both.data] == [expected, expected]
    assert both.usage.prompt_tokens == 2 * len(ids)


def test_what_shares_a_batch_does_not_show(client):
    texts = [f"{'story ' * (1 + i % 40)}number {i}" for i in range(64)]
    alone = [client.embeddings.create(model=MINILM, input=text).data[0].embedding for text in texts[:8]]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: client.embeddings.create(model=MINILM, input=texts[i:] + texts[:i]), range(8)))
    for i, answer in enumerate(answers):
        for j in range(8):
            assert answer.data[(j - i) % 64].embedding == alone[j]


def test_the_tiny_one_is_as_computed_without_a_server(client):
    texts = ["a good film", "heist at sea"]
    answer = client.embeddings.create(model="tiny-bert", input=texts)
    assert np.array_equal(np.array([entry.embedding for entry in answer.data], dtype="<f4"), probe("tiny-bert", texts))


@pytest.mark.parametrize(("path", "body", "field"), [
    ("embeddings", {}, "input"), ("embeddings", {"input": []}, "input"), ("embeddings", {"input": [[]]}, "input"),
    ("embeddings", {"input": 5}, "input"), ("embeddings", {"input": ["a", 5]}, "input"),
    ("embeddings", {"input": ["a"] * 2049}, "input"), ("embeddings", {"input": [30522]}, "input"),
    ("embeddings", {"input": "a", "dimensions": 0}, "dimensions"),
    ("embeddings", {"input": "a", "encoding_format": "int8"}, "encoding_format"),
    ("embeddings", {"input": "a", "truncate": "END"}, "truncate"),
    ("embeddings", {"input": "a", "timeout_ms": 0}, "timeout_ms"),
    ("rerank", {"documents": ["a"]}, "query"), ("rerank", {"query": "a"}, "documents"),
    ("rerank", {"query": "a", "documents": []}, "documents"), ("rerank", {"query": "a", "documents": [{}]}, "documents"),
    ("rerank", {"query": "a", "documents": ["a"], "top_n": 0}, "top_n"),
    ("similarity", {"source": "a"}, "sentences"), ("similarity", {"sentences": ["a"] * 513}, "sentences"),
    ("similarity", {"sentences": [5]}, "sentences"), ("similarity", {"source": 1, "sentences": ["a"]}, "source"),
    ("classify", {}, "input"), ("classify", {"input": []}, "input"), ("classify", {"input": "a"}, "candidate_labels"),
    ("classify", {"input": "a", "candidate_labels": []}, "candidate_labels"),
    ("classify", {"input": "a", "candidate_labels": [""]}, "candidate_labels"),
    ("classify", {"input": "a", "candidate_labels": ["x"], "top_k": 0}, "top_k"),
    ("classify", {"input": "a", "candidate_labels": ["x"], "hypothesis_template": "no place"}, "hypothesis_template"),
    ("classify", {"input": "a", "candidate_labels": ["x"], "hypothesis_template": "{} {}"}, "hypothesis_template"),
    ("classify", {"input": "a", "hypothesis_template": "It is {}."}, "hypothesis_template"),
])
def test_a_bad_field_is_named(encoders, path, body, field):
    error = refused(encoders, f"/v1/{path}", model=MINILM, **body)
    assert error["param"] == field and field in error["message"]


def test_long_texts_are_refused_or_cut(client, encoders):
    long = "word " * 600
    error = refused(encoders, "/v1/embeddings", model=MINILM, input=["short", long])
    assert error["param"] == "input" and "input[1]" in error["message"] and "512" in error["message"]
    cut = client.embeddings.create(model=MINILM, input=long, extra_body={"truncate": True})
    assert cut.usage.prompt_tokens == 512
    assert cut.data[0].embedding == client.embeddings.create(model=MINILM, input="word " * 510).data[0].embedding


def test_models_of_another_task_are_refused_with_what_they_are_for(client, encoders):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=MODEL, input="x")
    assert caught.value.code == "wrong_task" and "/v1/chat/completions" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MINILM, messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "wrong_task" and "/v1/embeddings" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=MINILM, prompt="x")
    assert caught.value.code == "wrong_task"
    assert "/v1/classify" in refused(encoders, "/v1/embeddings", model="genres", input="x")["message"]
    assert refused(encoders, "/v1/similarity", model="genres", sentences=["x"])["code"] == "wrong_task"
    assert refused(encoders, "/v1/rerank", model=MODEL, query="x", documents=["y"])["code"] == "wrong_task"
    assert refused(encoders, "/v1/classify", model=MODEL, input="x")["code"] == "wrong_task"
    assert refused(encoders, "/v1/rerank", model="genres", query="x", documents=["y"])["param"] == "model"
    assert refused(encoders, "/v1/embeddings", 404, model="none", input="x")["code"] == "model_not_found"
    cache = encoders.request("POST", f"/v1/models/{MINILM}/cache", {"action": "clear"})
    assert cache.status in (200, 400)  # not loaded, or no cache of that kind
    tasks = {model["id"]: model.get("task") for model in encoders.request("GET", "/v1/models").json()["data"]}
    assert tasks[MINILM] == "embedding" and tasks["genres"] == "classification" and tasks[MODEL] == "text-generation"


def test_similarity(encoders):
    source, *others = STORED["texts"][:4]
    answer = ask(encoders, "/v1/similarity", model=MINILM, source=source, sentences=others)
    assert answer["similarities"][0] > 0.2 > max(answer["similarities"][1:])
    vectors = np.array(STORED["vectors"])
    assert np.allclose(answer["similarities"], vectors[1:4] @ vectors[0], atol=0.02)
    matrix = np.array(ask(encoders, "/v1/similarity", model=MINILM, sentences=STORED["texts"][:4])["matrix"])
    assert matrix.shape == (4, 4) and np.array_equal(matrix, matrix.T) and np.allclose(np.diag(matrix), 1, atol=1e-6)
    assert np.allclose(matrix[0, 1:], answer["similarities"])


def test_rerank_by_vectors_says_so(encoders):
    documents = ["The harbour freezes in winter.", {"text": "Thieves empty a bank vault."}, "Bread needs yeast."]
    answer = ask(encoders, "/v1/rerank", model=MINILM, query="a heist film", documents=documents, return_documents=True)
    assert answer["scoring"] == "bi_encoder"
    assert [result["index"] for result in answer["results"]][0] == 1
    assert answer["results"][0]["document"] == {"text": "Thieves empty a bank vault."}
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 3
    best = ask(encoders, "/v1/rerank", model=MINILM, query="a heist film", documents=documents, top_n=1)
    assert [result["index"] for result in best["results"]] == [1] and "document" not in best["results"][0]


def test_rerank_by_a_cross_encoder(encoders):
    query, documents = "heist at sea", ["a good film", "king of the night", "boat"]
    answer = ask(encoders, "/v1/rerank", model="cross-encoder", query=query, documents=documents)
    assert answer["scoring"] == "cross_encoder"
    expected = 1 / (1 + np.exp(-probe("cross-encoder", [f"{query}\t{document}" for document in documents])[:, 0]))
    assert [result["index"] for result in answer["results"]] == list(np.argsort(-expected))
    for result in answer["results"]:
        assert abs(result["relevance_score"] - expected[result["index"]]) < 1e-6
    error = refused(encoders, "/v1/rerank", model="cross-encoder", query="a b", documents=["good", "a " * 60])
    assert "documents[1]" in error["message"] and error["param"] == "documents"
    cut = ask(encoders, "/v1/rerank", model="cross-encoder", query="a b", documents=["a " * 60], truncate=True)
    # [CLS] a b [SEP] and as much as fits, the longer one cut.
    same = ask(encoders, "/v1/rerank", model="cross-encoder", query="a b", documents=["a " * 43])
    assert cut["usage"]["prompt_tokens"] == 48 and cut["results"] == same["results"]


def test_classify_by_the_models_own_labels(encoders):
    texts = ["a good film", "heist at sea"]
    answer = ask(encoders, "/v1/classify", model="genres", input=texts)
    assert answer["scoring"] == "classifier"
    logits = probe("genres", texts)
    labels = ["drama", "comedy", "heist", "romance"]
    for entry, row in zip(answer["data"], logits):
        scores = {score["label"]: score["score"] for score in entry["scores"]}
        assert np.allclose([scores[label] for label in labels], 1 / (1 + np.exp(-row)), atol=1e-6)
        assert entry["label"] == labels[row.argmax()] and entry["score"] == max(scores.values())
    single = ask(encoders, "/v1/classify", model="genres", input=texts[0], multi_label=False, top_k=2)
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert np.allclose([score["score"] for score in single["data"][0]["scores"]], sorted(shares, reverse=True)[:2],
                       atol=1e-6)
    assert refused(encoders, "/v1/classify", model="genres", input="a",
                   candidate_labels=["x"])["param"] == "candidate_labels"


def test_classify_by_candidate_labels(encoders):
    texts = ["The striker scored twice in the second half.", "Parliament passed the budget after a long debate."]
    labels = ["cooking", "sport", "politics"]
    answer = ask(encoders, "/v1/classify", model=MINILM, input=texts, candidate_labels=labels)
    assert answer["scoring"] == "bi_encoder"
    assert [entry["label"] for entry in answer["data"]] == ["sport", "politics"]
    assert all(abs(sum(score["score"] for score in entry["scores"]) - 1) < 1e-5 for entry in answer["data"])
    each = ask(encoders, "/v1/classify", model=MINILM, input=texts, candidate_labels=labels, multi_label=True,
               hypothesis_template="This text is about {}.")
    assert [entry["label"] for entry in each["data"]] == ["sport", "politics"]
    assert all(0 <= score["score"] <= 1 for entry in each["data"] for score in entry["scores"])


def test_classify_by_entailment(encoders):
    texts, labels = ["a good film", "heist at sea"], ["good", "bad", "love"]
    answer = ask(encoders, "/v1/classify", model="entailment", input=texts, candidate_labels=labels)
    assert answer["scoring"] == "entailment"
    logits = probe("entailment", [f"{text}\tThis example is {label}." for text in texts for label in labels])
    logits = logits.reshape(2, 3, 3)  # contradiction, neutral, entailment
    each = ask(encoders, "/v1/classify", model="entailment", input=texts, candidate_labels=labels, multi_label=True)
    for i in range(2):
        shares = np.exp(logits[i, :, 2]) / np.exp(logits[i, :, 2]).sum()
        scores = {score["label"]: score["score"] for score in answer["data"][i]["scores"]}
        assert np.allclose([scores[label] for label in labels], shares, atol=1e-6)
        against = 1 / (1 + np.exp(logits[i, :, 0] - logits[i, :, 2]))
        scores = {score["label"]: score["score"] for score in each["data"][i]["scores"]}
        assert np.allclose([scores[label] for label in labels], against, atol=1e-6)


def test_what_was_used_is_on_the_bill(encoders):
    _, secret = encoders.make_key("readers")
    answer = encoders.request("POST", "/v1/embeddings", {"model": MINILM, "input": ["a", "b c"]}, key=secret)
    assert answer.status == 200
    report = encoders.request("GET", "/v1/usage", key=secret).json()
    assert report["total"]["requests"] == 1
    assert report["total"]["tokens_in"] == answer.json()["usage"]["prompt_tokens"]
    assert report["total"]["tokens_out"] == 0 and report["total"]["compute_us"] > 0


def test_a_request_that_takes_too_long_is_given_up(encoders):
    texts = ["story " * 200] * 2048
    error = refused(encoders, "/v1/embeddings", 408, model=MINILM, input=texts, timeout_ms=1)
    assert error["param"] == "timeout_ms"


def test_a_client_that_leaves_ends_its_request(encoders):
    ended = {"model": MINILM, "tenant": "default", "outcome": "cancelled"}
    before = encoders.metric("marquee_requests_total", **ended)
    body = json.dumps({"model": MINILM, "input": ["story " * 200] * 1024}).encode()
    connection = encoders.socket()
    connection.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                       encoders.key.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: " +
                       str(len(body)).encode() + b"\r\n\r\n" + body)
    wait_for(lambda: encoders.metric("marquee_running_sequences", model=MINILM) > 0, what="the first batch")
    connection.close()
    wait_for(lambda: encoders.metric("marquee_requests_total", **ended) == before + 1, what="the end")
    wait_for(lambda: encoders.metric("marquee_waiting_requests", model=MINILM) == 0, what="an empty queue")


def test_an_encoder_can_be_unloaded_and_comes_back(client, encoders):
    first = client.embeddings.create(model="tiny-bert", input="a good film").data[0].embedding
    assert encoders.request("POST", "/v1/models/tiny-bert/unload").json()["state"] == "unloaded"
    assert client.embeddings.create(model="tiny-bert", input="a good film").data[0].embedding == first


def test_f32_weights_are_nearer(encoders, tmp_path):
    data = make_data_folder(tmp_path / "data")
    shutil.copytree(TEST_DATA / "models" / MINILM, data / "models" / MINILM)
    server = Server(data, "--encoder-weights", "f32")
    try:
        found = ask(server, "/v1/embeddings", model=MINILM, input=STORED["texts"])["data"]
        assert min(cosine(entry["embedding"], expected)
                   for entry, expected in zip(found, STORED["vectors"])) > 0.9999
    finally:
        server.stop()
