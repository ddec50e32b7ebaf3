-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    replace(replace(replace("name", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "name",
    replace(replace(replace("city", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "city",
    replace(replace(replace("region", '\', '\\'), E'\n', '\n'), E'\r', '\r') AS "region",
    "opened_on",
    "capacity",
    "youth_population"
FROM public.campuses /*slice*/
