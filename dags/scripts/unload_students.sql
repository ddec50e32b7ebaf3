-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    replace(replace(replace("first_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "first_name",
    replace(replace(replace("last_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "last_name",
    replace(replace(replace("email", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "email",
    replace(replace(replace("personal_email", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "personal_email",
    "gender",
    "date_of_birth",
    "join_date",
    "left_date",
    "campus_id",
    "promotion",
    replace(replace(replace("origin_institution", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "origin_institution",
    "status",
    replace(replace(replace("exit_reason", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "exit_reason",
    replace(replace(replace("competing_school", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "competing_school",
    "hired_date",
    "hired_company_id"
FROM public.students /*slice*/
