-- Chains that score no better than chance although their entry does
-- Rule: polymer chains of at least $least scored residues whose mean Q is no more than 3 SD above the entry's chance
--   level, in entries that are more than 3 SD above it. Lowest first.
-- Columns: q is the mean over the chain's scored atoms; chance and chance_sd the entry's level and its standard
--   deviation for a chain of that share of the atoms; entry_q the entry's mean.
-- Mind: a chain that no density shows may be right and flexible; Q cannot tell that from a wrong one.
-- set least = 30: scored residues of a chain at least
WITH beside AS (
    SELECT c.emdb_id, c.pdb_id, c.chain, c.n_residues AS residues, c.q_04 AS q, e.q_null, e.q_scored, e.resolution,
           e.q_null_sd * sqrt(greatest((e.n_scored - coalesce(e.n_water, 0)) / c.n_scored, 1)) AS sd, e.q_null_sd
    FROM chains c JOIN entries e USING (emdb_id, pdb_id)
    WHERE c.n_residues >= $least AND e.q_null IS NOT NULL AND e.q_null_sd > 0
)
SELECT emdb_id, pdb_id, chain, residues, round(resolution, 2) AS resolution, round(q, 3) AS q,
       round(q_null, 3) AS chance, round(sd, 3) AS chance_sd, round(q_scored, 3) AS entry_q
FROM beside
WHERE q <= q_null + 3 * sd AND q_scored > q_null + 3 * q_null_sd
ORDER BY round(q - q_null, 9), residues DESC, emdb_id, pdb_id, chain
