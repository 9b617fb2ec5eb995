"""The steps from texts to vectors of many languages in one space (Hämmerl et al. 2022, 3.1 and appendix B).

Each language's vectors out of the encoder; its word vectors mapped onto the pivot's and a dictionary induced from both;
its vectors mapped onto the pivot's with that dictionary, or left alone where that does better on pairs held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_cli.errors import CliError, UsageError
from xl_cli.vectors.extract_config import ExtractConfig, HubTextConfig, WordReadingConfig
from xl_cli.vectors.mapping_options import MODES, OF_MUSE, OF_RCSLS, PIVOT_MODES, MappingOverrides
from xl_cli.vectors.multilingual.config import CorporaReadingConfig, MultilingualConfig
from xl_cli.vectors.multilingual.naming import fingerprints
from xl_cli.vectors.multilingual.steps import Outcome, Step, StepFailedError
from xl_staticemb.mapping.config import MappingConfig

if TYPE_CHECKING:
    from xl_staticemb import WordVectors

FOLDERS = ("extracted", "words", "dictionaries", "maps", "vectors")
# What changes how fast vectors are made, or how often their state is kept, and not what they are.
_NOT_OF_FILES = frozenset({"save_every", "preset", "languages", "device"})


@dataclass(frozen=True)
class Named:
    """What was named for each language, by its code."""

    texts: Mapping[str, Sequence[str]]
    words: Mapping[str, str]
    dictionaries: Mapping[str, str]
    excluded: Mapping[str, str]


class Job:
    """One call: its files below `out`, and its steps."""

    def __init__(
        self,
        named: Named,
        pivot: str,
        config: MultilingualConfig,
        options: MappingOverrides,
        reading: CorporaReadingConfig,
        hub: HubTextConfig,
        training: ExtractConfig,
        preset: dict[str, object],
        out: Path,
    ) -> None:
        self.named, self.pivot, self.config, self.options = named, pivot, config, options
        self.reading, self.hub, self.training, self.preset, self.out = reading, hub, training, preset, out
        self.map_config = options.config("rcsls") if config.mode == "rcsls" else MODES[PIVOT_MODES[config.mode]]
        self.words_config = (
            options.config("muse", "--words-mode") if config.words_mode == "muse" else MODES.get(config.words_mode)
        )
        self.others = [code for code in named.texts if code != pivot]

    def vectors(self, folder: str, name: str) -> Path:
        """A file of vectors below `out`."""
        return self.out / folder / f"{name}.{self.config.format}"

    def source(self, code: str) -> str:
        """Where the dictionary of a language comes from: "given", "induced", or why there is none."""
        if code in self.named.dictionaries:
            return "given"
        if not self.named.words:
            return "no word vectors and no dictionary are given"
        without = [each for each in (code, self.pivot) if each not in self.named.words]
        return f"no word vectors of {' and '.join(without)} are given" if without else "induced"

    def steps(self) -> list[Step]:
        """All steps, in the order in which they are done."""
        return [
            *map(self._extraction, (self.pivot, *self.others)),
            *(step for code in self.others if self.source(code) == "induced" for step in self._induction(code)),
            self._centre(),
            *map(self._map, self.others),
        ]

    def _extraction(self, code: str) -> Step:
        settings: dict[str, object] = {"model": self.reading.model, "language": code}
        settings |= _of_files(self.reading) | _of_files(self.training) | _of_files(self.hub)
        return Step(
            name=f"extract {code}",
            about=f"vectors of {' '.join(self.named.texts[code])} out of {self.reading.model}",
            settings=settings,
            inputs=fingerprints(self.named.texts[code], code) | _weights(self.reading.model),
            outputs=_outputs(self.vectors("extracted", code)),
            run=lambda: self._extract(code),
            shared=True,
            again=True,
        )

    def _extract(self, code: str) -> Outcome:
        from xl_cli.vectors.extraction import extract_vectors
        from xl_staticemb import StaticembError
        from xl_tasks import TaskError
        from xl_translit import TranslitError

        reading = {name: value for name, value in vars(self.reading).items() if name != "languages"}
        try:
            summary = extract_vectors(
                self.named.texts[code],
                WordReadingConfig(**reading, lang=code),
                self.hub,
                self.training,
                self.vectors("extracted", code),
                None,
                self.preset,
            )
        except (StaticembError, TaskError, TranslitError, CliError) as error:
            if isinstance(error, UsageError):
                raise
            if code == self.pivot:
                message = f"{code}, the pivot: {error}"
                raise CliError(message) from None
            raise StepFailedError(str(error)) from None
        return {} if summary is None else {**vars(summary), "seconds": None, "out": None}

    def _induction(self, code: str) -> list[Step]:
        config, words = self.config, self.named.words
        both = {"limit": config.words_limit, "mode": config.words_mode} | _given(self.options, OF_MUSE)
        steps = []
        if self.words_config:
            steps = [
                Step(
                    name=f"map words {code}",
                    about=f"{words[code]} and {words[self.pivot]} into one space, {config.words_mode}",
                    settings={**both, "seeds": config.map_seeds, "digits": config.digits, "format": config.format},
                    inputs=fingerprints([words[code], words[self.pivot]]),
                    outputs=[path for side in self._mapped_words(code) for path in _outputs(side)],
                    run=lambda mapping=self.words_config: self._map_words(code, mapping),
                )
            ]
        excluded = [self.named.excluded[code]] if code in self.named.excluded else []
        dictionary = Step(
            name=f"dictionary {code}",
            about=f"mutual nearest pairs (CSLS {config.n_neighbours}) among {config.cutoff} words a side",
            settings={
                **both,
                "cutoff": config.cutoff,
                "n_neighbours": config.n_neighbours,
                "lower": self.training.lower != "none",
            },
            inputs=fingerprints([*excluded, *([] if steps else [words[code], words[self.pivot]])]),
            needs=[step.name for step in steps],
            outputs=[self._dictionary(code)],
            run=lambda: self._induce(code, excluded),
        )
        return [*steps, dictionary]

    def _mapped_words(self, code: str) -> tuple[Path, Path]:
        if self.config.words_mode == "none":
            return Path(self.named.words[code]), Path(self.named.words[self.pivot])
        return self.vectors("words", code), self.vectors("words", f"{self.pivot}-for-{code}")

    def _dictionary(self, code: str) -> Path:
        return self.out / "dictionaries" / f"{code}.tsv"

    def _map_words(self, code: str, mapping: MappingConfig) -> Outcome:
        from xl_cli.vectors.mapping import PairJob, map_pair
        from xl_staticemb import StaticembError

        source, target = self._mapped_words(code)
        job = PairJob(
            source=Path(self.named.words[code]),
            target=Path(self.named.words[self.pivot]),
            out_source=source,
            out_target=target,
            mode=self.config.words_mode,
            dictionaries=(),
            seeds=tuple(range(self.config.map_seeds)),
            device=self.config.device,
            limit=self.config.words_limit or None,
            digits=self.config.digits,
            names=(code, self.pivot),
        )
        try:
            rows, failure = map_pair(job, mapping)
        except StaticembError as error:
            raise StepFailedError(str(error)) from None
        if failure:
            message = f"the map of the word vectors: {failure.partition(',')[0]}"
            raise StepFailedError(message)
        return {row.metric: row.value for row in rows}

    def _induce(self, code: str, excluded: Sequence[str]) -> Outcome:
        from xl_cli.vectors.induce import induce
        from xl_staticemb import StaticembError, write_dictionary

        source, target = self._mapped_words(code)
        if not (source.exists() and target.exists()):
            message = "its word vectors have no map"
            raise StepFailedError(message)
        config = self.config
        search = {"cutoff": config.cutoff, "n_neighbours": config.n_neighbours, "device": config.device}
        try:
            found = induce(source, target, exclude=tuple(excluded), **search)
        except (StaticembError, CliError) as error:
            raise StepFailedError(str(error)) from None
        pairs: dict[tuple[str, str], float] = {}
        for word, other, score in found:
            # Cased word vectors and a vocabulary in lower case: Haus and haus are one word there.
            key = (word.lower(), other.lower()) if self.training.lower != "none" else (word, other)
            pairs.setdefault(key, score)
        write_dictionary(self._dictionary(code), [(*pair, score) for pair, score in pairs.items()])
        return {"pairs": len(pairs)}

    def _normalized(self, code: str) -> "WordVectors":
        from xl_staticemb import read_vectors
        from xl_staticemb.mapping.pivot_files import normalized

        return normalized(read_vectors(self.vectors("extracted", code)), self.map_config)

    @cached_property
    def _pivot_vectors(self) -> "WordVectors":
        return self._normalized(self.pivot)

    def _centre(self) -> Step:
        def run() -> Outcome:
            self._write(self.pivot, self._pivot_vectors, None)
            return {"chosen": "pivot", "why": "all others are mapped onto it"}

        return Step(
            name=f"map {self.pivot}",
            about="the pivot, normalised",
            settings={"format": self.config.format, "digits": self.config.digits},
            needs=[f"extract {self.pivot}"],
            outputs=_outputs(self.vectors("vectors", self.pivot)),
            run=run,
        )

    def _map(self, code: str) -> Step:
        source, config = self.source(code), self.config
        mapped = source in ("given", "induced")
        settings: dict[str, object] = {"dictionary": source, "format": config.format, "digits": config.digits}
        if mapped:
            settings |= {"mode": config.mode, "held_out": config.held_out, "choose": config.choose}
            settings |= _given(self.options, OF_RCSLS)
        needs = [f"extract {self.pivot}", f"extract {code}"]
        return Step(
            name=f"map {code}",
            about=f"onto {self.pivot} by its {source} dictionary, if that does better on held-out pairs"
            if mapped
            else f"left as it is: {source}",
            settings=settings,
            inputs=fingerprints([self.named.dictionaries[code]]) if source == "given" else {},
            needs=[*needs, *([f"dictionary {code}"] if source == "induced" else [])],
            outputs=_outputs(self.vectors("vectors", code)),
            run=lambda: self._map_language(code, source),
        )

    def _map_file(self, code: str) -> Path:
        return self.out / "maps" / f"{code}.safetensors"

    def _map_language(self, code: str, source: str) -> Outcome:
        from xl_staticemb import StaticembError, map_to_pivot, read_dictionary
        from xl_staticemb.mapping.pivot import better_map
        from xl_staticemb.mapping.pivot_files import summary_line

        if not self.vectors("extracted", code).is_file():
            message = "no vectors were extracted"
            raise StepFailedError(message)
        vectors = self._normalized(code)
        path = Path(self.named.dictionaries[code]) if source == "given" else self._dictionary(code)
        why = source
        self._map_file(code).unlink(missing_ok=True)
        if source in ("given", "induced"):
            try:
                if not path.is_file():
                    message = "no dictionary could be induced"
                    raise StaticembError(message)
                ((_, learnt),) = map_to_pivot(
                    [(code, vectors)],
                    self._pivot_vectors,
                    {code: read_dictionary(path)},
                    mode=self.config.mode.replace("-", "_"),
                    config=self.map_config,
                    held_out=self.config.held_out,
                    choose=False,
                    device=self.config.device,
                )
            except StaticembError as error:
                why = str(error).removeprefix(f"{code}: ")
            else:
                kept = better_map(learnt) if self.config.choose == "on" else learnt
                self._write_map(code, learnt.matrix)
                self._write(code, vectors, kept.matrix if kept.aligned else None)
                return {**summary_line(code, kept), "why": self._why(kept)}
        self._write(code, vectors, None)
        return {"chosen": "unaligned", "why": why}

    def _why(self, kept: Any) -> str:
        if not kept.aligned:
            return "better held out without a map"
        if self.config.choose == "off":
            return "--choose off"
        too_few = [warning for warning in kept.warnings if "; the map is kept" in warning]
        return too_few[0] if too_few else "better held out with its map"

    def _write(self, code: str, vectors: "WordVectors", matrix: Any) -> None:
        from xl_staticemb.mapping.pivot_files import write_mapped

        write_mapped(self.vectors("vectors", code), vectors, matrix, self.config.digits)

    def _write_map(self, code: str, matrix: Any) -> None:
        """The matrix that was learnt, whether it was chosen or not."""
        from safetensors.numpy import save

        from xl_translit import replacing

        with replacing(self._map_file(code), "wb") as file:
            file.write(save({"map": matrix}))


def _of_files(settings: Any) -> dict[str, object]:
    """What is not at its default, so that a later version's new options are no other settings."""
    return {
        item.name: value
        for item in fields(settings)
        if item.name not in _NOT_OF_FILES and (value := getattr(settings, item.name)) != item.default
    }


def _given(options: MappingOverrides, names: Sequence[str]) -> dict[str, object]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _outputs(path: Path) -> list[Path]:
    """The files of a file of vectors."""
    from xl_staticemb.files.tensors import vocabulary_path

    return [path, vocabulary_path(path)] if path.suffix == ".safetensors" else [path]


def _weights(model: str) -> dict[str, str]:
    """Fingerprints of a model's weights where it lies in a folder."""
    from xl_cli.folder.at_hand import run_model

    folder = Path(run_model(model)[0])
    return fingerprints(map(str, sorted(folder.glob("*.safetensors")))) if folder.is_dir() else {}
