-- Chains that are worst relative to the rest of their entry
-- Rule: polymer chains of at least $least scored residues in entries with as many elsewhere. Lowest difference first,
--   $rows rows.
-- Columns: q is the mean over the chain's scored polymer atoms, rest that over the other chains', difference q − rest.
-- Mind: peripheral and flexible subunits are less resolved in most maps; copies of one chain that differ are more
--   telling than different chains that do.
-- set least = 30: scored residues of a chain, and of the others together, at least
-- set rows = 200: rows
WITH chain AS (
    SELECT emdb_id, pdb_id, chain, n_residues AS residues, n_scored AS atoms, q_04 AS q, q_04 * n_scored AS total
    FROM chains
), entry AS (
    SELECT emdb_id, pdb_id, sum(residues) AS residues, sum(atoms) AS atoms, sum(total) AS total, count(*) AS chains
    FROM chain GROUP BY emdb_id, pdb_id
)
SELECT c.emdb_id, c.pdb_id, c.chain, c.residues, e.chains, round(r.resolution, 2) AS resolution,
       round(c.q, 3) AS q, round((e.total - c.total) / (e.atoms - c.atoms), 3) AS rest,
       round(c.q - (e.total - c.total) / (e.atoms - c.atoms), 3) AS difference
FROM chain c JOIN entry e USING (emdb_id, pdb_id) JOIN entries r USING (emdb_id, pdb_id)
WHERE c.residues >= $least AND e.residues - c.residues >= $least
ORDER BY difference, c.emdb_id, c.pdb_id, c.chain
LIMIT $rows
