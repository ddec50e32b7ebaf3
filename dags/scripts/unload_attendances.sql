-- Made from lakelab/catalogue.py by `make render`: change it there.
SELECT
    "id",
    "lesson_id",
    "student_id",
    "present"
FROM public.attendances /*slice*/
