"""Transliterators made of a few lines, for tests of what goes on around one; importable, so that workers find them."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


class Upper:
    """Capital letters; fails on FAIL, kills its process on KILL, has no rule for `?`, gives nothing for `-`."""

    name = "upper"

    def __init__(self, version: str = "1", seconds: float = 0.0) -> None:
        self.version = version
        self._seconds = seconds  # to think about a batch

    def __call__(self, text: str) -> str:
        if "FAIL" in text:
            message = f"cannot say {text}"
            raise ArithmeticError(message)
        if "KILL" in text:
            os._exit(3)
        return "" if text == "-" else text.replace("\n", " ").upper()

    def batch(self, texts: Sequence[str]) -> list[str]:
        time.sleep(self._seconds)
        return [self(text) for text in texts]

    def unmapped(self, texts: Sequence[str], results: Sequence[str]) -> Counter[str]:
        return Counter(char for text in texts for char in text if char == "?")


class Witness(Upper):
    """Leaves a file for each node of a Ray cluster that it works on."""

    def __init__(self, folder: str, seconds: float) -> None:
        super().__init__(seconds=seconds)
        self._folder = folder

    def batch(self, texts: Sequence[str]) -> list[str]:
        import ray

        if ray.is_initialized():
            Path(self._folder, ray.get_runtime_context().get_node_id()).touch()
        return super().batch(texts)


class Short(Upper):
    """Loses a row of each batch."""

    def batch(self, texts: Sequence[str]) -> list[str]:
        return super().batch(texts)[1:]


class Unruly(Upper):
    """Lets line feeds through and makes TABs of its own."""

    def __call__(self, text: str) -> str:
        return text + "\t\n"
