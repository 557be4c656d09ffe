"""/v1/files with OpenAI's own client, and with what no client sends."""

import concurrent.futures
import hashlib
import io
import os
import random
import signal
import subprocess
import threading
import time

import httpx
import openai
import pytest
from marquee_server import PATIENCE, Server, make_data_folder, wait_for

LINES = b'{"text": "a tale", "label": "drama"}\n' * 1000
FIELD = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\r\n'
END = b"--b--\r\n"


def stored(server) -> set[str]:
    return {path.name for path in (server.data / "files").iterdir()}


def client_of(server, key=None):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key or server.key, max_retries=0, timeout=60 * PATIENCE)


def send_form(server, body: bytes, *, content_type="multipart/form-data; boundary=b", key=""):
    return server.request("POST", "/v1/files", body, headers={"Content-Type": content_type}, key=key)


def test_the_life_of_a_file(client):
    file = client.files.create(file=("tales.jsonl", LINES), purpose="fine-tune")
    assert file.object == "file" and file.id.startswith("file-") and file.status == "processed"
    assert (file.filename, file.purpose, file.bytes) == ("tales.jsonl", "fine-tune", len(LINES))
    assert abs(file.created_at - time.time()) < 60 * PATIENCE and file.expires_at is None
    assert file.sha256 == hashlib.sha256(LINES).hexdigest() and file.format == "jsonl"
    assert client.files.retrieve(file.id) == file
    assert file in list(client.files.list())
    content = client.files.content(file.id)
    assert content.read() == LINES
    assert content.response.headers["content-type"] == "application/octet-stream"
    assert content.response.headers["content-length"] == str(len(LINES))
    assert content.response.headers["content-disposition"] == 'attachment; filename="tales.jsonl"'
    assert client.files.wait_for_processing(file.id).id == file.id
    assert client.files.delete(file.id).deleted is True
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(file.id)


def test_what_a_file_may_be(client, tmp_path):
    path = tmp_path / "naïve 'tales' 100%.csv"
    path.write_text("text,label\nä,1\n")
    with path.open("rb") as opened:
        file = client.files.create(file=opened, purpose="evals")
    assert file.filename == path.name and file.format == "csv"
    disposition = client.files.content(file.id).response.headers["content-disposition"]
    assert disposition == ("attachment; filename=\"na__ve 'tales' 100_.csv\"; "
                           "filename*=UTF-8''na%C3%AFve%20%27tales%27%20100%25.csv")
    assert client.files.create(file=io.BytesIO(b"PAR1 and so on PAR1"), purpose="user_data").format == "parquet"
    assert client.files.create(file=("C:\\data\\corpus.txt", b"words"), purpose="user_data").filename == "corpus.txt"


@pytest.mark.parametrize(("name", "content", "why"), [
    ("a.csv", b"", "empty"), ("a.csv", b"a\0b", "NUL"), ("a.jsonl", b"\x1f\x8b\x08\0\0", "compressed"),
    ("a.jsonl", "ä".encode("latin-1"), "UTF-8"), ("a.parquet", b"a,b\n", "PAR1"), ("a.parquet", b"PAR1" + b"x" * 99, "cut off"),
    ("a.csv", b"PAR1xxxxPAR1", "Parquet"), ("a.csv", "ab".encode("utf-16"), "UTF-16")])
def test_what_a_file_may_not_be(server, client, name, content, why):
    before = stored(server)
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=(name, content), purpose="fine-tune")
    assert refused.value.param == "file" and why in refused.value.body["message"]
    assert stored(server) == before


def test_purposes(client):
    for purpose in ("fine-tune", "evals", "user_data"):
        assert client.files.create(file=("a.jsonl", b"{}"), purpose=purpose).purpose == purpose
    for purpose in ("assistants", "batch", "vision", "Fine-Tune", ""):
        with pytest.raises(openai.BadRequestError) as refused:
            client.files.create(file=("a.jsonl", b"{}"), purpose=purpose)
        assert refused.value.param == "purpose" and "'fine-tune', 'evals', 'user_data'" in refused.value.body["message"]
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=("a.jsonl", b"{}"), purpose="evals", expires_after={"anchor": "created_at", "seconds": 3600})
    assert refused.value.param == "expires_after"


