-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    "student_id",
    replace(replace(replace("subject", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "subject",
    "date",
    "grade"
FROM public.grades /*slice*/
