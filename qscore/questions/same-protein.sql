-- The same protein across maps
-- Rule: clusters of at least $least scored maps of one protein (UniProt accessions, else name of the sample) with a
--   resolution in the domain of the curve. Largest spread of the residual first.
-- Columns: maps; best and worst are the pairs furthest above and below what is expected at their resolution, with Q
--   less expected Q; spread is the difference of the two.
-- Mind: maps of one protein differ in state, partners and processing; pairs of one publication count each.
-- set least = 3: maps of a protein at least
WITH judged AS (
    SELECT e.cluster_protein, e.emdb_id, e.pdb_id, e.sample, e.resolution, f.q_mean, f.q_mean - f.expected_q AS residual
    FROM entries e JOIN flags f USING (emdb_id, pdb_id)
    WHERE e.cluster_protein IS NOT NULL AND e.cluster_protein <> '' AND f.expected_q IS NOT NULL AND f.q_mean IS NOT NULL
), clusters AS (
    SELECT cluster_protein, count(DISTINCT emdb_id) AS maps, min(resolution) AS finest, max(resolution) AS coarsest,
           arg_max(struct_pack(i := emdb_id || ' ' || pdb_id, r := residual),
                   struct_pack(a := residual, b := emdb_id, c := pdb_id)) AS best,
           arg_min(struct_pack(i := emdb_id || ' ' || pdb_id, r := residual),
                   struct_pack(a := residual, b := emdb_id, c := pdb_id)) AS worst,
           arg_min(sample, struct_pack(b := emdb_id, c := pdb_id)) AS sample
    FROM judged GROUP BY cluster_protein
)
SELECT cluster_protein AS protein, maps, round(finest, 2) AS finest, round(coarsest, 2) AS coarsest,
       best.i AS best, round(best.r, 3) AS best_residual, worst.i AS worst, round(worst.r, 3) AS worst_residual,
       round(best.r - worst.r, 3) AS spread, sample
FROM clusters WHERE maps >= $least
ORDER BY best.r - worst.r DESC, cluster_protein
