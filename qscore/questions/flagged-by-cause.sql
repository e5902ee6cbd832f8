-- What is flagged, and why
-- Rule: all scored entries, counted by flag and cause. All groups are shown, however small.
-- Columns: entries and their share of all; medians of resolution, Q and Q less expected Q; lowest is the pair
--   furthest below what is expected.
-- Mind: a cause without a flag (a tight mask, a frame) is a fault of its own. Causes are asked in a fixed order and the
--   first with evidence is named.
SELECT coalesce(nullif(flag, ''), 'none') AS flag, coalesce(nullif(cause, ''), 'none') AS cause, count(*) AS entries,
       round(count(*) / sum(count(*)) OVER (), 4) AS share, round(median(resolution), 2) AS resolution,
       round(median(q_mean), 3) AS q, round(median(q_mean - expected_q), 3) AS residual,
       arg_min(emdb_id || ' ' || pdb_id,
               struct_pack(a := coalesce(q_mean - expected_q, 2), b := emdb_id, c := pdb_id)) AS lowest
FROM flags GROUP BY 1, 2
ORDER BY entries DESC, 1, 2
