"""/metrics for Prometheus, /openapi.json and the page that shows it."""

import base64
import hashlib
import json
import re
import socket

from marquee_server import MODEL, wait_for
from prometheus_text import parse_metrics


def metrics(server):
    answer = server.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return parse_metrics(answer.body.decode())


def test_what_is_counted_for_each_model_and_tenant(server):
    _, secret = server.make_key("counted")
    answer = server.request("POST", "/v1/completions", {"model": MODEL, "prompt": "Once upon", "max_tokens": 4,
                                                       "ignore_eos": True}, key=secret)
    used = answer.json()["usage"]
    families = metrics(server)

    def value(name, suffix="", **labels):
        family = families[name]
        found = [sample.value for sample in family.samples if sample.name == name + suffix
                 and labels.items() <= sample.labels.items()]
        assert len(found) == 1, (name, labels, found)
        return found[0]

    tenant = {"model": MODEL, "tenant": "counted"}
    assert value("marquee_requests_total", **tenant, outcome="length") == 1
    assert value("marquee_prompt_tokens_total", **tenant) == used["prompt_tokens"]
    assert value("marquee_completion_tokens_total", **tenant) == 4
    for histogram, count in (("marquee_queue_seconds", 1), ("marquee_time_to_first_token_seconds", 1),
                             ("marquee_time_per_output_token_seconds", 3)):
        assert families[histogram].type == "histogram"
        assert value(histogram, "_count", **tenant) == count
        assert value(histogram, "_sum", **tenant) > 0
    model = {"model": MODEL}
    assert value("marquee_batch_size", "_count", **model) >= 4
    assert value("marquee_step_seconds", "_sum", **model) > 0
    assert value("marquee_kv_pages", **model) > 0
    assert value("marquee_kv_pages_used", **model) == 0
    assert value("marquee_running_sequences", **model) == 0
    assert value("marquee_waiting_requests", **model) == 0
    assert all(family.help for family in families.values())


def test_the_servers_own_figures_never_carry_a_path_as_sent(server):
    server.request("GET", "/no/such/route/" + "x" * 50)
    server.request("GET", "/v1/models/some-name")
    families = metrics(server)
    routes = {sample.labels["route"] for sample in families["marquee_http_request_duration_seconds"].samples}
    assert "none" in routes and "/v1/models/{id}" in routes
    assert not any("xxx" in route or "some-name" in route for route in routes)
    assert families["marquee_http_connections"].samples[0].value >= 1


def test_the_document_is_whole(server):
    document = server.request("GET", "/openapi.json", key=None).json()
    assert document["openapi"] == "3.1.0"
    references = re.findall(r'"\$ref": ?"([^"]*)"', server.request("GET", "/openapi.json").body.decode())
    for reference in references:
        assert reference.startswith("#/components/schemas/")
        assert reference.rsplit("/", 1)[1] in document["components"]["schemas"], reference
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for name in ("ChatCompletionRequest", "CompletionRequest", "TokenizeRequest", "DetokenizeRequest", "KeyRequest"):
        schema = document["components"]["schemas"][name]
        for field, rule in schema["properties"].items():
            assert rule.get("description"), f"{name}.{field} says nothing"
            kinds = [rule.get("type")] if isinstance(rule.get("type"), str) else rule.get("type") or []
            if "integer" in kinds or "number" in kinds:
                assert "maximum" in rule and ("minimum" in rule or "exclusiveMinimum" in rule), f"{name}.{field} is unbounded"


def test_the_page_needs_nothing_from_outside(server):
    answer = server.request("GET", "/docs", key=None)
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", page), "an outside address"
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b", page)
    assert not re.search(r"<script[^>]+src|@import|url\(", page)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "unsafe" not in policy
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy, f"the policy does not let the page's own {tag} in"


def test_loading_and_unloading(start_server):
    server = start_server()
    model = server.request("GET", f"/v1/models/{MODEL}").json()
    assert model["state"] == "loaded" and model["resident_bytes"] > 0
    unloaded = server.request("POST", f"/v1/models/{MODEL}/unload")
    assert unloaded.status == 200 and unloaded.json()["state"] == "unloaded"
    answer = server.request("POST", "/v1/completions", {"model": MODEL, "prompt": "a", "max_tokens": 1})
    assert answer.status == 200, "it is loaded when it is asked"
    assert server.request("POST", f"/v1/models/{MODEL}/load").json()["state"] == "loaded"
    for action in ("load", "unload"):
        missing = server.request("POST", f"/v1/models/none/{action}")
        assert missing.status == 404 and missing.error["code"] == "model_not_found"


def test_a_model_in_use_is_not_unloaded(server):
    connection = server.connect()
    connection.request("POST", "/v1/completions", json.dumps({"model": MODEL, "prompt": "a", "max_tokens": 4000,
                                                              "stream": True, "ignore_eos": True}),
                       {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
    connection.getresponse().readline()
    answer = server.request("POST", f"/v1/models/{MODEL}/unload")
    assert answer.status == 409 and answer.error["message"]
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    wait_for(lambda: server.metric("marquee_running_sequences") == 0)
