-- Entries with most residues far below what is expected of their kind
-- Rule: polymer residues judged by the survey's residue offsets (judged_residues); entries with at least $least of
--   them. A residue is far below with z_archive ≤ $z. Largest share first, $rows rows.
-- Columns: z_archive is Q less what is expected of that type at that resolution, in the archive's standard deviations;
--   below counts residues with z_archive ≤ $z; mean_z is over all.
-- Mind: residues of an entry are alike: an entry that is low as a whole has many. Runs of low residues in an entry
--   that is not are the regions' table.
-- set least = 50: judged residues of an entry at least
-- set z = -3: z_archive of a residue that counts as far below
-- set rows = 200: rows
SELECT emdb_id, pdb_id, round(any_value(resolution), 2) AS resolution, count(*) AS residues,
       count(*) FILTER (WHERE z_archive <= $z) AS below,
       round(count(*) FILTER (WHERE z_archive <= $z) / count(*), 4) AS share,
       round(avg(z_archive), 2) AS mean_z, round(avg(q_04), 3) AS mean_q, round(avg(expected_q), 3) AS expected
FROM judged_residues WHERE z_archive IS NOT NULL
GROUP BY emdb_id, pdb_id HAVING count(*) >= $least AND below > 0
ORDER BY share DESC, below DESC, emdb_id, pdb_id
LIMIT $rows
