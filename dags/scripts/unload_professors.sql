-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    replace(replace(replace("first_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "first_name",
    replace(replace(replace("last_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "last_name",
    replace(replace(replace("email", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "email",
    "campus_id",
    "hired_on"
FROM public.professors /*slice*/
