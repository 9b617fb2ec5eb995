"""Question answering as inputs, targets, loss and answers, against `transformers`' own and slow definitions."""

import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.answering_tokenizers import ALL, FAST, TEXTS
from torch.nn import functional

from xl_tasks import TaskError
from xl_tasks.examples import Answer, Question, TextExample
from xl_tasks.problems.answering.problem import AnsweringProblem
from xl_tasks.tuning.config import TuningConfig
from xl_tasks.units.unit import Aligned, AsWritten

CONTEXT = " ".join(TEXTS)


def question(answer="cat", context=CONTEXT, *, key="a", text="where is the cat", **more):
    answers = () if answer is None else (Answer(text=answer, start=context.index(answer)),)
    return Question(key=key, question=text, context=context, answers=answers, **more)


def problem(kind="xlmr", *, no_answer=None, unit=None, metrics=(), **options):
    given: dict[str, Any] = {"max_len": 40, "window_step": 16, "query_len": 12, **options}
    config = TuningConfig(**given)
    unit = unit or AsWritten()
    return AnsweringProblem(ALL[kind](), unit=unit, config=config, metrics=metrics, no_answer=no_answer)


def random_logits(features, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(len(feature.ids), 2)).astype(np.float32) for feature in features]


def pointing(features):
    """Logits that say the target."""
    logits = [np.zeros((len(feature.ids), 2), dtype=np.float32) for feature in features]
    for feature, values in zip(features, logits, strict=True):
        if feature.target != (0, 0):
            values[feature.target, (0, 1)] = 10
    return logits


@pytest.mark.parametrize("kind", sorted(FAST))
@pytest.mark.parametrize("step", [99, 12], ids=["apart", "shared"])
def test_inputs_are_those_of_the_tokenizer(kind, step):
    """The same windows as the tokenizer's own overflow, ids, types and specials alike."""
    asked = [
        question(),
        question(text="Berlin?", context="베를린은 독일의 수도", answer="수도"),
        question(text="the cat"),
    ]
    features = problem(kind, window_step=step).features(asked, "eng_Latn", training=False)
    tokenizer = ALL[kind]()
    expected = {name: [] for name in ("input_ids", "special_tokens_mask", "token_type_ids", "example")}
    for number, q in enumerate(asked):
        # A tokenizer is told what two windows share: the room beside this question without the step.
        room = 40 - tokenizer.num_special_tokens_to_add(pair=True) - len(tokenizer.tokenize(q.question))
        encoded = tokenizer(
            q.question, q.context, truncation="only_second", max_length=40, stride=max(0, room - step),
            return_overflowing_tokens=True, return_special_tokens_mask=True,
        )  # fmt: skip
        for name, rows in expected.items():
            rows += encoded.get(name, []) if name != "example" else [number] * len(encoded["input_ids"])
    assert [feature.ids for feature in features] == expected["input_ids"]
    assert [feature.example for feature in features] == expected["example"]
    assert [[not c for c in feature.content] for feature in features] == [
        [bool(special) for special in mask] for mask in expected["special_tokens_mask"]
    ]
    if kind == "bert":
        assert [feature.types for feature in features] == expected["token_type_ids"]
    else:
        assert {feature.types for feature in features} == {None}
    assert len(features) > len(asked)
    assert len({tuple(feature.ids) for feature in features}) == len(features)
    assert all(feature.target is None for feature in features)


def test_a_long_question_is_cut_and_room_runs_out():
    [feature] = problem(query_len=2).features([question(context="the cat")], "eng_Latn", training=False)
    whole = ALL["xlmr"]()("where is the cat", add_special_tokens=False)["input_ids"]
    assert feature.ids[1:3] == whole[:2]
    assert feature.ids[3:5] == [2, 2]
    with pytest.raises(TaskError, match=r"max_len is 8, which leaves no room .* of \d+ tokens"):
        problem(max_len=8).features([question()], "eng_Latn", training=False)


