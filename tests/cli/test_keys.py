"""Keys and usage, with and without a server on the data folder."""

import json
import stat
import subprocess
import urllib.request

import pytest

from marquee_server import Server


def status_of(server, key):
    return server.request("GET", "/v1/models", key=key).status


def test_without_a_server(marquee):
    done = marquee("key", "create", "--tenant", "studio-1", "--name", "dialogue tool")
    secret = done.stdout.strip()
    assert secret.startswith("mq_") and len(secret) > 40 and "studio-1" in done.stderr
    assert stat.S_IMODE((marquee.data / "admin.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(marquee.data.stat().st_mode) == 0o700
    keys = marquee.json("key", "list", "--tenant", "studio-1", "--json")
    (key,) = keys["data"]
    assert key["name"] == "dialogue tool" and key["scopes"] == ["infer"] and key["revoked"] is None
    assert secret not in marquee("key", "list").stdout + json.dumps(keys), "a secret is shown once"
    assert marquee("key", "revoke", key["id"]).stdout == f"{key['id']} is revoked\n"
    assert marquee.json("key", "list", "--tenant", "studio-1", "--json")["data"][0]["revoked"]
    assert "no key of this id" in marquee("key", "revoke", "key_000000000000000000000000", status=3).stderr
    assert marquee.json("usage", "--json")["data"] == []


def test_through_a_running_server(marquee, running_server):
    data = ["--data", running_server.data]
    created = marquee.json("key", "create", "--tenant", "studio-2", "--scope", "infer,admin", "--json", *data)
    assert created["scopes"] == ["infer", "admin"]
    assert status_of(running_server, created["secret"]) == 200
    text = marquee("run", "--server", running_server.url, "--max-tokens", "4", "hi", MARQUEE_KEY=created["secret"])
    assert text.stdout.strip()
    assert created["id"] in marquee("key", "list", *data).stdout
    usage = marquee.json("usage", "--tenant", "studio-2", "--json", *data)
    (row,) = usage["data"]
    assert row["key_id"] == created["id"] and row["requests"] == 1 and 1 <= row["tokens_out"] <= 4
    table = marquee("usage", "--key", created["id"], *data).stdout.splitlines()
    assert table[0].startswith("DAY") and table[-1].startswith("total")
    marquee("key", "revoke", created["id"], *data)
    assert status_of(running_server, created["secret"]) == 401


def test_a_key_without_the_right_is_refused(marquee, running_server):
    data = ["--data", running_server.data]
    secret = marquee("key", "create", *data).stdout.strip()
    assert "admin" in marquee("key", "list", *data, MARQUEE_KEY=secret, status=4).stderr
    assert "unknown or revoked" in marquee("usage", *data, MARQUEE_KEY="mq_wrong", status=4).stderr


@pytest.mark.parametrize("arguments", [["--from", "2026-13-01"], ["--from", "yesterday"], ["--limit", "0"]], ids=" ".join)
def test_wrong_filters_of_usage(marquee, running_server, arguments):
    assert marquee("usage", "--data", running_server.data, *arguments, status=2).stderr.startswith("marquee: ")


def test_over_tls_with_a_certificate_of_its_own(marquee, tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=marquee", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    marquee.data.mkdir(parents=True)
    server = Server(marquee.data, "--tls-certificate", str(certificate), "--tls-key", str(key))
    try:
        assert marquee.json("key", "list", "--json")["data"], "the server's own key is known from the data folder"
        with pytest.raises(urllib.request.URLError):
            urllib.request.urlopen(server.url + "/healthz")
        done = marquee("run", "--server", server.url, "hi", MARQUEE_KEY=server.key, status=5)
        assert "certificate" in done.stderr
    finally:
        server.stop()
