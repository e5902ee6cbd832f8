-- Contour levels that do not fit their map
-- Rule: scored entries within or above the 95 % band with a recommended level. Odd is a level that leaves out half of
--   the atoms that the level of the model's own volume includes, or one within 1 SD of the solvent.
-- Columns: inclusion at the recommended level and surrogate at that which encloses the model's volume; level_z the
--   recommended level less the mean of the solvent, in its standard deviations; unmodelled the share of points above
--   the level that lie 5 Å or more from any atom.
-- Mind: a low level may be meant to show a micelle or weak parts.
SELECT e.emdb_id, e.pdb_id, round(e.resolution, 2) AS resolution, round(e.q_mean, 3) AS q,
       e.contour_level, e.surrogate_level, round(e.inclusion, 3) AS inclusion,
       round(e.inclusion_surrogate, 3) AS surrogate,
       round((e.contour_level - e.solvent_mean) / nullif(e.solvent_sd, 0), 2) AS level_z,
       round(e.frac_unmodelled, 3) AS unmodelled
FROM entries e JOIN flags f USING (emdb_id, pdb_id)
WHERE e.contour_level IS NOT NULL AND e.inclusion IS NOT NULL AND f.q_mean >= f.low
  AND (e.inclusion <= 0.5 * e.inclusion_surrogate
       OR (e.contour_level - e.solvent_mean) / nullif(e.solvent_sd, 0) <= 1)
ORDER BY e.inclusion_surrogate - e.inclusion DESC, level_z, e.emdb_id, e.pdb_id
