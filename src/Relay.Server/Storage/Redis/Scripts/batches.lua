-- Put after shared.lua where single events are looked at.
--
-- Events that were accepted together, leased to one session, are kept as one: a hash `b:` and the id of the oldest, with `index` ("session ms" for which
-- it is kept when it is delivered, then for each event a line "id accepted head's-size body's-size later": how long after the batch's its lease ends), `bodies` (head and body of each, one behind the
-- other) and `acked` ("how many bytes-of-them", then for each moment " at:places", counted from 0, or " at:*": all). While one of them is not
-- acknowledged the batch is in the sorted set `batches`, by its first deadline, as "id+how-many size"; then it is so in `done`, beside events of their own.
-- Whatever happens to one of them but an ack makes all of them events of their own.

local function as_moments(acked)
    local at_of, all = {}
    for at, places in string.gmatch(acked, ' (%d+):(%S+)') do
        if places == '*' then
            all = at
        end
        for place in string.gmatch(places, '%d+') do
            at_of[tonumber(place)] = at
        end
    end
    return at_of, all
end

-- Its session, for how long it is kept, and its events: { id, accepted, where its head begins, its body begins, it ends, when it was acked, else due };
-- not those that are acked where nothing delivered is kept. Nil when it is gone.
local function read_batch(agent, member, deadline)
    local kept = redis.call('HMGET', agent .. ':b:' .. batch_of(member), 'index', 'acked')
    if not kept[1] or not kept[2] then
        return nil
    end

    local at_of, all = as_moments(kept[2])
    local session, keep_ms = string.match(kept[1], '^(%S+) (%d+)\n')
    local events, place, from = {}, 0, 1
    for id, accepted, head, body, later in string.gmatch(kept[1], batch_line) do
        local acked = at_of[place] or all
        if not acked or keep_ms ~= '0' then
            events[#events + 1] = {
                id = id, accepted = accepted, head = from, body = from + head, ends = from + head + body, acked = acked,
                due = not acked and string.format('%.0f', deadline + later),
            }
        end
        place, from = place + 1, from + head + body
    end
    return session, tonumber(keep_ms), events
end

-- As shared.lua has it.
local function state_in_batch(event, session)
    local leased = ' 1 0 0 ' .. event.accepted .. ' ' .. session
    return event.acked and 'delivered' .. leased .. '|acked|' .. event.acked .. '|' or 'leased' .. leased
end

-- Makes the events of a batch that is not acknowledged as a whole events of their own.
local function unbatch(agent, member, deadline)
    local first, count, size = batch_of(member)
    local key = agent .. ':b:' .. first
    local session, keep_ms, events = read_batch(agent, member, deadline)
    local bodies = session and redis.call('HGET', key, 'bodies')
    redis.call('ZREM', agent .. ':batches', member)
    if not bodies then
        -- Redis evicted it, or someone deleted it: the queue goes on.
        redis.call('HINCRBY', agent, 'bytes', -size)
        if redis.call('HINCRBY', agent, 'events', -count) <= 0 then
            redis.call('HSET', agent, 'events', 0, 'bytes', 0)
        end
        return
    end

    local leased, done, done_bytes = {}, {}, 0
    for _, event in ipairs(events) do
        local own, event_size = agent .. ':e:' .. event.id, event.ends - event.head
        redis.call('HSET', own, 'made', event.accepted .. ' ' .. event_size, 'head', string.sub(bodies, event.head, event.body - 1),
            'body', string.sub(bodies, event.body, event.ends - 1), 'state', state_in_batch(event, session))
        if not event.acked then
            leased[#leased + 1], leased[#leased + 2] = event.due, event.id
        else
            redis.call('PEXPIRE', own, keep_ms)
            done[#done + 1], done[#done + 2] = event.acked, event.id .. ' ' .. event_size
            done_bytes = done_bytes + event_size
        end
    end
    redis.call('UNLINK', key)
    in_chunks('ZADD', agent .. ':leased', leased)
    if #done > 0 then
        local set = agent .. ':done'
        in_chunks('ZADD', set, done)
        if redis.call('ZCARD', set) > #done / 2 then
            redis.call('HINCRBY', agent, 'done_bytes', done_bytes)
        else
            redis.call('HSET', agent, 'done_bytes', done_bytes)
            redis.call('HDEL', agent, 'done_more')
        end
        keep_list(set, keep_ms)
    end
end

-- Those whose leases end by then, until `enough`, which is told of each how many events it had and their bytes, says so.
local function unbatch_until(agent, deadline, enough)
    local members = redis.call('ZRANGEBYSCORE', agent .. ':batches', '-inf', deadline, 'WITHSCORES')
    for i = 1, #members, 2 do
        local _, count, size = batch_of(members[i])
        unbatch(agent, members[i], members[i + 1])
        if enough and enough(tonumber(count), tonumber(size)) then
            return
        end
    end
end

-- When the first lease of an event in a batch ends.
local function next_batched(agent)
    local due, members = math.huge, redis.call('ZRANGE', agent .. ':batches', 0, -1, 'WITHSCORES')
    for i = 1, #members, 2 do
        local deadline = tonumber(members[i + 1])
        if deadline >= due then
            break
        end
        local session, _, events = read_batch(agent, members[i], deadline)
        due = session and due or deadline -- unbatch sees to one that is gone.
        for _, event in ipairs(events or {}) do
            due = event.due and math.min(due, event.due) or due
        end
    end
    return due
end

-- What is known of where events are that have no hash of their own, by agent, until one of its batches is done.
local lookups = {}

local function add_to_lookup(by_id, agent, member, deadline)
    local index = redis.call('HGET', agent .. ':b:' .. batch_of(member), 'index')
    local batch = { member = member, deadline = deadline }
    for id in string.gmatch(index or '', batch_line) do
        by_id[id] = batch
    end
end

-- The batch of an event that is not acknowledged as a whole: { member, deadline }.
local function live_batch(agent, id)
    local lookup = lookups[agent]
    if not lookup then
        lookup = { live = {}, done = {} }
        lookups[agent] = lookup
        local members = redis.call('ZRANGE', agent .. ':batches', 0, -1, 'WITHSCORES')
        for i = 1, #members, 2 do
            add_to_lookup(lookup.live, agent, members[i], members[i + 1])
        end
    end
    return lookup.live[id]
end

-- Ids begin with the time, in ms. A call is given up after 10 s, so those of one batch are at most as far apart.
local function window_of(id)
    return math.floor((tonumber(string.sub(id, 5, 16), 16) or 0) / 20000)
end

-- The batch of a delivered event: { member }. Of all that are kept it reads those of about the id's time.
local function done_batch(agent, id)
    live_batch(agent, id)
    local lookup = lookups[agent]
    if not lookup.windows then
        lookup.windows = {}
        for _, member in ipairs(redis.call('ZRANGE', agent .. ':done', 0, -1)) do
            local first = batch_of(member)
            if first then
                local window = window_of(first)
                lookup.windows[window] = lookup.windows[window] or {}
                table.insert(lookup.windows[window], member)
            end
        end
    end
    for window = window_of(id) - 1, window_of(id) do
        for _, member in ipairs(lookup.windows[window] or {}) do
            add_to_lookup(lookup.done, agent, member)
        end
        lookup.windows[window] = nil
    end
    return lookup.done[id]
end