@pytest.mark.parametrize("kind", sorted(FAST))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_targets_are_the_tokens_of_the_answer(kind, data):
    """Against the tokenizer's own offsets of the whole pair."""
    start = data.draw(st.integers(0, len(CONTEXT) - 1))
    answer = CONTEXT[start : data.draw(st.integers(start + 1, min(len(CONTEXT), start + 12)))]
    asked = Question(key="a", question="the", context=CONTEXT, answers=(Answer(text=answer, start=start),))
    [encoded] = ALL[kind]()("the", CONTEXT).encodings
    if any(char.isspace() or encoded.char_to_token(start + i, 1) is None for i, char in enumerate(answer)):
        return  # spaces and what the normaliser takes away have no token of their own
    tokens = [
        token
        for token, (a, b) in enumerate(encoded.offsets)
        if encoded.sequence_ids[token] == 1 and a < start + len(answer) and b > start
    ]
    long = problem(kind, max_len=2000)
    [feature] = long.features([asked], "eng_Latn", training=True)
    assert (min(feature.target), max(feature.target)) == (min(tokens), max(tokens))
    [given] = long.decode([asked], [feature], pointing([feature]))
    assert answer in given


def test_targets_at_the_edges_of_windows():
    """Every answer of a text of one-letter tokens, against the window's own slice of the text."""
    text = "".join(dict.fromkeys("".join(TEXTS).replace(" ", "")))[:30]
    for start in range(len(text)):
        for end in range(start + 1, min(start + 7, len(text)) + 1):
            asked = Question(
                key="a", question="the", context=text, answers=(Answer(text=text[start:end], start=start),)
            )
            made = problem("letters", max_len=18, window_step=4).features([asked], "eng_Latn", training=True)
            whole = problem("letters", max_len=18, window_step=4).features([asked], "eng_Latn", training=False)
            cuts = [(feature.place.spans[0, 0], feature.place.spans[-1, 1]) for feature in whole]
            expected = [(5 + start - a, 5 + end - 1 - a) if a <= start and end <= b else (0, 0) for a, b in cuts]
            assert [feature.target for feature in made] == (expected if any(map(any, expected)) else [])


def test_windows_without_the_whole_answer_point_at_the_first_special():
    asked = [question("Berlin"), question("cat")]
    made = problem().features(asked, "eng_Latn", training=True)
    for feature in made:
        answer = asked[feature.example].answers[0]
        spans = feature.place.spans
        inside = spans[:, 0].min() <= answer.start and spans[:, 1].max() >= answer.start + len(answer.text)
        assert (feature.target != (0, 0)) == inside
    assert {feature.target == (0, 0) for feature in made} == {True, False}


def test_answers_that_no_window_holds_are_not_trained_on(caplog):
    asked = [question(CONTEXT[4:300], key="long"), question("cat")]
    with caplog.at_level(logging.WARNING):
        made = problem().features(asked, "eng_Latn", training=True)
    assert {feature.example for feature in made} == {1}
    assert "1 of 2 questions are not trained on" in caplog.text
    assert {f.example for f in problem().features(asked, "eng_Latn", training=False)} == {0, 1}


@pytest.mark.parametrize("kind", sorted(ALL))
@pytest.mark.parametrize("answer", ["cafe\u0301", "ﬁne", "وَلَدَ", "독일의", "👩\u200d🚀", "Berlin", "e\u200bf"])
def test_logits_at_the_target_give_the_words_of_the_answer(kind, answer):
    """The answer as it stands in the context, joined marks, ligatures and emoji too, up to its tokens' edges."""
    p = problem(kind, max_len=200 if kind in ("canine", "letters", "roberta") else 60, answer_len=60)
    asked = [question(answer)]
    made = p.features(asked, "eng_Latn", training=True)
    [found] = p.decode(asked, made, pointing(made))
    assert answer in found
    assert found in CONTEXT
    if kind in ("canine", "letters"):
        assert found == answer


class Shifted(AsWritten):
    """Writes every text behind three strange letters, as a transcription might."""

    def texts(self, texts, language):
        return [f"zzz{text}" for text in texts]

    def aligned(self, text, language):
        places = np.arange(len(text))
        return Aligned(
            f"zzz{text}", np.concatenate([[0] * 3, places]), np.concatenate([[min(1, len(text))] * 3, places + 1])
        )


@pytest.mark.parametrize("kind", ["canine", "letters", "words"])
def test_answers_come_from_the_original_behind_a_unit(kind):
    p = problem(kind, unit=Shifted(), max_len=120)
    asked = [question("house")]
    made = p.features(asked, "eng_Latn", training=True)
    assert p.decode(asked, made, pointing(made)) == ["house"]
    plain = problem(kind, max_len=120).features(asked, "eng_Latn", training=True)
    assert made[0].ids != plain[0].ids


