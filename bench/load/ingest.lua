-- The load, as wrk runs it: posts the bodies of a file in turn and, at the end, prints one line of JSON for wrk.ts.
-- Arguments: file of bodies, one a line; tag of this run, 12 hexadecimal digits, so that no two runs make the same id;
-- `plain`, or `hex` where the bodies are bytes written as hexadecimal digits; every how many requests one that was sent
-- before is sent again (0: never); how many requests back that may reach.
-- There is no response(): wrk then never copies an answer, and counts what is not 2xx or 3xx by itself.

local bit, ffi = require("bit"), require("ffi")

-- Must be `idPlace` of events.ts.
local id_place = "00000000%-0000%-4000%-8000%-000000000000"

local requests, ids_each, run_tag = {}, 0, ""
local turn, repeat_every, repeat_within = 0, 0, 0

-- Global, because done() reads them out of the thread that sent.
requests_made, requests_repeated = 0, 0

-- A request is a string, or, where a client's ids go, the list of the pieces between them.
local function split(request)
  local pieces, from = {}, 1
  while true do
    local first, last = request:find(id_place, from)
    if not first then break end
    pieces[#pieces + 1] = request:sub(from, first - 1)
    pieces[#pieces + 1] = ""
    from = last + 1
  end
  if #pieces == 0 then return request end
  ids_each = math.max(ids_each, #pieces / 2)
  pieces[#pieces + 1] = request:sub(from)
  return pieces
end

-- splitmix64 of a number: never the same for two, and scattered as a random UUID's digits are, so that no hash table
-- finds its ids in a row.
local function id_of(number)
  local mixed = 0x9E3779B97F4A7C15ULL * number
  mixed = bit.bxor(mixed, bit.rshift(mixed, 30)) * 0xBF58476D1CE4E5B9ULL
  mixed = bit.bxor(mixed, bit.rshift(mixed, 27)) * 0x94D049BB133111EBULL
  mixed = bit.bxor(mixed, bit.rshift(mixed, 31))
  local high = tonumber(bit.rshift(mixed, 32))
  local low = tonumber(bit.band(mixed, 0xFFFFFFFFULL))
  return string.format(
    "%08x-%04x-4%03x-8%03x-%s",
    high, bit.rshift(low, 16), bit.band(bit.rshift(low, 4), 0xFFF), bit.band(low, 0xF), run_tag
  )
end

-- The request of a number, counted from 0: the same bytes whenever it is asked for, so that nothing has to be remembered.
local function build(number)
  local pieces = requests[number % #requests + 1]
  if type(pieces) == "string" then return pieces end
  for place = 2, #pieces, 2 do
    pieces[place] = id_of(number * ids_each + place / 2)
  end
  return table.concat(pieces)
end

local function bytes_of(digits)
  return (digits:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

function init(args)
  run_tag = args[2]
  repeat_every, repeat_within = tonumber(args[4]), tonumber(args[5])
  for line in io.lines(args[1]) do
    local body = args[3] == "hex" and bytes_of(line) or line
    requests[#requests + 1] = split(wrk.format("POST", nil, nil, body))
  end
end

function request()
  turn = turn + 1
  if repeat_every > 0 and turn % repeat_every == 0 and requests_made > 0 then
    requests_repeated = requests_repeated + 1
    return build(requests_made - math.random(1, math.min(repeat_within, requests_made)))
  end
  requests_made = requests_made + 1
  return build(requests_made - 1)
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

-- What is told of the latencies; the last is the longest of all.
local percentiles = { 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100 }

function done(summary, latency)
  local errors, made, repeated = summary.errors, 0, 0
  for _, thread in ipairs(threads) do
    made = made + thread:get("requests_made")
    repeated = repeated + thread:get("requests_repeated")
  end
  local told = {}
  for place, percentile in ipairs(percentiles) do
    local microseconds = percentile == 100 and latency.max or latency:percentile(percentile)
    told[place] = string.format("[%g,%d]", percentile, microseconds)
  end
  print(string.format(
    '{"answered":%d,"refused":%d,"socketErrors":%d,"timeouts":%d,"microseconds":%d,"made":%d,"repeated":%d,"latencyUs":[%s]}',
    summary.requests, errors.status, errors.connect + errors.read + errors.write, errors.timeout, summary.duration,
    made, repeated, table.concat(told, ",")
  ))
end
