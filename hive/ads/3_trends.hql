-- Trends of the click rate, in percent of the impressions: by ad, device, place on the page, hour and day; and a row
-- for each ad that ranks it and compares the second half of the days with the first.
--   RESULTS: the address of the bucket for results, s3://…-trends
-- rate_low and rate_high are the ends of Wilson's 95% interval (E. B. Wilson, 1927): an ad with few impressions has a
-- wide one, so it is neither best nor worst by chance. z compares two shares: beyond 2 it is hardly chance.
USE data_dev_ads;

DROP TABLE IF EXISTS trends;
CREATE EXTERNAL TABLE trends (
    dimension string,
    category string,
    impressions bigint,
    clicks bigint,
    click_rate double,
    rate_low double,
    rate_high double
)
COMMENT 'Impressions, how many of them were clicked, and the rate in percent with its 95% interval.'
STORED AS PARQUET
LOCATION '${hivevar:RESULTS}/parquet/trends';

INSERT OVERWRITE TABLE trends
SELECT dimension, category, impressions, clicks,
       100 * share,
       100 * (share + 1.9208 / impressions - 1.96 * sqrt((share * (1 - share) + 0.9604 / impressions) / impressions))
           / (1 + 3.8416 / impressions),
       100 * (share + 1.9208 / impressions + 1.96 * sqrt((share * (1 - share) + 0.9604 / impressions) / impressions))
           / (1 + 3.8416 / impressions)
FROM (
    SELECT dimension, category, impressions, clicks, CAST(clicks AS double) / impressions AS share
    FROM (
        SELECT part.dimension, part.category, COUNT(*) AS impressions, SUM(CAST(clicked AS bigint)) AS clicks
        FROM joined
        LATERAL VIEW explode(map(
            'all', 'all',
            'ad', coalesce(ad_id, 'unknown'),
            'device', coalesce(device, 'unknown'),
            'position', coalesce(CAST(place AS string), 'unknown'),
            'hour of day', substr(event_time, 12, 2),
            'hour', concat(substr(event_time, 1, 10), '-', substr(event_time, 12, 2)),
            'day', event_day
        )) part AS dimension, category
        GROUP BY part.dimension, part.category
    ) counted
) shared;

DROP TABLE IF EXISTS trends_text;
CREATE EXTERNAL TABLE trends_text (
    dimension string,
    category string,
    impressions bigint,
    clicks bigint,
    click_rate double,
    rate_low double,
    rate_high double
)
COMMENT 'The same as text: a line each, a tab between two values.'
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'
STORED AS TEXTFILE
LOCATION '${hivevar:RESULTS}/text/trends';
INSERT OVERWRITE TABLE trends_text SELECT * FROM trends;

DROP TABLE IF EXISTS ads;
CREATE EXTERNAL TABLE ads (
    ad_id string,
    impressions bigint,
    clicks bigint,
    click_rate double,
    rate_low double,
    rate_high double,
    best_place int,
    worst_place int,
    first_rate double,
    second_rate double,
    change_points double,
    z double
)
COMMENT 'Each ad: its rate, its places from the best and from the worst, and its rates in the two halves of the days.'
STORED AS PARQUET
LOCATION '${hivevar:RESULTS}/parquet/ads';

INSERT OVERWRITE TABLE ads
SELECT rated.category, rated.impressions, rated.clicks, rated.click_rate, rated.rate_low, rated.rate_high,
       ROW_NUMBER() OVER (ORDER BY rated.rate_low DESC, rated.category),
       ROW_NUMBER() OVER (ORDER BY rated.rate_high, rated.category),
       100 * halves.first_share, 100 * halves.second_share, 100 * (halves.second_share - halves.first_share),
       (halves.second_share - halves.first_share) / sqrt(
           halves.both_share * (1 - halves.both_share) * (1 / halves.first_shown + 1 / halves.second_shown))
FROM trends rated
LEFT OUTER JOIN (
    SELECT ad_id, first_shown, second_shown,
           first_clicked / first_shown AS first_share,
           second_clicked / second_shown AS second_share,
           (first_clicked + second_clicked) / (first_shown + second_shown) AS both_share
    FROM (
        SELECT ad_id,
               SUM(CASE WHEN half = 1 THEN impressions END) AS first_shown,
               SUM(CASE WHEN half = 1 THEN clicks END) AS first_clicked,
               SUM(CASE WHEN half = 2 THEN impressions END) AS second_shown,
               SUM(CASE WHEN half = 2 THEN clicks END) AS second_clicked
        FROM (
            SELECT daily.ad_id, daily.impressions, daily.clicks,
                   IF(2 * datediff(daily.event_day, span.first_day) >= datediff(span.last_day, span.first_day) + 1, 2, 1)
                       AS half
            FROM (
                SELECT coalesce(ad_id, 'unknown') AS ad_id, event_day, CAST(COUNT(*) AS double) AS impressions,
                       CAST(SUM(clicked) AS double) AS clicks
                FROM joined
                GROUP BY coalesce(ad_id, 'unknown'), event_day
            ) daily
            CROSS JOIN (
                SELECT MIN(category) AS first_day, MAX(category) AS last_day FROM trends WHERE dimension = 'day'
            ) span
        ) halved
        GROUP BY ad_id
    ) summed
) halves ON halves.ad_id = rated.category
WHERE rated.dimension = 'ad';

DROP TABLE IF EXISTS ads_text;
CREATE EXTERNAL TABLE ads_text (
    ad_id string,
    impressions bigint,
    clicks bigint,
    click_rate double,
    rate_low double,
    rate_high double,
    best_place int,
    worst_place int,
    first_rate double,
    second_rate double,
    change_points double,
    z double
)
COMMENT 'The same as text: a line each, a tab between two values.'
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'
STORED AS TEXTFILE
LOCATION '${hivevar:RESULTS}/text/ads';
INSERT OVERWRITE TABLE ads_text SELECT * FROM ads;
