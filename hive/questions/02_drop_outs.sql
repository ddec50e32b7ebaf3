-- question: Who drops out, and why?
-- chart: bar x=category y=drop_out_rate color=factor
-- note: drop_out_rate is the part of the group's students who dropped out, in percent; times_school compares it
-- note: with the rate of the whole school. Rows of factor "reason" tell the reason that was given: their rate is
-- note: a part of all students. spread is the distance between the highest and the lowest rate of a factor: the
-- note: factor with the largest spread separates drop-outs best. Empty counts stand for 1 to 4 persons.
SELECT d.factor, d.category, d.students, d.drop_outs,
       ROUND(100 * d.drop_outs / d.students, 1) AS drop_out_rate,
       ROUND(CASE WHEN d.factor <> 'reason'
                  THEN (d.drop_outs / d.students) / (s.all_drop_outs / s.all_students) END, 2) AS times_school,
       ROUND(100 * d.drop_outs / s.all_drop_outs, 1) AS share_of_drop_outs,
       d.average_grade, d.attendance_rate, f.spread
FROM data_dev_5data.mart_drop_outs d
JOIN (SELECT factor AS of_factor, ROUND(100 * (MAX(drop_outs / students) - MIN(drop_outs / students)), 1) AS spread
      FROM data_dev_5data.mart_drop_outs
      GROUP BY factor) f ON f.of_factor = d.factor
CROSS JOIN (SELECT students AS all_students, drop_outs AS all_drop_outs FROM data_dev_5data.mart_drop_outs WHERE factor = 'school') s
ORDER BY CASE factor WHEN 'school' THEN 0 WHEN 'reason' THEN 1 ELSE 2 END,
         spread DESC NULLS LAST, factor, drop_out_rate DESC NULLS LAST, category
