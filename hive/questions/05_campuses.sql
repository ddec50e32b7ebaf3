-- question: How to revitalise campuses?
-- chart: bar x=campus y=health color=weakest_lever
-- note: Each campus is compared with the mean of the campuses on five levers: occupancy (enrolled students per
-- note: 100 seats), drop-out rate, attendance, average grade and recruits per event. A distance is counted in
-- note: standard deviations, negative when worse. health is the mean of the five; place 1 needs help first.
-- note: weakest_lever is where the campus stands worst, gap its distance, school_value the mean to reach.
SELECT ROW_NUMBER() OVER (ORDER BY health NULLS LAST, campus) AS place, campus, region, health, weakest_lever,
       gap, lever_value, school_value, capacity, enrolled,
       ROUND(100 * enrolled / capacity, 1) AS occupancy,
       ROUND(100 * drop_outs / students, 1) AS drop_out_rate, attendance_rate, average_grade,
       ROUND(recruits / events, 2) AS recruits_per_event,
       last_intake, ROUND(100 * (last_intake / mean_intake_before - 1), 1) AS intake_change
FROM data_dev_5data.mart_campuses
ORDER BY place
