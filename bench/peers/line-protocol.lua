-- The load of ingest.lua for InfluxDB: bodies of line protocol, each point with a time that no other point of the run has.
-- Arguments as there; the tag is not used.

-- Brings done(), and an init() and a request() that are replaced below.
dofile(debug.getinfo(1, "S").source:sub(2):gsub("peers/[^/]*$", "load/ingest.lua"))

-- Must be `pointEnd` and `timestampPlace` of line-protocol.ts.
local point_end, timestamp_place = "\30", "\31"

local bodies, turn = {}, 0
local points_made, started = 0, ""

function init(args)
  -- Whole seconds of now, then a nanosecond a point: fewer than a thousand million a load, and loads are seconds apart.
  started = tostring(os.time())
  for line in io.lines(args[1]) do
    local pieces, body = {}, line:gsub(point_end, "\n")
    local from = 1
    while true do
      local place = body:find(timestamp_place, from, true)
      if not place then break end
      pieces[#pieces + 1] = body:sub(from, place - 1)
      pieces[#pieces + 1] = ("0"):rep(19)
      from = place + 1
    end
    pieces[#pieces + 1] = body:sub(from)
    -- Formatted once, so that the length in its head is that of every body with a time of 19 digits.
    local request = wrk.format("POST", nil, nil, table.concat(pieces))
    pieces[1] = request:sub(1, #request - #table.concat(pieces)) .. pieces[1]
    bodies[#bodies + 1] = pieces
  end
end

function request()
  turn = turn % #bodies + 1
  local pieces = bodies[turn]
  for place = 2, #pieces, 2 do
    points_made = points_made + 1
    pieces[place] = string.format("%s%09d", started, points_made)
  end
  return table.concat(pieces)
end
