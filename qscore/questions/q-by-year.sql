-- Q by year of release
-- Rule: scored entries with a release date and an expectation; years with at least $least of them.
-- Columns: medians of the year; residual is Q less what is expected at the entry's resolution, with its quartiles; low
--   and high count flagged entries.
-- Mind: the residual, not Q, is to be compared between years: resolution has improved. The curve is of all years.
-- set least = 10: entries of a year at least
SELECT year(try_cast(e.map_release AS DATE)) AS year, count(*) AS entries,
       round(median(e.resolution), 2) AS resolution, round(median(f.q_mean), 3) AS q,
       round(median(f.q_mean - f.expected_q), 3) AS residual,
       round(quantile_cont(f.q_mean - f.expected_q, 0.25), 3) AS residual_25,
       round(quantile_cont(f.q_mean - f.expected_q, 0.75), 3) AS residual_75,
       count(*) FILTER (f.flag = 'low') AS low, count(*) FILTER (f.flag = 'high') AS high
FROM entries e JOIN flags f USING (emdb_id, pdb_id)
WHERE f.expected_q IS NOT NULL AND f.q_mean IS NOT NULL AND try_cast(e.map_release AS DATE) IS NOT NULL
GROUP BY year HAVING count(*) >= $least
ORDER BY year
