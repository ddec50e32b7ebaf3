-- question: Who drops out, and why?
-- chart: bar x=category y=drop_out_rate color=factor
-- note: drop_out_rate is the part of the group's students who dropped out, in percent; times_school compares it
-- note: with the rate of the whole school. Rows of factor "reason" tell the reason that was given: their rate is
-- note: a part of all students. spread is how far the groups of a factor are from the rate of the school, on
-- note: average over its students, in points: the factor with the largest spread tells drop-outs apart best. Those
-- note: without a grade or lesson left too early to have one and do not count for it; promotion is the level at
-- note: which one left or stands now. Empty counts stand for 1 to 4 persons.
SELECT d.factor, d.category, d.students, d.drop_outs,
       ROUND(100 * d.drop_outs / d.students, 1) AS drop_out_rate,
       ROUND(CASE WHEN d.factor <> 'reason' THEN d.drop_outs / d.students / s.rate END, 2) AS times_school,
       ROUND(100 * d.drop_outs / s.all_drop_outs, 1) AS share_of_drop_outs,
       d.average_grade, d.attendance_rate,
       ROUND(CASE WHEN d.factor <> 'reason' THEN f.distance END, 1) AS spread
FROM data_dev_5data.mart_drop_outs d
CROSS JOIN (SELECT drop_outs AS all_drop_outs, drop_outs / students AS rate
            FROM data_dev_5data.mart_drop_outs
            WHERE factor = 'school') s
LEFT JOIN (SELECT g.factor AS of_factor,
                  100 * SUM(ABS(g.drop_outs - g.students * r.school_rate)) / SUM(g.students) AS distance
           FROM data_dev_5data.mart_drop_outs g
           CROSS JOIN (SELECT drop_outs / students AS school_rate
                       FROM data_dev_5data.mart_drop_outs
                       WHERE factor = 'school') r
           WHERE g.drop_outs IS NOT NULL AND g.category NOT IN ('no grade', 'no lessons')
           GROUP BY g.factor) f ON f.of_factor = d.factor
ORDER BY CASE factor WHEN 'school' THEN 0 WHEN 'reason' THEN 1 ELSE 2 END,
         spread DESC NULLS LAST, factor, drop_out_rate DESC NULLS LAST, category
