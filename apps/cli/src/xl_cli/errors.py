"""What the command line itself can refuse, and which library errors it turns into one line."""

from importlib import import_module


class CliError(ValueError):
    """A run cannot go on for a reason the user can mend; the message says what, where and how (exit code 1)."""


class UsageError(CliError):
    """The command line or a recipe is wrong; nothing was started (exit code 2)."""


class StoppedEarlyError(CliError):
    """The run was told to stop; its folder is in order. `signal_number` says by whom."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


# Base error of each package, named instead of imported: the classes are needed only once something failed.
_LIBRARY_ERRORS = (
    "xl_translit.errors:TranslitError",
    "xl_staticemb.errors:StaticembError",
    "xl_objectives.errors:ObjectiveError",
    "xl_encoders.errors:EncoderError",
    "xl_encoders.registry:RegistryError",
    "xl_tasks.errors:TaskError",
    "xl_analysis.errors:AnalysisError",
)


def is_misuse(error: BaseException) -> bool:
    """Whether the command line or a recipe is at fault: a wrong option, key or name, found before any work started."""
    from xl_encoders.registry import RegistryError

    return isinstance(error, (UsageError, RegistryError))


def is_user_error(error: BaseException) -> bool:
    """Whether `error` is one that a message in plain words explains, so that a traceback would only hide it."""
    kinds: list[type[BaseException]] = [CliError, OSError]
    for address in _LIBRARY_ERRORS:
        module, name = address.split(":")
        kinds.append(getattr(import_module(module), name))
    return isinstance(error, tuple(kinds))
