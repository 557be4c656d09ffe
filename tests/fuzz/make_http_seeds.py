"""Writes the seeds of fuzz_requests, fuzz_request_reader and fuzz_multipart.

    python3 tests/fuzz/make_http_seeds.py
"""
import json
import pathlib

CORPUS = pathlib.Path(__file__).parent / "corpus"
MODEL = "smollm2-135m-instruct"

CHAT = {
    "model": MODEL,
    "messages": [{"role": "system", "content": "Be brief."},
                 {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "é🙂"}], "name": "b"},
                 {"role": "assistant", "content": None}, {"role": "developer", "content": ""}],
    "max_tokens": 5, "max_completion_tokens": 6, "logprobs": True, "top_logprobs": 3, "tools": [], "tool_choice": "none",
    "response_format": {"type": "text"}, "modalities": ["text"], "temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.1,
    "typical_p": 0.9, "repetition_penalty": 1.1, "presence_penalty": -2, "frequency_penalty": 2, "seed": -9007199254740993,
    "logit_bias": {"5": -100, "7": 1.5}, "n": 2, "stop": ["\n", "end"], "ignore_eos": True, "stream": True,
    "stream_options": {"include_usage": True}, "priority": "batch", "timeout_ms": 1000, "user": "someone",
}
REQUESTS = [
    (0, "chat", CHAT),
    (0, "chat_small", {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}),
    (0, "chat_refused", {"model": MODEL, "messages": [{"role": "tool", "content": "x", "tool_calls": []}]}),
    (1, "completion", {"model": MODEL, "prompt": ["a", [1, 2]], "max_tokens": 3, "logprobs": 2, "best_of": 1, "suffix": ""}),
    (1, "completion_ids", {"model": MODEL, "prompt": [1, 2, 3.0], "echo": True, "n": 3, "stop": "x"}),
    (2, "tokenize", {"model": MODEL, "prompt": "a", "add_special_tokens": False, "return_token_strs": True}),
    (2, "tokenize_chat", {"model": MODEL, "messages": CHAT["messages"], "add_generation_prompt": False}),
    (3, "detokenize", {"model": MODEL, "tokens": [0, 1, 49151], "skip_special_tokens": True}),
    (5, "cache", {"action": "restore", "name": "evening-show.1", "tenant": "acme"}),
    (6, "embedding", {"model": MODEL, "input": ["a", [1, 2]], "dimensions": 8, "encoding_format": "base64", "user": "x"}),
    (6, "embedding_ids", {"model": MODEL, "input": [1, 2], "truncate": True, "timeout_ms": 1000}),
    (7, "rerank", {"model": MODEL, "query": "a", "documents": ["b", {"text": "c"}], "top_n": 1, "return_documents": True}),
    (8, "similarity", {"model": MODEL, "source": "a", "sentences": ["b", "c"]}),
    (9, "classify", {"model": MODEL, "input": ["a"], "top_k": 2, "candidate_labels": ["x", "y"],
                     "hypothesis_template": "It is {}.", "multi_label": True}),
    (4, "key", {"tenant": "acme", "scopes": ["infer", "admin"], "name": "né"}),
]
WIRE = {
    "get": b"GET /v1/models?a=b%20c HTTP/1.1\r\nHost: localhost:8080\r\nAuthorization: Bearer mq_x\r\n\r\n",
    "post": b"POST /v1/tokenize HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n{  }",
    "chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "pipelined": b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nHEAD /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "absolute": b"GET http://a.example:80/x?y HTTP/1.1\r\nHost: b\r\n\r\n",
    "options": b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "two_lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare_lf": b"GET / HTTP/1.1\nHost: a\n\n",
}
TYPE = b"multipart/form-data; boundary=b\n"
FIELD = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
FILE = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
        b"a,b\r\n1,2\r\n--\r\n\r\n")
FORMS = {
    "form": TYPE + FIELD + FILE + b"--b--\r\n",
    "quoted": b'multipart/form-data; boundary="a b"\n' + (FIELD + FILE + b"--b--").replace(b"--b", b"--a b"),
    "extended_name": TYPE + FILE.replace(b'filename="a.csv"', b"filename*=utf-8''na%C3%AFve.csv") + b"--b--",
    "preamble": TYPE + b"hello\r\n--\r\n" + FIELD.replace(b"--b\r\n", b"--b \t\r\n") + b"--b--epilogue",
    "near_boundaries": TYPE + FILE.replace(b"1,2", b"\r\n--a\r\r\n-\r\n--") + b"--b--",
    "no_end": TYPE + FIELD + FILE,
    "base64": TYPE + FILE.replace(b"Content-Type: text/csv", b"Content-Transfer-Encoding: base64") + b"--b--",
    "not_a_form": b"application/json\n" + FIELD + b"--b--",
}


def main():
    for target in ("requests", "request_reader", "multipart"):
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
    for kind, name, body in REQUESTS:
        (CORPUS / "requests" / name).write_bytes(bytes([kind]) + json.dumps(body, ensure_ascii=False).encode())
    for i, (name, content) in enumerate(WIRE.items()):
        (CORPUS / "request_reader" / name).write_bytes(bytes([3 * i]) + content)
    for i, (name, content) in enumerate(FORMS.items()):
        (CORPUS / "multipart" / name).write_bytes(bytes([3 * i]) + content)


main()
