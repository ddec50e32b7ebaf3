-- question: What growth is forecast?
-- chart: line x=intake_year y=students,low_80,high_80 color=area
-- note: New students of each intake (September to August), actual and forecast, for the whole school and for each
-- note: region. The 80% and 95% intervals come from the spread of past yearly changes and widen with distance.
-- note: mae_model and mae_naive are mean absolute errors in students of one-year-ahead forecasts made for past
-- note: years from earlier years only, by the model and by repeating the last year; back_tests tells how many.
-- note: Trust the model only where its error is the smaller one.
SELECT area, intake_year, kind, students, low_80, high_80, low_95, high_95,
       ROUND(100 * (students / LAG(students) OVER (PARTITION BY area ORDER BY intake_year) - 1), 1) AS growth,
       model, mae_model, mae_naive, back_tests
FROM data_dev_5data.mart_forecast
ORDER BY CASE area WHEN 'whole school' THEN 0 ELSE 1 END, area, intake_year
