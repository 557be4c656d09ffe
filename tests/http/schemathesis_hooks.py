"""Keeps what Schemathesis generates for generations cheap and mostly answerable: a model that exists, few tokens."""

import os

import schemathesis

MODEL = os.environ["MARQUEE_TEST_MODEL_ID"]
OWN_KEY_ID = os.environ["MARQUEE_TEST_KEY_ID"]
FEW_TOKENS = 3
MOST_TOKENS = 2_147_483_647


def is_count(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1  # 5.0 is an integer


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    # Some names stay as generated, so that unknown models are asked for too.
    name = body.get("model")
    if isinstance(name, str) and (name == "0" or len(name) % 3 != 1) and 1 <= len(name) <= 256:
        body["model"] = MODEL
    for name in ("max_tokens", "max_completion_tokens"):
        if is_count(body.get(name)) and FEW_TOKENS < body[name] <= MOST_TOKENS:  # what is invalid stays so
            body[name] = FEW_TOKENS
    if is_count(body.get("timeout_ms")) and 0 < body["timeout_ms"] < 60_000:
        body["timeout_ms"] = 60_000  # the shortest one that is valid would only be answered with 408
    if "messages" in body and body.get("max_completion_tokens") is None and body.get("max_tokens") is None:
        body["max_tokens"] = FEW_TOKENS  # otherwise a chat goes on to the context's end
    return body


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and path_parameters.get("id") == OWN_KEY_ID:
        path_parameters["id"] = "key_0"  # Schemathesis finds ids in answers; its own key must not be revoked
    # Every second model is the one there is.
    if path_parameters and "/models/" in context.operation.path and len(str(path_parameters.get("id", ""))) % 2 == 0:
        path_parameters["id"] = MODEL
    return path_parameters
