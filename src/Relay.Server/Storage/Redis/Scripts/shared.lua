-- Put after the first line of each script.

-- Whether a lease is held by the agent's polls and not by a connection.
local function is_poll(session)
    return string.sub(session, 1, 5) == 'poll_'
end

-- A history with one more ended attempt (AttemptRecord as JSON; the first 100 are kept, joined by commas).
local function ended(history, number, at, session, outcome, reason, now)
    history = history or ''
    if number > 100 then
        return history
    end
    return history .. (history == '' and '' or ',') .. '{"number":' .. number .. ',"at":' .. at
        .. ',"via":"' .. (is_poll(session) and 'poll' or 'websocket') .. '","session_id":"' .. session .. '","outcome":"' .. outcome .. '"'
        .. (reason == '' and '' or ',"reason":' .. reason) .. ',"duration_ms":' .. string.format('%.0f', now - at) .. '}'
end

-- One command over many arguments, some hundreds at a time: Lua's stack is small.
local function in_chunks(command, key, values)
    for i = 1, #values, 500 do
        local last = math.min(i + 499, #values)
        if key then
            redis.call(command, key, unpack(values, i, last))
        else
            redis.call(command, unpack(values, i, last))
        end
    end
end
