"""Schemathesis makes requests from /openapi.json, valid and invalid ones: no 5xx, no undocumented status, no answer that
is not as documented, nothing invalid accepted, no route without its key.

    .venv/bin/python -m pytest tests/http/test_schema.py -m slow     ten minutes of it; MARQUEE_SCHEMA_SECONDS for longer
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from marquee_server import MODEL, PATIENCE

HERE = Path(__file__).parent
# Wrong in a way that JSON Schema does not say here (a token id beyond the vocabulary, stream_options without stream):
# test_most_valid_requests_are_answered bounds how many valid requests may be refused.
EXCLUDED = "positive_data_acceptance"
JSON_ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/tokenize", "/v1/detokenize", "/v1/keys")


def run_schemathesis(server, folder: Path, *arguments: str) -> None:
    tool = Path(sys.executable).parent / "st"
    own_key = server.request("GET", "/v1/keys").json()["data"][0]["id"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE),
                   "MARQUEE_TEST_MODEL_ID": MODEL, "MARQUEE_TEST_KEY_ID": own_key}
    run = subprocess.run(
        [tool, "--config-file", HERE / "schemathesis.toml", "run", server.url + "/openapi.json",
         "--header", "Authorization: Bearer " + server.key, "--phases", "examples,coverage,fuzzing",
         "--exclude-checks", EXCLUDED, "--request-timeout", str(60 * PATIENCE), "--continue-on-failure", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True)
    assert server.process.poll() is None, "the server ended:\n" + server.log_path.read_text()[-8000:]
    assert server.request("GET", "/v1/models").status == 200, "the run's own key was revoked, so most of it proved nothing"
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2_000:]
    print(run.stdout[run.stdout.rfind("SUMMARY"):])


def test_no_generated_request_breaks_the_server(start_server, tmp_path):
    run_schemathesis(start_server(), tmp_path, "--max-time", "40", "--seed", "1")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_no_generated_request_breaks_the_server_for_long(start_server, tmp_path):
    seconds = os.environ.get("MARQUEE_SCHEMA_SECONDS", "600")
    run_schemathesis(start_server(), tmp_path, "--max-time", seconds)


def test_most_valid_requests_are_answered(start_server, tmp_path):
    server = start_server()
    run_schemathesis(server, tmp_path, "--mode", "positive", "--max-examples", "6", "--seed", "2")
    name = "marquee_http_request_duration_seconds_count"

    def count(**labels):
        return sum(server.metric(name, method="POST", route=route, **labels) for route in JSON_ROUTES)

    asked = count() - count(status="404")  # models that do not exist
    answered = count(status="200") + count(status="201")
    print(f"{answered:.0f} of {asked:.0f} valid requests with a body were answered")
    assert answered >= 10 and answered > asked / 5
