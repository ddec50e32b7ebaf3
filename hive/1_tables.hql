-- Made from lakelab/catalogue.py by `make render`: change it there.
CREATE DATABASE IF NOT EXISTS data_dev_5data;
USE data_dev_5data;

DROP TABLE IF EXISTS campuses_csv;
CREATE EXTERNAL TABLE campuses_csv (
    `id` string,
    `name` string,
    `city` string,
    `region` string,
    `opened_on` string,
    `capacity` string,
    `youth_population` string
)
COMMENT "A campus of the school. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/CAMPUSES';
DROP VIEW IF EXISTS campuses;
CREATE VIEW campuses AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`name` = '', NULL, replace(replace(replace(replace(`name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `name`,
    IF(`city` = '', NULL, replace(replace(replace(replace(`city`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `city`,
    IF(`region` = '', NULL, replace(replace(replace(replace(`region`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `region`,
    CAST(`opened_on` AS date) AS `opened_on`,
    CAST(`capacity` AS int) AS `capacity`,
    CAST(`youth_population` AS int) AS `youth_population`
FROM campuses_csv;

DROP TABLE IF EXISTS companies_csv;
CREATE EXTERNAL TABLE companies_csv (
    `id` string,
    `name` string,
    `sector` string,
    `city` string,
    `region` string,
    `employees` string
)
COMMENT "A company that hires students or takes apprentices. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/COMPANIES';
DROP VIEW IF EXISTS companies;
CREATE VIEW companies AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`name` = '', NULL, replace(replace(replace(replace(`name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `name`,
    IF(`sector` = '', NULL, replace(replace(replace(replace(`sector`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `sector`,
    IF(`city` = '', NULL, replace(replace(replace(replace(`city`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `city`,
    IF(`region` = '', NULL, replace(replace(replace(replace(`region`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `region`,
    CAST(`employees` AS int) AS `employees`
FROM companies_csv;

DROP TABLE IF EXISTS subjects_csv;
CREATE EXTERNAL TABLE subjects_csv (
    `id` string,
    `name` string,
    `level` string
)
COMMENT "A subject, taught at one level. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/SUBJECTS';
DROP VIEW IF EXISTS subjects;
CREATE VIEW subjects AS SELECT
    IF(`id` = '', NULL, replace(replace(replace(replace(`id`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `id`,
    IF(`name` = '', NULL, replace(replace(replace(replace(`name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `name`,
    IF(`level` = '', NULL, replace(replace(replace(replace(`level`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `level`
FROM subjects_csv;

DROP TABLE IF EXISTS students_csv;
CREATE EXTERNAL TABLE students_csv (
    `id` string,
    `first_name` string,
    `last_name` string,
    `email` string,
    `personal_email` string,
    `gender` string,
    `date_of_birth` string,
    `join_date` string,
    `left_date` string,
    `campus_id` string,
    `promotion` string,
    `origin_institution` string,
    `status` string,
    `exit_reason` string,
    `competing_school` string,
    `hired_date` string,
    `hired_company_id` string,
    `average_grade` string
)
COMMENT "A student, present or past. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/STUDENTS';
DROP VIEW IF EXISTS students;
CREATE VIEW students AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`first_name` = '', NULL, replace(replace(replace(replace(`first_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `first_name`,
    IF(`last_name` = '', NULL, replace(replace(replace(replace(`last_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `last_name`,
    IF(`email` = '', NULL, replace(replace(replace(replace(`email`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `email`,
    IF(`personal_email` = '', NULL, replace(replace(replace(replace(`personal_email`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `personal_email`,
    IF(`gender` = '', NULL, replace(replace(replace(replace(`gender`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `gender`,
    CAST(`date_of_birth` AS date) AS `date_of_birth`,
    CAST(`join_date` AS date) AS `join_date`,
    CAST(`left_date` AS date) AS `left_date`,
    CAST(`campus_id` AS int) AS `campus_id`,
    IF(`promotion` = '', NULL, replace(replace(replace(replace(`promotion`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `promotion`,
    IF(`origin_institution` = '', NULL, replace(replace(replace(replace(`origin_institution`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `origin_institution`,
    IF(`status` = '', NULL, replace(replace(replace(replace(`status`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `status`,
    IF(`exit_reason` = '', NULL, replace(replace(replace(replace(`exit_reason`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `exit_reason`,
    IF(`competing_school` = '', NULL, replace(replace(replace(replace(`competing_school`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `competing_school`,
    CAST(`hired_date` AS date) AS `hired_date`,
    CAST(`hired_company_id` AS int) AS `hired_company_id`,
    CAST(`average_grade` AS decimal(12,2)) AS `average_grade`
FROM students_csv;

DROP TABLE IF EXISTS professors_csv;
CREATE EXTERNAL TABLE professors_csv (
    `id` string,
    `first_name` string,
    `last_name` string,
    `email` string,
    `campus_id` string,
    `hired_on` string
)
COMMENT "A professor. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/PROFESSORS';
DROP VIEW IF EXISTS professors;
CREATE VIEW professors AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`first_name` = '', NULL, replace(replace(replace(replace(`first_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `first_name`,
    IF(`last_name` = '', NULL, replace(replace(replace(replace(`last_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `last_name`,
    IF(`email` = '', NULL, replace(replace(replace(replace(`email`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `email`,
    CAST(`campus_id` AS int) AS `campus_id`,
    CAST(`hired_on` AS date) AS `hired_on`
FROM professors_csv;

DROP TABLE IF EXISTS lessons_csv;
CREATE EXTERNAL TABLE lessons_csv (
    `id` string,
    `subject_id` string,
    `date` string,
    `campus_id` string,
    `professor_id` string
)
COMMENT "One lesson of a subject, on a day, at a campus. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/LESSONS';
DROP VIEW IF EXISTS lessons;
CREATE VIEW lessons AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`subject_id` = '', NULL, replace(replace(replace(replace(`subject_id`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `subject_id`,
    CAST(`date` AS date) AS `date`,
    CAST(`campus_id` AS int) AS `campus_id`,
    CAST(`professor_id` AS int) AS `professor_id`
FROM lessons_csv;

DROP TABLE IF EXISTS attendances_csv;
CREATE EXTERNAL TABLE attendances_csv (
    `id` string,
    `lesson_id` string,
    `student_id` string,
    `present` string
)
COMMENT "A student expected at a lesson, present or not. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/ATTENDANCES';
DROP VIEW IF EXISTS attendances;
CREATE VIEW attendances AS SELECT
    CAST(`id` AS int) AS `id`,
    CAST(`lesson_id` AS int) AS `lesson_id`,
    CAST(`student_id` AS int) AS `student_id`,
    CASE `present` WHEN 't' THEN true WHEN 'f' THEN false END AS `present`
FROM attendances_csv;

DROP TABLE IF EXISTS grades_csv;
CREATE EXTERNAL TABLE grades_csv (
    `id` string,
    `student_id` string,
    `subject` string,
    `date` string,
    `grade` string
)
COMMENT "A grade of a student in a subject. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/GRADES';
DROP VIEW IF EXISTS grades;
CREATE VIEW grades AS SELECT
    CAST(`id` AS int) AS `id`,
    CAST(`student_id` AS int) AS `student_id`,
    IF(`subject` = '', NULL, replace(replace(replace(replace(`subject`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `subject`,
    CAST(`date` AS date) AS `date`,
    CAST(`grade` AS decimal(4,1)) AS `grade`
FROM grades_csv;

DROP TABLE IF EXISTS apprenticeships_csv;
CREATE EXTERNAL TABLE apprenticeships_csv (
    `id` string,
    `student_id` string,
    `company_id` string,
    `start_date` string,
    `end_date` string,
    `job` string
)
COMMENT "A student's work-study contract with a company. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/APPRENTICESHIPS';
DROP VIEW IF EXISTS apprenticeships;
CREATE VIEW apprenticeships AS SELECT
    CAST(`id` AS int) AS `id`,
    CAST(`student_id` AS int) AS `student_id`,
    CAST(`company_id` AS int) AS `company_id`,
    CAST(`start_date` AS date) AS `start_date`,
    CAST(`end_date` AS date) AS `end_date`,
    IF(`job` = '', NULL, replace(replace(replace(replace(`job`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `job`
FROM apprenticeships_csv;

DROP TABLE IF EXISTS events_csv;
CREATE EXTERNAL TABLE events_csv (
    `id` string,
    `name` string,
    `kind` string,
    `date` string,
    `campus_id` string,
    `cost` string
)
COMMENT "An open day or fair at which a campus meets possible students. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/EVENTS';
DROP VIEW IF EXISTS events;
CREATE VIEW events AS SELECT
    CAST(`id` AS int) AS `id`,
    IF(`name` = '', NULL, replace(replace(replace(replace(`name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `name`,
    IF(`kind` = '', NULL, replace(replace(replace(replace(`kind`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `kind`,
    CAST(`date` AS date) AS `date`,
    CAST(`campus_id` AS int) AS `campus_id`,
    CAST(`cost` AS decimal(12,2)) AS `cost`
FROM events_csv;

DROP TABLE IF EXISTS audiences_csv;
CREATE EXTERNAL TABLE audiences_csv (
    `id` string,
    `event_id` string,
    `first_name` string,
    `last_name` string,
    `email` string,
    `level_of_interest` string,
    `chosen_school` string
)
COMMENT "A contact of a possible future student, collected at an event. As text, as in the file."
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES ('separatorChar' = ',', 'quoteChar' = '"', 'escapeChar' = '\u0001')
STORED AS TEXTFILE
LOCATION 'hdfs:///dev/data/ERP/AUDIENCES';
DROP VIEW IF EXISTS audiences;
CREATE VIEW audiences AS SELECT
    CAST(`id` AS int) AS `id`,
    CAST(`event_id` AS int) AS `event_id`,
    IF(`first_name` = '', NULL, replace(replace(replace(replace(`first_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `first_name`,
    IF(`last_name` = '', NULL, replace(replace(replace(replace(`last_name`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `last_name`,
    IF(`email` = '', NULL, replace(replace(replace(replace(`email`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `email`,
    IF(`level_of_interest` = '', NULL, replace(replace(replace(replace(`level_of_interest`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `level_of_interest`,
    IF(`chosen_school` = '', NULL, replace(replace(replace(replace(`chosen_school`, '\\\\', '\u0001'), '\\n', '\n'), '\\r', '\r'), '\u0001', '\\')) AS `chosen_school`
FROM audiences_csv;
