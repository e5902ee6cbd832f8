-- Ions that fit worst against their class
-- Rule: scored ions with polymer within 5 Å. Lowest p first, then, where too few are alike for a rank, lowest dq_site;
--   $rows rows.
-- Columns: as of worst-ligands.
-- Mind: an ion's Q rests on one atom; a water or another ion in its place can score as well.
-- set rows = 100: rows
SELECT l.emdb_id, l.pdb_id, l.component, l.chain, l.number, round(l.resolution, 2) AS resolution,
       round(l.q_04, 3) AS q, round(l.site_q, 3) AS site_q, round(l.dq_site, 3) AS dq_site,
       round(l.percentile, 4) AS percentile, l.p, l.p_adjusted, f.flag, f.cause
FROM ranked_ligands l LEFT JOIN flags f USING (emdb_id, pdb_id)
WHERE l.class = 'ion' AND l.dq_site IS NOT NULL
ORDER BY l.p NULLS LAST, l.percentile NULLS LAST, l.dq_site, l.emdb_id, l.pdb_id, l.chain, l.number, l.icode, l.component
LIMIT $rows
