-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    "student_id",
    "company_id",
    "start_date",
    "end_date",
    replace(replace(replace("job", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "job"
FROM public.apprenticeships /*slice*/
