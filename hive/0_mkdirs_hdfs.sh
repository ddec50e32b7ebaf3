#!/bin/sh
# The warehouse's folders in HDFS: each table's presentation and quarantine, Hive's own, and room for temporary files.
# Can be run again at any time.
set -eu

hdfs dfs -mkdir -p \
    /dev/data/ERP/CAMPUSES /dev/quarantine/ERP/campuses \
    /dev/data/ERP/COMPANIES /dev/quarantine/ERP/companies \
    /dev/data/ERP/SUBJECTS /dev/quarantine/ERP/subjects \
    /dev/data/ERP/STUDENTS /dev/quarantine/ERP/students \
    /dev/data/ERP/PROFESSORS /dev/quarantine/ERP/professors \
    /dev/data/ERP/LESSONS /dev/quarantine/ERP/lessons \
    /dev/data/ERP/ATTENDANCES /dev/quarantine/ERP/attendances \
    /dev/data/ERP/GRADES /dev/quarantine/ERP/grades \
    /dev/data/ERP/APPRENTICESHIPS /dev/quarantine/ERP/apprenticeships \
    /dev/data/ERP/EVENTS /dev/quarantine/ERP/events \
    /dev/data/ERP/AUDIENCES /dev/quarantine/ERP/audiences \
    /user/hive/warehouse /tmp
