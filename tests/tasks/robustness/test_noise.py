"""Noise by name, seeded by example, in every kind of example."""

import random

import pytest

from xl_tasks import TaskError, noisy, parse_noise
from xl_tasks.examples import Answer, Question, TaggedSentence, TextExample

TEXT = "Çok güzel bir gün, değil mi? Evet, gerçekten öyle görünüyor bugün hava."


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("typos=0.1", "typos=0.1"),
        ("typos=.10", "typos=0.1"),
        (" typos = 1 ", "typos=1"),
        ("drop-diacritics", "drop-diacritics"),
        ("typos=0.05+drop-diacritics", "typos=0.05+drop-diacritics"),
        ("drop-diacritics+typos=0.05", "drop-diacritics+typos=0.05"),
    ],
)
def test_names_lead_back_to_the_noise(spec, name):
    assert parse_noise(spec).name == name
    assert parse_noise(name) == parse_noise(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("typo=0.1", "did you mean 'typos'"),
        ("dropdiacritics", "did you mean 'drop-diacritics'"),
        ("", "unknown noise ''; known: typos, drop-diacritics"),
        ("typos=0.1+", "unknown noise ''"),
        ("typos", "write typos=0.1"),
        ("typos=many", "write typos=0.1"),
        ("typos=0", "above 0 and at most 1"),
        ("typos=10", "above 0 and at most 1"),
        ("typos=nan", "above 0 and at most 1"),
        ("drop-diacritics=1", "takes no value"),
        ("typos=0.1+typos=0.2", "names typos twice"),
    ],
)
def test_bad_names_say_what_to_do(spec, message):
    with pytest.raises(TaskError, match=message):
        parse_noise(spec)


def test_the_order_is_that_of_the_name():
    first, second = parse_noise("typos=1+drop-diacritics"), parse_noise("drop-diacritics+typos=1")
    bare = parse_noise("drop-diacritics")
    both = first.apply(TEXT, "tur", "1")
    assert both == bare.apply(parse_noise("typos=1").apply(TEXT, "tur", "1"), "tur", "1")
    assert both == bare.apply(both, "tur", "1")
    # Typing errors behind the dropping bring Turkish letters back.
    changed = [second.apply(TEXT, "tur", str(key)) for key in range(20)]
    assert any(text != bare.apply(text, "tur", "x") for text in changed)


def test_noise_is_that_of_seed_key_and_text_alone():
    noise = parse_noise("typos=0.3")
    keys = [str(i) for i in range(50)]
    once = {key: noise.apply(TEXT, "tur", key) for key in keys}
    random.seed(0)
    shuffled = random.sample(keys, len(keys))
    assert {key: parse_noise("typos=0.3").apply(TEXT, "tr", key) for key in shuffled} == once
    assert len(set(once.values())) > 45
    assert sum(noise.apply(TEXT, "tur", key, seed=1) != text for key, text in once.items()) > 45


def test_two_texts_of_an_example_differ_and_have_their_own_language():
    example = TextExample(key="7", first="qqq qqq", second="qqq qqq", label="x", second_language="fra")
    changed = [noisy([example], parse_noise("typos=1"), "eng", seed=seed)[0] for seed in range(60)]
    assert all((new.key, new.label, new.second_language) == ("7", "x", "fra") for new in changed)
    assert any(new.first != new.second for new in changed)
    # Beside q there are a and w on the English keyboard; a, z, s and w on the French one.
    assert set("".join(new.first for new in changed)) == set("q aw")
    assert set("".join(new.second for new in changed)) == set("q azsw")
    same = TextExample(key="7", first=TEXT, second=TEXT, label="x")
    [new] = noisy([same], parse_noise("typos=1"), "tur")
    assert new.first != new.second
    [alone] = noisy([TextExample(key="1", first="qqq", label="x")], parse_noise("typos=1"), "eng")
    assert alone.second == ""


def test_tagged_words_stay_words():
    words = ("Ada", "lives", "in", "İzmir", ".", "2024", "a", "-", "ok")
    sentence = TaggedSentence(key="s", words=words, tags=tuple("ABCDEFGHI"))
    for seed in range(50):
        [new] = noisy([sentence], parse_noise("typos=1+drop-diacritics"), "tur", seed=seed)
        assert (new.key, new.tags, len(new.words)) == ("s", sentence.tags, len(words))
        assert all(word and " " not in word for word in new.words)
        assert new.words[4:8] == words[4:8]
        assert all(new.words[i] != words[i] for i in (0, 1, 2, 3, 8))


def test_a_question_is_noisy_and_its_context_is_not():
    context = "Ankara başkenttir."
    question = Question(key="q", question="Başkent neresi?", context=context, answers=(Answer(text="Ankara", start=0),))
    [new] = noisy([question], parse_noise("typos=1"), "tur")
    assert new.question != question.question
    assert (new.context, new.answers, new.key) == (context, question.answers, "q")


def test_order_and_batch_do_not_matter():
    examples = [TextExample(key=str(i), first=TEXT, label="x") for i in range(20)]
    noise = parse_noise("typos=0.2")
    whole = noisy(examples, noise, "tur")
    assert noisy(examples[::-1], noise, "tur") == whole[::-1]
    assert [noisy([example], noise, "tur")[0] for example in examples] == whole
    assert noisy(examples, noise, "tur", seed=1) != whole
