-- Entries with waters that are not there
-- Rule: entries with at least $least scored waters. A water is counted as not there where the density does not fall
--   off from it at all: Q at or below $most. Most of them first.
-- Columns: not_there and share count these; p_below the waters whose Q beside their site is low after
--   Benjamini–Hochberg over all waters of the survey (0.05); worst the lowest Q; q_water the mean.
-- Mind: of points thrown anywhere into a map about half have a Q below 0, so that about twice the count may be
--   without density. Waters are picked on density: a high Q does not prove a water.
-- set least = 10: scored waters an entry has at least
-- set most = 0: highest Q of a water that is counted as not there
SELECT w.emdb_id, w.pdb_id, round(any_value(w.resolution), 2) AS resolution, count(*) AS waters,
       count(*) FILTER (w.q_04 <= $most) AS not_there,
       round(count(*) FILTER (w.q_04 <= $most) / count(*), 4) AS share,
       count(*) FILTER (w.p_adjusted <= 0.05) AS p_below,
       round(min(w.q_04), 3) AS worst, round(avg(w.q_04), 3) AS q_water
FROM ranked_ligands w
WHERE w.class = 'water' AND w.q_04 IS NOT NULL
GROUP BY w.emdb_id, w.pdb_id
HAVING count(*) >= $least AND (not_there > 0 OR p_below > 0)
ORDER BY not_there DESC, share DESC, w.emdb_id, w.pdb_id
