"""JSON objects in files that may be damaged, or anybody's: what a run says of itself, and what lies beside models."""

import json
from pathlib import Path
from typing import Any

from xl_cli.errors import CliError


def read_object(path: Path, advice: str = "it may be damaged: restore it, or make it anew.") -> dict[str, Any]:
    """The object that is all of a file. CliError, which ends in `advice`, where it cannot be read or is none."""
    return parse_object(str(path), path.read_bytes(), advice)


def parse_object(name: str, content: bytes | str, advice: str = "remove it to begin anew.") -> dict[str, Any]:
    """The same of what a file called `name` holds."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        message = f"{name} cannot be read as JSON ({ascii(str(error))[1:-1]}); {advice}"
        raise CliError(message) from error
    if not isinstance(value, dict):
        message = f"{name} holds no JSON object but {type(value).__name__}; {advice}"
        raise CliError(message)
    return value
