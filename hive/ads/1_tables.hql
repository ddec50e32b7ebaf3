-- The logs of impressions and clicks as they lie in S3, a partition for each hour in which records arrived.
--   LOGS: the address of their bucket, s3://…-logs
-- The lines stay text and are taken apart by json_tuple, which Hive 2, 3 and 4 and Spark's SQL all have; a SerDe for
-- JSON they do not share: Hive's own came with Hive 3, that of HCatalog is a JAR that Spark does not bring.
CREATE DATABASE IF NOT EXISTS data_dev_ads;
USE data_dev_ads;

DROP TABLE IF EXISTS impressions_json;
CREATE EXTERNAL TABLE impressions_json (line string)
COMMENT 'Impressions, a JSON object in each line, plain or gzipped.'
PARTITIONED BY (arrived string)
STORED AS TEXTFILE
LOCATION '${hivevar:LOGS}/impressions';
MSCK REPAIR TABLE impressions_json;

DROP TABLE IF EXISTS clicks_json;
CREATE EXTERNAL TABLE clicks_json (line string)
COMMENT 'Clicks, a JSON object in each line, plain or gzipped.'
PARTITIONED BY (arrived string)
STORED AS TEXTFILE
LOCATION '${hivevar:LOGS}/clicks';
MSCK REPAIR TABLE clicks_json;

DROP VIEW IF EXISTS impressions;
CREATE VIEW impressions AS
SELECT parsed.impression_id, parsed.event_time, parsed.ad_id, parsed.device, CAST(parsed.place AS int) AS place,
       parsed.site, logged.arrived
FROM impressions_json logged
LATERAL VIEW json_tuple(logged.line, 'impression_id', 'event_time', 'ad_id', 'device', 'position', 'site') parsed
    AS impression_id, event_time, ad_id, device, place, site;

DROP VIEW IF EXISTS clicks;
CREATE VIEW clicks AS
SELECT parsed.click_id, parsed.impression_id, parsed.event_time, logged.arrived
FROM clicks_json logged
LATERAL VIEW json_tuple(logged.line, 'click_id', 'impression_id', 'event_time') parsed
    AS click_id, impression_id, event_time;
