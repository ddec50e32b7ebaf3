-- question: How did the click rate change over time?
-- chart: line x=moment y=click_rate
-- note: By the hour of the impression, UTC.
SELECT concat(substr(category, 1, 10), ' ', substr(category, 12, 2), ':00') AS moment, impressions, clicks,
       ROUND(click_rate, 2) AS click_rate
FROM data_dev_ads.trends
WHERE dimension = 'hour'
ORDER BY moment
