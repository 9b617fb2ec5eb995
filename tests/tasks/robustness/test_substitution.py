"""RS-DA: probabilities of the definition, parity with a rewriting of it, and draws that hang on nothing else."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from xl_tasks import NeighbourTable, RobustConfig, TaskError, augmented
from xl_tasks.examples import Answer, Question, TaggedSentence, TextExample
from xl_tasks.robustness.substitution import default_copies, exchanged

TABLE = NeighbourTable(
    {"good": ("fine", "nice", "great"), "dog": ("hound",), "the": (), "big": ("very large", "huge"), "Good": ("Fair",)},
    {},
)


def text(first: str, second: str = "", key: str = "1", **more: str) -> TextExample:
    return TextExample(key=key, first=first, second=second, label="x", **more)


def firsts(example: TextExample, n: int, **options: Any) -> list[str]:
    made = augmented([example], TABLE, copies=n, keep_original=False, **options)
    return [copy.first for copy in made]


def test_each_word_is_a_uniform_draw_from_itself_and_its_neighbours() -> None:
    n = 4000
    drawn = [line.split(" ") for line in firsts(text("the good dog"), n, match="exact")]
    assert {words[0] for words in drawn} == {"the"}
    counts = Counter(words[1] for words in drawn)
    assert set(counts) == {"good", "fine", "nice", "great"}
    assert chisquare(list(counts.values())).pvalue > 1e-3
    assert binomtest(sum(words[2] == "dog" for words in drawn), n, 1 / 2).pvalue > 1e-3
    # Independently: the eight pairs are alike in number.
    assert chisquare(list(Counter(map(tuple, (words[1:] for words in drawn))).values())).pvalue > 1e-3
    # And so are the draws of the same word at two places, in two texts and under two seeds.
    twice = [line.split(" ") for line in firsts(text("good good"), n, match="exact")]
    assert binomtest(sum(one == other for one, other in twice), n, 1 / 4).pvalue > 1e-3
    pairs = augmented([text("good", "good")], TABLE, copies=n, keep_original=False)
    assert binomtest(sum(pair.first == pair.second for pair in pairs), n, 1 / 4).pvalue > 1e-3
    seeds = zip(firsts(text("good"), n, seed=1), firsts(text("good"), n, seed=2), strict=True)
    assert binomtest(sum(one == other for one, other in seeds), n, 1 / 4).pvalue > 1e-3


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.lists(st.sampled_from(["good", "Good", "good,", "dog", "the", "", "cat"])).map(" ".join), max_size=5
    ),
    seed=st.integers(0, 99),
    copies=st.integers(1, 4),
    keep=st.booleans(),
)
def test_parity_form_is_in_the_set_of_the_definition(lines: list[str], seed: int, copies: int, keep: bool) -> None:
    """Split on single spaces, exact keys, every space kept; as many copies as asked for, labels unchanged."""
    examples = [text(line, line[::-1], key=str(i)) for i, line in enumerate(lines)]
    made = augmented(examples, TABLE, copies=copies, keep_original=keep, seed=seed, match="exact")
    assert len(made) == copies * len(examples)
    assert len({copy.key for copy in made}) == len(made)
    for i, example in enumerate(examples):
        group = made[i * copies : (i + 1) * copies]
        if keep:
            assert group[0] is example
        for copy in group:
            assert copy.label == "x"
            for before, after in ((example.first, copy.first), (example.second, copy.second)):
                place = 0
                for word in before.split(" "):
                    options = [word, *TABLE.neighbours.get(word, ())]
                    found = max(
                        (o for o in options if after[place:].split(" ")[: o.count(" ") + 1] == o.split(" ")), key=len
                    )
                    place += len(found) + 1
                assert place == len(after) + 1


def test_draws_depend_on_seed_key_and_place_alone() -> None:
    examples = [text(f"good dog number {i} good", key=f"k{i}") for i in range(40)]
    made = {copy.key: copy for copy in augmented(examples, TABLE, copies=3, seed=1)}
    shuffled = random.Random(0).sample(examples, 25)
    for copy in augmented(shuffled, TABLE, copies=3, seed=1):
        assert made[copy.key] == copy
    more = {copy.key: copy for copy in augmented(examples, TABLE, copies=5, seed=1)}
    assert made.items() <= more.items()
    # A word more at the end changes no other draw.
    longer = augmented([text("good dog number 0 good big", key="k0")], TABLE, copies=3, seed=1)
    assert [copy.first.split(" ")[:2] for copy in longer] == [made[copy.key].first.split(" ")[:2] for copy in longer]
    assert augmented(examples, TABLE, copies=3, seed=2) != list(made.values())


@pytest.mark.parametrize(
    ("word", "exact", "by_word"),
    [
        ("good,", {"good,"}, {"good,", "fine,", "nice,", "great,"}),
        ("(good).", {"(good)."}, {"(good).", "(fine).", "(nice).", "(great)."}),
        ("GOOD!", {"GOOD!"}, {"GOOD!", "FINE!", "NICE!", "GREAT!"}),
        ("Dog", {"Dog"}, {"Dog", "Hound"}),
        ("Good", {"Good", "Fair"}, {"Good", "Fair"}),  # the table's own entry goes before the lower-case one
        ("Good,", {"Good,"}, {"Good,", "Fair,"}),
        ("dog's", {"dog's"}, {"dog's"}),
        ("...", {"..."}, {"..."}),
        ("big", {"big", "very large", "huge"}, {"big", "very large", "huge"}),
    ],
)
def test_matches(word: str, exact: set[str], by_word: set[str]) -> None:
    assert set(firsts(text(word), 200, match="exact")) == exact
    assert set(firsts(text(word), 200, match="word")) == by_word


def test_a_neighbour_that_is_the_word_in_other_capitals_counts_once() -> None:
    table = NeighbourTable({"cat": ("Cat", "feline")}, {})
    made = augmented([text("Cat")], table, copies=2000, keep_original=False)
    counts = Counter(copy.first for copy in made)
    assert set(counts) == {"Cat", "Feline"}
    assert binomtest(counts["Cat"], 2000, 1 / 2).pvalue > 1e-3


def test_marks_belong_to_the_word() -> None:
    """A vowel sign at the end of a Devanagari word is no punctuation; the danda is."""
    table = NeighbourTable({"पानी": ("जल",)}, {})
    made = augmented([text("पानी।")], table, copies=100, keep_original=False)
    assert {copy.first for copy in made} == {"पानी।", "जल।"}


def test_a_second_text_of_another_language_stays() -> None:
    made = augmented([text("good dog", "good dog", second_language="deu_Latn")], TABLE, copies=30, keep_original=False)
    assert {copy.second for copy in made} == {"good dog"}
    assert len({copy.first for copy in made}) > 3


def test_tags_stay_with_their_words() -> None:
    sentence = TaggedSentence(key="s", words=("The", "big", "dog", "."), tags=("DET", "ADJ", "NOUN", "PUNCT"))
    made = augmented([text("big"), sentence], TABLE, copies=60)[60:]  # what a text may take, a tagged word may not
    assert made[0] is sentence
    tagged = [copy for copy in made if isinstance(copy, TaggedSentence)]
    assert len(tagged) == 60
    assert {copy.tags for copy in tagged} == {sentence.tags}
    assert {copy.words for copy in tagged} == {("The", a, n, ".") for a in ("big", "huge") for n in ("dog", "hound")}


def test_only_the_question_changes() -> None:
    question = Question(key="q", question="good dog ?", context="good dog", answers=(Answer(text="dog", start=5),))
    made = augmented([question], TABLE, copies=60)
    assert {(copy.context, copy.answers) for copy in made} == {(question.context, question.answers)}
    assert len({copy.question for copy in made}) == 8


def test_by_settings(tmp_path: Path) -> None:
    (tmp_path / "eng.tsv").write_text("good\tfine\t0.9\ngood\tnice\t0.4\ndog\thound\t0.8\n", encoding="utf-8")
    (tmp_path / "deu.tsv").write_text("gut\tfein\n", encoding="utf-8")
    config = RobustConfig(kind="rs-da", neighbours=str(tmp_path), keep_original=False, copies=80, match="exact")
    train = {"eng_Latn": [text("good gut dog,")], "deu_Latn": [text("good gut gut,")]}
    made = exchanged(train, config)
    assert {copy.first for copy in made["eng_Latn"]} == {"good gut dog,", "fine gut dog,"}
    assert {copy.first for copy in made["deu_Latn"]} == {"good gut gut,", "good fein gut,"}
    assert made == exchanged(dict(reversed(train.items())), config)
    default = RobustConfig(kind="rs-da", neighbours=str(tmp_path))
    for task, n in (("pawsx", 10), ("xnli", 3), ("sib200", 3), ("", 3)):
        made = exchanged({"eng_Latn": train["eng_Latn"]}, default, task)["eng_Latn"]
        assert len(made) == default_copies(task) == n
        assert made[0] is train["eng_Latn"][0]


@pytest.mark.parametrize("options", [{"copies": 0}, {"copies": 2, "match": "stem"}], ids=str)
def test_options_without_meaning_are_named(options: dict) -> None:
    with pytest.raises(TaskError, match="give 1 or more and one of word, exact"):
        augmented([], TABLE, **options)
