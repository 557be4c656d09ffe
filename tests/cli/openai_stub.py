"""A server that speaks just enough of OpenAI's API to be measured, at a pace that the test sets."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StubServer:
    """@param takes_ids whether a prompt may be token ids
    @param ends whether streams end as they should
    @param counts whether it says how many tokens there were"""

    def __init__(self, first_s: float = 0.0, step_s: float = 0.0, takes_ids=True, ends=True, counts=True):
        self.bodies: list[dict] = []
        self.first_s, self.step_s = first_s, step_s
        self.takes_ids, self.ends, self.counts = takes_ids, ends, counts
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.answer(200, {"data": [{"id": "stub"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                if not outer.takes_ids and isinstance(body.get("prompt"), list):
                    return self.answer(400, {"error": {"message": "prompt must be text"}})
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                outer.stream(body, lambda data: (self.wfile.write(f"data: {data}\n\n".encode()), self.wfile.flush()))

            def answer(self, status, value):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stream(self, body, send):
        time.sleep(self.first_s)
        for i in range(body["max_tokens"]):
            time.sleep(self.step_s if i else 0)
            choice = {"delta": {"content": "a"}} if "messages" in body else {"text": "a"}
            send(json.dumps({"choices": [choice | {"index": 0, "finish_reason": None}]}))
        if self.counts:
            send(json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": body["max_tokens"]}}))
        if self.ends:
            send("[DONE]")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
