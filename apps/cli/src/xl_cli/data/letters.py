"""A note where a model of phonemes is given text in letters."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from xl_cli.launch.progress import say

if TYPE_CHECKING:
    from xl_encoders import Encoder

_SAMPLE = 50
# Of text in phonemes even a small vocabulary knows most pieces; of words in letters hardly any.
_MOST_UNKNOWN = 0.5


def tell_letters(encoder: "Encoder", texts: Mapping[str, Iterable[str]], option: str) -> None:
    """Say so where `encoder` was made for phonemes and does not know most pieces of a language's first texts.

    texts: language, or what else they are called -> texts as they will be read. option: what names such texts.
    """
    from xl_tasks.units.choosing import default_unit, unknown_share

    if default_unit(encoder) != "phonemes":
        return
    shares = {name: unknown_share(encoder.tokenizer, list(islice(its, _SAMPLE))) for name, its in texts.items()}
    if told := [f"{100 * share:.0f} % of {name}" for name, share in shares.items() if share > _MOST_UNKNOWN]:
        say(
            f"note: {encoder.name} reads phonemes and does not know {', '.join(told)}: it looks like text in letters. "
            "Write each file as phonemes first, such as xl translit tur_Latn.txt --to phonemes --out "
            f"FOLDER/tur_Latn.txt, and give these: {option}"
        )
