"""The ten answers worked out by DuckDB from the generator's CSV files, without any code of the lab.

Each entry of ANSWERS is a query whose columns are those of the question, and the columns that name a row. Numbers
are not rounded: the test allows half of the last digit that the lab shows.
"""

# What the lab's own tables would hold, from the files alone. `hide` empties counts of one to four persons.
PREPARE = """
CREATE MACRO hide(n) AS CASE WHEN n BETWEEN 1 AND 4 THEN NULL ELSE n END;
CREATE MACRO mean5(total, n) AS CASE WHEN n >= 5 THEN total / n END;
CREATE TABLE s AS
WITH marks AS (SELECT student_id AS id, round(sum((grade * 10)::INT) / count(grade) / 10, 2) AS mark
               FROM grades WHERE grade IS NOT NULL GROUP BY ALL),
     presence AS (SELECT student_id AS id, round(100 * count(*) FILTER (present) / count(*), 1) AS attendance
                  FROM attendances GROUP BY ALL),
     met AS (SELECT s.id, arg_max(e.kind, (e.date, e.id)) AS source
             FROM students s JOIN audiences a ON lower(a.email) = lower(s.personal_email)
             JOIN events e ON e.id = a.event_id AND e.date < s.join_date GROUP BY ALL),
     work AS (SELECT a.student_id AS id, count(*) AS contracts, list(DISTINCT company_id) AS learned,
                     count(*) FILTER (k.region = c.region) AS locals
              FROM apprenticeships a JOIN students s ON s.id = a.student_id JOIN campuses c ON c.id = s.campus_id
              JOIN companies k ON k.id = a.company_id GROUP BY ALL)
SELECT s.*, region, campus, mark, attendance, source, coalesce(contracts, 0) AS contracts,
       coalesce(locals, 0) AS locals, learned,
       CASE WHEN month(join_date) >= 9 THEN year(join_date) ELSE year(join_date) - 1 END AS intake,
       CASE WHEN hired_date IS NOT NULL THEN round(greatest(hired_date - left_date, 0) / 30.4375, 1) END AS months,
       ((SELECT max(greatest(join_date, coalesce(left_date, join_date), coalesce(hired_date, join_date)))
         FROM students) - left_date) / 30.4375 >= 6 AS observed,
       CASE WHEN mark IS NULL THEN 'no grade' WHEN mark < 40 THEN 'below 40' WHEN mark < 50 THEN '40 to 50'
            WHEN mark < 60 THEN '50 to 60' WHEN mark < 70 THEN '60 to 70' ELSE '70 and more' END AS mark_band,
       CASE WHEN attendance IS NULL THEN 'no lessons' WHEN attendance < 60 THEN 'below 60%'
            WHEN attendance < 70 THEN '60 to 70%' WHEN attendance < 80 THEN '70 to 80%'
            WHEN attendance < 90 THEN '80 to 90%' ELSE '90% and more' END AS attendance_band,
       CASE WHEN contracts > 0 THEN 'with contract' ELSE 'without contract' END AS apprentice
FROM students s JOIN (SELECT id AS campus_id, name AS campus, region FROM campuses) USING (campus_id)
LEFT JOIN marks USING (id) LEFT JOIN presence USING (id)
LEFT JOIN met USING (id) LEFT JOIN work USING (id);
CREATE TABLE last AS SELECT 2025 AS year;  -- the generator's world ends in June 2026
"""

# Groups (d, c) of a table with a count n: `label` is the name under which they may be published.
FOLD = """
SELECT *, CASE WHEN n BETWEEN 1 AND 4 OR coalesce(sum(n) OVER smaller, 0) BETWEEN 1 AND 4
               THEN '{other}' ELSE c END AS label
FROM ({counts})
WINDOW smaller AS (PARTITION BY d ORDER BY n, c ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""


def folded(counts: str, other: str) -> str:
    return FOLD.format(counts=counts, other=other)


BEST = f"""
WITH top AS (SELECT quantile_cont(mark, 0.9) AS mark FROM s),
     rows AS (SELECT 'region' AS d, region AS c, mark FROM s
              UNION ALL SELECT 'origin institution', origin_institution, mark FROM s),
     labels AS ({folded("SELECT d, c, count(*) AS n FROM rows GROUP BY ALL", "other")}),
     found AS (SELECT d AS dimension, label AS category, count(*) AS students,
                      mean5(sum(rows.mark), count(rows.mark)) AS average_grade,
                      hide(count(*) FILTER (rows.mark >= top.mark)) AS best_students,
                      100 * hide(count(*) FILTER (rows.mark >= top.mark)) / count(rows.mark) AS best_share
               FROM rows JOIN labels USING (d, c), top GROUP BY ALL),
     placed AS (SELECT *, row_number() OVER (PARTITION BY dimension ORDER BY round(average_grade, 2) DESC, category)
                          AS place FROM found)
