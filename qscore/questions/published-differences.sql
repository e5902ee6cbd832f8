-- Disagreements with published Q
-- Rule: pairs whose Q computed here differs from the published one by more than $least. Largest first.
-- Columns: difference is ours minus theirs; cause a guess why, and evidence what it rests on.
-- Mind: published values are rounded to 0.001 and were computed when the entry was processed: map or model may have
--   been revised since.
-- set least = 0.005: least difference
SELECT emdb_id, pdb_id, round(resolution, 2) AS resolution, round(q_mean, 4) AS q, q_published,
       round(difference, 4) AS difference, cause, evidence
FROM concordance WHERE abs(difference) > $least
ORDER BY abs(difference) DESC, emdb_id, pdb_id
