"""Events in pandas, over HTTP: for a cell of a notebook, or `python3 notebook.py`. The address and the token come from
the environment."""

import os
from urllib.parse import urlencode

import pandas

base = os.environ.get("MILLRACE_URL", "http://127.0.0.1:3000")
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}


def ask(sql: str) -> pandas.DataFrame:
    """The rows of one SELECT over everything acknowledged before."""
    query = urlencode({"sql": sql, "format": "csv"})
    return pandas.read_csv(f"{base}/api/v1/analytics/query?{query}", storage_options=headers)


hours = ask(
    """
    SELECT date_trunc('hour', timestamp) AS hour, category, count(*) AS events
    FROM events GROUP BY ALL ORDER BY ALL
    """
)
hours["hour"] = pandas.to_datetime(hours["hour"], utc=True)
print(hours.pivot(index="hour", columns="category", values="events").fillna(0).astype(int))
