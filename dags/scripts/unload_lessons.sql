-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    replace(replace(replace("subject_id", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "subject_id",
    "date",
    "campus_id",
    "professor_id"
FROM public.lessons /*slice*/