SELECT * FROM placed WHERE place <= 15
"""

DROP_OUTS = f"""
WITH rows AS (UNPIVOT (SELECT 'all students' AS school, coalesce(CASE WHEN status = 'dropped_out'
                              THEN coalesce(exit_reason, 'not stated') END, '-') AS reason,
                              mark_band AS "average grade", attendance_band AS attendance, apprentice AS apprenticeship,
                              promotion, gender, region, CASE WHEN source IS NULL THEN 'not met at an event'
                              ELSE 'met at an event' END AS recruiting, id FROM s)
              ON COLUMNS(* EXCLUDE id) INTO NAME d VALUE c),
     labels AS ({folded("SELECT d, c, count(*) AS n FROM rows WHERE c <> '-' GROUP BY ALL", "other")}),
     school AS (SELECT count(*) AS n, count(*) FILTER (status = 'dropped_out') AS gone FROM s),
     found AS (SELECT d AS factor, label AS category,
                      CASE WHEN d = 'reason' THEN (SELECT n FROM school) ELSE count(*) END AS students,
                      hide(count(*) FILTER (status = 'dropped_out')) AS drop_outs,
                      mean5(sum(mark), count(mark)) AS average_grade,
                      mean5(sum(s.attendance), count(s.attendance)) AS attendance_rate
               FROM rows JOIN labels USING (d, c) JOIN s USING (id) GROUP BY d, label),
     counted AS (SELECT factor, drop_outs, students FROM found WHERE drop_outs IS NOT NULL
                 AND category NOT LIKE 'no %' AND factor NOT IN ('reason', 'promotion', 'apprenticeship')),
     together AS (SELECT factor, sum(drop_outs) / sum(students) AS rate FROM counted GROUP BY ALL),
     spreads AS (SELECT factor, 100 * sum(abs(drop_outs - students * rate)) / sum(students) AS spread
                 FROM counted JOIN together USING (factor) GROUP BY ALL)
SELECT found.*, 100 * drop_outs / students AS drop_out_rate,
       CASE WHEN factor <> 'reason' THEN drop_outs / students / (school.gone / school.n) END AS times_school,
       100 * drop_outs / school.gone AS share_of_drop_outs, spread
FROM found LEFT JOIN spreads USING (factor), school
"""

REGIONS = """
WITH held AS (SELECT region, count(*) AS events FROM events e JOIN campuses c ON c.id = e.campus_id GROUP BY ALL),
     firms AS (SELECT region, count(*) AS companies, sum(employees) AS employees FROM companies GROUP BY ALL),
     places AS (SELECT region, count(*) AS campuses, sum(capacity) AS capacity,
                       max(youth_population) AS youth_population FROM campuses GROUP BY ALL),
     people AS (SELECT region, count(*) AS students, hide(count(*) FILTER (status = 'enrolled')) AS enrolled,
                       hide(count(*) FILTER (contracts > 0)) AS apprentices, sum(contracts) AS contracts,
                       sum(locals) AS locals FROM s GROUP BY ALL)
SELECT * EXCLUDE (events, companies, employees), coalesce(events, 0) AS events, coalesce(companies, 0) AS companies,
       coalesce(employees, 0) AS employees
FROM people JOIN places USING (region) LEFT JOIN held USING (region) LEFT JOIN firms USING (region)
"""

STUDENTS_PER_REGION = f"""
WITH r AS ({REGIONS}),
     t AS (SELECT sum(students) AS students, sum(youth_population) AS youth,
                  corr(students, youth_population) AS r_youth_population, corr(students, capacity) AS r_capacity,
                  corr(students, events) AS r_events, corr(students, companies) AS r_companies FROM r)
SELECT region, r.students, enrolled, youth_population, campuses, capacity, events, companies,
       r.students / youth_population AS students_per_1000_youth,
       t.students * youth_population / t.youth AS expected_students,
       r.students - t.students * youth_population / t.youth AS difference,
       r_youth_population, r_capacity, r_events, r_companies
FROM r, t
"""

APPRENTICESHIPS = f"""
WITH r AS ({REGIONS}),
     t AS (SELECT corr(contracts, students) AS r_students, corr(contracts, companies) AS r_companies,
                  corr(contracts, employees) AS r_employees, corr(contracts, capacity) AS r_capacity,
                  corr(contracts / students, companies / students) AS r_rate_companies
           FROM r WHERE apprentices IS NOT NULL)
SELECT region, CASE WHEN apprentices IS NOT NULL THEN contracts END AS contracts, apprentices, students,
       CASE WHEN apprentices IS NOT NULL THEN 100 * contracts / students END AS contracts_per_100_students,
       companies, 100 * companies / students AS companies_per_100_students, employees, capacity,
       CASE WHEN apprentices IS NOT NULL THEN 100 * locals / nullif(contracts, 0) END AS local_share, t.*
