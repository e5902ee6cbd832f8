-- Ligands and glycans that fit worst against their class
-- Rule: scored ligands and glycans of at least $least non-hydrogen atoms with polymer within 5 Å; ions and waters have
--   questions of their own. Lowest p first, then, where too few are alike for a rank, lowest dq_site; $rows rows.
-- Columns: dq_site is the ligand's Q minus that of the polymer within 5 Å; percentile its place among ligands of its
--   class, size and resolution; p_adjusted after Benjamini–Hochberg over the survey; flag and cause are the entry's.
-- Mind: a low Q says that the density does not show the ligand, not that another one is there. Where the entry itself
--   is flagged, read its cause first.
-- set least = 6: non-hydrogen atoms a ligand has at least
-- set rows = 100: rows
SELECT l.emdb_id, l.pdb_id, l.component, l.chain, l.number, l.n_atoms, round(l.resolution, 2) AS resolution,
       round(l.q_04, 3) AS q, round(l.site_q, 3) AS site_q, round(l.dq_site, 3) AS dq_site,
       round(l.percentile, 4) AS percentile, l.p, l.p_adjusted, l.class, f.flag, f.cause
FROM ranked_ligands l LEFT JOIN flags f USING (emdb_id, pdb_id)
WHERE l.class IN ('ligand', 'glycan') AND l.n_atoms >= $least AND l.dq_site IS NOT NULL
ORDER BY l.p NULLS LAST, l.percentile NULLS LAST, l.dq_site, l.emdb_id, l.pdb_id, l.chain, l.number, l.icode, l.component
LIMIT $rows
