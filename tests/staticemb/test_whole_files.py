"""Files that appear whole: what the system refuses is told as the system's, and nothing is left beside them."""

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from xl_staticemb.files.whole_files import write_whole


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_the_system_s_errors_come_out_of_safetensors(tmp_path: Path, number: int) -> None:
    def refuse(path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError(f"Error while serializing: I/O error: something (os error {number})")

    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(OSError, match=f"{tmp_path / 'a'}") as caught:
        write_whole(tmp_path / "a", refuse)
    assert caught.value.errno == number
    assert (tmp_path / "a").read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [tmp_path / "a"]


def test_its_own_errors_stay(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise SafetensorError("InvalidTensorView")

    with pytest.raises(SafetensorError):
        write_whole(tmp_path / "a", refuse)
    assert not [*tmp_path.iterdir()]
