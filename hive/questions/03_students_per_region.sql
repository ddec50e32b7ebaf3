-- question: Why are there more students in some regions?
-- chart: scatter x=youth_population y=students color=region
-- note: Students of all years, beside what could explain them. youth_population is in thousands of people aged
-- note: 15 to 29. expected_students shares the school's students out by youth population alone; difference is
-- note: what remains for the other causes. The r_ columns are Pearson correlations over the regions, between
-- note: students and each cause (1: moves together, 0: unrelated); they are the same in every row.
SELECT m.region, m.students, m.enrolled, m.youth_population, m.campuses, m.capacity, m.events, m.companies,
       ROUND(m.students / m.youth_population, 2) AS students_per_1000_youth,
       ROUND(s.all_students * m.youth_population / s.all_youth, 0) AS expected_students,
       ROUND(m.students - s.all_students * m.youth_population / s.all_youth, 0) AS difference,
       s.r_youth_population, s.r_capacity, s.r_events, s.r_companies
FROM data_dev_5data.mart_regions m
CROSS JOIN (SELECT SUM(students) AS all_students, SUM(youth_population) AS all_youth,
                   ROUND(CORR(students, youth_population), 2) AS r_youth_population,
                   ROUND(CORR(students, capacity), 2) AS r_capacity,
                   ROUND(CORR(students, events), 2) AS r_events,
                   ROUND(CORR(students, companies), 2) AS r_companies
            FROM data_dev_5data.mart_regions) s
ORDER BY students DESC, region
