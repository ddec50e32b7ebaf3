-- question: How long does it take graduates to be hired?
-- chart: bar x=category y=median_months color=dimension
-- note: Months from the last day at school to the first day of the first job. median_months and mean_months are
-- note: of those who were hired; months_until_half_hired also counts those who were not, so it is longer, or empty
-- note: when fewer than half were hired. within_6_months leaves out who graduated less than six months before the
-- note: end of the data. Empty counts stand for 1 to 4 persons.
SELECT dimension, category, graduates, hired,
       ROUND(100 * hired / graduates, 1) AS hired_rate,
       median_months, mean_months, months_until_half_hired,
       ROUND(100 * hired_within_6 / observed_6, 1) AS within_6_months
FROM data_dev_5data.mart_hiring
ORDER BY CASE dimension WHEN 'school' THEN 0 ELSE 1 END, dimension, median_months NULLS LAST, category
