"""`xl static refine`: mapped vectors moved by what people say of words, in rounds (CLIME, Yuan et al. 2020)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xl_cli.errors import CliError, UsageError
from xl_cli.folder.at_hand import check_at_hand
from xl_cli.launch.progress import say
from xl_cli.options import check_options
from xl_cli.results import Rows
from xl_cli.settings import takes
from xl_cli.unread_options import ReadWhere, refuse_unread
from xl_cli.vectors.word_files import bare_name, check_new, language_of
from xl_objectives import setting

if TYPE_CHECKING:
    from xl_staticemb import BliScore, Refinement, WordVectors
    from xl_staticemb.lexicon.feedback import Round
    from xl_tasks import Row

Ask = Callable[[str], str | None]
"""Shows a text and gives the answer to it; None at the end of what is typed."""


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """Where feedback comes from, what is asked, and what the vectors are measured by."""

    feedback: Path | None = field(
        default=None,
        metadata={
            "help": "File of [round<TAB>]keyword<TAB>word<TAB>alike or unlike; with --ask answers are added to it, and "
            "it is where a call that was stopped goes on."
        },
    )
    out_source: Path | None = field(
        default=None, metadata={"help": "Refined source: .vec/.txt, .bin, .safetensors; .gz; must be new."}
    )
    out_target: Path | None = field(default=None, metadata={"help": "Refined target, likewise; must be new."})
    dictionary: tuple[str, ...] = setting(
        (), "Test dictionary by which P@1 (CSLS) is told after each round, source<TAB>target a line; repeatable."
    )
    weight: float | None = setting(
        None, "How dear it is to leave the old place, > 0 [default: 1 as published, or more where that has no minimum]",
        above=0,
    )  # fmt: skip
    keyword: tuple[str, ...] = setting(
        (),
        "With --ask: source word to ask about; repeatable [default: frequent ones whose nearest word has a nearer one]",
    )
    keywords: int = setting(10, "With --ask: keywords a round, where none are given.", low=1)
    neighbours: int = setting(5, "With --ask: words of either language that a keyword is shown with.", low=1)
    rounds: int = setting(1, "With --ask: rounds at most.", low=1)
    limit: int = setting(0, "Read only so many words of each file; 0 reads all.", low=0)
    source_lang: str = setting("", "Language of SOURCE for the rows [default: by file name]")
    target_lang: str = setting("", "Language of TARGET for the rows [default: by file name]")

    def __post_init__(self) -> None:
        check_options(self)


READ_WHERE = (
    ReadWhere(("keyword", "keywords", "neighbours", "rounds"), lambda call: call.ask, "without --ask"),
    ReadWhere(("keywords",), lambda call: not call.keyword, "beside --keyword, which names them"),
    ReadWhere(("out_target", "target_lang"), lambda call: call.target is not None, "without TARGET"),
    ReadWhere(("dictionary",), lambda call: call.target is not None, "without TARGET, whose words are found"),
)


@takes(config=RefineConfig)
def refine(
    source: str | Path,
    target: str | Path | None = None,
    *,
    config: RefineConfig,
    given: frozenset[str],
    ask: Ask | None = None,
) -> Rows:
    """Move words by feedback: nearer to keywords that they are like, farther from those that they are not.

    source, target: files of word vectors that share a space, or one file alone. ask: what shows a question and gives
    the answer, for rounds of questions after those of `feedback`; None asks nothing.
    """
    source, target = Path(source), None if target is None else Path(target)
    refuse_unread(READ_WHERE, given, config, ask=ask is not None, target=target)
    if config.out_source is None or (target is not None and config.out_target is None):
        message = "refined vectors are written anew; give --out-source FILE, and --out-target FILE with TARGET."
        raise UsageError(message)
    check_new(config.out_source, "--out-source")
    check_new(config.out_target, "--out-target", beside=config.out_source)
    if ask is None and config.feedback is None:
        message = "there is no feedback; give --feedback FILE, or --ask to be asked."
        raise UsageError(message)
    read = config.feedback is not None and (ask is None or config.feedback.exists())
    said = config.feedback if read else None
    check_at_hand(files=[each for each in (source, target, said, *config.dictionary) if each is not None])
    from xl_staticemb import read_feedback, read_vectors, refined_by_round, write_pair, write_vectors

    vectors = read_vectors(source, config.limit or None)
    others = None if target is None else read_vectors(target, config.limit or None)
    measure = _Measure(config, source, target)
    rows = measure(vectors, others, 0)
    known = {} if said is None else read_feedback(said)
    refinement: Refinement | None = None
    for number, marks in known.items():
        for refinement in refined_by_round(vectors, others, [marks], weight=config.weight):
            vectors, others = refinement.source, refinement.target
            rows += measure(vectors, others, number, refinement)
    if ask is not None:
        first = max(known, default=0) + 1
        asked = {keyword for marks in known.values() for keyword in marks}
        for number in range(first, first + config.rounds):
            questions = _Questions(config, vectors, others, asked)
            marks, ended = questions.ask(number, ask)
            asked |= set(questions.keywords)
            for refinement in refined_by_round(vectors, others, [marks] if marks else [], weight=config.weight):
                vectors, others = refinement.source, refinement.target
                rows += measure(vectors, others, number, refinement)
            if ended or not questions.keywords:
                break
    if refinement is None:
        message = "no word was marked, so there is nothing to write."
        raise CliError(message)
    if others is None or config.out_target is None:
        write_vectors(config.out_source, vectors)
    else:
        write_pair(config.out_source, vectors, config.out_target, others)
    about = f"Written: {', '.join(str(out) for out in (config.out_source, config.out_target) if out)}."
    return Rows(rows, lambda: _table(rows, about), None)


class _Measure:
    """Rows of a round: what was moved, and P@1 of the dictionary."""

    def __init__(self, config: RefineConfig, source: Path, target: Path | None) -> None:
        self._data = "+".join(map(bare_name, config.dictionary))
        self._languages = (
            language_of(config.source_lang, source),
            "" if target is None else language_of(config.target_lang, target),
        )
        self._pairs: list[tuple[str, str]] = []
        if config.dictionary:
            from xl_staticemb import read_dictionary

            self._pairs = [pair for path in config.dictionary for pair in read_dictionary(path)]
        self._last: float | None = None

    def __call__(
        self, source: "WordVectors", target: "WordVectors | None", number: int, refinement: "Refinement | None" = None
    ) -> "list[Row]":
        from xl_staticemb import induction_accuracy
        from xl_tasks import Row

        def row(metric: str, value: float, n: int, coverage: float = 1.0) -> Row:
            return Row(
                task="refine", metric=metric, value=value, n=n, source=self._languages[0], target=self._languages[1],
                variant=f"round {number}", unit="word", data=self._data, coverage=coverage,
            )  # fmt: skip

        rows, told = [], ""
        if refinement is not None:
            rows.append(row("words moved", refinement.n_refined, refinement.n_refined))
            rows.append(row("weight", refinement.weight, refinement.n_refined))
            told = f"round {number}: {refinement.n_refined} words moved"
        if self._pairs and target is not None:
            score: BliScore = induction_accuracy(source, target, self._pairs, ks=(1,))
            rows.append(row("p@1", score.precision[1], score.n_covered, score.coverage))
            change = "" if self._last is None else f", {100 * (score.precision[1] - self._last):+z.2f}"
            start = told or "before"
            told = f"{start}; P@1 {100 * score.precision[1]:.2f} % of {score.n_covered} words{change}"
            self._last = score.precision[1]
        if told:
            say(told)
        return rows


class _Questions:
    """The keywords of a round, each shown with its neighbours."""

    def __init__(
        self, config: RefineConfig, source: "WordVectors", target: "WordVectors | None", asked: set[str]
    ) -> None:
        self._config, self._source, self._target = config, source, target
        self.keywords = list(dict.fromkeys(config.keyword)) or self._doubtful(asked)
        for word in self.keywords:
            if word not in source.index:
                message = f"--keyword {word}: this word has no vector in the source."
                raise UsageError(message)

    def _doubtful(self, asked: set[str]) -> list[str]:
        """Frequent words whose nearest word (of the target, if there is one) is nearer to another."""
        from xl_staticemb import nearest

        words = self._source.words[:_DOUBTED]
        x = self._source.matrix[:_DOUBTED]
        z = x if self._target is None else self._target.matrix[:_DOUBTED]
        rank = 1 if self._target is None else 0  # in its own language a word is nearest to itself
        forward = nearest(x, z, rank + 1, "csls").indices[:, rank]
        backward = nearest(z, x, rank + 1, "csls").indices[:, rank]
        doubted = (word for row, word in enumerate(words) if backward[forward[row]] != row and word not in asked)
        return [word for word, _ in zip(doubted, range(self._config.keywords), strict=False)]

    def ask(self, number: int, ask: Ask) -> "tuple[Round, bool]":
        """What was marked, and whether the answers ended; each is written to the file of feedback as it comes."""
        from xl_staticemb import Marked
        from xl_staticemb.lexicon.feedback import feedback_line

        marks: Round = {}
        for keyword in self.keywords:
            shown = list(self._neighbours(keyword))
            lines = "\n".join(f"  {place:2d} {side:6s} {word}" for place, (side, word) in enumerate(shown, 1))
            question = f"round {number}, {keyword}:\n{lines}\nalike: 1 2, unlike: -3, nothing: Enter, end: q > "
            while True:
                answer = ask(question)
                if answer is None or answer.strip() == "q":
                    return marks, True
                try:
                    places = [int(each) for each in answer.replace(",", " ").split()]
                except ValueError:
                    places = [0]
                if all(1 <= abs(place) <= len(shown) for place in places) and not {-p for p in places} & set(places):
                    break
                question = f"give numbers from 1 to {len(shown)}, with - for unlike, each once > "
            if not places:
                continue
            name = self._written("source", keyword)
            marked = marks.setdefault(name, Marked())
            for place in dict.fromkeys(places):
                word = self._written(*shown[abs(place) - 1])
                (marked.alike if place > 0 else marked.unlike).append(word)
                if self._config.feedback is not None:
                    with self._config.feedback.open("a", encoding="utf-8", newline="\n") as file:
                        file.write(feedback_line(number, name, word, "alike" if place > 0 else "unlike"))
        return marks, False

    def _neighbours(self, keyword: str) -> Iterator[tuple[str, str]]:
        """(side, word) of the nearest words of both languages."""
        from xl_staticemb import nearest

        row = self._source.index[keyword]
        query = self._source.matrix[row : row + 1]
        for side, vectors in (("source", self._source), ("target", self._target)):
            if vectors is not None:
                best = nearest(query, vectors.matrix, self._config.neighbours + 1).indices[0].tolist()
                others = [each for each in best if each >= 0 and not (side == "source" and each == row)]
                yield from ((side, vectors.words[each]) for each in others[: self._config.neighbours])

    def _written(self, side: str, word: str) -> str:
        both = self._target is not None and word in self._source.index and word in self._target.index
        return f"{side}:{word}" if both else word


_DOUBTED = 5000  # most frequent words that are looked at for doubtful ones


def _table(rows: "list[Row]", about: str) -> str:
    from xl_analysis import Table

    body = tuple(
        (
            row.variant,
            row.metric.replace("p@1", "P@1 % (csls)"),
            f"{100 * row.value:.2f}" if row.metric == "p@1" else f"{row.value:g}",
            "" if row.n == row.value else f"{row.n:,}",
        )
        for row in rows
    )
    return Table(("round", "what", "value", "of"), body, about, n_labels=2).render("text")
