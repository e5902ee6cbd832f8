"""What is said of a fit in words: its lines, why there is none, its end."""

from __future__ import annotations

from qscore.equations import quoted_bootstrap


def no_line(resolutions: list[float], fewest: int) -> str:
    """Why there is no line; "" when there is one."""
    n = len(resolutions)
    if n < fewest:
        entries = "1 entry" if n == 1 else f"{n} entries"
        return f"{entries}: too few for a line (at least {fewest}); the published curve (MapQ 2.9.7) is shown"
    if len(set(resolutions)) == 1:
        return f"{n} entries, all at {resolutions[0]:g} Å: no line; the published curve (MapQ 2.9.7) is shown"
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


def summary(found: dict, out) -> list[str]:
    """What a person reads when a fit has ended: lines on what `fitting.write` gave."""
    said = [f"{name}: {one['sentence']}" for name, one in found["fits"].items()]
    for key, what in (("not_read", "not read"), ("left_out", "left out of the fit")):
        if found[key]:
            said.append(f"{what}: {', '.join(f'{why} ({n:,})' for why, n in found[key].items())}")
    cells = [row for row in found["coverage"] if row["band"] == 0.95]
    if cells:
        held = sum(row["within"] for row in cells)
        said.append(f"the curve's 95 % band holds in {held} of {len(cells)} bins of resolution, on rows held out")
    return [*said, found["judged_by_text"], f"written to {out}: expected_q.json, coverage.tsv, offsets.tsv"]
