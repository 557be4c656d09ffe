"""llama.cpp: llama-bench for the engine, llama-server through HTTP."""

import json

from marquee_engine import bench_server, stream_figures
from plan import ANSWER_TOKENS, OUTPUT, PREFILL, STREAM_PROMPT, Plan
from programs import PEERS, Server, free_port, output_of, post


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, plan: Plan, build: str = "build"):
        self.plan = plan
        self.programs = PEERS / "llama.cpp" / build / "bin"
        self.version = "llama-cpp-python 0.3.36's sources, " + ("native" if build == "build" else build)

    def _bench(self, *arguments) -> list[dict]:
        return json.loads(output_of([self.programs / "llama-bench", "-m", self.plan.model, "-t", self.plan.threads,
                                     "-r", 1, "-o", "json", *arguments]))

    def context(self, contexts: list[int]) -> dict[str, float]:
        found = {"prefill": self._bench("-p", PREFILL, "-n", 0)[0]["avg_ts"]}
        for test in self._bench("-p", 0, "-n", OUTPUT, "-d", ",".join(map(str, contexts))):
            found[f"decode/{test['n_depth']}"] = test["avg_ts"]
        return found

    def _serve(self, slots: int) -> Server:
        """As its users run it for parallel requests: each slot has the context that its request needs."""
        port = free_port()
        per_slot = max(1024, STREAM_PROMPT + OUTPUT)
        return Server([self.programs / "llama-server", "-m", self.plan.model, "-t", self.plan.threads, "-np", slots, "-c",
                       slots * per_slot, "--host", "127.0.0.1", "--port", port, "--no-ui"], port, "/health",
                      PEERS / "logs" / "llama-server.log")

    def continuations(self, prompts: list[str]) -> list[str]:
        with self._serve(1) as server:
            return [post(f"{server.url}/completion", {"prompt": prompt, "n_predict": ANSWER_TOKENS, "temperature": 0,
                                                      "ignore_eos": True, "cache_prompt": False})["content"]
                    for prompt in prompts]

    def streams(self, counts: list[int]) -> dict[str, float]:
        with self._serve(max(counts)) as server:
            return stream_figures(bench_server(server.url, "none", counts))