def test_a_context_in_another_language_is_read_as_that_language():
    seen = []

    class Spy(AsWritten):
        def texts(self, texts, language):
            seen.append(("question", language))
            return list(texts)

        def aligned(self, text, language):
            seen.append(("context", language))
            return super().aligned(text, language)

    p = problem(unit=Spy())
    asked = [question(context_language="tur_Latn")]
    p.features(asked * 2, "eng_Latn", training=False)
    p.features([*asked, question(text="who?", context_language="tur_Latn")], "eng_Latn", training=True)
    # Each text once a process, though asked for twice.
    assert seen == [("question", "eng_Latn"), ("context", "tur_Latn"), ("question", "eng_Latn")]


@pytest.mark.parametrize("kind", sorted(ALL))
def test_decoding_does_not_depend_on_the_batch(kind):
    asked = [
        question(),
        question(text="Berlin?", context="베를린은 독일의 수도", answer="수도"),
        question(text="the cat"),
    ]
    p = problem(kind)
    features = p.features(asked, "eng_Latn", training=False)
    logits = random_logits(features)
    together = p.n_best_answers(asked, features, logits)
    backwards = p.n_best_answers(asked, features[::-1], logits[::-1])
    assert [[c[:4] for c in found] for found in backwards] == [[c[:4] for c in found] for found in together]
    for number, one in enumerate(asked):
        places = [i for i, feature in enumerate(features) if feature.example == number]
        alone = problem(kind).features([one], "eng_Latn", training=False)
        assert [feature.ids for feature in alone] == [features[i].ids for i in places]
        assert p.n_best_answers([one], alone, [logits[i] for i in places]) == [together[number]]
    assert p.decode(asked, features, logits) == [found[0].text for found in together]
    for found in together:
        assert len(found) <= 20
        assert math.isclose(sum(c.probability for c in found), 1)


def test_answers_are_as_long_as_told():
    asked = [question(context="the cat sat on the mat in the old house")]
    logits = None
    for answer_len in (1, 2, 5):
        p = problem("letters", answer_len=answer_len)
        features = p.features(asked, "eng_Latn", training=False)
        logits = logits or random_logits(features, seed=4)
        for candidate in p.n_best_answers(asked, features, logits)[0]:
            assert len(candidate.text.replace(" ", "")) <= answer_len


