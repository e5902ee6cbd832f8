-- Q of residue types beside that of their entries, by resolution
-- Rule: polymer residues of scored entries without a tight mask; types with at least $least residues in at least
--   $entries entries of a bin of 0.5 Å.
-- Columns: relative is the mean of residue Q minus mean Q of its entry; side_chain_less_backbone the mean difference
--   of the two where both are scored.
-- Mind: acidic side chains lose density to the beam, so Glu and Asp lie low. Means are over residues: large entries
--   weigh most.
-- set least = 100: residues of a type and bin at least
-- set entries = 3: entries they are of at least
WITH kept AS (
    SELECT emdb_id, pdb_id, q_mean, resolution, floor(resolution * 2) / 2 AS bin FROM entries
    WHERE status = 'scored' AND resolution IS NOT NULL AND NOT coalesce(tight_mask, false)
)
SELECT r.residue, r.class, k.bin AS resolution_from, k.bin + 0.5 AS resolution_to, count(*) AS residues,
       count(DISTINCT k.emdb_id) AS entries, round(avg(r.q_04), 3) AS mean_q,
       round(avg(r.q_04 - k.q_mean), 3) AS relative,
       round(avg(r.q_04_side_chain - r.q_04_backbone), 3) AS side_chain_less_backbone
FROM residues r JOIN kept k USING (emdb_id, pdb_id)
WHERE r.class IN ('protein', 'nucleic') AND r.q_04 IS NOT NULL
GROUP BY r.residue, r.class, k.bin
HAVING count(*) >= $least AND count(DISTINCT k.emdb_id) >= $entries
ORDER BY k.bin, relative, r.residue, r.class
