"""Notes on what a run's texts are, before anything heavy is loaded: lines of another language, scripts nobody reads."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from xl_cli.data.bitexts import sides_of
from xl_cli.data.run_data import RunData
from xl_cli.launch.progress import say
from xl_cli.recipe.recipe import Recipe
from xl_translit import count_unread, is_script_of, main_script, script_reading

# Texts of a language that are looked at, evenly drawn.
_MOST = 2000
# Shorter lines are names and numbers.
_FEWEST_LETTERS = 8
# From this share of a language's texts on there is a note; every file has a few.
_SHARE = 0.02
_WRONG_FILE = 0.5

_Keyed = Mapping[str, str]


def tell_mix(recipe: Recipe, data: RunData) -> None:
    """Say which languages have lines in another script, lines that another language has too, or an unread script.

    Looked at are up to 2,000 texts of each language of [[data]] of kind text, parallel and pairs, as they are written.
    """
    texts = _texts(recipe, data)
    for code, its in texts.items():
        _tell_scripts(code, its)
    _tell_shared(texts)
    _tell_unread(recipe, data, texts)


def _texts(recipe: Recipe, data: RunData) -> dict[str, dict[str, str]]:
    """Language -> where a text stands -> the text."""
    found: dict[str, dict[str, str]] = {}
    for number, corpus in data.corpora.items():
        if recipe.data[number].kind == "names":
            continue
        for code, its in corpus.texts.items():
            keys = list(its)[:: max(1, len(its) // _MOST)][:_MOST]
            found.setdefault(code, {}).update({_place(key, corpus.name): its[key] for key in keys})
    for number, bitexts in data.bitexts.items():
        for bitext in bitexts:
            codes = sides_of(bitext.name) if number not in data.corpora else None
            for code, side in zip(codes or (), (bitext.left, bitext.right), strict=True) if codes else ():
                step = max(1, len(side) // _MOST)
                lines = {
                    f"pair {place + 1} of {bitext.name}": " ".join(side[place]) for place in range(0, len(side), step)
                }
                found.setdefault(code, {}).update(lines)
    return found


def _place(key: str, corpus: str) -> str:
    """A key of plain files is "tur_Latn:17" or "17"."""
    return f"line {key.rpartition(':')[2]}" if corpus == "lines" else f"item {key}"


def _tell_scripts(code: str, texts: _Keyed) -> None:
    others: dict[str, list[str]] = {}
    for place, text in texts.items():
        name = main_script(text)
        if name and not is_script_of(name, code) and sum(map(str.isalpha, text)) >= _FEWEST_LETTERS:
            others.setdefault(name, []).append(place)
    n_others = sum(map(len, others.values()))
    if n_others < max(1, _SHARE * len(texts)):
        return
    told = ", ".join(f"{100 * len(its) / len(texts):.0f} % {name} ({its[0]})" for name, its in others.items())
    advice = (
        "see whether the file is called after the right language"
        if n_others > _WRONG_FILE * len(texts)
        else "take these lines out unless they belong there"
    )
    say(f"note: of {len(texts):,} texts of {code} looked at, {told} are in another script than its own; {advice}.")


def _tell_shared(texts: Mapping[str, _Keyed]) -> None:
    """Lines that two languages have alike: one of them holds text of the other."""
    places: dict[str, dict[str, str]] = {}
    for code, its in texts.items():
        for place, text in its.items():
            if len(text.split()) > 2 and sum(map(str.isalpha, text)) >= _FEWEST_LETTERS:
                places.setdefault(text.casefold(), {}).setdefault(code, place)
    shared: dict[tuple[str, str], list[str]] = {}
    for by_code in places.values():
        for one, other in _pairs(sorted(by_code)):
            shared.setdefault((one, other), []).append(by_code[one])
    for (one, other), its in shared.items():
        least = min(len(texts[one]), len(texts[other]))
        if len(its) >= max(1, _SHARE * least):
            say(
                f"note: {len(its):,} texts are the same in {one} and {other} ({its[0]} of {one}): copies are no "
                "translations; take them out of the file whose language they are not."
            )


def _pairs(codes: Sequence[str]) -> Iterable[tuple[str, str]]:
    return ((one, other) for place, one in enumerate(codes) for other in codes[place + 1 :])


def _tell_unread(recipe: Recipe, data: RunData, texts: Mapping[str, _Keyed]) -> None:
    """Scripts whose romanisation is no reading, where the run romanises."""
    readers = [name for name, its in recipe.objectives.items() if its.reads_romanised]
    by_start = recipe.vocabulary.start == "romanised"
    given = all(recipe.data[number].romanized for number in data.texts) and data.texts
    plain = any(recipe.data[number].to == "latn" for number in data.texts) and not given
    if not ((readers and plain) or by_start):
        return
    what = ", ".join([*readers, *(["vocabulary.start romanised"] if by_start else [])])
    for code, its in texts.items():
        counts: Counter[str] = count_unread(its.values())
        if counts and sum(counts.values()) > _SHARE * sum(map(len, its.values())):
            for name in counts:
                say(
                    f"note: the romaniser does not read {name}, the script of {code} ({script_reading(name).note}), so "
                    f"that {what} learn little from it; leave them out, or give romanised text: data.romanized."
                )
