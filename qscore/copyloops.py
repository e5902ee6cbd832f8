"""The loops over the residues of chains that may be copies, as they are compiled; see `qscore.copies`.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here. A residue is told by a whole number, its
code; chain k has those from `first[k]` to `first[k + 1]`.
"""

from qscore.building import loop, quick


@loop("void(i8[::1], i8[::1], i8[::1], i8[::1])")
def once(code, first, seen, kept):
    """Which residues are the first of their code in their chain into `kept` (n,): 1, else 0. `seen` (codes,) is −1."""
    for k in range(len(first) - 1):
        for i in range(first[k], first[k + 1]):
            kept[i] = seen[code[i]] != k
            seen[code[i]] = k


@quick
def _is_copy(code, begin, end, low, high, least, place, found):
    """Whether a chain, from `low` to `high`, has enough of the codes from `begin` to `end`; where it has them."""
    length, missed = end - begin, 0
    if high - low < least * length:
        return False
    for i in range(length):
        at = place[code[begin + i]]
        there = low <= at < high
        found[i] = at if there else -1
        missed += not there
        if length - missed < least * length:
            return False
    return True


@loop("void(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def join(code, first, order, pair, kind, least, place, leaders, leader, begin, found):
    """The first chain in `order`, of the same pair and kind, of whose codes each has at least a share, into `leader`.

    Its own number where there is none. Into `found`, from `begin[k]`, the index of each residue of the leader in chain
    k; −1 where that lacks it. `place` (codes,) is −1; `leaders` (chains,) is scratch.
    """
    known, last = 0, -1
    for k in order:
        low, high, known = first[k], first[k + 1], known if pair[k] == last else 0
        last, leader[k] = pair[k], -1
        for i in range(low, high):
            place[code[i]] = i
        leaders[known] = k  # a copy of itself
        for one in leaders[: known + 1]:
            own = found[begin[k] : begin[k + 1]]
            if kind[one] == kind[k] and _is_copy(code, first[one], first[one + 1], low, high, least, place, own):
                leader[k] = one
                break
        known += leader[k] == k
