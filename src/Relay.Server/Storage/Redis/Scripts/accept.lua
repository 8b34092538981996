#!lua
-- Stores an event, leased at once where the terms allow it. Answers 0: ready, 3: ready and some node
-- has a connection of the agent, 1: leased, 2: queue full, or the id it duplicates.
local agent = KEYS[1]
local id, accepted, head, body, size = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local max_events, max_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
local session, deadline = ARGV[8], ARGV[9]
local key, window, order = ARGV[10], tonumber(ARGV[11]), ARGV[12]
local wait, said = ARGV[13], ARGV[14] -- "until node" of its sender or '', if that waits; "room node" of a session that shares the agent.

-- The window is judged by the caller's clock; Redis's own only clears away.
local marker
if key ~= '' and window > 0 then
    marker = agent .. ':i:' .. key
    local mine = id .. ' ' .. string.format('%.0f', accepted + window)
    if not redis.call('SET', marker, mine, 'NX', 'PX', window) then
        local first, ends = string.match(redis.call('GET', marker), '^(%S+) (%S+)$')
        if tonumber(ends) > tonumber(accepted) then
            return first
        end
        redis.call('SET', marker, mine, 'PX', window)
    end
end

local now = redis.call('HMGET', agent, 'claim', 'events', 'bytes', 'sequence', 'sharers')
local events, bytes = tonumber(now[2] or 0) + 1, tonumber(now[3] or 0) + size
if events > max_events or bytes > max_bytes then
    if marker then
        redis.call('DEL', marker)
    end
    return 2
end

local event, line, held = agent .. ':e:' .. id, agent .. ':k:' .. order, false
if order ~= '' then
    local first = redis.call('LINDEX', line, 0)
    if first and redis.call('EXISTS', agent .. ':e:' .. first) == 0 then
        release_next(agent, order, first)
    end
    held = redis.call('RPUSH', line, id) > 1
    redis.call('HSET', event, 'order', order)
end

if wait and wait ~= '' then
    redis.call('HSET', event, 'wait', wait)
end

-- Of several that share the agent one is to have it: that is leased to the session only if it is on its node, whose business the rest is.
local sharers, mine, turn = now[5] and cjson.decode(now[5]), nil, nil
if said then
    sharers = sharers or {}
    mine = hear(sharers, session, said)
end
if sharers and not held then
    turn = next_turn(sharers)
end

if session ~= '' and not held and (session == now[1] or not needs_claim(session)) and not (turn and mine and sharers[turn].node ~= mine.node)
    and redis.call('EXISTS', agent .. ':ready') == 0 then
    if mine then
        mine.room = mine.room - 1
        save_sharers(agent, sharers)
    end
    redis.call('HSET', agent, 'events', events, 'bytes', bytes)
    redis.call('HSET', event, 'state', 'leased', 'accepted', accepted, 'head', head, 'body', body, 'size', size,
        'attempts', 1, 'holder', session, 'leased_at', accepted)
    redis.call('ZADD', agent .. ':leased', deadline, id)
    return 1
end

-- The sequence, not the time, orders what is ready: nodes' clocks differ.
local sequence = tonumber(now[4] or 0) + 1
redis.call('HSET', agent, 'events', events, 'bytes', bytes, 'sequence', sequence)
redis.call('HSET', event, 'state', held and 'held' or 'ready', 'accepted', accepted, 'head', head, 'body', body, 'size', size)
redis.call('ZADD', agent .. ':queued', 0, id)
if held then
    redis.call('HSET', event, 'sequence', sequence)
else
    redis.call('ZADD', agent .. ':ready', sequence, id)
    if turn then
        local one = sharers[turn]
        one.turns, one.since = one.turns + 1, one.since or tonumber(accepted)
    end
    if sharers then
        save_sharers(agent, sharers)
    end
    redis.call('PUBLISH', agent .. ':signal', turn or '')
end
return redis.call('ZCOUNT', agent .. ':nodes', '(' .. accepted, '+inf') > 0 and 3 or 0