def test_pages(server):
    _, key = server.make_key("pages")
    client = client_of(server, key)
    sent = [client.files.create(file=(f"{i}.jsonl", b"{}"), purpose="evals" if i % 2 else "fine-tune").id
            for i in range(7)]
    assert [file.id for file in client.files.list(limit=3)] == sent[::-1], "the client follows the pages"
    assert [file.id for file in client.files.list(limit=2, order="asc")] == sent
    assert [file.id for file in client.files.list(purpose="evals")] == sent[1::2][::-1]
    page = server.request("GET", "/v1/files?limit=3", key=key).json()
    assert (page["object"], page["has_more"], page["first_id"], page["last_id"]) == ("list", True, sent[6], sent[4])
    assert server.request("GET", f"/v1/files?after={sent[0]}", key=key).json() == {
        "object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    for query, field in (("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("order=up", "order"),
                         ("purpose=x", "purpose"), ("after=file-x", "after")):
        refused = server.request("GET", "/v1/files?" + query, key=key)
        assert refused.status == 400 and refused.error["param"] == field, query


def test_tenants_never_see_each_others_files(server):
    owner, stranger = (client_of(server, server.make_key(tenant)[1]) for tenant in ("owner", "stranger"))
    file = owner.files.create(file=("secret.jsonl", b"{}"), purpose="evals")
    for client in (stranger, client_of(server)):  # the operator is no exception
        for call in (client.files.retrieve, client.files.content, client.files.delete):
            with pytest.raises(openai.NotFoundError) as refused:
                call(file.id)
            assert "secret" not in str(refused.value) and "owner" not in str(refused.value)
        assert file.id not in [other.id for other in client.files.list()]
        with pytest.raises(openai.BadRequestError):
            client.files.list(after=file.id)
    second = client_of(server, server.make_key("owner")[1])
    assert second.files.content(file.id).read() == b"{}", "another key of the tenant"


def test_an_id_is_never_a_path(server):
    for name in ("..%2Fmarquee.db", "%2Fetc%2Fpasswd", "file-..%2F..%2Fmarquee.db", "file-" + "0" * 23, "%00"):
        for path in (f"/v1/files/{name}", f"/v1/files/{name}/content"):
            assert server.request("GET", path).status == 404
        assert server.request("DELETE", f"/v1/files/{name}").status == 404
    assert (server.data / "marquee.db").exists()


