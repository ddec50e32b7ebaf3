-- question: Which ads are clicked most readily, and which least?
-- chart: bar x=ad_id y=click_rate color=standing
-- note: Clicked impressions in percent of an ad's impressions. The eight best have the highest lower end of the 95%
-- note: interval, the eight worst the lowest upper end, so that an ad that was hardly shown is neither by chance.
SELECT ad_id, CASE WHEN best_place <= 8 THEN 'best' ELSE 'worst' END AS standing, impressions, clicks,
       ROUND(click_rate, 2) AS click_rate, ROUND(rate_low, 2) AS rate_low, ROUND(rate_high, 2) AS rate_high
FROM data_dev_ads.ads
WHERE best_place <= 8 OR worst_place <= 8
ORDER BY CASE WHEN best_place <= 8 THEN best_place ELSE 1000 - worst_place END
