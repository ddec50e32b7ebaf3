-- question: On which devices, and where on the page, are ads clicked?
-- chart: bar x=category y=click_rate color=dimension
-- note: Positions count from the top of the page.
SELECT dimension, category, impressions, clicks, ROUND(click_rate, 2) AS click_rate,
       ROUND(rate_low, 2) AS rate_low, ROUND(rate_high, 2) AS rate_high
FROM data_dev_ads.trends
WHERE dimension IN ('device', 'position')
ORDER BY dimension, CASE WHEN dimension = 'position' THEN category ELSE '' END, click_rate DESC
