"""Tiny problems, examples and encoders for the tests of fine-tuning: nothing here comes from the modules under test."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from xl_encoders import Encoder, ModelConfig, encode_words, new_encoder
from xl_encoders.reading.tokens import edge_ids
from xl_tasks.examples import Answer, Question, TaggedSentence, TextExample
from xl_tasks.problems.classification.problem import ClassificationProblem
from xl_tasks.scoring.measures import Measure
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.tuning.problem import Feature
from xl_tasks.units.unit import AsWritten

COLOURS = ("red", "blue")
TAGS = ("NOUN", "VERB", "DET")
_LEXICON = {"the": 2, "a": 2, "cat": 0, "dog": 0, "bird": 0, "sleeps": 1, "runs": 1, "sings": 1, "sees": 1}


@cache
def toy_encoder(dropout: float = 0.1, seed: int = 3) -> Encoder:
    """An XLM-R shape of 128 states and one block that knows the words of the toys; to be left as it is."""
    texts = [*(f"{word} {word}" for word in (*_LEXICON, *COLOURS)), "what does the cat do", "in the garden, abcdefg"]
    return new_encoder(texts, ModelConfig(size="pico", pieces=150, max_len=48, dropout=dropout), seed=seed)


def toy_texts(n: int, seed: int = 0) -> list[TextExample]:
    """Texts of different length whose class is the colour named in them."""
    random = np.random.default_rng(seed)
    words = sorted(_LEXICON)
    found = []
    for number in range(n):
        label = COLOURS[number % 2]
        text = [words[i] for i in random.integers(len(words), size=random.integers(1, 9))]
        text.insert(int(random.integers(len(text) + 1)), label)
        found.append(TextExample(key=str(number), first=" ".join(text), label=label))
    return found


def toy_pairs(n: int, seed: int = 0) -> list[TextExample]:
    """Pairs whose class is the colour of the second text."""
    firsts, seconds = toy_texts(n, seed), toy_texts(n, seed + 1)
    return [
        TextExample(key=a.key, first=a.first, second=b.first, label=b.label)
        for a, b in zip(firsts, seconds, strict=True)
    ]


def toy_sentences(n: int, seed: int = 0) -> list[TaggedSentence]:
    """Sentences whose tags depend on the word alone."""
    random = np.random.default_rng(seed)
    words = sorted(_LEXICON)
    found = []
    for number in range(n):
        chosen = [words[i] for i in random.integers(len(words), size=random.integers(1, 8))]
        tags = tuple(TAGS[_LEXICON[word]] for word in chosen)
        found.append(TaggedSentence(key=str(number), words=tuple(chosen), tags=tags))
    return found


def toy_questions(n: int, seed: int = 0) -> list[Question]:
    """Questions whose answer is the verb of the context."""
    random = np.random.default_rng(seed)
    verbs = [word for word, tag in _LEXICON.items() if tag == 1]
    found = []
    for number in range(n):
        verb = verbs[random.integers(len(verbs))]
        context = f"{'the cat ' * int(random.integers(1, 4))}{verb} in the garden"
        answer = Answer(text=verb, start=context.index(verb))
        found.append(Question(key=str(number), question="what", context=context, answers=(answer,)))
    return found


def classification(encoder: Encoder, config: TuningConfig) -> ClassificationProblem:
    """The colours of texts."""
    return ToyClassification(encoder.tokenizer, COLOURS, unit=AsWritten(), config=config)


def hits(gold: Sequence, predicted: Sequence) -> Measure:
    """Accuracy, an item right or wrong as a whole."""
    stats = np.array([[float(g == p), 1.0] for g, p in zip(gold, predicted, strict=True)])
    return Measure(metric="accuracy", form="mean", stats=stats)


class ToyClassification(ClassificationProblem):
    """Scored without any metric of the package."""

    def measures(self, examples, predictions, language):
        return [hits([example.label for example in examples], predictions)]


class ToyTagging:
    """A tag on the first token of each word."""

    kind = "tagging"
    labels = TAGS
    n_outputs = len(TAGS)

    def __init__(self, tokenizer, *, separator=""):
        self._tokenizer, self._separator = tokenizer, separator

    def features(self, examples, language, *, training):
        found = encode_words(self._tokenizer, [e.words for e in examples], 10**6, separator=self._separator)
        first, last = edge_ids(self._tokenizer)
        features = []
        for number, (row, words) in enumerate(zip(found.rows, found.word_ids, strict=True)):
            new = [w >= 0 and w not in words[:i] for i, w in enumerate(words)]
            tags = [TAGS.index(examples[number].tags[w]) if n else -100 for w, n in zip(words, new, strict=True)]
            features.append(
                Feature(
                    ids=[first, *row, last],
                    content=[False, *(True for _ in row), False],
                    target=[-100, *tags, -100],
                    example=number,
                )
            )
        return features

    def targets(self, batch, length):
        return torch.tensor([f.target + [-100] * (length - len(f.target)) for f in batch])

    def loss(self, logits, targets):
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)

    def decode(self, examples, features, logits):
        return [
            tuple(TAGS[row[i].argmax()] for i, tag in enumerate(feature.target) if tag != -100)
            for feature, row in zip(features, logits, strict=True)
        ]

    def measures(self, examples, predictions, language):
        return [hits([example.tags for example in examples], predictions)]


class ToyAnswering:
    """The tokens where an answer starts and ends; one window a question. The prediction is a (start, end) of tokens."""

    kind = "answering"
    labels = ()
    n_outputs = 2

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def features(self, examples, language, *, training):
        features = []
        for number, example in enumerate(examples):
            before = example.context[: example.answers[0].start].split()
            words = [*before, example.answers[0].text, *example.context[example.answers[0].start :].split()[1:]]
            pieces = encode_words(self._tokenizer, [[example.question, *words]], 10**6)
            [row], [numbers] = pieces.rows, pieces.word_ids
            first, last = edge_ids(self._tokenizer)
            inside = [i + 1 for i, word in enumerate(numbers) if word == len(before) + 1]
            features.append(
                Feature(
                    ids=[first, *row, last],
                    content=[False, *(True for _ in row), False],
                    target=(inside[0], inside[-1]),
                    example=number,
                )
            )
        return features

    def targets(self, batch, length):
        return torch.tensor([f.target for f in batch])

    def loss(self, logits, targets):
        return sum(functional.cross_entropy(logits[..., k], targets[:, k]) for k in range(2)) / 2

    def decode(self, examples, features, logits):
        return [tuple(int(k) for k in row.argmax(0)) for row in logits]

    def measures(self, examples, predictions, language):
        return [hits([f.target for f in self.features(examples, language, training=False)], predictions)]
