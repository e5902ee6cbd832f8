-- Re-refined models of one map, as 3J5P and 3J9J in EMD-5778
-- Rule: two scored models of one map whose numbers of atoms are within a factor of $factor. Largest difference first.
-- Columns: before and after are the models in order of their PDB ids, which follow deposition but not strictly;
--   difference is Q after − Q before; flags and causes of both.
-- Mind: two models of one map may be of different parts of it: compare them by residue with `qscore compare`.
-- set factor = 1.25: largest ratio of the numbers of atoms
WITH models AS (
    SELECT e.emdb_id, e.pdb_id, e.resolution, e.q_mean, e.n_atoms - coalesce(e.n_water, 0) AS atoms, f.flag, f.cause
    FROM entries e LEFT JOIN flags f USING (emdb_id, pdb_id)
    WHERE e.status = 'scored' AND e.q_mean IS NOT NULL
)
SELECT a.emdb_id, a.pdb_id AS before, b.pdb_id AS after, round(a.resolution, 2) AS resolution,
       a.atoms AS atoms_before, b.atoms AS atoms_after, round(a.q_mean, 3) AS q_before, round(b.q_mean, 3) AS q_after,
       round(b.q_mean - a.q_mean, 3) AS difference, a.flag AS flag_before, b.flag AS flag_after,
       a.cause AS cause_before, b.cause AS cause_after
FROM models a JOIN models b ON a.emdb_id = b.emdb_id AND a.pdb_id < b.pdb_id
WHERE a.atoms IS NULL OR b.atoms IS NULL OR greatest(a.atoms, b.atoms) <= $factor * least(a.atoms, b.atoms)
ORDER BY abs(b.q_mean - a.q_mean) DESC, a.emdb_id, a.pdb_id, b.pdb_id
