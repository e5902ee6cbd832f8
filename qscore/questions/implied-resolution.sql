-- Entries whose Q belongs to another resolution than the reported one
-- Rule: scored entries outside the 95 % band whose Q is expected at a resolution that differs from the reported one by
--   at least $angstrom Å. Largest difference first, $rows rows.
-- Columns: implied is the resolution at which entries of the survey are expected to have this Q (interpolated among
--   the expectations of its own entries; empty beyond them); difference is implied − reported, Å.
-- Mind: without a witness that does not know the model (see overstated-resolution) a misplaced or wrong model gives
--   the same picture; read the cause.
-- set angstrom = 0.5: least difference, Å
-- set rows = 200: rows
WITH curve AS (
    SELECT expected_q AS at_q, max(resolution) AS at_r FROM flags
    WHERE expected_q IS NOT NULL AND resolution IS NOT NULL GROUP BY expected_q
), off AS (
    SELECT emdb_id, pdb_id, resolution, q_mean, expected_q, beyond_band, flag, cause FROM flags
    WHERE q_mean < low OR q_mean > high
), better AS (
    SELECT l.*, c.at_q AS q_up, c.at_r AS r_up FROM off l ASOF LEFT JOIN curve c ON l.q_mean <= c.at_q
), beside AS (
    SELECT b.*, c.at_q AS q_down, c.at_r AS r_down FROM better b ASOF LEFT JOIN curve c ON b.q_mean >= c.at_q
), implied AS (
    SELECT *, CASE WHEN q_up = q_down THEN r_up
                   ELSE r_up + (q_up - q_mean) / (q_up - q_down) * (r_down - r_up) END AS implied_r FROM beside
)
SELECT emdb_id, pdb_id, round(resolution, 2) AS reported, round(implied_r, 2) AS implied,
       round(implied_r - resolution, 2) AS difference, round(q_mean, 3) AS q, round(expected_q, 3) AS expected,
       round(beyond_band, 3) AS beyond_band, flag, cause
FROM implied
WHERE implied_r IS NULL OR abs(implied_r - resolution) >= $angstrom
ORDER BY abs(implied_r - resolution) DESC NULLS LAST, beyond_band, emdb_id, pdb_id
LIMIT $rows
