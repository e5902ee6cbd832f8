"""Where labels of points go: each where it covers least. Lengths are in points of 1/72 inch."""

import numpy as np

CELL = 3.0  # side of a cell in which a label looks for room, points of 1/72 inch
MARK = 3.5  # half the width of a point that has a name, points of 1/72 inch: no other name or leader covers it
DISC = CELL * np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)])  # what a point covers


def settle(anchors, sizes, frame, taken, *, sweeps: int = 4) -> list:
    """Centres of labels: each takes its best place among the others, and again when all have one.

    Parameters
    ----------
    anchors, sizes : sequences of ndarray, shape (2,)
        Points named, and sizes of their labels; here and below in points of 1/72 inch.
    frame : ndarray, shape (2, 2)
        Lower left and upper right corner to stay within.
    taken : ndarray, shape (columns, rows)
        `cells` better not covered, by weight.
    """
    centres = [None] * len(anchors)
    for turn in range(sweeps * len(anchors)):
        mine = turn % len(anchors)
        placed = [i for i, centre in enumerate(centres) if centre is not None and i != mine]
        boxes = [np.array([centres[i] - sizes[i] / 2, centres[i] + sizes[i] / 2]) for i in placed]
        boxes += [np.array([point - MARK, point + MARK]) for i, point in enumerate(anchors) if i != mine]
        leaders = [(anchors[i], centres[i]) for i in placed]
        run_over = sum(6.0 * cells(_leader(*ends), frame) for ends in leaders)
        others = np.maximum(taken - 4.0 * cells(anchors[mine] + DISC, frame), 0) + run_over
        centres[mine] = _best_place(anchors[mine], sizes[mine], frame, others, boxes=boxes, leaders=leaders)
    return centres


def cells(points: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Which cells of side `CELL` hold a point, as a grid over the frame."""
    shape = np.ceil((frame[1] - frame[0]) / CELL).astype(int) + 1
    grid = np.zeros(shape, dtype=bool)
    cells = ((points[np.isfinite(points).all(axis=1)] - frame[0]) // CELL).astype(int)
    cells = cells[((cells >= 0) & (cells < shape)).all(axis=1)]
    grid[cells[:, 0], cells[:, 1]] = True
    return grid


def _best_place(anchor, size, frame, taken, *, boxes, leaders) -> np.ndarray:
    """The cheapest centre of a label among places around its anchor, within the frame."""
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    places = [anchor + way * (size / 2 + gap) for gap in (6, 14, 26, 42, 62, 90) for way in directions]
    places = np.clip(places, frame[0] + size / 2, frame[1] - size / 2)
    near = {"frame": frame, "taken": taken, "boxes": boxes, "leaders": leaders}
    return min(places, key=lambda place: _cost(place, anchor, size, **near))


def _cost(centre, anchor, size, *, frame, taken, boxes, leaders) -> float:
    """How bad a place is: over its point or labels, leader across another, over labels or what is drawn; far."""
    low, high = centre - size / 2, centre + size / 2
    boxes = np.array([(anchor - 4, anchor + 4), *boxes])
    overlaps = ((low < boxes[:, 1]) & (high > boxes[:, 0])).all(axis=1).sum()
    leader = _leader(anchor, centre)
    crossings = ((leader[:, None] > boxes[1:, 0]) & (leader[:, None] < boxes[1:, 1])).all(axis=2).sum()
    (left, lower), (right, upper) = (np.maximum((end - frame[0]) // CELL, 0).astype(int) for end in (low, high))
    covered = taken[left : right + 1, lower : upper + 1].sum()
    run_over = taken[cells(leader, frame)].sum()
    crossed = _crossed(anchor, centre, np.array(leaders).reshape(-1, 2, 2))
    return float(
        500 * overlaps
        + 250 * crossed
        + 60 * crossings
        + 3 * covered
        + 2 * run_over
        + 0.6 * np.hypot(*(centre - anchor))
    )


def _crossed(a, b, lines) -> int:
    """How many lines, shape (n, 2, 2), the one from a to b crosses."""
    c, d = lines[:, 0], lines[:, 1]
    return int(((_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)).sum())


def _side(a, b, c):
    """On which side of the line from a to b the point c lies: its sign."""
    return (b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0]


def _leader(anchor, centre) -> np.ndarray:
    """Points along a leader line."""
    return anchor + np.linspace(0.15, 1, 30)[:, None] * (centre - anchor)
