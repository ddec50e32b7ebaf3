-- question: Which companies hire the most students?
-- chart: bar x=company y=hires,apprentices
-- note: First jobs of graduates, by company. apprentices did a work-study contract there; kept_apprentices were
-- note: then hired by the same company. Companies with 1 to 4 hires are one row, "other companies" (folded tells
-- note: how many), so that nobody is singled out; empty counts stand for 1 to 4 persons.
SELECT place, company, sector, region, employees, hires,
       ROUND(100 * hires / total, 1) AS share_of_hires,
       apprentices, kept_apprentices, average_grade, mean_months_to_hire, folded
FROM (SELECT ROW_NUMBER() OVER (ORDER BY CASE WHEN folded > 0 THEN 1 ELSE 0 END, hires DESC, company) AS place,
             company, sector, region, employees, hires, apprentices, kept_apprentices, average_grade,
             mean_months_to_hire, folded
      FROM data_dev_5data.mart_companies) ranked
CROSS JOIN (SELECT SUM(hires) AS total FROM data_dev_5data.mart_companies) t
WHERE place <= 20 OR folded > 0
ORDER BY place
