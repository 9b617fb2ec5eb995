"""Small made data sets on disk, each in its publisher's own layout: what `xl eval NAME --data FOLDER` reads."""

import json
import random
from pathlib import Path

LANGUAGES = {"en": "eng_Latn", "tr": "tur_Latn", "el": "ell_Grek"}
_TOPICS = ("geography", "politics", "sports")
_WORDS = {
    "geography": ["river", "hill", "lake"],
    "politics": ["vote", "law", "king"],
    "sports": ["ball", "goal", "race"],
}
_FILL = ["the", "old", "new", "big", "of", "and", "we", "saw", "one", "day"]
_GREEK = dict(zip("abcdefghijklmnoprstuvwy", "αβκδεφγχιζκλμνοπρστυβωυ", strict=True))


def write(text: str, language: str) -> str:
    """A text as the made language has it: Greek letters, Turkish endings."""
    if language == "el":
        return "".join(_GREEK.get(char, char) for char in text)
    return " ".join(f"{word}ler" for word in text.split(" ")) if language == "tr" else text


def sentence(topic: str, rng: random.Random) -> str:
    """Six words, one of which tells the topic."""
    words = rng.choices(_FILL, k=5)
    words.insert(rng.randrange(6), rng.choice(_WORDS[topic]))
    return " ".join(words)


def make_sib200(root: Path, sizes: tuple[int, int, int] = (60, 18, 30)) -> None:
    """Topics in the three languages, the same items in each."""
    for short, code in LANGUAGES.items():
        rng = random.Random(0)
        folder = root / "sib200" / code
        folder.mkdir(parents=True)
        number = 0
        for split, size in zip(("train", "dev", "test"), sizes, strict=True):
            lines = ["index_id\tcategory\ttext"]
            for _ in range(size):
                topic = _TOPICS[number % 3]
                lines.append(f"{number}\t{topic}\t{write(sentence(topic, rng), short)}")
                number += 1
            (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_xnli(root: Path, n: int = 40) -> None:
    """Pairs without a training file, parallel by row."""
    (root / "xnli").mkdir(parents=True)
    labels = ("entailment", "neutral", "contradiction")
    for short in LANGUAGES:
        rng = random.Random(1)
        for split in ("dev", "test"):
            rows = []
            for i in range(n):
                first = sentence(_TOPICS[i % 3], rng)
                rows.append(f"{write(first, short)}\t{write(sentence(_TOPICS[i % 2], rng), short)}\t{labels[i % 3]}")
            (root / "xnli" / f"{split}-{short}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def make_panx(root: Path, n: int = 40) -> None:
    """Names in capitals, one a sentence."""
    (root / "panx").mkdir(parents=True)
    for short in LANGUAGES:
        rng = random.Random(2)
        for split in ("train", "dev", "test"):
            blocks = []
            for i in range(n):
                words = sentence(_TOPICS[i % 3], rng).split(" ")
                place = i % 5
                tags = ["O"] * 6
                tags[place] = "B-PER" if i % 2 else "B-LOC"
                words[place] = "anna" if i % 2 else "rome"
                blocks.append("\n".join(f"{write(w, short)}\t{t}" for w, t in zip(words, tags, strict=True)))
            (root / "panx" / f"{split}-{short}.tsv").write_text("\n\n".join(blocks) + "\n\n", encoding="utf-8")


def make_questions(root: Path, n: int = 24) -> None:
    """A question asks for the last word of its context; SQuAD trains, XQuAD asks in three languages."""
    for folder, files in (
        ("squad", {"train-v1.1.json": ("en", 3)}),
        ("xquad", {f"xquad.{short}.json": (short, 4) for short in LANGUAGES}),
    ):
        (root / folder).mkdir(parents=True)
        for name, (short, seed) in files.items():
            rng = random.Random(seed)
            paragraphs = []
            for i in range(n):
                context = write(sentence(_TOPICS[i % 3], rng), short)
                answer = context.split(" ")[-1]
                start = len(context) - len(answer)
                asked = {"id": f"{folder}{i}", "question": write("one day", short)}
                asked["answers"] = [{"text": answer, "answer_start": start}]
                paragraphs.append({"context": context, "qas": [asked]})
            content = {"version": "1.1", "data": [{"title": "made", "paragraphs": paragraphs}]}
            (root / folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def make_tatoeba(root: Path, n: int = 30) -> None:
    """Two bitexts against English."""
    (root / "tatoeba").mkdir(parents=True)
    rng = random.Random(5)
    english = [sentence(_TOPICS[i % 3], rng) for i in range(n)]
    for three, short in (("tur", "tr"), ("ell", "el")):
        for side, language in (("eng", "en"), (three, short)):
            path = root / "tatoeba" / f"tatoeba.{three}-eng.{side}"
            path.write_text("".join(f"{write(text, language)}\n" for text in english), encoding="utf-8")


def make_dictionary(root: Path) -> None:
    """English to Turkish words."""
    (root / "muse").mkdir(parents=True)
    words = [word for its in _WORDS.values() for word in its]
    text = "".join(f"{word} {write(word, 'tr')}\n" for word in words)
    (root / "muse" / "en-tr.5000-6500.txt").write_text(text, encoding="utf-8")
