-- Maps masked so tightly that Q is an upper bound
-- Rule: scored entries with exactly constant map nearer than 2.5 Å to their atoms (1st percentile). Nearest first.
-- Columns: mask_distance in Å; on_constant the share of Q's sampling points on constant map or outside; residual Q
--   less expected Q; cc_mask beside it.
-- Mind: a mask at 2 Å raises Q by 0.005–0.05, at 1.5 Å by up to 0.24: such entries stay out of the fits.
SELECT e.emdb_id, e.pdb_id, round(e.resolution, 2) AS resolution, round(e.mask_distance, 2) AS mask_distance,
       round(e.frac_shell_on_constant, 3) AS on_constant, round(e.q_mean, 3) AS q,
       round(e.q_mean - f.expected_q, 3) AS residual, round(e.cc_mask, 3) AS cc_mask, f.flag, f.cause
FROM entries e LEFT JOIN flags f USING (emdb_id, pdb_id)
WHERE e.status = 'scored' AND e.tight_mask
ORDER BY e.mask_distance, e.frac_shell_on_constant DESC, e.emdb_id, e.pdb_id
