-- Tables that spark-jobs/quotes_averages.py keeps. LAKE: their folder, such as hdfs:///lake/market.
-- Each hour is a partition, whose folder the stream replaces.
CREATE DATABASE IF NOT EXISTS lake_market COMMENT 'Moving averages of shares' LOCATION '${hivevar:LAKE}';

CREATE EXTERNAL TABLE IF NOT EXISTS lake_market.averages (
    `symbol` string COMMENT 'The share.',
    `window_start` timestamp COMMENT 'Begin of the window, in UTC; a trade at this moment is in it.',
    `window_end` timestamp COMMENT 'Its end; a trade at this moment is not in it.',
    `trades` bigint COMMENT 'Quotes in the window.',
    `volume` bigint COMMENT 'Shares that were traded.',
    `low` decimal(18,6) COMMENT 'Lowest price.',
    `high` decimal(18,6) COMMENT 'Highest price.',
    `average` decimal(18,6) COMMENT 'Average price: the moving average.',
    `weighted` decimal(18,6) COMMENT 'Average weighted by volume; empty where nothing but empty trades came.'
)
COMMENT 'Of each share and window, what was traded.'
PARTITIONED BY (`hour` string COMMENT 'Hour of window_start, as 2026-11-28-13.')
STORED AS PARQUET
LOCATION '${hivevar:LAKE}/averages';

CREATE EXTERNAL TABLE IF NOT EXISTS lake_market.aside (
    `kafka_partition` int COMMENT 'Where the message is.',
    `kafka_offset` bigint COMMENT 'Its place there.',
    `arrived` timestamp COMMENT 'When Kafka was given it.',
    `reason` string COMMENT 'late, early or unreadable.',
    `symbol` string COMMENT 'The share, where it can be read.',
    `event_time` timestamp COMMENT 'When it was traded, where that can be read.',
    `value` string COMMENT 'The message.'
)
COMMENT 'Messages that are in no window.'
PARTITIONED BY (`hour` string COMMENT 'Hour of arrived, as 2026-11-28-13.')
STORED AS PARQUET
LOCATION '${hivevar:LAKE}/aside';