FROM r, t
"""

CAMPUSES = """
WITH held AS (SELECT campus_id AS id, count(*) AS events FROM events GROUP BY ALL),
     found AS (SELECT c.name AS campus, any_value(c.region) AS region, any_value(c.capacity) AS capacity,
                      any_value(held.events) AS events, count(*) AS students,
                      hide(count(*) FILTER (status = 'enrolled')) AS enrolled,
                      hide(count(*) FILTER (status = 'dropped_out')) AS gone, hide(count(source)) AS recruits,
                      round(mean5(sum(attendance), count(attendance)), 1) AS attendance_rate,
                      round(mean5(sum(mark), count(mark)), 2) AS average_grade,
                      hide(count(*) FILTER (intake = last.year)) AS last_intake,
                      round(hide(count(*) FILTER (intake BETWEEN last.year - 3 AND last.year - 1)) / 3, 1) AS before
               FROM s JOIN campuses c ON c.name = s.campus LEFT JOIN held ON held.id = c.id, last GROUP BY c.name),
     levers AS (SELECT campus, lever, value FROM (UNPIVOT (
                  SELECT campus, 100 * enrolled / capacity AS occupancy, 100 * gone / students AS "drop-out rate",
                         attendance_rate AS attendance, average_grade AS "average grade",
                         recruits / events AS "recruits per event" FROM found)
                  ON COLUMNS(* EXCLUDE campus) INTO NAME lever VALUE value)),
     means AS (SELECT lever, avg(value) AS mean, stddev_samp(value) AS sd FROM levers GROUP BY ALL),
     gaps AS (SELECT campus, lever, value, mean,
                     CASE lever WHEN 'drop-out rate' THEN -1 ELSE 1 END * (value - mean) / sd AS gap
              FROM levers JOIN means USING (lever) WHERE sd > 0),
     weakest AS (SELECT campus, avg(gap) AS health, min(gap) AS gap, arg_min(lever, gap) AS weakest_lever,
                        arg_min(value, gap) AS lever_value, arg_min(mean, gap) AS school_value FROM gaps GROUP BY ALL)
SELECT row_number() OVER (ORDER BY round(health, 2), campus) AS place, campus, region, health, weakest_lever, gap,
       lever_value, school_value, capacity, enrolled, 100 * enrolled / capacity AS occupancy,
       100 * gone / students AS drop_out_rate, attendance_rate, average_grade, recruits / events AS recruits_per_event,
       last_intake, 100 * (last_intake / before - 1) AS intake_change
FROM found LEFT JOIN weakest USING (campus)
"""

EVENTS = """
WITH kinds AS (SELECT kind AS source, count(DISTINCT e.id) AS events, count(a.id) AS contacts,
                      count(a.chosen_school) AS elsewhere FROM events e LEFT JOIN audiences a ON a.event_id = e.id
               GROUP BY ALL),
     costs AS (SELECT kind AS source, sum(cost) AS cost FROM events GROUP BY ALL),
     people AS (SELECT coalesce(source, 'no event') AS source, count(*) AS recruits,
                       hide(count(*) FILTER (status = 'dropped_out')) AS gone,
                       mean5(sum(mark), count(mark)) AS average_grade FROM s GROUP BY ALL)
SELECT source, events, contacts, recruits, 100 * recruits / contacts AS conversion,
       100 * recruits / (SELECT count(*) FROM s) AS share_of_students, recruits / events AS recruits_per_event,
       cost, cost / recruits AS cost_per_recruit, 100 * elsewhere / contacts AS elsewhere_rate, average_grade,
       100 * gone / recruits AS drop_out_rate
FROM people LEFT JOIN kinds USING (source) LEFT JOIN costs USING (source)
"""

HIRING = f"""
WITH rows AS (UNPIVOT (SELECT id, 'all graduates' AS school, region, apprentice AS apprenticeship,
                              mark_band AS "average grade", year(left_date)::VARCHAR AS "year of leaving"
                       FROM s WHERE status = 'graduated')
              ON COLUMNS(* EXCLUDE id) INTO NAME d VALUE c),
     labels AS ({folded("SELECT d, c, count(*) AS n FROM rows GROUP BY ALL", "other")})
SELECT d AS dimension, label AS category, count(*) AS graduates, hide(count(months)) AS hired,
       100 * hide(count(months)) / count(*) AS hired_rate,
       CASE WHEN count(months) >= 5 THEN quantile_cont(months, 0.5) END AS median_months,
       mean5(sum(months), count(months)) AS mean_months,
       CASE WHEN count(months) >= 5 THEN
            nullif(quantile_disc(coalesce(months, 1e6), 0.5), 1e6) END AS months_until_half_hired,
       100 * hide(count(*) FILTER (observed AND months <= 6)) / hide(count(*) FILTER (observed)) AS within_6_months
