-- question: Who drops out, and why?
-- chart: bar x=category y=drop_out_rate color=factor
-- note: drop_out_rate is the part of the group's students who dropped out, in percent; times_school compares it
-- note: with the rate of the whole school. Rows of factor "reason" tell the reason that was given: their rate is
-- note: a part of all students. spread is how far the groups of a factor are from the rate of all of them together,
-- note: on average over the students, in points: the factor with the largest spread tells drop-outs apart best. Two
-- note: factors have none, as they follow from how long one stayed: promotion is the level at which one left or
-- note: stands now, and who leaves early never has a contract. Nor do those count who left before their first grade
-- note: or lesson. Empty counts stand for 1 to 4 persons.
SELECT d.factor, d.category, d.students, d.drop_outs,
       ROUND(100 * d.drop_outs / d.students, 1) AS drop_out_rate,
       ROUND(CASE WHEN d.factor <> 'reason' THEN d.drop_outs / d.students / s.rate END, 2) AS times_school,
       ROUND(100 * d.drop_outs / s.all_drop_outs, 1) AS share_of_drop_outs,
       d.average_grade, d.attendance_rate,
       ROUND(f.distance, 1) AS spread
FROM data_dev_5data.mart_drop_outs d
CROSS JOIN (SELECT drop_outs AS all_drop_outs, drop_outs / students AS rate
            FROM data_dev_5data.mart_drop_outs
            WHERE factor = 'school') s
LEFT JOIN (SELECT g.of_factor, 100 * SUM(ABS(g.drop_outs - g.students * g.rate)) / SUM(g.students) AS distance
           FROM (SELECT factor AS of_factor, students, drop_outs,
                        SUM(drop_outs) OVER (PARTITION BY factor) / SUM(students) OVER (PARTITION BY factor) AS rate
                 FROM data_dev_5data.mart_drop_outs
                 WHERE drop_outs IS NOT NULL AND category NOT IN ('no grade', 'no lessons')
                   AND factor NOT IN ('reason', 'promotion', 'apprenticeship')) g
           GROUP BY g.of_factor) f ON f.of_factor = d.factor
ORDER BY CASE factor WHEN 'school' THEN 0 WHEN 'reason' THEN 1 ELSE 2 END,
         spread DESC NULLS LAST, factor, drop_out_rate DESC NULLS LAST, category
