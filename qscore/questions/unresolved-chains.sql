-- Chains with long unresolved regions
-- Rule: chains with a region of at least $least residues that is significant at 5 % over the chains of the survey.
--   Most residues in regions first.
-- Columns: regions and in_regions count the chain's regions and their residues; residues those of the chain with a
--   score; longest is the longest region, from its first to its last residue; mean_q and expected are over its
--   residues; pooled names the copies that stand for one.
-- Mind: regions are judged against the rest of their entry: a chain that is unresolved throughout shows in
--   chains-at-chance and worst-chains.
-- set least = 20: residues of the longest region at least
WITH bad AS (
    SELECT emdb_id, pdb_id, chain, count(*) AS regions, sum(length)::BIGINT AS in_regions, max(length) AS longest,
           arg_min(struct_pack(a := "from", b := "to", q := mean_q, e := expected, p := p_adjusted, c := pooled),
                   struct_pack(x := -length, y := mean_q, z := "from")) AS worst
    FROM regions WHERE kind = 'chain region' AND p_adjusted <= 0.05
    GROUP BY emdb_id, pdb_id, chain HAVING max(length) >= $least
)
SELECT c.emdb_id, c.pdb_id, c.chain, s.n_residues AS residues, c.regions, c.in_regions,
       round(c.in_regions / s.n_residues, 3) AS share, c.longest, worst.a AS "from", worst.b AS "to",
       round(worst.q, 3) AS mean_q, round(worst.e, 3) AS expected, worst.p AS p_adjusted, worst.c AS pooled
FROM bad c LEFT JOIN chains s USING (emdb_id, pdb_id, chain)
ORDER BY c.in_regions DESC, c.longest DESC, c.emdb_id, c.pdb_id, c.chain
