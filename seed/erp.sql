-- Made from lakelab/catalogue.py by `make render`: change it there.
CREATE TABLE public.campuses (
    "id" integer NOT NULL,
    "name" text NOT NULL,
    "city" text NOT NULL,
    "region" text NOT NULL,
    "opened_on" date NOT NULL,
    "capacity" integer NOT NULL,
    "youth_population" integer NOT NULL
);
CREATE TABLE public.companies (
    "id" integer NOT NULL,
    "name" text NOT NULL,
    "sector" text NOT NULL,
    "city" text NOT NULL,
    "region" text NOT NULL,
    "employees" integer NOT NULL
);
CREATE TABLE public.subjects (
    "id" text NOT NULL,
    "name" text NOT NULL,
    "level" text NOT NULL
);
CREATE TABLE public.students (
    "id" integer NOT NULL,
    "first_name" text NOT NULL,
    "last_name" text NOT NULL,
    "email" text NOT NULL,
    "personal_email" text,
    "gender" text NOT NULL,
    "date_of_birth" date NOT NULL,
    "join_date" date NOT NULL,
    "left_date" date,
    "campus_id" integer NOT NULL,
    "promotion" text NOT NULL,
    "origin_institution" text NOT NULL,
    "status" text NOT NULL,
    "exit_reason" text,
    "competing_school" text,
    "hired_date" date,
    "hired_company_id" integer
);
CREATE TABLE public.professors (
    "id" integer NOT NULL,
    "first_name" text NOT NULL,
    "last_name" text NOT NULL,
    "email" text NOT NULL,
    "campus_id" integer NOT NULL,
    "hired_on" date NOT NULL
);
CREATE TABLE public.lessons (
    "id" integer NOT NULL,
    "subject_id" text NOT NULL,
    "date" date NOT NULL,
    "campus_id" integer NOT NULL,
    "professor_id" integer NOT NULL
);
CREATE TABLE public.attendances (
    "id" integer NOT NULL,
    "lesson_id" integer NOT NULL,
    "student_id" integer NOT NULL,
    "present" boolean NOT NULL
);
CREATE TABLE public.grades (
    "id" integer NOT NULL,
    "student_id" integer NOT NULL,
    "subject" text NOT NULL,
    "date" date NOT NULL,
    "grade" numeric(4,1)
);
CREATE TABLE public.apprenticeships (
    "id" integer NOT NULL,
    "student_id" integer NOT NULL,
    "company_id" integer NOT NULL,
    "start_date" date NOT NULL,
    "end_date" date NOT NULL,
    "job" text NOT NULL
);
CREATE TABLE public.events (
    "id" integer NOT NULL,
    "name" text NOT NULL,
    "kind" text NOT NULL,
    "date" date NOT NULL,
    "campus_id" integer NOT NULL,
    "cost" numeric(12,2) NOT NULL
);
CREATE TABLE public.audiences (
    "id" integer NOT NULL,
    "event_id" integer NOT NULL,
    "first_name" text NOT NULL,
    "last_name" text NOT NULL,
    "email" text NOT NULL,
    "level_of_interest" text NOT NULL,
    "chosen_school" text
);
ALTER TABLE public.campuses ADD CONSTRAINT campuses_pkey PRIMARY KEY (id);
ALTER TABLE public.companies ADD CONSTRAINT companies_pkey PRIMARY KEY (id);
ALTER TABLE public.subjects ADD CONSTRAINT subjects_pkey PRIMARY KEY (id);
ALTER TABLE public.students ADD CONSTRAINT students_pkey PRIMARY KEY (id);
ALTER TABLE public.professors ADD CONSTRAINT professors_pkey PRIMARY KEY (id);
ALTER TABLE public.lessons ADD CONSTRAINT lessons_pkey PRIMARY KEY (id);
ALTER TABLE public.attendances ADD CONSTRAINT attendances_pkey PRIMARY KEY (id);
ALTER TABLE public.grades ADD CONSTRAINT grades_pkey PRIMARY KEY (id);
ALTER TABLE public.apprenticeships ADD CONSTRAINT apprenticeships_pkey PRIMARY KEY (id);
ALTER TABLE public.events ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE public.audiences ADD CONSTRAINT audiences_pkey PRIMARY KEY (id);
ALTER TABLE public.campuses ADD CONSTRAINT campuses_name_key UNIQUE ("name");
ALTER TABLE public.campuses ADD CONSTRAINT campuses_name_check CHECK ("name" <> '');
ALTER TABLE public.campuses ADD CONSTRAINT campuses_city_check CHECK ("city" <> '');
ALTER TABLE public.campuses ADD CONSTRAINT campuses_region_check CHECK ("region" <> '');
ALTER TABLE public.campuses ADD CONSTRAINT campuses_capacity_check CHECK ("capacity" >= 1);
ALTER TABLE public.campuses ADD CONSTRAINT campuses_youth_population_check CHECK ("youth_population" >= 1);
ALTER TABLE public.companies ADD CONSTRAINT companies_name_check CHECK ("name" <> '');
ALTER TABLE public.companies ADD CONSTRAINT companies_sector_check CHECK ("sector" <> '');
ALTER TABLE public.companies ADD CONSTRAINT companies_city_check CHECK ("city" <> '');
ALTER TABLE public.companies ADD CONSTRAINT companies_region_check CHECK ("region" <> '');
ALTER TABLE public.companies ADD CONSTRAINT companies_employees_check CHECK ("employees" >= 1);
ALTER TABLE public.subjects ADD CONSTRAINT subjects_id_check CHECK ("id" <> '');
ALTER TABLE public.subjects ADD CONSTRAINT subjects_name_check CHECK ("name" <> '');
ALTER TABLE public.subjects ADD CONSTRAINT subjects_level_check CHECK ("level" IN ('BSC1', 'BSC2', 'BSC3', 'MSC1', 'MSC2'));
ALTER TABLE public.students ADD CONSTRAINT students_email_key UNIQUE ("email");
ALTER TABLE public.students ADD CONSTRAINT students_first_name_check CHECK ("first_name" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_last_name_check CHECK ("last_name" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_email_check CHECK ("email" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_personal_email_check CHECK ("personal_email" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_gender_check CHECK ("gender" IN ('Mme', 'M.'));
ALTER TABLE public.students ADD CONSTRAINT students_join_date_check CHECK ("join_date" >= "date_of_birth");
ALTER TABLE public.students ADD CONSTRAINT students_left_date_check CHECK ("left_date" >= "join_date");
ALTER TABLE public.students ADD CONSTRAINT students_campus_id_fkey FOREIGN KEY ("campus_id") REFERENCES public.campuses (id);
ALTER TABLE public.students ADD CONSTRAINT students_promotion_check CHECK ("promotion" IN ('BSC1', 'BSC2', 'BSC3', 'MSC1', 'MSC2'));
ALTER TABLE public.students ADD CONSTRAINT students_origin_institution_check CHECK ("origin_institution" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_status_check CHECK ("status" IN ('enrolled', 'graduated', 'dropped_out'));
ALTER TABLE public.students ADD CONSTRAINT students_exit_reason_check CHECK ("exit_reason" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_competing_school_check CHECK ("competing_school" <> '');
ALTER TABLE public.students ADD CONSTRAINT students_hired_date_check CHECK ("hired_date" >= "join_date");
ALTER TABLE public.students ADD CONSTRAINT students_hired_company_id_fkey FOREIGN KEY ("hired_company_id") REFERENCES public.companies (id);
CREATE INDEX students_personal_email_idx ON public.students ("personal_email");
CREATE INDEX students_join_date_idx ON public.students ("join_date");
CREATE INDEX students_campus_id_idx ON public.students ("campus_id");
CREATE INDEX students_hired_company_id_idx ON public.students ("hired_company_id");
ALTER TABLE public.professors ADD CONSTRAINT professors_email_key UNIQUE ("email");
ALTER TABLE public.professors ADD CONSTRAINT professors_first_name_check CHECK ("first_name" <> '');
ALTER TABLE public.professors ADD CONSTRAINT professors_last_name_check CHECK ("last_name" <> '');
ALTER TABLE public.professors ADD CONSTRAINT professors_email_check CHECK ("email" <> '');
ALTER TABLE public.professors ADD CONSTRAINT professors_campus_id_fkey FOREIGN KEY ("campus_id") REFERENCES public.campuses (id);
CREATE INDEX professors_campus_id_idx ON public.professors ("campus_id");
ALTER TABLE public.lessons ADD CONSTRAINT lessons_subject_id_check CHECK ("subject_id" <> '');
ALTER TABLE public.lessons ADD CONSTRAINT lessons_subject_id_fkey FOREIGN KEY ("subject_id") REFERENCES public.subjects (id);
ALTER TABLE public.lessons ADD CONSTRAINT lessons_campus_id_fkey FOREIGN KEY ("campus_id") REFERENCES public.campuses (id);
ALTER TABLE public.lessons ADD CONSTRAINT lessons_professor_id_fkey FOREIGN KEY ("professor_id") REFERENCES public.professors (id);
CREATE INDEX lessons_date_idx ON public.lessons ("date");
CREATE INDEX lessons_subject_id_idx ON public.lessons ("subject_id");
CREATE INDEX lessons_campus_id_idx ON public.lessons ("campus_id");
CREATE INDEX lessons_professor_id_idx ON public.lessons ("professor_id");
ALTER TABLE public.attendances ADD CONSTRAINT attendances_lesson_id_student_id_key UNIQUE ("lesson_id", "student_id");
ALTER TABLE public.attendances ADD CONSTRAINT attendances_lesson_id_fkey FOREIGN KEY ("lesson_id") REFERENCES public.lessons (id);
ALTER TABLE public.attendances ADD CONSTRAINT attendances_student_id_fkey FOREIGN KEY ("student_id") REFERENCES public.students (id);
CREATE INDEX attendances_student_id_idx ON public.attendances ("student_id");
ALTER TABLE public.grades ADD CONSTRAINT grades_student_id_fkey FOREIGN KEY ("student_id") REFERENCES public.students (id);
ALTER TABLE public.grades ADD CONSTRAINT grades_subject_check CHECK ("subject" <> '');
ALTER TABLE public.grades ADD CONSTRAINT grades_subject_fkey FOREIGN KEY ("subject") REFERENCES public.subjects (id);
ALTER TABLE public.grades ADD CONSTRAINT grades_grade_check CHECK ("grade" >= 0 AND "grade" <= 100);
CREATE INDEX grades_student_id_idx ON public.grades ("student_id");
CREATE INDEX grades_subject_idx ON public.grades ("subject");
ALTER TABLE public.apprenticeships ADD CONSTRAINT apprenticeships_student_id_fkey FOREIGN KEY ("student_id") REFERENCES public.students (id);
ALTER TABLE public.apprenticeships ADD CONSTRAINT apprenticeships_company_id_fkey FOREIGN KEY ("company_id") REFERENCES public.companies (id);
ALTER TABLE public.apprenticeships ADD CONSTRAINT apprenticeships_end_date_check CHECK ("end_date" >= "start_date");
ALTER TABLE public.apprenticeships ADD CONSTRAINT apprenticeships_job_check CHECK ("job" <> '');
CREATE INDEX apprenticeships_start_date_idx ON public.apprenticeships ("start_date");
CREATE INDEX apprenticeships_student_id_idx ON public.apprenticeships ("student_id");
CREATE INDEX apprenticeships_company_id_idx ON public.apprenticeships ("company_id");
ALTER TABLE public.events ADD CONSTRAINT events_name_check CHECK ("name" <> '');
ALTER TABLE public.events ADD CONSTRAINT events_kind_check CHECK ("kind" IN ('open day', 'fair', 'immersion day', 'webinar'));
ALTER TABLE public.events ADD CONSTRAINT events_campus_id_fkey FOREIGN KEY ("campus_id") REFERENCES public.campuses (id);
ALTER TABLE public.events ADD CONSTRAINT events_cost_check CHECK ("cost" >= 0);
CREATE INDEX events_date_idx ON public.events ("date");
CREATE INDEX events_campus_id_idx ON public.events ("campus_id");
ALTER TABLE public.audiences ADD CONSTRAINT audiences_event_id_fkey FOREIGN KEY ("event_id") REFERENCES public.events (id);
ALTER TABLE public.audiences ADD CONSTRAINT audiences_first_name_check CHECK ("first_name" <> '');
ALTER TABLE public.audiences ADD CONSTRAINT audiences_last_name_check CHECK ("last_name" <> '');
ALTER TABLE public.audiences ADD CONSTRAINT audiences_email_check CHECK ("email" <> '');
ALTER TABLE public.audiences ADD CONSTRAINT audiences_level_of_interest_check CHECK ("level_of_interest" IN ('low', 'medium', 'high'));
ALTER TABLE public.audiences ADD CONSTRAINT audiences_chosen_school_check CHECK ("chosen_school" <> '');
CREATE INDEX audiences_email_idx ON public.audiences ("email");
CREATE INDEX audiences_event_id_idx ON public.audiences ("event_id");
