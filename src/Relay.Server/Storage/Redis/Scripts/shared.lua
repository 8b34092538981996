-- Put after the first line of each script.

-- A history with one more ended attempt (AttemptRecord as JSON; the first 100 are kept, joined by commas).
local function ended(history, number, at, session, outcome, reason, now)
    history = history or ''
    if number > 100 then
        return history
    end
    return history .. (history == '' and '' or ',') .. '{"number":' .. number .. ',"at":' .. at
        .. ',"via":"websocket","session_id":"' .. session .. '","outcome":"' .. outcome .. '"'
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