def test_loss_is_the_models_and_does_not_see_padding():
    made = problem().features([question("Berlin"), question("cat")], "eng_Latn", training=True)
    p = problem()
    generator = torch.Generator().manual_seed(1)
    longest = max(len(feature.ids) for feature in made)
    logits = torch.randn(len(made), longest + 7, 2, generator=generator)
    targets = p.targets(made, longest + 7)
    alone = [
        # As transformers' heads for question answering compute it, on an input without padding.
        (
            functional.cross_entropy(logits[i, None, :n, 0], torch.tensor([feature.target[0]]))
            + functional.cross_entropy(logits[i, None, :n, 1], torch.tensor([feature.target[1]]))
        )
        / 2
        for i, feature in enumerate(made)
        for n in [len(feature.ids)]
    ]
    # float32 sums in another order
    torch.testing.assert_close(p.loss(logits, targets), torch.stack(alone).mean(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(p.loss(logits[:, :longest], p.targets(made, longest)), p.loss(logits, targets))
    logits.requires_grad_()
    p.loss(logits, targets).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert all((logits.grad[i, len(feature.ids) :] == 0).all() for i, feature in enumerate(made))
    with pytest.raises(TaskError, match="does not fit a batch of 9"):
        p.targets(made, 9)


def test_no_answer_is_offered_where_training_had_such_questions():
    asked = [question(None, context="the cat"), question(context="the cat")]
    p = problem()
    made = p.features(asked, "eng_Latn", training=False)
    null = [np.zeros((len(feature.ids), 2), dtype=np.float32) for feature in made]
    for values in null:
        values[0] = 5
    assert "" not in p.decode(asked, made, null)
    assert [f.target == (0, 0) for f in p.features(asked, "eng_Latn", training=True)] == [True, False]
    assert p.decode(asked, made, null) == ["", ""]
    for values in null:
        values[-2] = 6  # the last token of the text
    assert "" not in p.decode(asked, made, null)
    assert problem(no_answer=True).no_answer
    kept = problem(no_answer=False)
    kept.features(asked, "eng_Latn", training=True)
    assert not kept.no_answer


def test_questions_alone(tmp_path):
    p = problem()
    with pytest.raises(TaskError, match="needs questions, not TextExample"):
        p.features([TextExample(key="a", first="x", label="y")], "eng_Latn", training=True)
    [feature] = p.features([question(context="the cat")], "eng_Latn", training=False)
    with pytest.raises(TaskError, match=r"logits of shape \(3, 2\) for a feature of"):
        p.decode([question()], [feature], [np.zeros((3, 2), dtype=np.float32)])
    assert p.features([], "eng_Latn", training=True) == []
    assert p.decode([], [], []) == []
    assert p.decode([question()], [], []) == [""]


def official_f1(gold, given):
    """F1 over words, of SQuAD's script, for texts that need no normalisation."""
    a, b = gold.split(), given.split()
    same = sum(min(a.count(w), b.count(w)) for w in set(a))
    return 2 * same / (len(a) + len(b)) if same else 0.0


def test_measures_take_the_language_of_the_context():
    """An article in front costs an English answer nothing, a German one in front of a German answer neither."""
    asked = [question(context="the cat sat"), question(context="the cat sat", context_language="deu_Latn")] * 2
    predictions = ["the cat", "die cat", "die cat", "the cat"]
    p = problem(metrics=("em", "f1"))
    measures = {m.metric: m for m in p.measures(asked, predictions, "eng_Latn")}
    assert next(iter(measures)) == "em"
    assert {"f1", "em", "f1_language", "em_language"} == set(measures)
    assert all(m.n == 4 for m in measures.values())
    two_words = official_f1("cat", "die cat")
    assert measures["f1"].stats[:, 0].tolist() == [1, two_words, two_words, 1]
    assert measures["em_language"].stats[:, 0].tolist() == [1, 1, 0, 0]
    assert measures["f1_language"].stats[:, 0].tolist() == [1, 1, two_words, two_words]
    none = p.measures([question(None), question(None)], ["", "cat"], "eng_Latn")
    assert none[0].stats[:, 0].tolist() == [1, 0]
    assert all(m.n == 0 for m in p.measures([], [], "eng_Latn"))


def test_a_model_fitted_on_the_targets_gives_the_answers():
    """Training targets and decoding agree: a tiny XLM-R learns five questions by heart, over several windows."""
    from transformers import XLMRobertaConfig, XLMRobertaForQuestionAnswering

    context = CONTEXT[:140]
    asked = [
        question("cat", context, text="the cat"), question("Berlin", context, text="the house"),
        question("ﬁne", context, text="the mat"), question("ฉิน", context, text="the old"),
        question(None, context, text="Berlin"),
    ]  # fmt: skip
    p = problem(max_len=22, window_step=9)
    features = p.features(asked, "eng_Latn", training=True)
    assert len(features) > len(asked)
    assert len({tuple(feature.ids) for feature in features}) == len(features)
    length = max(len(feature.ids) for feature in features)
    ids = torch.tensor([feature.ids + [1] * (length - len(feature.ids)) for feature in features])
    config = XLMRobertaConfig(
        vocab_size=len(ALL["xlmr"]()), hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=80, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = XLMRobertaForQuestionAnswering(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    targets = p.targets(features, length)

    def scored():
        output = model(input_ids=ids, attention_mask=(ids != 1).long())
        return torch.stack([output.start_logits, output.end_logits], dim=-1)

    for _ in range(100):
        loss = p.loss(scored(), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    logits = [values[: len(feature.ids)].numpy() for values, feature in zip(scored().detach(), features, strict=True)]
    found = p.decode(asked, features, logits)
    assert loss.item() < 0.1
    assert [
        given == oracle for given, oracle in zip(found, p.decode(asked, features, pointing(features)), strict=True)
    ][:4] == [True] * 4
    assert found[4] == ""
    f1, em, *_ = p.measures(asked, found, "eng_Latn")
    assert min(f1.value, em.value) > 0.7