FORMS = {
    "no file": (FIELD + END, "file", "missing"),
    "no purpose": (FILE + END, "purpose", "missing"),
    "nothing": (b"--b--", "file", "missing"),
    "two files": (FIELD + FILE + FILE + END, "file", "twice"),
    "two purposes": (FIELD + FIELD + FILE + END, "purpose", "twice"),
    "a file in another field": (FIELD + FILE.replace(b'"file"', b'"data"') + END, "file", "in the field 'file'"),
    "a file without a name": (FIELD + FILE.replace(b'; filename="a.jsonl"', b"") + END, "file", "with a file name"),
    "an empty name": (FIELD + FILE.replace(b'a.jsonl', b"") + END, "file", "file name"),
    "a name that is a folder": (FIELD + FILE.replace(b'a.jsonl', b"..") + END, "file", "file name"),
    "a wrong boundary": ((FIELD + FILE + END).replace(b"--b", b"--c"), None, "boundary"),
    "no last boundary": (FIELD + FILE, None, "last boundary"),
    "cut in the headers": (FIELD + FILE[:30], None, "last boundary"),
    "an empty body": (b"", None, "boundary"),
    "many parts": (FIELD.replace(b"purpose", b"other") * 17 + FILE + END, None, "more than 16 parts"),
    "a large field": (FIELD.replace(b"fine-tune", b"x" * 70_000) + FILE + END, "purpose", "65536"),
    "large headers": (FIELD + FILE.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 9_000 + b"\r\n\r\n") + END, None, "8192"),
    "base64": (FIELD + FILE.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + END, None, "binary"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_bad_form_is_refused_and_leaves_nothing(server, name):
    body, field, why = FORMS[name]
    before = stored(server)
    answer = send_form(server, body)
    assert answer.status in (400, 413), answer.body
    assert answer.error["param"] == field and why in answer.error["message"], answer.error
    wait_for(lambda: stored(server) == before)


def test_content_types(server):
    for content_type, status in (("application/json", 415), ("multipart/mixed; boundary=b", 415), ("", 415),
                                 ("multipart/form-data", 400), ("multipart/form-data; boundary=", 400),
                                 ("multipart/form-data; boundary=" + "x" * 71, 400), ("MULTIPART/FORM-DATA; Boundary=\"b\"", 200)):
        answer = send_form(server, FIELD + FILE + END, content_type=content_type)
        assert answer.status == status, (content_type, answer.body)
    assert send_form(server, FIELD + FILE + END, key=None).status == 401


def head(server, *lines: bytes) -> bytes:
    return (b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + server.key.encode() +
            b"\r\nContent-Type: multipart/form-data; boundary=b\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")


def test_a_connection_goes_on_after_an_upload(server):
    connection = server.connect()
    for _ in range(3):
        connection.request("POST", "/v1/files", FIELD + FILE + END,
                           {"Authorization": "Bearer " + server.key, "Content-Type": "multipart/form-data; boundary=b"})
        response = connection.getresponse()
        assert response.status == 200 and response.headers["connection"] is None
        response.read()
    connection.close()


def test_over_the_cap_it_is_refused_before_it_is_sent(start_server):
    server = start_server("--max-upload", "1MiB")
    for line in (b"Expect: 100-continue", b"X: 1"):
        with server.socket() as connection:
            connection.sendall(head(server, b"Content-Length: 2000000", line))
            assert connection.recv(2000).startswith(b"HTTP/1.1 413")
    with server.socket() as connection:
        connection.sendall(head(server, b"Transfer-Encoding: chunked"))
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        connection.sendall(b"%x\r\n" % len(FIELD + FILE[:-4]) + FIELD + FILE[:-4] + b"\r\n")
        try:
            for _ in range(20):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert connection.recv(2000).startswith(b"HTTP/1.1 413")
    wait_for(lambda: not stored(server))
    with pytest.raises(openai.APIStatusError) as refused:
        client_of(server).files.create(file=("a.txt", b"x" * 2_000_000), purpose="evals")
    assert refused.value.status_code == 413
    assert client_of(server).files.create(file=("a.txt", b"x" * 1_000_000), purpose="evals").bytes == 1_000_000


def test_a_tenants_share(start_server):
    server = start_server("--tenant-files", "300KiB", "--tenant-file-count", "3")
    client = client_of(server)
    first = client.files.create(file=("a.txt", b"x" * 200_000), purpose="evals")
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("a.txt", b"x" * 200_000), purpose="evals")
    assert refused.value.status_code == 507 and refused.value.code == "insufficient_storage"
    assert "tenant_files" in refused.value.body["message"]
    assert refused.value.response.headers["x-should-retry"] == "false"
    other = client_of(server, server.make_key("other")[1])
    assert other.files.create(file=("a.txt", b"x" * 200_000), purpose="evals").bytes == 200_000
    for _ in range(2):
        client.files.create(file=("a.txt", b"x"), purpose="evals")
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("a.txt", b"x"), purpose="evals")
    assert refused.value.status_code == 507
    client.files.delete(first.id)
    assert client.files.create(file=("a.txt", b"x" * 250_000), purpose="evals").bytes == 250_000


