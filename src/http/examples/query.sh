#!/usr/bin/env bash
# Asks for SQL over everything acknowledged, sealed or not, and prints CSV: query.sh SQL
set -euo pipefail
url=${MILLRACE_URL:-http://127.0.0.1:3000}

# SQL as a JSON string: line ends become blanks, quotes and backslashes are escaped.
sql=$(printf '%s' "${1:?the SQL}" | tr '\n' ' ' | sed 's/[\\"]/\\&/g')

curl --silent --show-error --fail-with-body --request POST "$url/api/v1/analytics/query" \
  --header "Authorization: Bearer ${TOKEN:?from: bun run millrace token --subject me --scope query}" \
  --header 'Content-Type: application/json' --header 'Accept: text/csv' \
  --data "{\"sql\":\"$sql\"}"
