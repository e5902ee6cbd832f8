"""What is said of a fit in words: its lines, why there is none, its end."""

from __future__ import annotations

from qscore.equations import quoted_bootstrap


def no_line(resolutions: list[float], scores: list[float], fewest: int) -> str:
    """Why there is no line; "" when there is one."""
    n = len(resolutions)
    if n < fewest:
        entries = "1 entry" if n == 1 else f"{n} entries"
        return f"{entries}: too few for a line (at least {fewest}); the published curve (MapQ 2.9.7) is shown"
    if len(set(resolutions)) == 1:
        return f"{n} entries, all at {resolutions[0]:g} Å: no line; the published curve (MapQ 2.9.7) is shown"
    if len(set(scores)) == 1:
        return f"{n} entries, all of Q {scores[0]:g}: no line"
    return ""


def line_sentence(found: dict) -> str:
    """The line of a relation (`relation.fit_part`) with its errors."""
    line = found["ols"]
    sign = "−" if line["slope"] < 0 else "+"
    return (
        f"Q = {line['intercept']:.3f} {sign} {abs(line['slope']):.3f} R,  R² = {line['r_squared']:.2f}; slope "
        f"{line['slope']:.4f} ± {line['slope_se']:.4f} per Å{_redrawn(found)}, intercept {line['intercept']:.4f} ± "
        f"{line['intercept_se']:.4f}, RMSE {line['rmse']:.3f}, n = {line['n']}, {line['x_low']:g}–{line['x_high']:g} Å"
    ).replace("slope -", "slope −")


def _redrawn(found: dict) -> str:
    """The error of the slope when entries of one group are redrawn together; "" where that was not done."""
    quoted = quoted_bootstrap(found["bootstrap"])
    return f" (± {quoted['slope']['se']:.4f} {quoted['how']})" if quoted else ""


def main_line(part: dict) -> list[str]:
    """Of the main fit: whether a line is its shape, and R² with its interval; nothing without a line."""
    found = part.get("relation")
    if not found:
        return []
    shape, quoted = found["lack_of_fit"], quoted_bootstrap(found["bootstrap"])
    verdict = shape["sentence"].partition(": ")[0] if shape else "too few rows to tell a curve from a line"
    ends = quoted and quoted["r_squared"]
    interval = f", 95 % {ends['low']:.4f} to {ends['high']:.4f} {quoted['how']}" if quoted else ", not redrawn"
    return [f"all: {verdict}; R² = {found['ols']['r_squared']:.4f}{interval}".replace(" -", " −")]


def covered(rows: list[dict]) -> list[str]:
    """What the bands of the curve and of the line hold, of rows of `layouts.COVERAGE`."""
    cells = [row for row in rows if row["band"] == 0.95]
    if not cells:
        return []
    held, shares = sum(row["within"] for row in cells), [row["least_squares"] for row in cells]
    said = [f"the curve's 95 % band holds in {held} of {len(cells)} bins of resolution, on rows held out"]
    apart = "; ".join(row["least_squares_pooled"] for row in cells if row["least_squares_pooled"])
    line = f"the least-squares line's 95 % interval holds {100 * min(shares):.0f} to {100 * max(shares):.0f} % of a bin"
    return [*said, f"{line} (of bins pooled for want of rows {apart})" if apart else line]


def summary(found: dict, out) -> list[str]:
    """What a person reads when a fit has ended: lines on what `fitting.write` gave."""
    said = [f"{name}: {one['sentence']}" for name, one in found["fits"].items()]
    said += main_line(found["fits"].get("all", {}))
    for key, what in (("not_read", "not read"), ("left_out", "left out of the fit")):
        if found[key]:
            said.append(f"{what}: {', '.join(f'{why} ({n:,})' for why, n in found[key].items())}")
    written = "expected_q.json, lines.tsv (each line by each method), coverage.tsv, offsets.tsv"
    return [*said, *covered(found["coverage"]), found["judged_by_text"], f"written to {out}: {written}"]
