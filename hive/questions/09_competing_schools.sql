-- question: Which competing schools take our students?
-- chart: stacked x=school y=students_lost,contacts_lost
-- note: students_lost dropped out and went to that school; contacts_lost were met at an event and chose it
-- note: instead. share_of_lost is a part of all students lost to a named school, in percent. main_reason is the
-- note: reason that most of them gave. Schools that took 1 to 4 students are one row, "other schools".
SELECT school, students_lost, contacts_lost,
       ROUND(100 * students_lost / total, 1) AS share_of_lost,
       average_grade, main_reason, main_reason_students,
       ROUND(100 * main_reason_students / students_lost, 1) AS main_reason_share, folded
FROM data_dev_5data.mart_competitors
CROSS JOIN (SELECT SUM(students_lost) AS total FROM data_dev_5data.mart_competitors) t
ORDER BY CASE WHEN folded > 0 THEN 1 ELSE 0 END, students_lost DESC NULLS LAST, contacts_lost DESC NULLS LAST,
         school
