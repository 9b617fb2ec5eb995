"""Phonemes, ours against Epitran, on real text: load, words and sentences a second, first result. Run by hand.

    XL_DATA=... uv run python -m tests.bench.bench_phonemes [--languages tur fra] [--sentences 300]

Text is that of Tatoeba and SIB-200 (dev and test), words are [letters, marks, apostrophes]. Epitran's classes share one
feature table here, as loading is measured apart. Times are CPU seconds, the best of three rounds for ours and one for
Epitran.
"""

import argparse
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import regex

from tests.bench.rows import note
from xl_translit import Phonemizer, feature_edit_distances, read_lines, segment
from xl_translit.phonemes.engines import G2pEngine, make_engine
from xl_translit.phonemes.segmentation import _SCANNED
from xl_translit.phonemes.whole_letters import whole_letter_map

LANGUAGES = {
    "fra": "fra-Latn", "rus": "rus-Cyrl", "ita": "ita-Latn", "hun": "hun-Latn", "ukr": "ukr-Cyrl", "kor": "kor-Hang",
    "tur": "tur-Latn", "fin": "fin-Latn", "hin": "hin-Deva", "swh": "swa-Latn", "urd": "urd-Arab",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("XL_DATA"))
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES), choices=list(LANGUAGES))
    parser.add_argument("--sentences", type=int, default=300, help="sentences that Epitran is given")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("name the folder of real data with --data or XL_DATA")

    print(f"first result of a process: ours {first_result(OURS):.2f} s, Epitran {first_result(EPITRAN):.2f} s (wall)\n")
    with warnings.catch_warnings(action="ignore"):
        import panphon.featuretable
        from epitran.simple import SimpleEpitran
        from panphon.distance import Distance
    logging.getLogger("epitran").setLevel(logging.CRITICAL)
    started = time.process_time()
    table = panphon.featuretable.FeatureTable()
    print(
        f"panphon's feature table, which Epitran builds three times a language: {time.process_time() - started:.2f} s\n"
    )
    package: Any = panphon
    package.FeatureTable = lambda: table
    print("           |  load, ms       |  new words/s (cold)      |  sentences/s (Epitran: the sentence in one call)")
    print("code       |  ours  Epitran  |    ours Epitran   ratio  |  Epitran    ours cold  ratio    ours warm  ratio")
    said: list[str] = []
    for name in arguments.languages:
        code = LANGUAGES[name]
        lines = sentences(arguments.data, name)
        words = sorted({word for line in lines for word in regex.findall(r"[\p{L}\p{M}'’ʼ]+", line)})
        sample, few = words[::4], lines[:: max(1, len(lines) // arguments.sentences)]
        load, _ = timed(lambda code=code: fresh_engine(code), 1)
        load_again, _ = timed(lambda code=code: fresh_engine(code), 3)
        load_peer, epitran = timed(lambda code=code: SimpleEpitran(code), 1)
        cold, _ = timed(lambda code=code, words=words: fresh_engine(code).words(words), 3)
        cold -= load_again  # each round reads the tables anew, so that nothing is remembered
        cold_peer, _ = timed(lambda epitran=epitran, words=sample: list(map(epitran.transliterate, words)), 1)
        by_sentence, _ = timed(lambda epitran=epitran, lines=few: list(map(epitran.transliterate, lines)), 1)
        first, (ours, results) = timed(lambda code=code, lines=lines: batch_of(code, lines), 1)
        warm, _ = timed(lambda ours=ours, lines=lines: ours.batch(lines), 5)
        said += [word for line in results for word in line.split()][:3000]
        fresh, remembered, peer = len(lines) / first, len(lines) / warm, len(few) / by_sentence
        words_fresh, words_peer = len(words) / cold, len(sample) / cold_peer
        size = f"{len(words):,} words"
        note(
            f"phonemes, {code}",
            size,
            ours=words_fresh,
            peer=words_peer,
            package="epitran",
            unit="new words/s",
            more=True,
        )
        print(
            f"{code:10} | {load * 1e3:5.1f} {load_peer * 1e3:8.1f}  | {words_fresh:7.0f} {words_peer:7.0f} "
            f"{words_fresh / words_peer:6.1f}x  | {peer:8.0f} {fresh:10.0f} {fresh / peer:6.1f}x "
            f"{remembered:12.0f} {remembered / peer:6.1f}x"
        )

    segment("a")  # reads the inventory, as the feature table above
    _SCANNED.clear()
    new = sorted(set(said))
    ours_cold, _ = timed(lambda: [segment(word) for word in new], 1)
    peer_cold, _ = timed(lambda: [table.ipa_segs(word) for word in new], 1)
    pairs = new[::-1]
    distance = Distance()
    ours_distance, values = timed(lambda: feature_edit_distances(new, pairs), 1)
    peer_distance, expected = timed(
        lambda: [distance.weighted_feature_edit_distance(a, b) for a, b in zip(new[:500], pairs[:500], strict=True)], 1
    )
    equal = bool(np.allclose(values[:500], expected))
    print(f"\nsegments, new words/s: ours {len(new) / ours_cold:.0f}, panphon {len(new) / peer_cold:.0f}")
    print(
        f"feature edit distance, pairs/s: ours {len(new) / ours_distance:.0f}, panphon {500 / peer_distance:.0f}, "
        f"ratio {len(new) / ours_distance * peer_distance / 500:.0f}x, equal {equal}"
    )


OURS = "from xl_translit import phonemize; print(phonemize('merhaba', 'tur'))"
EPITRAN = "import epitran; print(epitran.Epitran('tur-Latn').transliterate('merhaba'))"


def first_result(program: str) -> float:
    """Wall seconds of a fresh process that prints one word, the best of five."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, encoding="utf-8"
        )
        best = min(best, time.perf_counter() - started)
        assert done.stdout.strip() == "meɾhaba"
    return best


def fresh_engine(code: str) -> G2pEngine:
    """What a Phonemizer asks by default, tables on whole letters with repairs of spelling; it knows no word yet."""
    whole_letter_map.cache_clear()
    return make_engine(code, "auto", "keep", "repair", None)


def batch_of(code: str, lines: list[str]) -> tuple[Phonemizer, list[str]]:
    """A Phonemizer that knows no word yet, and what it says."""
    whole_letter_map.cache_clear()
    ours = Phonemizer(code)
    return ours, ours.batch(lines)


def timed(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """CPU seconds of the fastest round, and the last result."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result


def sentences(data: Path, name: str) -> list[str]:
    """Tatoeba's lines and those of SIB-200 of one language."""
    lines = [line.rstrip("\n") for line in read_lines(data / "tatoeba" / f"tatoeba.{name}-eng.{name}")]
    for folder in sorted((data / "sib200").glob(f"{name}_*")):
        for part in ("dev.tsv", "test.tsv"):
            lines += [line.rstrip("\n").split("\t")[-1] for line in list(read_lines(folder / part))[1:]]
    return lines


if __name__ == "__main__":
    main()
