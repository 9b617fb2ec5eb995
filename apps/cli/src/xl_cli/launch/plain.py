"""Words of files, as a terminal may show them: data of others must not move its cursor or turn its lines around."""

import re

# Control characters but tab and line feed, and those that turn the direction of what follows them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    r"""`text` with each control character as its escape: \x1b, \u202e."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
