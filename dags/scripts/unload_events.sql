-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    replace(replace(replace("name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "name",
    "kind",
    "date",
    "campus_id",
    "cost"
FROM public.events /*slice*/
