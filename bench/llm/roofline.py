"""What the machine allows at most, from its measured limits and the work of a token."""

from dataclasses import dataclass

from gguf_size import Work


@dataclass
class Roofline:
    memory_bytes_per_s: float
    int8_macs_per_s: float
    work: Work
    kv_bytes_per_token: float

    def prefill(self) -> float:
        """Prompt tokens per second, if nothing but int8 dot products took time."""
        return self.int8_macs_per_s / self.work.block_macs

    def decode(self, context: int) -> float:
        """Tokens per second of one stream, if nothing but reading weights and cache took time."""
        return self.memory_bytes_per_s / (self.work.file_bytes + context * self.kv_bytes_per_token)

    def output(self, streams: int, prompt: int, output: int) -> float:
        """Output tokens per second of parallel streams: prompts by dot products, steps by the slower of the two."""
        token_s = (self.work.block_macs + self.work.head_macs) / self.int8_macs_per_s
        step_s = max(self.work.file_bytes / self.memory_bytes_per_s, streams * token_s)
        return streams * output / (streams * prompt / self.prefill() + output * step_s)
