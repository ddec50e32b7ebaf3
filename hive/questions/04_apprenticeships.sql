-- question: Which regions have more apprenticeship contracts, and why?
-- chart: bar x=region y=contracts,companies
-- note: A contract counts in the region of the student's campus. companies and employees are those of the same
-- note: region; local_share is the part of the contracts signed with them, in percent. The r_ columns are Pearson
-- note: correlations over the regions, between contracts and each possible cause, the same in every row;
-- note: r_rate_companies compares the contracts per 100 students with the companies per 100 students.
SELECT m.region, m.contracts, m.apprentices, m.students,
       ROUND(100 * m.contracts / m.students, 1) AS contracts_per_100_students,
       m.companies, ROUND(100 * m.companies / m.students, 1) AS companies_per_100_students, m.employees,
       m.capacity, ROUND(100 * m.local_contracts / m.contracts, 1) AS local_share,
       s.r_students, s.r_companies, s.r_employees, s.r_capacity, s.r_rate_companies
FROM data_dev_5data.mart_regions m
CROSS JOIN (SELECT ROUND(CORR(contracts, students), 2) AS r_students,
                   ROUND(CORR(contracts, companies), 2) AS r_companies,
                   ROUND(CORR(contracts, employees), 2) AS r_employees,
                   ROUND(CORR(contracts, capacity), 2) AS r_capacity,
                   ROUND(CORR(contracts / students, companies / students), 2) AS r_rate_companies
            FROM data_dev_5data.mart_regions) s
ORDER BY contracts DESC NULLS LAST, region
