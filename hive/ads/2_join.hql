-- Which impressions led to a click: every impression once, with its first click where there is one.
--   RESULTS: the address of the bucket for results, s3://…-trends
-- A record that was sent again counts once, by its id. A late one counts for the hour of its event, not for that of
-- its file. A line that is no such record has no id, and is left out.
-- The table has no partitions, so that each run replaces all of it: one of a day that the table does not know yet could
-- keep files of an earlier run.
USE data_dev_ads;

DROP TABLE IF EXISTS joined;
CREATE EXTERNAL TABLE joined (
    impression_id string,
    event_time string,
    ad_id string,
    device string,
    place int,
    site string,
    clicked int,
    click_time string,
    arrived string,
    copies bigint,
    event_day string
)
COMMENT 'Impressions, each once, with the first click if any. place: from the top of the page, from 1. copies: of the line.'
STORED AS PARQUET
LOCATION '${hivevar:RESULTS}/parquet/joined';

INSERT OVERWRITE TABLE joined
SELECT shown.impression_id, shown.event_time, shown.ad_id, shown.device, shown.place, shown.site,
       IF(first_click.impression_id IS NULL, 0, 1), first_click.click_time, shown.arrived, shown.copies,
       substr(shown.event_time, 1, 10)
FROM (
    SELECT impression_id, event_time, ad_id, device, place, site, arrived,
           ROW_NUMBER() OVER (PARTITION BY impression_id ORDER BY event_time, arrived) AS copy,
           COUNT(*) OVER (PARTITION BY impression_id) AS copies
    FROM impressions
    WHERE impression_id IS NOT NULL AND event_time IS NOT NULL
) shown
LEFT OUTER JOIN (
    SELECT impression_id, MIN(event_time) AS click_time
    FROM clicks
    WHERE impression_id IS NOT NULL
    GROUP BY impression_id
) first_click ON first_click.impression_id = shown.impression_id
WHERE shown.copy = 1;

DROP TABLE IF EXISTS joined_text;
CREATE EXTERNAL TABLE joined_text (
    impression_id string,
    event_time string,
    ad_id string,
    device string,
    place int,
    site string,
    clicked int,
    click_time string,
    arrived string,
    copies bigint,
    event_day string
)
COMMENT 'The same as text: a line each, a tab between two values.'
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'
STORED AS TEXTFILE
LOCATION '${hivevar:RESULTS}/text/joined';

INSERT OVERWRITE TABLE joined_text SELECT * FROM joined;
