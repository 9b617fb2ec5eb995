"""The data sets of question answering as files: SQuAD, XQuAD, TyDiQA-GoldP and MLQA, all in SQuAD's JSON.

Read from the publishers' own folders or from XTREME's download, at any depth under the folder that is named.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from xl_tasks.datasets.answering.squad import read_squad
from xl_tasks.datasets.readers.by_language import choose
from xl_tasks.datasets.readers.faults import Faults
from xl_tasks.datasets.readers.labelled import chosen_splits
from xl_tasks.errors import TaskError
from xl_tasks.examples import Examples, Question
from xl_tasks.texts import resolve_language
from xl_translit import TranslitError, language

_JSON = r"\.json(?:\.gz|\.zst|\.xz)?"
_SQUAD = re.compile(rf"(?P<split>train|dev)-v(?P<version>[\d.]+?){_JSON}")
# XTREME's name, and that of MLQA's authors, who translated the dev set too.
_SQUAD_TRANSLATED = re.compile(
    rf"(?:squad\.translate\.train\.en-(?P<language>[\w-]+)|(?P<to>\w+)_squad-translate-train-(?P<split>train|dev)-v1\.1){_JSON}"
)
_XQUAD = re.compile(rf"xquad\.(?P<language>[\w-]+){_JSON}")
_TYDIQA = re.compile(
    rf"(?:tydiqa\.goldp\.(?P<language>[\w-]+)\.(?P<split>train|dev)|tydiqa-goldp-(?P<split2>train|dev)-(?P<name>\w+)){_JSON}"
)
_TYDIQA_ALL = re.compile(rf"tydiqa-goldp-v[\d.]+-(?P<split>train|dev){_JSON}")
_MLQA = re.compile(rf"(?P<split>dev|test)-context-(?P<context>[\w-]+)-question-(?P<language>[\w-]+){_JSON}")

TYDIQA_LANGUAGES = {
    "arabic": "arb_Arab", "bengali": "ben_Beng", "english": "eng_Latn", "finnish": "fin_Latn", "indonesian": "ind_Latn",
    "korean": "kor_Hang", "russian": "rus_Cyrl", "swahili": "swh_Latn", "telugu": "tel_Telu",
}  # fmt: skip
"""The languages of TyDiQA-GoldP by the word that the ids of its own files begin with."""


def load_squad(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[Question]:
    """SQuAD, English, and its machine translations for training in another language.

    path: a folder with train-v1.1.json and dev-v1.1.json, and squad.translate.train.en-XX.json (by XTREME) or
        XX_squad-translate-train-{train,dev}-v1.1.json (by MLQA). Of versions 1.1 and 2.0, both there, 1.1 is read.
    languages: which to read, in any spelling; all by default. splits: likewise.
    on_error: "stop" raises TaskError at the first broken question, "skip" leaves it out and notes it.
    """
    paths: dict[str, dict[str, Path]] = {}
    versions: dict[str, str] = {}
    for file, match in _matching(path, _SQUAD):
        split, version = match["split"], match["version"]
        if split in versions and versions[split] != version:
            if version > versions[split]:
                continue
            del paths["eng_Latn"][split]
        versions[split] = version
        _put(paths, "eng_Latn", split, file)
    for file, match in _matching(path, _SQUAD_TRANSLATED):
        _put(paths, _language(file, match["language"] or match["to"]), match["split"] or "train", file)
    return _load("squad", path, paths, languages, on_error, splits, example="train-v1.1.json")


def load_xquad(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[Question]:
    """XQuAD: 1,190 questions of SQuAD's dev set, translated; equal keys are translations (Artetxe et al., 2020).

    path: a folder with xquad.XX.json, which make the split "test".
    languages, splits, on_error: as of `load_squad`.
    """
    paths: dict[str, dict[str, Path]] = {}
    for file, match in _matching(path, _XQUAD):
        _put(paths, _language(file, match["language"]), "test", file)
    return _load("xquad", path, paths, languages, on_error, splits, example="xquad.tr.json")


def load_tydiqa(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    on_error: str = "stop",
    pass_withheld: bool = False,
    splits: Iterable[str] | None = None,
) -> Examples[Question]:
    """TyDiQA-GoldP: questions in nine languages, on one passage each (Clark et al., 2020); its test set is closed.

    path: a folder with tydiqa-goldp-v1.1-{train,dev}.json or tydiqa-goldp-{train,dev}-korean.json (its own files), or
        tydiqa.goldp.XX.{train,dev}.json (XTREME's download). Of these the training files have no ids but counters,
        so that keys are "1", "2" ... in the order of the file; the dev files come without answers.
    languages, splits, on_error: as of `load_squad`.
    pass_withheld: passes over such files with a log warning; they are an error otherwise.
    """
    paths: dict[str, dict[str, Path]] = {}
    for file, match in _matching(path, _TYDIQA):
        _put(paths, _language(file, match["language"] or match["name"]), match["split"] or match["split2"], file)
    for file, match in _matching(path, _TYDIQA_ALL):
        for code in TYDIQA_LANGUAGES.values():
            _put(paths, code, match["split"], file)
    example = "tydiqa-goldp-v1.1-dev.json"
    return _load("tydiqa", path, paths, languages, on_error, splits, example=example, pass_withheld=pass_withheld)


def load_mlqa(
    path: Path | str,
    languages: Iterable[str] | None = None,
    *,
    contexts: str | Iterable[str] = "same",
    on_error: str = "stop",
    splits: Iterable[str] | None = None,
) -> Examples[Question]:
    """MLQA: questions and contexts in seven languages, in any pair (Lewis et al., 2020).

    path: a folder with {dev,test}-context-XX-question-YY.json.
    languages: of the questions, under which the examples stand; splits, on_error: as of `load_squad`.
    contexts: "same" reads the pairs with one language, as XTREME does; "all" every pair that is there; or the languages
        of the contexts. A question's `context_language` is empty where it is its own; `answering.pairs.context_pairs`
        takes the pairs apart. Equal keys of different pairs are translations.
    """
    pairs: dict[str, dict[str, dict[str, Path]]] = {}
    for file, match in _matching(path, _MLQA):
        asked, context = _language(file, match["language"]), _language(file, match["context"])
        _put(pairs.setdefault(asked, {}), context, match["split"], file)
    contexts_there = {context for by_context in pairs.values() for context in by_context}
    context_codes = (
        None if contexts in ("same", "all") else {_resolved(c, contexts_there, path) for c in _several(contexts)}
    )
    faults = Faults(on_error)
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {}
    for asked, by_context in choose(_some(pairs, path, _MLQA_EXAMPLE), languages, where=str(path)).items():
        chosen = [
            c
            for c in sorted(by_context)
            if (c == asked if contexts == "same" else context_codes is None or c in context_codes)
        ]
        if not chosen:
            message = f"{path}: {asked} has no such contexts; with these: {', '.join(sorted(by_context))}."
            raise TaskError(message)
        by_language[asked] = {}
        for split in chosen_splits(splits):
            questions = [
                question
                for context in chosen
                if split in by_context[context]
                for question in _read(
                    by_context[context][split], asked, split, faults, "" if context == asked else context
                )
            ]
            if questions:
                by_language[asked][split] = tuple(questions)
    return Examples(name="mlqa", kind="answering", by_language=by_language, skipped=faults.skipped)


_MLQA_EXAMPLE = "test-context-en-question-de.json"


def _load(
    name: str,
    path: Path | str,
    paths: Mapping[str, Mapping[str, Path]],
    languages: Iterable[str] | None,
    on_error: str,
    splits: Iterable[str] | None,
    *,
    example: str,
    pass_withheld: bool = False,
) -> Examples[Question]:
    faults = Faults(on_error)
    by_language: dict[str, dict[str, tuple[Question, ...]]] = {}
    whole: dict[Path, dict[str, list[Question]]] = {}  # files of all languages, read once
    chosen = choose(_some(paths, path, example), languages, where=str(path))
    for code, files in chosen.items():
        by_language[code] = {}
        for split in (split for split in chosen_splits(splits) if split in files):
            file = files[split]
            if _TYDIQA_ALL.fullmatch(file.name) is None:
                questions = _read(file, code, split, faults, pass_withheld=pass_withheld)
            else:
                if file not in whole:
                    whole[file] = _read_by_id(file, split, chosen, faults)
                questions = whole[file].get(code, [])
            if questions:
                by_language[code][split] = tuple(questions)
    return Examples(name=name, kind="answering", by_language=by_language, skipped=faults.skipped)


def _read(
    file: Path, code: str, split: str, faults: Faults, context_language: str = "", *, pass_withheld: bool = False
) -> list[Question]:
    return read_squad(
        file,
        broken=lambda _, message: faults.add(code, split, message),
        context_language=context_language,
        pass_withheld=pass_withheld,
        counted_ids=_TYDIQA.fullmatch(file.name) is not None,
    )


def _read_by_id(file: Path, split: str, languages: Iterable[str], faults: Faults) -> dict[str, list[Question]]:
    """A file of all languages, by the word that each id begins with; the languages that are wanted alone."""
    languages = set(languages)

    def broken(key: str, message: str) -> None:
        code = TYDIQA_LANGUAGES.get(key.partition("-")[0], "")
        if not code or code in languages:
            faults.add(code or min(languages), split, message)

    by_language: dict[str, list[Question]] = {}
    for question in read_squad(file, broken=broken):
        code = tydiqa_language(question.key)
        if not code:
            names = ", ".join(TYDIQA_LANGUAGES)
            broken(question.key, f"{file}: question {question.key[:60]!r}: its id begins with none of {names}.")
        elif code in languages:
            by_language.setdefault(code, []).append(question)
    return by_language


def tydiqa_language(key: str) -> str:
    """The language code that an id of TyDiQA's own files states ("korean-3543-0"); "" for none."""
    return TYDIQA_LANGUAGES.get(key.partition("-")[0], "")


def _matching(path: Path | str, pattern: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
    """The files at any depth under `path` whose whole name fits, sorted."""
    folder = Path(path)
    if not folder.is_dir():
        message = f"{path}: no such folder; name the one with the data set's files."
        raise TaskError(message)
    for file in sorted(folder.rglob("*.json*")):
        match = pattern.fullmatch(file.name)
        if match and file.is_file():
            yield file, match


def _put(paths: dict[str, dict[str, Path]], code: str, split: str, file: Path) -> None:
    files = paths.setdefault(code, {})
    if split in files:
        message = f"{file}: {code} {split} is there already as {files[split]}; keep one of the two."
        raise TaskError(message)
    files[split] = file


def _some(paths: Mapping[str, Mapping], path: Path | str, example: str) -> dict:
    if not paths:
        message = f"{path}: no file such as {example} in it."
        raise TaskError(message)
    return dict(paths)


def _language(file: Path, name: str) -> str:
    try:
        return language(name)
    except TranslitError as error:
        message = f"{file}: its name states no language ({error})."
        raise TaskError(message) from None


def _several(contexts: str | Iterable[str]) -> list[str]:
    return [contexts] if isinstance(contexts, str) else list(contexts)


def _resolved(spelling: str, codes: Iterable[str], path: Path | str) -> str:
    return resolve_language(spelling, dict.fromkeys(codes), where=f"{path}, contexts")
