"""Which file of a folder is the UDPipe model of a language."""

from pathlib import Path

from xl_cli.errors import CliError


def udpipe_model(where: str, code: str) -> str:
    """The file `where`, or the one in this folder whose name states the language; CliError for none and for several.

    Models are named as `german-gsd-ud-2.5-191206.udpipe`, or by a code: `de.udpipe`.
    """
    from xl_translit import TranslitError, language

    path = Path(where)
    if not path.is_dir():
        return where
    files = sorted(path.glob("*.udpipe"))
    found = []
    for file in files:
        stem = file.name.removesuffix(".udpipe")
        for spelling in (stem, stem.partition("-")[0].replace("_", " ")):
            try:
                if language(spelling) == code:
                    found.append(str(file))
                    break
            except TranslitError:
                continue
    if len(found) != 1:
        what = f"{len(found)} models" if found else "no model"
        names = ", ".join(found or [file.name for file in files]) or "nothing ends in .udpipe"
        message = f"--udpipe {where}: {what} for {code or 'text without --lang'} ({names}); name one file."
        raise CliError(message)
    return found[0]
