-- What wrk sends: POSTs of one size, with a key; the users may change from call to call.
--   wrk ... -s post.lua URL -- path key model body_bytes users from
-- users 0: none named; else u<number below users>, drawn, or counted up where `from` >= 0.
-- At the end one line of JSON is printed behind "JSON ".
local head, body, users, at

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
    if at >= 0 or users > 1000 then return end
    -- Few users: every request is built once, so that wrk costs little beside what it measures.
    local made = {}
    for user = 0, math.max(0, users - 1) do made[user] = build(users > 0 and user or nil) end
    request = function() return made[users > 1 and math.random(0, users - 1) or 0] end
end

function build(user)
    local named = user and ("x-purser-user: u" .. user .. "\r\n") or ""
    return head .. named .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
    local user
    if at >= 0 then
        user = at % users
        at = at + 1
    else
        user = math.random(0, users - 1)
    end
    return build(user)
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        'JSON {"calls":%d,"us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
