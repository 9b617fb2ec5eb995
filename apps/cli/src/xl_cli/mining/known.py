"""Pairs of sentences that a person knows or has judged, out of a file."""

from pathlib import Path

from xl_cli.errors import CliError
from xl_cli.launch.progress import say
from xl_cli.mining.sentences import Sentences
from xl_translit import read_lines

_JUDGEMENTS = {"1": True, "0": False}


def read_known(path: Path, first: Sentences, second: Sentences) -> dict[tuple[int, int], bool]:
    """(row, row) -> whether they are translations, of the pairs in `path` whose sentences are in the corpora.

    CliError with `file:line` for a line that is no pair, and where no pair is of these corpora; a note tells how many
    are not.
    """
    judged: list[tuple[str, str, bool]] = []
    for number, line in enumerate(read_lines(path), 1):
        columns = [column.strip() for column in line.split("\t")]
        if not line.strip() or (len(columns) > 2 and not columns[2]):
            continue
        if len(columns) < 2 or (len(columns) > 2 and columns[2] not in _JUDGEMENTS):
            message = f"{path}:{number}: expected A TAB B, and maybe TAB 1 or 0, found {line[:60]!r}."
            raise CliError(message)
        judged.append((columns[0], columns[1], len(columns) < 3 or _JUDGEMENTS[columns[2]]))
    ones = first.rows({one for one, _, _ in judged})
    others = second.rows({other for _, other, _ in judged})
    pairs = {
        (ones[one], others[other]): translated for one, other, translated in judged if one in ones and other in others
    }
    missing = sum(one not in ones or other not in others for one, other, _ in judged)
    if not pairs:
        message = f"{path}: none of its {len(judged)} pairs is of {first.path} and {second.path}."
        raise CliError(message)
    if missing:
        say(f"note: {path}: {missing} of {len(judged)} pairs are not of the two corpora.")
    return pairs
