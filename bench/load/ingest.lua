-- The load, as wrk runs it: posts the bodies of a file in turn and, at the end, prints one line of JSON for wrk.ts.
-- Arguments: file of bodies, one a line; tag of this run, 12 hexadecimal digits, so that no two runs make the same id.
-- There is no response(): wrk then never copies an answer, and counts what is not 2xx or 3xx by itself.

local bit, ffi = require("bit"), require("ffi")

-- Must be `idPlace` of events.ts.
local id_place = "00000000%-0000%-4000%-8000%-000000000000"

local requests, turn = {}, 0
local ids_made, run_tag = 0, ""

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
  pieces[#pieces + 1] = request:sub(from)
  return pieces
end

-- splitmix64 of a counter: never the same twice, and scattered as a random UUID's digits are, so that no hash table
-- finds its ids in a row.
local function next_id()
  ids_made = ids_made + 1
  local mixed = 0x9E3779B97F4A7C15ULL * ids_made
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

function init(args)
  run_tag = args[2]
  for body in io.lines(args[1]) do
    requests[#requests + 1] = split(wrk.format("POST", nil, nil, body))
  end
end

function request()
  turn = turn % #requests + 1
  local pieces = requests[turn]
  if type(pieces) == "string" then return pieces end
  for place = 2, #pieces, 2 do
    pieces[place] = next_id()
  end
  return table.concat(pieces)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"answered":%d,"refused":%d,"socketErrors":%d,"timeouts":%d,"microseconds":%d,"p50Us":%d,"p99Us":%d,"p999Us":%d}',
    summary.requests, errors.status, errors.connect + errors.read + errors.write, errors.timeout, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