FROM rows JOIN labels USING (d, c) JOIN s USING (id) GROUP BY ALL
"""

COMPANIES = f"""
WITH hires AS (SELECT 'company' AS d, hired_company_id AS c, count(*) AS n FROM s
               WHERE hired_company_id IS NOT NULL GROUP BY ALL),
     named AS (SELECT d, c::VARCHAR AS c, n FROM hires),
     labels AS ({folded("SELECT * FROM named", "other companies")}),
     learned AS (SELECT company_id::VARCHAR AS c, count(DISTINCT student_id) AS apprentices FROM apprenticeships
                 GROUP BY ALL),
     totals AS (SELECT label, CASE WHEN label = 'other companies' THEN count(DISTINCT c) ELSE 0 END AS folded,
                       count(*) AS hires, count(*) FILTER (list_contains(learned, hired_company_id)) AS kept,
                       mean5(sum(mark), count(mark)) AS average_grade,
                       mean5(sum(months), count(months)) AS mean_months_to_hire
                FROM s JOIN labels ON labels.c = s.hired_company_id::VARCHAR GROUP BY label),
     taught AS (SELECT label, sum(coalesce(apprentices, 0)) AS apprentices FROM labels LEFT JOIN learned USING (c)
                GROUP BY ALL),
     found AS (SELECT coalesce(k.name, label) AS company, k.sector, k.region, k.employees, hires,
                      100 * hires / sum(hires) OVER () AS share_of_hires, hide(apprentices) AS apprentices,
                      hide(kept) AS kept_apprentices, average_grade, mean_months_to_hire, folded
               FROM totals JOIN taught USING (label) LEFT JOIN companies k ON k.id::VARCHAR = label),
     placed AS (SELECT row_number() OVER (ORDER BY folded > 0, hires DESC, company) AS place, * FROM found)
SELECT * FROM placed WHERE place <= 20 OR folded > 0
"""

COMPETITORS = f"""
WITH lost AS (SELECT competing_school AS c, count(*) AS students FROM s
              WHERE competing_school IS NOT NULL GROUP BY ALL),
     won AS (SELECT chosen_school AS c, count(DISTINCT lower(email)) AS contacts FROM audiences
             WHERE chosen_school IS NOT NULL GROUP BY ALL),
     rivals AS (SELECT 'school' AS d, c, coalesce(students, contacts) AS n, coalesce(students, 0) AS students,
                     coalesce(contacts, 0) AS contacts FROM lost FULL JOIN won USING (c)),
     labels AS ({folded("SELECT * FROM rivals", "other schools")}),
     totals AS (SELECT label AS school, hide(sum(students)) AS students_lost, hide(sum(contacts)) AS contacts_lost,
                       CASE WHEN label = 'other schools' THEN count(*) ELSE 0 END AS folded FROM labels GROUP BY label),
     marks AS (SELECT label AS school, mean5(sum(mark), count(mark)) AS average_grade
               FROM s JOIN labels ON c = competing_school GROUP BY label),
     reasons AS (SELECT label AS school, coalesce(exit_reason, 'not stated') AS reason, count(*) AS given
                 FROM s JOIN labels ON c = competing_school GROUP BY ALL),
     main AS (SELECT school, reason, given FROM reasons
              QUALIFY row_number() OVER (PARTITION BY school ORDER BY given DESC, reason) = 1)
SELECT school, students_lost, contacts_lost, 100 * students_lost / sum(students_lost) OVER () AS share_of_lost,
       average_grade, CASE WHEN given >= 5 THEN reason END AS main_reason, hide(given) AS main_reason_students,
       100 * hide(given) / students_lost AS main_reason_share, folded
FROM totals LEFT JOIN marks USING (school) LEFT JOIN main USING (school)
"""

# Question number → query, and the columns that name a row.
ANSWERS = {
    1: (BEST, ("dimension", "category")),
    2: (DROP_OUTS, ("factor", "category")),
    3: (STUDENTS_PER_REGION, ("region",)),
    4: (APPRENTICESHIPS, ("region",)),
    5: (CAMPUSES, ("campus",)),
    6: (EVENTS, ("source",)),
    7: (HIRING, ("dimension", "category")),
    8: (COMPANIES, ("place",)),
    9: (COMPETITORS, ("school",)),
}

INTAKES = """
SELECT 'whole school' AS area, intake, count(*) AS students FROM s GROUP BY ALL
UNION ALL SELECT region, intake, count(*) FROM s GROUP BY ALL
ORDER BY area, intake
"""
