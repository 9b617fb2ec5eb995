"""Contexts of targets against a slow loop over the states of a toy teacher; the folder of parts."""

import numpy as np
import pytest
from tests.staticemb.toy_teacher import ToyTeacher, corpus

from xl_staticemb import StaticembError, X2StaticConfig, choose_words, count_words
from xl_staticemb.x2static.aggregation import OccurrenceReader, mean_vectors
from xl_staticemb.x2static.contexts import ContextReader
from xl_staticemb.x2static.negatives import keep_probability
from xl_staticemb.x2static.part_cache import PartCache
from xl_staticemb.x2static.word_counts import WordReader, spaced_words

# Contexts are kept in half precision: 11 bits.
HALF = 2.0**-10


def halves(text: str) -> list[tuple[int, int]]:
    """Sentences that end in a full stop."""
    ends = [i + 1 for i, letter in enumerate(text) if letter == "."] or [len(text)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def reader(config: X2StaticConfig, lines: list[str], teacher: ToyTeacher, keep: float | None = None) -> ContextReader:
    words = WordReader(spaced_words, config.lower)
    vocabulary = choose_words(count_words(lines, words), min_count=config.min_count)
    shares = (
        keep_probability(vocabulary.frequencies, config.subsample) if keep is None else np.full(len(vocabulary), keep)
    )
    return ContextReader(teacher, words, halves, vocabulary, shares, config)


def slow_context(teacher: ToyTeacher, text: str, word: tuple[int, int], config: X2StaticConfig) -> np.ndarray:
    """Mean over the states that the settings name, one token after the other."""
    kept, states = teacher.states(text)
    chosen = []
    sentence = next((a, b) for a, b in halves(text) if a <= word[0] < b)
    for number, state in enumerate(states):
        special = number in (0, len(states) - 1)
        place = None if special else kept[number - 1]
        own = place is not None and place[0] < word[1] and place[1] > word[0]
        if config.variant == "paragraph":
            take = place is not None and place[0] < sentence[1] and place[1] > sentence[0]
        else:
            take = not special or config.context != "no_special"
        if take and not (own and config.context == "exclude_target"):
            chosen.append(state)
    return np.mean(chosen or states[[1 + i for i, (a, b) in enumerate(kept) if a < word[1] and b > word[0]]], axis=0)


@pytest.mark.parametrize("variant", ["sentence", "paragraph"])
@pytest.mark.parametrize("context", ["all", "exclude_target", "no_special"])
def test_contexts_are_the_means_of_a_slow_loop(variant, context):
    config = X2StaticConfig(variant=variant, context=context, min_count=1, epochs=2)
    # A sentence of one word: without it nothing would be left.
    lines = ["abc de. fgh ij kl. de.", "Zz", "de abc kl", "abc"]
    lines = [line.replace(".", " .") for line in lines]
    teacher = ToyTeacher()
    part = reader(config, lines, teacher, keep=0.6).read(lines, 0)
    words = reader(config, lines, teacher).words
    texts = [words.text(line) for line in lines]
    index = reader(config, lines, teacher).vocabulary
    n_found = 0
    for epoch in range(2):
        entries = range(part.epochs[epoch], part.epochs[epoch + 1])
        for entry in entries:
            text = texts[part.units[entry]]
            places = [place for key, place in words.words(text) if key == index.words[part.words[entry]]]
            wanted = [slow_context(teacher, text, place, config) for place in places]
            found = part.vectors[part.rows[entry]].astype(np.float32)
            assert min(np.abs(found - vector).max() for vector in wanted) <= HALF * np.abs(found).max()
            n_found += 1
    assert 10 < n_found < 2 * sum(len(text.split()) for text in texts)


def test_without_the_target_the_word_itself_tells_nothing():
    # The same neighbours around two words: equal contexts without the word, unequal ones with it.
    lines = ["ab xx cd", "ab yy cd"]
    for context, equal in (("exclude_target", True), ("all", False)):
        config = X2StaticConfig(context=context, min_count=1, epochs=1, subsample=0)
        run = reader(config, lines, ToyTeacher())
        part = run.read(lines, 0)
        rows = [part.rows[part.words.tolist().index(run.vocabulary.index[word])] for word in ("xx", "yy")]
        assert (np.abs(part.vectors[rows[0]] - part.vectors[rows[1]]).max() < HALF) == equal


def test_one_vector_serves_all_targets_of_a_sentence_and_the_encoder_reads_it_once():
    lines = corpus(40)
    teacher = ToyTeacher()
    part = reader(X2StaticConfig(min_count=1, epochs=5, subsample=0), lines, teacher).read(lines, 0)
    assert len(teacher.calls) == len(lines) == len(part.vectors)
    assert len(part.words) == 5 * sum(len(line.split()) for line in lines)


def test_sentences_that_are_never_drawn_are_not_encoded():
    lines = corpus(200)
    teacher = ToyTeacher()
    run = reader(X2StaticConfig(min_count=1, epochs=2), lines, teacher, keep=0.05)
    part = run.read(lines, 3)
    assert 0 < len(teacher.calls) == part.about["n_read"] == len(part.vectors) < 150
    assert part.about["n_units"] == 200
    # each text that was read has a target in one of the epochs
    assert len(np.unique(part.units)) == len(teacher.calls)


@pytest.mark.parametrize("context", ["all", "exclude_target"])
@pytest.mark.parametrize("variant", ["sentence", "paragraph"])
def test_words_behind_the_longest_input_are_no_targets(context, variant):
    line = "abcd efgh . ijkl mnop"
    config = X2StaticConfig(context=context, variant=variant, min_count=1, epochs=1, subsample=0)
    run = reader(config, [line], ToyTeacher(max_len=2 + 6))  # ab cd ef gh . ij
    part = run.read([line], 0)
    assert sorted(run.vocabulary.words[word] for word in part.words) == [".", "abcd", "efgh"]
    assert part.about["n_cut"] == 2


def test_states_beyond_half_precision_are_refused():
    class Large(ToyTeacher):
        def __call__(self, texts, spans):
            sums = super().__call__(texts, spans)
            sums.content = sums.content * 1e6
            return sums

    with pytest.raises(StaticembError, match="half precision"):
        reader(X2StaticConfig(min_count=1, subsample=0), ["ab cd"], Large()).read(["ab cd"], 0)


def test_a_teacher_of_other_shapes_is_refused():
    with pytest.raises(StaticembError, match="the teacher gave content"):
        reader(X2StaticConfig(min_count=1, subsample=0), ["ab cd"], _Wide()).read(["ab cd"], 0)


class _Wide(ToyTeacher):
    def __call__(self, texts, spans):
        self.width = 6
        sums = super().__call__(texts, spans)
        self.width = 7
        return sums


@pytest.mark.parametrize("first", [0, 3])
def test_aggregation_is_the_mean_over_occurrences(first):
    lines = corpus(60, n_words=8)
    teacher = ToyTeacher()
    words = WordReader(spaced_words)
    vocabulary = choose_words(count_words(lines, words), min_count=1)
    run = OccurrenceReader(teacher, words, vocabulary, first)
    parts = [run.read(lines[i : i + 7], i // 7) for i in range(0, 60, 7)]
    found, counts = mean_vectors(parts, len(vocabulary), teacher.width)
    vectors: dict[str, list[np.ndarray]] = {word: [] for word in vocabulary.words}
    for line in lines:
        kept, states = teacher.states(line)
        for key, (start, end) in words.words(line):
            own = [1 + i for i, (a, b) in enumerate(kept) if a < end and b > start]
            vectors[key].append(states[own].mean(0))
    for row, word in enumerate(vocabulary.words):
        chosen = vectors[word][: first or None]
        assert counts[row] == len(chosen)
        assert np.abs(found[row] - np.mean(chosen, axis=0)).max() < 2 * HALF


def test_first_occurrences_beyond_which_nothing_is_read():
    lines = ["ab cd"] * 50
    teacher = ToyTeacher()
    words = WordReader(spaced_words)
    run = OccurrenceReader(teacher, words, choose_words(count_words(lines, words)), 2)
    run.pass_over(lines[:1])
    run.read(lines[1:], 1)
    assert len(teacher.calls) == 1


def test_cache_refuses_other_settings_other_lines_and_other_folders(tmp_path):
    lines = corpus(20)
    run = reader(X2StaticConfig(min_count=1), lines, ToyTeacher())
    part = run.read(lines, 0)
    cache = PartCache(tmp_path / "c", {"encoder": "a", "layer": 6})
    cache.begin(run.vocabulary, 20, {"words": 5})
    assert not cache.has(0, lines)
    cache.save(0, part, lines)
    again = PartCache(tmp_path / "c", {"encoder": "a", "layer": 6})
    assert again.has(0, lines)
    loaded = again.load(0)
    for name in ("vectors", "words", "rows", "units", "epochs", "weights"):
        assert (getattr(loaded, name) == getattr(part, name)).all()
    assert loaded.about == part.about == again.about(0)
    assert again.vocabulary().words == run.vocabulary.words
    with pytest.raises(StaticembError, match="made from other lines"):
        again.has(0, [*lines[:-1], "x"])
    with pytest.raises(StaticembError, match=r"holds contexts of another encoder, layer;"):
        PartCache(tmp_path / "c", {"encoder": "b", "layer": 7})
    (tmp_path / "c" / "part-000000.safetensors").write_bytes(b"short")
    with pytest.raises(StaticembError, match="cannot be read"):
        again.load(0)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("x")
    with pytest.raises(StaticembError, match="is not empty"):
        PartCache(tmp_path / "d", {})
    (tmp_path / "c" / "cache.json").write_text("{")
    with pytest.raises(StaticembError, match="does not say"):
        PartCache(tmp_path / "c", {})