def test_a_full_disk(tmp_path):
    data = make_data_folder(tmp_path / "data")
    (data / "files").mkdir(mode=0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", data / "files"], capture_output=True).returncode:
        pytest.skip("needs leave to mount a tmpfs")
    server = Server(data)
    try:
        client = client_of(server)
        kept = client.files.create(file=("a.txt", b"x" * 1_000_000), purpose="evals")
        with pytest.raises(openai.APIStatusError) as refused:
            client.files.create(file=("a.txt", b"x" * 6_000_000), purpose="evals")
        assert refused.value.status_code == 507 and "disk" in refused.value.body["message"]
        body = FIELD + FILE.replace(b"{}", b"x" * 6_000_000) + END
        connection = server.connect()  # of a chunked body nobody knows beforehand that it will not fit
        connection.request("POST", "/v1/files", (body[at:at + 50_000] for at in range(0, len(body), 50_000)),
                           {"Authorization": "Bearer " + server.key, "Content-Type": "multipart/form-data; boundary=b"},
                           encode_chunked=True)
        assert connection.getresponse().status == 507
        connection.close()
        wait_for(lambda: stored(server) == {kept.id})
        assert client.files.create(file=("a.txt", b"x" * 1_000_000), purpose="evals").bytes == 1_000_000
    finally:
        try:
            server.stop()
        finally:
            subprocess.run(["umount", data / "files"], check=True)


def test_clients_that_leave_or_stall(start_server):
    server = start_server("--upload-timeout", "1")
    body = FIELD + FILE.replace(b"{}", b"x" * 500_000) + END
    for share in (0.001, 0.3, 0.999):
        connection = server.socket()
        connection.sendall(head(server, b"Content-Length: %d" % len(body)) + body[:int(len(body) * share)])
        wait_for(lambda: len(stored(server)) == 1)
        connection.close()
        wait_for(lambda: not stored(server))
    with server.socket() as stalled:
        stalled.sendall(head(server, b"Content-Length: %d" % len(body)) + body[:100_000])
        began = time.monotonic()
        assert stalled.recv(2000).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 5 * PATIENCE
    wait_for(lambda: not stored(server))
    with server.socket() as slow:  # longer than the timeout in all, and never idle for as long
        slow.sendall(head(server, b"Content-Length: %d" % len(body)))
        for at in range(0, len(body), 25_000):
            slow.sendall(body[at:at + 25_000])
            time.sleep(0.1)
        assert slow.recv(2000).startswith(b"HTTP/1.1 200")
    assert server.request("GET", "/v1/files").json()["data"][0]["bytes"] == 500_000


def test_a_slow_reader_gets_all_of_it(server, client):
    content = random.Random(1).randbytes(3_000_000).hex().encode()
    file = client.files.create(file=("a.txt", content), purpose="user_data")
    before = server.resident_bytes()
    received = b""
    with client.files.with_streaming_response.content(file.id) as response:
        for piece in response.iter_bytes(500_000):
            received += piece
            time.sleep(0.05)
    assert received == content
    if PATIENCE == 1:
        assert server.resident_bytes() - before < 20 * 1024 * 1024


def test_a_large_upload_costs_no_memory(start_server, tmp_path):
    server = start_server()
    size = 200_000_000
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        for _ in range(size // 100_000):
            file.write(b"a line of a hundred thousand bytes\n" * 2857 + b"01234")
    before = server.resident_bytes()
    most = [0]
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            most[0] = max(most[0], server.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    with path.open("rb") as file:
        sent = httpx.post(server.url + "/v1/files", headers={"Authorization": "Bearer " + server.key},
                          data={"purpose": "user_data"}, files={"file": file}, timeout=120 * PATIENCE).json()
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    assert sent["bytes"] == size, sent
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sent["sha256"]
    grown = most[0] - before
    print(f"200 MB in {seconds:.2f} s ({size / seconds / 1e6:.0f} MB/s), {grown / 1e6:.1f} MB more memory at most")
    if PATIENCE == 1:
        assert grown < 16 * 1024 * 1024


def test_many_uploads_at_once(start_server):
    server = start_server()
    client = client_of(server)
    contents = [random.Random(i).randbytes(400_000).hex().encode() for i in range(12)]

    def send(i):
        return client.files.create(file=(f"{i}.txt", contents[i]), purpose="user_data")

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        files = list(pool.map(send, range(12)))
        others = [pool.submit(server.request, "GET", "/healthz") for _ in range(20)]
        assert all(other.result().status == 200 for other in others)
        read = list(pool.map(lambda file: client.files.content(file.id).read(), files))
    assert read == contents
    assert stored(server) == {file.id for file in files}


def test_sigterm_lets_an_upload_finish(start_server):
    server = start_server()
    body = FIELD + FILE.replace(b"{}", b"x" * 500_000) + END
    connection = server.socket()
    connection.sendall(head(server, b"Content-Length: %d" % len(body)) + body[:100_000])
    wait_for(lambda: len(stored(server)) == 1)
    server.process.send_signal(signal.SIGTERM)
    wait_for(lambda: server.request("GET", "/readyz", key=None).status == 503)
    assert send_form(server, FIELD + FILE + END).status == 503
    connection.sendall(body[100_000:])
    assert connection.recv(2000).startswith(b"HTTP/1.1 200")
    connection.close()
    assert server.process.wait(20 * PATIENCE) == 0
    assert len(stored(server)) == 1 and not any(name.endswith(".partial") for name in stored(server))


def test_a_killed_server_keeps_what_it_acknowledged(tmp_path):
    data = make_data_folder(tmp_path / "data")
    kept = {}
    for _ in range(3):
        server = Server(data)
        client = client_of(server)
        assert stored(server) == set(kept), "what was unfinished has been swept"
        content = os.urandom(50_000).hex().encode()
        kept[client.files.create(file=("a.txt", content), purpose="evals").id] = content
        connection = server.socket()
        connection.sendall(head(server, b"Content-Length: 900000") + FIELD + FILE[:-4] + b"x" * 200_000)
        wait_for(lambda: len(stored(server)) == len(kept) + 1)
        server.process.kill()
        server.process.wait()
        server.log.close()
        connection.close()
    server = Server(data)
    try:
        for name, content in kept.items():
            assert client_of(server).files.content(name).read() == content
    finally:
        server.stop()


def test_the_document_knows_the_form(server):
    operation = server.request("GET", "/openapi.json").json()["paths"]["/v1/files"]["post"]
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]
    assert "507" in operation["responses"]
