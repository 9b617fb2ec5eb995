"""English words by programs that other people install: Flite and eSpeak NG. Each is started as a program, never linked.

A program says a list of words: lower case, letters a-z and straight apostrophes, one result each in Epitran's IPA.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from xl_translit.english.phones import arpabet_to_ipa
from xl_translit.errors import MissingProgramError, TranslitError

_TIMEOUT = 600  # seconds; a word takes milliseconds


class Flite:
    """CMU Flite's lexicon and letter-to-sound rules, by `lex_lookup` or, where only that is installed, `t2p`.

    Both take one word a process (1-2 ms), so several run at a time. Results are those of Epitran, which calls the same
    programs. Raises MissingProgramError where neither is on the PATH.
    """

    name = "flite"

    def __init__(self) -> None:
        program = _find("lex_lookup", "t2p")
        if program is None:
            message = (
                "backend=flite needs the program lex_lookup or t2p on the PATH, and neither is there; build lex_lookup"
                " from github.com/festvox/flite (its testsuite folder), or install t2p with `apt-get install flite`;"
                " backend=dictionary works without"
            )
            raise MissingProgramError(message)
        self.program = program
        self._parse = parse_lex_lookup if self.program.stem == "lex_lookup" else parse_t2p

    @property
    def version(self) -> str:
        """The program and the version of Flite, or where no `flite` says it the start of the program's SHA-256."""
        flite = _find("flite")
        said = re.search(r"flite-([\w.-]+)", _run([str(flite), "--version"], check=False)) if flite else None
        return f"{self.program.stem} {said[1] if said else sha256(self.program.read_bytes()).hexdigest()[:8]}"

    def say(self, words: Sequence[str]) -> list[str]:
        """IPA of each word, "" where the program has none."""
        if len(words) == 1:
            return [self._say(words[0])]
        with ThreadPoolExecutor(max_workers=4) as threads:
            return list(threads.map(self._say, words))

    def _say(self, word: str) -> str:
        return self._parse(_run([str(self.program), word]))


class Espeak:
    """eSpeak NG's American English, with its notation turned into Epitran's; any number of words a process.

    Raises MissingProgramError where `espeak-ng` is not on the PATH.
    """

    name = "espeak"

    def __init__(self) -> None:
        program = _find("espeak-ng")
        if program is None:
            message = (
                "backend=espeak needs the program espeak-ng on the PATH, and it is not there; install it with"
                " `apt-get install espeak-ng` or from github.com/espeak-ng/espeak-ng; backend=dictionary works without"
            )
            raise MissingProgramError(message)
        self.program = program

    @property
    def version(self) -> str:
        """The version that the program states."""
        said = re.search(r"[0-9]+(\.[0-9]+)+\S*", _run([str(self.program), "--version"]))
        return said[0] if said else "unknown"

    def say(self, words: Sequence[str]) -> list[str]:
        """IPA of each word, "" where the program has none."""
        # one word a line gives one line of result; should a word ever break that, each is asked by itself
        lines = self._ask("\n".join(words))
        if len(lines) != len(words):
            lines = [" ".join(self._ask(word)) for word in words]
        return [espeak_to_ipa(line) for line in lines]

    def _ask(self, text: str) -> list[str]:
        command = [str(self.program), "-q", "--ipa", "-v", "en-us", "-b", "1"]
        return _run(command, text=text + "\n").removesuffix("\n").split("\n")


def parse_lex_lookup(output: str) -> str:
    """IPA of what `lex_lookup` prints, `(hh ax l ow1)`; of several pronunciations the first, "" for `nil`."""
    first = output.strip().partition("\n")[0].strip()
    return "" if first == "nil" else _ipa(first.strip("()").split(), "lex_lookup", output)


def parse_t2p(output: str) -> str:
    """IPA of what `t2p` prints, `pau hh ax l ow1 pau`: phones between pauses."""
    return _ipa(output.split(), "t2p", output)


def _ipa(phones: list[str], program: str, output: str) -> str:
    try:
        return arpabet_to_ipa(phones)
    except KeyError as error:
        message = (
            f"{program} printed {output.strip()!r}, and {error.args[0]} is no phone of English; is it Flite's program?"
        )
        raise TranslitError(message) from None


# eSpeak's notation -> Epitran's, longest first: glides for the ends of diphthongs, no length, r-coloured vowels as a
# syllabic r, affricates tied. Its flap and glottal stop stay: Epitran's table has both.
_ESPEAK = {
    "aɪɚ": "ajɹ̩",
    "aɪ": "aj",
    "aʊ": "aw",
    "eɪ": "ej",
    "oʊ": "ow",
    "ɔɪ": "oj",
    "oːɹ": "ɔɹ",
    "oː": "ɔ",
    "dʒ": "d͡ʒ",
    "tʃ": "t͡ʃ",
    "ɜː": "ɹ̩",
    "ɚ": "ɹ̩",
    "ɐ": "ə",
    "ᵻ": "ɪ",
    "r": "ɹ",
    "g": "ɡ",
    "x": "k",  # loch
    "ɬ": "l",
    "ː": "",
    "ˈ": "",
    "ˌ": "",
    " ": "",
}
_ESPEAK_PATTERN = re.compile(r"\([a-z-]+\)|" + "|".join(sorted(map(re.escape, _ESPEAK), key=len, reverse=True)))


def espeak_to_ipa(said: str) -> str:
    """What eSpeak prints for a word, in Epitran's notation; marks of a change of language, `(fr)`, go."""
    return _ESPEAK_PATTERN.sub(lambda match: _ESPEAK.get(match[0], ""), said.strip())


def _find(*names: str) -> Path | None:
    """The first of these programs that is on the PATH."""
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def _run(command: list[str], text: str | None = None, *, check: bool = True) -> str:
    """What a program prints; TranslitError with the program's own words where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell; the program was found on the PATH
            command, input=text, capture_output=True, check=False, encoding="utf-8", errors="replace", timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{command[0]} cannot be run: {error}; backend=dictionary works without it"
        raise TranslitError(message) from None
    if done.returncode and check:
        words = done.stderr.strip() or "it said nothing"
        message = f"{command[0]} ended with status {done.returncode}: {words}; backend=dictionary works without it"
        raise TranslitError(message)
    return done.stdout
