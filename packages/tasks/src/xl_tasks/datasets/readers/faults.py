"""What becomes of an item that cannot be read: the reading stops, or the item is left out and counted."""

from xl_tasks.errors import TaskError

ON_ERROR = ("stop", "skip")


class Faults:
    """Collects one sentence for each item left out, by language and split, or stops at the first."""

    def __init__(self, on_error: str = "stop") -> None:
        """TaskError unless `on_error` is "stop" or "skip"."""
        if on_error not in ON_ERROR:
            message = f"on_error is {on_error!r}; give one of {', '.join(ON_ERROR)}."
            raise TaskError(message)
        self.on_error = on_error
        self._sentences: dict[tuple[str, str], list[str]] = {}

    def add(self, language: str, split: str, message: str) -> None:
        """Note an item left out; `message` is "file:line: reason". TaskError with it under "stop"."""
        if self.on_error == "stop":
            raise TaskError(message)
        self._sentences.setdefault((language, split), []).append(message)

    @property
    def skipped(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The sentences as `Examples.skipped` takes them."""
        return {where: tuple(sentences) for where, sentences in self._sentences.items()}
