-- What wrk sends: POSTs of one size, with a key; the users may change from call to call.
--   wrk ... -s post.lua URL -- path key model body_bytes users from
-- users 0: none named; else u<number below users>, drawn, or counted up where `from` >= 0.
-- At the end one line of JSON is printed behind "JSON ".
local head, body, users, at, stride

function init(args)
    local path, key, model, bytes = args[1], args[2], args[3], tonumber(args[4])
    users, at = tonumber(args[5] or "0"), tonumber(args[6] or "-1")
    local open = '{"model":"' .. model .. '","messages":[{"role":"system","content":"You are helpful."},{"role":"user","content":"'
    local close = '"}],"max_tokens":256,"temperature":0.2}'
    local words = "The quick brown fox jumps over the lazy dog near the old mill. "
    local room = math.max(0, bytes - #open - #close)
    body = open .. string.sub(string.rep(words, math.ceil(room / #words)), 1, room) .. close
    head = "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
        "\r\nAuthorization: Bearer " .. key .. "\r\nContent-Type: application/json\r\nx-purser-feature: bench\r\n"
    math.randomseed(42)
    if users == 0 then
        local whole = head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
        request = function() return whole end
    end
end

function request()
    local user
    if at >= 0 then
        user = at % users
        at = at + 1
    else
        user = math.random(0, users - 1)
    end
    return head .. "x-purser-user: u" .. user .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        'JSON {"calls":%d,"us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
