"""Settings of a vocabulary that changes before training: pieces for a new script, pieces that go. Nothing heavy."""

from dataclasses import dataclass

from xl_cli.errors import UsageError
from xl_objectives import check_fields, setting

STARTS = ("mean", "romanised", "dictionary", "focus", "ofa")


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """What is added to the vocabulary of `model.from` and what is taken out of it, before anything is trained."""

    budget: int = setting(
        0,
        "most new pieces for what model.from cannot write in the run's text; how many is chosen by the loss on a tenth "
        "of the text; 0: none",
        low=0,
    )
    start: str = setting(
        "mean",
        "what a new piece starts from: mean (of all old pieces) | romanised (the old pieces of its romanisation) | "
        "dictionary (those of translations) | focus | ofa (those of near words, by vocabulary.vectors)",
        choices=STARTS,
    )
    dictionary: str = setting("", "of start dictionary: a file of lines `word<TAB>translation`")
    vectors: tuple[str, ...] = setting(
        (), "of start focus and ofa: word2vec files of the new language and of known ones, in one space (xl static map)"
    )
    known: tuple[str, ...] = setting(
        (),
        "folders or files of text of languages that model.from knows: their ids are compared before and after, and "
        "vocabulary.prune keeps what they need; those of the run's text are so in any case",
    )
    prune: bool = setting(False, "take out the pieces that neither the run's text nor vocabulary.known needs")

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"vocabulary.{name}", UsageError)
        for key, starts in (("dictionary", ("dictionary",)), ("vectors", ("focus", "ofa"))):
            given, read = bool(getattr(self, key)), self.start in starts
            if given != read:
                message = (
                    f"vocabulary.start is {self.start}, which reads vocabulary.{key}; give it."
                    if read
                    else f"vocabulary.{key} is given, but vocabulary.start is {self.start}; give {' or '.join(starts)}."
                )
                raise UsageError(message)
        if self.start != "mean" and not self.budget:
            message = f"vocabulary.start is {self.start}, but vocabulary.budget is 0, so nothing is added; give one."
            raise UsageError(message)
        if self.known and not self.changes:
            message = "vocabulary.known is given, but neither vocabulary.budget nor vocabulary.prune changes anything."
            raise UsageError(message)

    @property
    def changes(self) -> bool:
        """Whether anything is added or taken out."""
        return bool(self.budget) or self.prune
