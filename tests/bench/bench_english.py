"""English words to IPA: speed, agreement with Flite and eSpeak NG, and phone error rate on words held out. Run by hand.

    XL_DATA=... python -m tests.bench.bench_english              speed and agreement on the words of Tatoeba and SIB-200
    python -m tests.bench.bench_english --held-out              a tenth of the dictionary, rules from the rest

The peer is Epitran's own way to English, one Flite process a word (`t2p` of Debian's package flite, or `lex_lookup`).
What is not installed is left out and said so.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.translit.english_data import build_english
from xl_translit.english.g2p import EnglishG2P
from xl_translit.english.letters import LetterToSound
from xl_translit.english.lexicon import lexicon, make_lexicon
from xl_translit.english.words import EnglishWords
from xl_translit.errors import MissingProgramError

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true")
    if parser.parse_args().held_out:
        held_out()
    else:
        words = english_words(Path(os.environ["XL_DATA"]))
        start()
        speed(words)
        agreement(words)


def english_words(data: Path) -> Counter[str]:
    """Words of the English sides of Tatoeba (German) and SIB-200, in lower case, with their counts."""
    lines = (data / "tatoeba" / "tatoeba.deu-eng.eng").read_text(encoding="utf-8").splitlines()
    for path in sorted((data / "sib200" / "eng_Latn").glob("*.tsv")):
        lines += [line.split("\t")[-1] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    found = Counter(
        word.lower().replace("’", "'") for line in lines for word in _WORD.findall(unicodedata.normalize("NFC", line))
    )
    return Counter({word: count for word, count in found.items() if word.isascii()})


def start() -> None:
    """Wall time of a fresh process that says one word: a listed one, and one that needs the letters."""
    for label, code in (
        ("interpreter alone", "pass"),
        ("ours, listed word", "from xl_translit import EnglishG2P; EnglishG2P()('hello')"),
        ("ours, unknown word", "from xl_translit import EnglishG2P; EnglishG2P()('chandrayaan')"),
        ("Epitran, FliteT2P", "from epitran.flite import FliteT2P; FliteT2P().transliterate('hello')"),
    ):
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            times.append(time.perf_counter() - begin)
        print(f"process  {label:20} {min(times):6.2f} s")


def speed(words: Counter[str]) -> None:
    listed = [word for word in words if word in lexicon()]
    unknown = [word for word in words if word not in lexicon()]
    tokens = list(words.elements())
    ours = EnglishG2P()
    ours("a"), ours("chandrayaan")  # load
    rates = {
        "dictionary, listed words, cold": rate(ours.batch, listed),
        "dictionary, unknown words, cold": rate(ours.batch, unknown),
        "dictionary, running words, warm": rate(ours.batch, tokens),
    }
    for backend in ("flite", "espeak"):
        try:
            other = EnglishG2P(backend)
            rates[f"{backend} ({other.version}), cold"] = rate(other.batch, listed[:2000])
        except MissingProgramError as error:
            print(error)
    peer = peer_speed(listed[:1000])
    for label, value in rates.items():
        ratio = f"{value / peer:8.1f}" if peer else "unknown"
        print(f"speed    {label:40} {value:9.0f} words/s   ratio to the peer {ratio}")
    print(f"speed    {'peer: Epitran with Flite':40} {peer:9.0f} words/s" if peer else "peer: Flite is not installed")


def peer_speed(words: list[str]) -> float | None:
    """Words a second of Epitran with the Flite program that is installed; None without one."""
    try:
        program = EnglishG2P("flite").version
    except MissingProgramError:
        return None
    from epitran.flite import FliteLexLookup, FliteT2P

    peer = FliteLexLookup() if program.startswith("lex_lookup") else FliteT2P()
    return rate(lambda some: [peer.transliterate(word) for word in some], words)


def rate(say: Callable[[list[str]], Sequence[str]], words: list[str]) -> float:
    begin = time.perf_counter()
    say(words)
    return len(words) / (time.perf_counter() - begin)


def agreement(words: Counter[str]) -> None:
    """Share of words (types and tokens) whose IPA is the same by the dictionary backend and by a program."""
    groups = {
        "listed": [word for word in words if word in lexicon()],
        "unknown": [word for word in words if word not in lexicon()],
    }
    tokens = sum(words.values())
    for label, group in groups.items():
        share = sum(words[word] for word in group) / tokens
        print(f"words    {label:8} {len(group):6} types, {100 * share:5.1f} % of running words")
    ours = EnglishG2P()
    for backend in ("flite", "espeak"):
        try:
            other = EnglishG2P(backend)
            for label, group in groups.items():
                pairs = list(zip(group, ours.batch(group), other.batch(group), strict=True))
                same = [word for word, a, b in pairs if a == b]
                errors = sum(distance(a, b) for _, a, b in pairs) / sum(len(b) for _, _, b in pairs)
                running = sum(words[word] for word in same) / sum(words[word] for word in group)
                print(
                    f"agree    {backend:7} {label:8} {100 * len(same) / len(group):5.1f} % of types,"
                    f" {100 * running:5.1f} % of running words, {100 * errors:5.1f} % of IPA characters differ"
                )
        except MissingProgramError as error:
            print(error)


def held_out() -> None:
    """Phone error rate on every tenth word of the dictionary; lexicon and letter model are made from the other nine."""
    everything = dict(lexicon())
    held = {word: phones for word, phones in everything.items() if zlib.crc32(word.encode()) % 10 == 0}
    rest = {word: phones for word, phones in everything.items() if word not in held}
    steps, contexts = build_english().learn_letters(rest)
    letters = LetterToSound(steps, contexts)
    one_letter: dict[str, str] = {}
    for spelled, phones in steps:  # most frequent first
        if len(spelled) == 1:
            one_letter.setdefault(spelled, phones)
    rules = EnglishWords(make_lexicon(rest), letters)
    plain = {word: letters(word.replace("'", "")) for word in held}
    full = {word: rules.explain(word) for word in held}

    def report(label: str, said: dict[str, str]) -> None:
        errors = sum(distance(said[word], held[word]) for word in said)
        wrong = sum(said[word] != held[word] for word in said)
        phones = sum(len(held[word]) for word in said)
        share = f"{100 * errors / phones:6.2f} % of phones, {100 * wrong / len(said):6.2f} % of words wrong"
        print(f"held out {label:34} {len(said):6} words {share}")

    report("most frequent phone of each letter", {w: "".join(one_letter.get(c, "") for c in w) for w in held})
    report("letters alone", plain)
    report("all rules", {word: said for word, (said, _) in full.items()})
    for rule in sorted({rule for _, rule in full.values()}):
        group = [word for word, (_, name) in full.items() if name == rule]
        report(f"  {rule}", {word: full[word][0] for word in group})
        report("    letters alone on these", {word: plain[word] for word in group})


def distance(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


if __name__ == "__main__":
    main()
