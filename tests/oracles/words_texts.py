"""Texts whose structure is known, and how well vectors of words show it.

`planted_text` writes sentences about entities in roles: the word "e3r1" stands among words of entity 3 and words of role 1.
So e3r0 is to e3r1 as e7r0 is to e7r1, and the words that stand with an entity belong together. `split_words` takes any
text and gives some of its words two names, dealt out at random: who learns the text well finds the other name."""
import itertools
import random

import numpy


def planted_text(path, seed, entities=20, roles=3, sentences=2500):
    rng = random.Random(seed)
    fillers = [f"f{i}" for i in range(60)]
    weights = [1 / (i + 1) for i in range(60)]
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(sentences):
            entity, role = rng.randrange(entities), rng.randrange(roles)
            words = [f"e{entity}r{role}"]
            words += [f"c{entity}w{rng.randrange(6)}" for _ in range(2)]
            words += [f"x{role}w{rng.randrange(10)}" for _ in range(2)]
            words += rng.choices(fillers, weights, k=6)
            rng.shuffle(words)
            file.write(" ".join(words) + "\n")


def split_words(lines, seed, words):
    """The lines with each of `words` named "WORD_1" or "WORD_2" at random."""
    rng = random.Random(seed)
    words = set(words)
    for line in lines:
        yield [f"{word}_{rng.randrange(1, 3)}" if word in words else word for word in line]


class Vectors:
    def __init__(self, words, matrix):
        self.words, self.index = list(words), {word: i for i, word in enumerate(words)}
        lengths = numpy.linalg.norm(matrix, axis=1, keepdims=True)
        self.unit = (matrix / numpy.where(lengths > 0, lengths, 1)).astype(numpy.float32)

    @classmethod
    def read(cls, path):
        """Of a file in word2vec's text format, or in GloVe's."""
        words, rows = [], []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                fields = line.rstrip().split(" ")
                if number == 0 and len(fields) == 2:
                    continue
                words.append(fields[0])
                rows.append(numpy.array(fields[1:], dtype=numpy.float32))
        return cls(words, numpy.stack(rows))

    def planted_scores(self, entities=20, roles=3):
        """Of the planted text: the share of analogies solved (3CosAdd), and of the five words nearest to a context word
        (of six) the share that is of its entity."""
        right = asked = 0
        for a, b in itertools.permutations(range(entities), 2):
            for i, j in itertools.permutations(range(roles), 2):
                given = [self.index[f"e{a}r{i}"], self.index[f"e{a}r{j}"], self.index[f"e{b}r{i}"]]
                scores = self.unit @ (self.unit[given[1]] - self.unit[given[0]] + self.unit[given[2]])
                scores[given] = -numpy.inf
                right += self.words[int(scores.argmax())] == f"e{b}r{j}"
                asked += 1
        pure = 0
        for entity, word in itertools.product(range(entities), range(6)):
            at = self.index[f"c{entity}w{word}"]
            scores = self.unit @ self.unit[at]
            scores[at] = -numpy.inf
            pure += sum(self.words[i].startswith((f"c{entity}w", f"e{entity}r")) for i in scores.argsort()[-5:])
        return {"analogies": right / asked, "purity": pure / (5 * 6 * entities)}

    def split_scores(self, words):
        """Of a text by split_words: how often the nearest word is the other name, and the mean of 1 / its rank."""
        first = reciprocal = 0
        for word in words:
            one, other = self.index[f"{word}_1"], self.index[f"{word}_2"]
            scores = self.unit @ self.unit[one]
            scores[one] = -numpy.inf
            rank = 1 + int((scores > scores[other]).sum())
            first += rank == 1
            reciprocal += 1 / rank
        return {"first": first / len(words), "mrr": reciprocal / len(words)}
