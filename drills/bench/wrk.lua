-- Sends the requests of a file in turn: drills/bench/load.py writes it and reads the last line.
-- Arguments: the file; a prefix of new idempotency keys; `once` if no request may be sent twice.
local heads, tails = {}, {}
local threads = {}
local prefix, once

function setup(thread)
    threads[#threads + 1] = thread
end

function init(args)
    local file = assert(io.open(args[1], "rb"))
    for text in file:read("*a"):gmatch("[^%z]+") do
        local head, tail = text:match("^(.-)\1+(.*)$")
        heads[#heads + 1] = head or text
        tails[#heads] = tail
    end
    file:close()
    prefix, once = args[2], args[3] == "once"
    sent, used_up, statuses = 0, 0, {}
end

function request()
    local place = sent % #heads + 1
    if once and sent >= #heads then
        used_up = 1
        wrk.thread:stop()
    end
    sent = sent + 1
    if tails[place] then
        return heads[place] .. prefix .. string.format("%08d", sent) .. tails[place]
    end
    return heads[place]
end

-- GraphQL answers 200 to requests that fail.
function response(status, headers, body)
    local name = body:find('"errors":[', 1, true) and "errors" or tostring(status)
    statuses[name] = (statuses[name] or 0) + 1
end

function done(summary, latency, requests)
    local thread = threads[1]
    local counts = {}
    for name, count in pairs(thread:get("statuses")) do
        counts[#counts + 1] = string.format('"%s": %d', name, count)
    end
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "sent": %d, "used_up": %d, "statuses": {%s},'
            .. ' "socket_errors": %d, "p50": %d, "p95": %d, "p99": %d}\n',
        summary.requests, summary.duration / 1e6, thread:get("sent"), thread:get("used_up"),
        table.concat(counts, ", "),
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
