"""Peers that are Python libraries: each round runs a worker in the library's own environment, so that no peer's threads
or memory are there while another is measured."""

import json
from pathlib import Path

from plan import ANSWER_TOKENS, OUTPUT, PREFILL, STREAM_PROMPT, Plan
from programs import PEERS, ROOT, Broken, output_of

HERE = Path(__file__).resolve().parent


class Worker:
    def __init__(self, plan: Plan, name: str, script: str, python: Path):
        self.plan, self.name, self.script, self.python = plan, name, script, python
        self.version = self._ask({"task": "version"})["version"]

    def _ask(self, task: dict) -> dict:
        task |= {"model": str(self.plan.model), "threads": self.plan.threads}
        said = output_of([self.python, HERE / self.script], stdin=json.dumps(task),
                         OMP_NUM_THREADS=str(self.plan.threads), HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
        try:
            return json.loads(said.splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise Broken(f"{self.script} said something else than its figures: {said[-300:]!r}") from error

    def continuations(self, prompts: list[str]) -> list[str]:
        return self._ask({"task": "texts", "prompts": prompts, "tokens": ANSWER_TOKENS})["texts"]

    def context(self, contexts: list[int]) -> dict[str, float]:
        lengths = sorted({max(1, n) for n in contexts} | {PREFILL})
        timed = self._ask({"task": "lengths", "lengths": lengths, "tokens": OUTPUT})["lengths"]
        found = {}
        for length, (first_s, rest_s) in zip(lengths, timed, strict=True):
            if length == PREFILL:
                found["prefill"] = length / first_s
            asked = 0 if length == 1 else length
            if asked in contexts:
                found[f"decode/{asked}"] = (OUTPUT - 1) / rest_s
        return found

    def streams(self, counts: list[int]) -> dict[str, float]:
        """All prompts as one batch in the process: these libraries are no servers."""
        timed = self._ask({"task": "batches", "batches": counts, "prompt": STREAM_PROMPT, "tokens": OUTPUT})["seconds"]
        return {f"output/{count}": count * OUTPUT / seconds for count, seconds in zip(counts, timed, strict=True)}


def openvino(plan: Plan) -> Worker:
    return Worker(plan, "OpenVINO GenAI", "openvino_worker.py", PEERS / "venv/bin/python")


def transformers(plan: Plan) -> Worker:
    return Worker(plan, "transformers", "transformers_worker.py", ROOT / ".venv-slow/bin/python")
