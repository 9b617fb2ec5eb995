"""Settings of rounds of mining: pairs for a teacher out of text that is not parallel. Imports nothing heavy."""

from dataclasses import dataclass

from xl_cli.errors import UsageError
from xl_objectives import check_fields, setting

FIRST = ("text", "model")


@dataclass(frozen=True, kw_only=True)
class RoundsConfig:
    """Before the run itself: an encoder finds sentence pairs (`xl mine`), the next one is trained on them."""

    pivot: str = setting(
        "",
        "file of text in a language that model.from knows, a sentence a line, called after it (eng_Latn.txt): in it "
        "translations of the new language's text are looked for; empty: nothing is mined",
    )
    rounds: int = setting(2, "times that pairs are mined; each time the encoder before is a better one", low=1)
    first: str = setting(
        "text",
        "what mines first: text (an encoder trained without mined pairs, on the new language's text, romanised too) | "
        "model (model.from as it is)",
        choices=FIRST,
    )
    data: str = setting("bitext", "name of the [[data]] of kind pairs that the mined pairs join")
    threshold: float = setting(0.0, "least margin score of a pair; 0: by the scores' two humps, each round", low=0)
    sample: int = setting(50, "pairs of each round that are kept for a person to judge; 0: none", low=0)

    def __post_init__(self) -> None:
        check_fields(self, lambda name: f"mine.{name}", UsageError)
        if not self.pivot:
            for name in ("rounds", "first", "data", "threshold", "sample"):
                if getattr(self, name) != self.__dataclass_fields__[name].default:
                    message = f"mine.{name} is given, but mine.pivot names no text in which pairs could be found."
                    raise UsageError(message)
