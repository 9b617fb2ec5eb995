"""Opening the tokenizer of a pretrained encoder: a hub id or a folder, without its weights, no remote code."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xl_encoders.errors import EncoderError
from xl_encoders.model.hub import unreachable
from xl_encoders.model.model_files import check_folder, check_tokenizer, is_folder, not_fetched

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(name_or_path: str, *, revision: str = "") -> "PreTrainedTokenizerBase":
    """The tokenizer that `load_encoder` gives an encoder; its weights are neither read nor fetched.

    revision: commit or tag of a hub id; empty takes the newest.

    Raises EncoderError for a folder that is missing or holds no whole model, and for a hub id that cannot be reached.
    """
    with opening(name_or_path, revision, "a tokenizer") as (source, options):
        return open_tokenizer(source, options)


@contextmanager
def opening(name_or_path: str, revision: str, kind: str) -> "Generator[tuple[str, dict[str, Any]]]":
    """Where to open a model, and the options of `from_pretrained`; whatever fails meanwhile is an EncoderError.

    kind: what is opened, for the sentence.
    """
    from safetensors import SafetensorError

    folder = Path(name_or_path)
    local = is_folder(name_or_path)
    if local:
        check_folder(folder)
        check_tokenizer(folder)
    offline = "" if local else unreachable()
    options = {} if local else {"revision": revision or "main", "local_files_only": bool(offline)}
    try:
        yield str(folder) if local else name_or_path, options
    except EncoderError:
        raise
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        if local or isinstance(error, ImportError):
            message = f"{name_or_path} cannot be opened as {kind}: {reason}"
        elif offline:
            message = not_fetched(name_or_path, offline)
        else:
            message = (
                f"{name_or_path} is neither a folder here nor a model that could be fetched from the hub; "
                f"check the name{' and the revision' if revision else ''}. ({reason})"
            )
        raise EncoderError(message) from error


def open_tokenizer(source: str, options: dict) -> "PreTrainedTokenizerBase":
    """The tokenizer of a folder or hub id that `opening` gave; EncoderError where there is none."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **options)
    if tokenizer is None:
        message = f"{source} has no tokenizer; save one into the same folder."
        raise EncoderError(message)
    _compose_first(tokenizer)
    return tokenizer


def _compose_first(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Let a tokenizer with SentencePiece's table of characters read decomposed letters as SentencePiece does.

    `tokenizers` looks that table up by grapheme and takes the shortest entry that one begins with, so that of e,
    circumflex and acute the acute is lost, and leaves what has six bytes, as a Hangul syllable, in pieces (findings/).
    """
    from tokenizers import normalizers

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or backend.normalizer is None:
        return
    steps = backend.normalizer
    kinds = [type(step) for step in steps] if isinstance(steps, normalizers.Sequence) else [type(steps)]
    if normalizers.Precompiled in kinds and normalizers.NFC not in kinds:
        backend.normalizer = normalizers.Sequence([normalizers.NFC(), steps])
