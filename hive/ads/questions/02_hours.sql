-- question: At what time of the day are ads clicked?
-- chart: line x=hour_of_day y=click_rate
-- note: By the hour of the impression, UTC, over all days.
SELECT CAST(category AS int) AS hour_of_day, impressions, clicks, ROUND(click_rate, 2) AS click_rate,
       ROUND(rate_low, 2) AS rate_low, ROUND(rate_high, 2) AS rate_high
FROM data_dev_ads.trends
WHERE dimension = 'hour of day'
ORDER BY hour_of_day
