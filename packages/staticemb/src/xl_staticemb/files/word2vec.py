"""Files of word vectors in the two formats of word2vec: text (also fastText's .vec) and binary; plain or compressed."""

from pathlib import Path

from xl_staticemb.files.vector_files import Format, VectorFile, VectorWriter, write_all
from xl_staticemb.vectors import WordVectors


def read_word2vec(path: Path | str, limit: int | None = None, binary: bool | None = None) -> WordVectors:
    """Read word vectors, all or the first `limit` of the file; `binary` None finds out by suffix or content.

    What `read_vectors` says holds here. Raises StaticembError with `file:line` (text) or the number of the word
    (binary) for anything broken, cut short, not finite or not UTF-8.
    """
    formats: dict[bool | None, Format | None] = {None: None, True: "binary", False: "text"}
    return VectorFile(path, limit, formats[binary]).read()


def write_word2vec(path: Path | str, vectors: WordVectors, *, binary: bool = False) -> None:
    """Write word vectors with a first line; `.gz`, `.xz` and `.zst` compress. The file appears whole or not at all.

    Text keeps nine significant digits, enough to read the same float32 again. Raises StaticembError for words that the
    format cannot hold: empty, with a line break, or (binary) with a space or control character.
    """
    with VectorWriter(path, len(vectors), vectors.width, format="binary" if binary else "text") as writer:
        write_all(writer, vectors)
