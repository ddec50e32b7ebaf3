-- question: Who are the best students, by region and by institution of origin?
-- chart: bar x=category y=best_share color=dimension
-- note: A best student has an average in the top tenth of the whole school. best_share is their part of the
-- note: graded students of the group, in percent: 10 is what chance would give. The 15 groups with the highest
-- note: average are shown of each dimension. Empty counts stand for 1 to 4 persons.
SELECT dimension, place, category, students, average_grade, best_students,
       ROUND(100 * best_students / graded_students, 1) AS best_share
FROM (SELECT dimension, category, students, graded_students, average_grade, best_students,
             ROW_NUMBER() OVER (PARTITION BY dimension ORDER BY average_grade DESC, category) AS place
      FROM data_dev_5data.mart_best_students
      WHERE average_grade IS NOT NULL) ranked
WHERE place <= 15
ORDER BY dimension DESC, place
