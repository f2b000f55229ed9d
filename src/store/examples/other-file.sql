-- From a database of your own, with tables of your own. READ_ONLY: without it other readers would be locked out.
-- Start in the folder that holds `data`. The brackets around ->> are needed: it binds less tightly than =.
ATTACH 'data/millrace.duckdb' AS m (READ_ONLY);

CREATE TEMP TABLE plans AS SELECT * FROM (VALUES ('free', 0), ('pro', 20)) AS listed (plan, price);

SELECT plan, count(*) AS signups, sum(price) AS expected
FROM m.events
JOIN plans ON plan = (properties->>'plan')
WHERE event_name = 'signup'
GROUP BY plan
ORDER BY plan;
