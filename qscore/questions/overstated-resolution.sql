-- Entries whose reported resolution is over-stated
-- Rule: the half maps' own FSC 0.143, as EMDB computes it, is worse than reported by more than the larger of
--   $angstrom Å and $share of the reported value; and Q is below the 95 % band at the reported resolution. Largest
--   excess first.
-- Columns: calculated is EMDB's value; excess the difference, Å; implied the resolution at which entries of the survey
--   are expected to have this Q (interpolated among the expectations of its own entries); fsc05 where the map–model FSC
--   falls to 0.5; cause that of the flag.
-- Mind: EMDB's value is of the half maps as deposited, often unmasked, and tends to be worse than a masked one: that
--   is why Q is asked as the second witness. An implied value far beyond the calculated one has another cause.
-- set angstrom = 0.3: least excess, Å
-- set share = 0.1: least excess as a share of the reported resolution
WITH curve AS (
    SELECT expected_q AS at_q, max(resolution) AS at_r FROM flags
    WHERE expected_q IS NOT NULL AND resolution IS NOT NULL GROUP BY expected_q
), low AS (
    SELECT emdb_id, pdb_id, resolution, calculated_resolution, q_mean, expected_q, low, map_model_fsc05, flag, cause
    FROM flags
    WHERE calculated_resolution - resolution > greatest($angstrom, $share * resolution) AND q_mean < low
), better AS (
    SELECT l.*, c.at_q AS q_up, c.at_r AS r_up FROM low l ASOF LEFT JOIN curve c ON l.q_mean <= c.at_q
), beside AS (
    SELECT b.*, c.at_q AS q_down, c.at_r AS r_down FROM better b ASOF LEFT JOIN curve c ON b.q_mean >= c.at_q
)
SELECT emdb_id, pdb_id, round(resolution, 2) AS reported, round(calculated_resolution, 2) AS calculated,
       round(calculated_resolution - resolution, 2) AS excess, round(q_mean, 3) AS q,
       round(expected_q, 3) AS expected, round(low, 3) AS band_low,
       round(CASE WHEN q_up = q_down THEN r_up
                  ELSE r_up + (q_up - q_mean) / (q_up - q_down) * (r_down - r_up) END, 2) AS implied,
       round(map_model_fsc05, 2) AS fsc05, flag, cause
FROM beside
ORDER BY calculated_resolution - resolution DESC, emdb_id, pdb_id
