-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    "event_id",
    replace(replace(replace("first_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "first_name",
    replace(replace(replace("last_name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "last_name",
    replace(replace(replace("email", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "email",
    "level_of_interest",
    replace(replace(replace("chosen_school", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "chosen_school"
FROM public.audiences /*slice*/
