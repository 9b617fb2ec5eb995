"""What this package refuses: one base class, and a sub-class where a caller may want to tell cases apart."""


class TranslitError(ValueError):
    """Base of every error this package raises on purpose; the message says what, where and what to do."""


class TextError(TranslitError):
    """A text file cannot be read or written: absent, not UTF-8, cut short, or in the way of an output."""


class BusyError(TranslitError):
    """Another process is at work in a folder; the message says which, and since when."""


class UnknownLanguageError(TranslitError):
    """A spelling that names no language, or a code whose script nobody stated and none is likely."""


class CorpusError(TranslitError):
    """A corpus cannot be written as asked: a bad row, a damaged or changed input, a lost worker, a missing extra."""


class CorpusOptionError(CorpusError):
    """The options of a corpus run contradict each other, or name what is not there; no work was started."""


class MissingProgramError(TranslitError):
    """A program that a backend runs is not installed; the message names it, how to get it, and what works without."""


class ClusterError(TranslitError):
    """Ray is not installed, cannot be reached, or failed beyond what it repairs by itself."""
