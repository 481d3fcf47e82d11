-- wrk: one body for every request, each with a number of its own. Arguments: body, marker in its place, first number.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  local file = io.open(arguments[1], "rb")
  local film = file:read("*a")
  file:close()
  parts, sent = {}, tonumber(arguments[3])
  local from = 1
  while true do
    local at, last = film:find(arguments[2], from, true)
    table.insert(parts, film:sub(from, (at or 0) - 1))
    if not at then break end
    from = last + 1
  end
  width = #arguments[2]
  wrk.method = "POST"
end

function request()
  sent = sent + 1
  local digits = string.format("%d%0" .. (width - 1) .. "d", number + 1, sent)
  return wrk.format(nil, nil, nil, table.concat(parts, digits))
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  print(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
