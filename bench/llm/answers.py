"""Before speeds are compared: do all engines compute the same model?

Each goes on greedily with the same raw texts from the same file. The answers cannot be equal to the end: Marquee and
llama.cpp round activations to 8 bits (not in the same way), transformers computes in float32, OpenVINO GenAI turns the
file's blocks into weights of its own, and after a near-tie two right answers go apart. An engine that computes another model, tokenises otherwise or
adds a chat template does not even begin with the same words, so that is what is asked for.
"""

import re
from dataclasses import dataclass

PROMPTS = [
    "The lighthouse keeper looked out at the sea and",
    "Once upon a time there was a little robot who",
    "The three best things about living in a small town are",
    "Dear diary, today the ship",
    "The recipe for a good song begins with",
    "The capital of France is",
    "Water boils when it is",
    "In the morning the children went to",
    "A film director tells the actors what to",
    "The opposite of hot is",
]
LEAST_SAME_BEGINNINGS = 0.5


@dataclass
class Agreement:
    same_beginnings: int  # prompts whose first word is the same
    prompts: int
    mean_words: float     # that are the same before the answers part

    @property
    def enough(self) -> bool:
        return self.same_beginnings >= LEAST_SAME_BEGINNINGS * self.prompts

    def __str__(self) -> str:
        return (f"the same first word on {self.same_beginnings} of {self.prompts} prompts, "
                f"{self.mean_words:.1f} words the same on average before they part")


def common_words(one: str, other: str) -> int:
    count = 0
    for first, second in zip(re.findall(r"\S+", one), re.findall(r"\S+", other)):
        if first != second:
            break
        count += 1
    return count


def compare(ours: list[str], theirs: list[str]) -> Agreement:
    words = [common_words(*pair) for pair in zip(ours, theirs, strict=True)]
    return Agreement(sum(count > 0 for count in words), len(words), sum(words) / len(words))
