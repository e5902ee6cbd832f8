-- What could not be scored, and why
-- Rule: pairs of the catalogue without a score, counted by reason. All reasons are shown.
-- Columns: stage and reason of the closed list; transient says whether another run may succeed; example one pair.
-- Mind: what the catalogue itself left out is in the table `excluded`.
SELECT stage, reason, coalesce(transient, false) AS transient, count(*) AS entries,
       arg_min(emdb_id || ' ' || pdb_id, struct_pack(b := emdb_id, c := pdb_id)) AS example
FROM entries WHERE status <> 'scored'
GROUP BY 1, 2, 3
ORDER BY entries DESC, stage, reason, transient
