"""New pieces for byte-pair encoding: the merges that make each of them reachable, after all the old ones.

The old merges keep their ranks and none of the new ones gives an old piece. So a text is first cut as it always was,
and the new merges only join what they find: no cut is added, and where no new piece comes out nothing has changed.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby, pairwise

# Trees over more parts than this are not searched; a piece is then built from left to right.
_LONGEST_SEARCH = 24

_IMPOSSIBLE = float("inf")


class MergeBuilder:
    """Merges for new pieces, one piece after the other; earlier merges come first when a text is read.

    old: the pieces of the tokenizer's model.
    wanted: the new pieces that will be asked for.
    segment: how the old tokenizer cuts a string of known characters.

    A piece of three parts or more needs a piece in between. One that is wanted itself is taken where there is one; else
    a helper is made. So are characters that the old alphabet lacks.
    """

    def __init__(self, old: Collection[str], wanted: Collection[str], segment: Callable[[str], Sequence[str]]) -> None:
        self.merges: list[tuple[str, str]] = []
        self.helpers: list[str] = []
        self._old = old
        self._wanted = wanted
        self._segment = segment
        self._ranks: dict[tuple[str, str], int] = {}
        self._made: set[str] = set()

    def add(self, piece: str) -> bool:
        """Make `piece` what the tokenizer reads in its text; false, and nothing changed, where no new merges can."""
        parts = self._apply(self._cut(piece))
        if "".join(parts) != piece:
            return False  # it holds an added token, which is cut out before any merge
        n_merges = len(self.merges)
        while len(parts) > 1:
            pair = self._next_merge(parts)
            if pair is None:
                for merge in self.merges[n_merges:]:
                    del self._ranks[merge]
                del self.merges[n_merges:]
                return False
            self._ranks[pair] = len(self.merges)
            self.merges.append(pair)
            parts = self._apply(parts)
        characters = [char for char in piece if char not in self._old]
        for made in (*characters, *("".join(merge) for merge in self.merges[n_merges:]), piece):
            if made not in self._made:
                self._made.add(made)
                if made not in self._wanted:
                    self.helpers.append(made)
        return True

    def _cut(self, piece: str) -> list[str]:
        """Parts of `piece` under the old merges; characters that were unknown are parts by now."""
        parts: list[str] = []
        for known, group in groupby(piece, key=self._old.__contains__):
            run = "".join(group)
            parts.extend(self._segment(run) if known else run)
        return parts

    def _apply(self, parts: Sequence[str]) -> list[str]:
        """`parts` after the new merges: always the one of lowest rank, the leftmost where it fits twice."""
        parts = list(parts)
        while len(parts) > 1:
            rank, place = min((self._ranks.get(pair, _IMPOSSIBLE), place) for place, pair in enumerate(pairwise(parts)))
            if rank == _IMPOSSIBLE:
                break
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return parts

    def _next_merge(self, parts: Sequence[str]) -> tuple[str, str] | None:
        """First merge of the tree over `parts` that needs the fewest helpers; None where each tree needs an old piece.

        Of equally good trees, the one that grows from the left.
        """
        if len(parts) > _LONGEST_SEARCH:
            return next((pair for pair in pairwise(parts) if "".join(pair) not in self._old), None)
        cost: dict[tuple[int, int], float] = {(i, i + 1): 0 for i in range(len(parts))}
        cuts: dict[tuple[int, int], int] = {}
        for length in range(2, len(parts) + 1):
            for start in range(len(parts) - length + 1):
                span = (start, start + length)
                own = self._cost("".join(parts[start : span[1]]))
                # From the right, so that `min` finds the longest left part first.
                cuts[span] = min(range(span[1] - 1, start, -1), key=lambda cut: cost[start, cut] + cost[cut, span[1]])
                cost[span] = own + cost[start, cuts[span]] + cost[cuts[span], span[1]]
        span = (0, len(parts))
        if cost[span] == _IMPOSSIBLE:
            return None
        while span[1] - span[0] > 2:
            cut = cuts[span]
            span = (span[0], cut) if cut - span[0] > 1 else (cut, span[1])
        return parts[span[0]], parts[span[0] + 1]

    def _cost(self, text: str) -> float:
        if text in self._old:
            return _IMPOSSIBLE
        return 0 if text in self._made or text in self._wanted else 1
