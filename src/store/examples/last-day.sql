-- Which plans were chosen in the last 24 hours. `->>` reads a key of properties as a string.
SELECT properties->>'plan' AS plan, count(*) AS signups
FROM events
WHERE event_name = 'signup' AND timestamp > now() - INTERVAL 1 DAY
GROUP BY ALL
ORDER BY signups DESC, plan;

-- Events by hour, from the rollups: as quick with a billion events as with ten.
SELECT hour, sum(events) AS events FROM events_hourly WHERE hour > now() - INTERVAL 1 DAY GROUP BY hour ORDER BY hour;

-- How far the catalog has come: events accepted after the watermark are not in it yet.
SELECT watermark, age, rows FROM freshness WHERE shard IS NULL;
