"""Tagging for the fitting loop: a tag for each word, whatever the window, the batch and the padding."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.tasks.tagging_models import FAMILIES, model, tokenizer

from xl_tasks import TaskError
from xl_tasks.datasets.tagging.conllu import UPOS_LABELS
from xl_tasks.datasets.tagging.panx import PANX_LABELS
from xl_tasks.examples import TaggedSentence, TextExample
from xl_tasks.problems.tagging.problem import NO_TAG, TaggingProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import AsWritten

CONFIG = TuningConfig(max_len=12)
every_family = pytest.mark.parametrize("family", FAMILIES)


class Letters(AsWritten):
    """Letters apart, as phonemes come."""

    separator = "▁"

    def words(self, sentences, language):
        return [[" ".join(word) for word in sentence] for sentence in sentences]


def sentences(n=12, seed=0):
    random = np.random.default_rng(seed)
    words = ["the", "white", "house", "cat", "mat", "sat", "on", "", "several", "longer"]
    found = []
    for i in range(n):
        length = int(random.integers(1, 14))
        chosen = tuple(words[j] for j in random.integers(0, len(words), length))
        found.append(
            TaggedSentence(key=str(i), words=chosen, tags=tuple(PANX_LABELS[j] for j in random.integers(0, 7, length)))
        )
    return found


def problem_of(family="bert", labels=PANX_LABELS, config=CONFIG, **options):
    unit = Letters() if family == "xphonebert" else AsWritten()
    return TaggingProblem(tokenizer(family), labels, unit=unit, config=config, **options)


@every_family
def test_gold_tags_come_back(family):
    problem = problem_of(family)
    examples = sentences()
    features = problem.features(examples, "eng_Latn", training=False)
    assert len(features) > len(examples)  # some are longer than a window
    targets = problem.targets(features, 32)
    assert targets.shape == (len(features), 32)
    # As many tags as words: none is lost, none is given to a second token.
    assert int((targets != NO_TAG).sum()) == sum(len(example.words) for example in examples)
    for feature in features:
        assert len(feature.ids) == len(feature.content) == len(feature.target) <= 12
        assert feature.content == [False, *[True] * (len(feature.ids) - 2), False]
        assert (feature.types is not None) == ("token_type_ids" in tokenizer(family).model_input_names)
    # A model that is certain of the gold tag of each labelled token, and of nothing elsewhere.
    logits = [np.eye(7, dtype=np.float32)[np.maximum(feature.target, 0)] for feature in features]
    assert problem.decode(examples, features, logits) == [example.tags for example in examples]
    with pytest.raises(TaskError, match="'0' has words that no feature covers"):
        problem.decode(examples, features[1:], logits[1:])


@every_family
def test_padding_and_company_change_no_tag(family):
    problem = problem_of(family)
    examples = sentences(6, seed=1)
    features = problem.features(examples, "eng_Latn", training=False)
    multiple = 128 if family == "canine" else 1

    pad = tokenizer(family).pad_token_id

    def logits_of(batch):
        length = max(len(feature.ids) for feature in batch)
        length += -length % multiple
        ids = torch.tensor([f.ids + [pad] * (length - len(f.ids)) for f in batch])
        mask = torch.tensor([[1] * len(f.ids) + [0] * (length - len(f.ids)) for f in batch])
        with torch.no_grad():
            out = model(family, 7)(input_ids=ids, attention_mask=mask).logits.numpy()
        return [row[: len(f.ids)] for row, f in zip(out, batch, strict=True)]

    alone = [logits_of([feature])[0] for feature in features]
    together = logits_of(features)
    # Sums of float32 in another order.
    assert all(np.allclose(one, other, atol=1e-4) for one, other in zip(alone, together, strict=True))
    assert problem.decode(examples, features, alone) == problem.decode(examples, features, together)
    # Nor does the order of the features.
    order = np.random.default_rng(2).permutation(len(features))
    assert problem.decode(examples, [features[i] for i in order], [alone[i] for i in order]) == problem.decode(
        examples, features, alone
    )


def test_loss_is_that_of_transformers():
    problem = problem_of()
    batch = problem.features(sentences(4), "eng_Latn", training=True)
    length = max(len(feature.ids) for feature in batch)
    ids = torch.tensor([f.ids + [0] * (length - len(f.ids)) for f in batch])
    mask = torch.tensor([[1] * len(f.ids) + [0] * (length - len(f.ids)) for f in batch])
    targets = problem.targets(batch, length)
    out = model("bert", 7)(input_ids=ids, attention_mask=mask, labels=targets)
    torch.testing.assert_close(problem.loss(out.logits, targets), out.loss)


def test_a_batch_without_tags_has_no_loss():
    logits = torch.randn(2, 3, 7, requires_grad=True)
    problem: Any = None  # nothing of it is asked
    loss = TaggingProblem.loss(problem, logits, torch.full((2, 3), NO_TAG))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().sum() == 0
    assert TaggingProblem.loss(problem, logits.bfloat16(), torch.zeros(2, 3, dtype=torch.int64)).dtype == torch.float32


def test_measures():
    from seqeval.metrics import f1_score

    problem = problem_of(metrics=("f1", "accuracy"))
    assert problem.scheme == "iob2"
    examples = sentences(8)
    other = [example.tags for example in sentences(8, seed=5)]
    guesses = [tuple((tags * 14)[: len(e.tags)]) for e, tags in zip(examples, other, strict=True)]
    main, *_ = problem.measures(examples, guesses, "eng_Latn")
    assert (main.metric, main.n) == ("f1", 8)
    assert main.value == pytest.approx(f1_score([list(e.tags) for e in examples], [list(g) for g in guesses]))
    words = problem_of(labels=UPOS_LABELS, metrics=("macro_f1",))
    assert words.scheme == "plain"
    tagged = [TaggedSentence(key="1", words=("a", "b"), tags=("NOUN", "ADJ"))]
    measures = words.measures(tagged, [("NOUN", "NOUN")], "eng_Latn")
    assert [measure.metric for measure in measures] == ["macro_f1", "accuracy", "seqeval_compat"]


def test_a_sentence_is_tokenised_once():
    asked = []

    class Counting(AsWritten):
        def words(self, sentences, language):
            asked.append((language, len(sentences)))
            return super().words(sentences, language)

    problem = TaggingProblem(tokenizer("bert"), PANX_LABELS, unit=Counting(), config=CONFIG)
    examples = sentences(5)
    first = problem.features([*examples, examples[0]], "eng_Latn", training=True)
    second = problem.features([*examples, examples[0]], "eng_Latn", training=False)
    assert first == second
    problem.features(examples[:2], "deu_Latn", training=False)
    assert asked == [("eng_Latn", 5), ("deu_Latn", 2)]
    # The same words with other tags are other targets.
    changed = TaggedSentence(key="x", words=examples[0].words, tags=("B-ORG",) * len(examples[0].words))
    targets = [t for f in problem.features([changed], "eng_Latn", training=True) for t in f.target if t != NO_TAG]
    assert set(targets) == {PANX_LABELS.index("B-ORG")}


def test_what_cannot_be_tagged():
    problem = problem_of()
    with pytest.raises(TaskError, match="sentence 's1': tag 'B-DATE' is none of O, B-PER"):
        problem.features([TaggedSentence(key="s1", words=("a",), tags=("B-DATE",))], "eng_Latn", training=True)
    with pytest.raises(TaskError, match="example 't' is no tagged sentence"):
        problem.features([TextExample(key="t", first="a", label="b")], "eng_Latn", training=True)
    for labels in ((), ("O", "O")):
        with pytest.raises(TaskError, match="give each tag of the data set once"):
            problem_of(labels=labels)
