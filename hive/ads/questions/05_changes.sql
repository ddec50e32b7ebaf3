-- question: Which ads gained, and which wore out?
-- chart: bar x=ad_id y=first_rate,second_rate
-- note: The click rate in the first and in the second half of the days, of the ads whose change is hardly chance: z,
-- note: the difference of the two rates in standard errors, is beyond 3. The ten largest changes.
SELECT ad_id, ROUND(first_rate, 2) AS first_rate, ROUND(second_rate, 2) AS second_rate,
       ROUND(change_points, 2) AS change_points, ROUND(z, 1) AS z, impressions, clicks
FROM data_dev_ads.ads
WHERE abs(z) >= 3
ORDER BY abs(change_points) DESC, ad_id
LIMIT 10
