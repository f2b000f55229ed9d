#!/usr/bin/env bash
# Sends one event and prints the answer: send-event.sh NAME [PROPERTIES, a JSON object]
set -euo pipefail
url=${MILLRACE_URL:-http://127.0.0.1:3000}
name=${1:?the name of the event}
properties=${2:-null}

# --fail-with-body: an answer of 4xx or 5xx is printed, since it says what is wrong, and ends with an error.
curl --silent --show-error --fail-with-body --request POST "$url/api/v1/analytics" \
  --header "Authorization: Bearer ${TOKEN:?from: bun run millrace token --subject me}" \
  --header 'Content-Type: application/json' \
  --data "{\"event_name\":\"$name\",\"properties\":$properties}"
echo
