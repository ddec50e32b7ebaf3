-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    replace(replace(replace("id", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "id",
    replace(replace(replace("name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "name",
    "level"
FROM public.subjects /*slice*/
