-- Put after shared.lua where single events are looked at.
--
-- Events that were accepted together are kept as one: a hash `b:` and the id of the oldest, with `index` ("session ms" for which
-- it is kept when it is delivered, then for each event a line "id accepted head's-size body's-size later": how long after the batch's its lease ends), `bodies` (head and body of each, one behind the
-- other), `acked` ("how many bytes-of-them", then for each moment " at:places", counted from 0, or " at:*": all), and `lease` if they were not leased to that session
-- when they were accepted: '-': they are ready, or "session ms": leased to that one, then, until the batch's deadline.
-- Its member of the sets is "id+how-many size". It is in `ready_batches`, by the sequence of the first event, the others have those that follow, and in `queued_batches`; then in `batches`, by the first
-- deadline, while one of them is not acknowledged; then in `done`, beside events of their own.
-- Whatever happens to one of them but a lease of all and an ack makes all of them events of their own.

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

-- { session: nil when they are ready, leased_at: nil when that was when they were accepted, keep_ms: for how long it is kept, its events }, of these { id,
-- accepted, where its head begins, its body begins, it ends, when it was acked, else due }; not those that are acked where nothing delivered
-- is kept. Nil when it is gone.
local function read_batch(agent, member, deadline)
    local kept = redis.call('HMGET', agent .. ':b:' .. batch_of(member), 'index', 'acked', 'lease')
    if not kept[1] or not kept[2] then
        return nil
    end

    local at_of, all = as_moments(kept[2])
    local session, keep_ms = string.match(kept[1], '^(%S*) (%d+)\n')
    local leased_at
    if kept[3] then
        session, leased_at = string.match(kept[3], '^(%S+) (%d+)$')
    end
    local events, place, from = {}, 0, 1
    for id, accepted, head, body, later in string.gmatch(kept[1], batch_line) do
        local acked = at_of[place] or all
        if not acked or keep_ms ~= '0' then
            events[#events + 1] = {
                id = id, accepted = accepted, head = from, body = from + head, ends = from + head + body, acked = acked,
                due = session and not acked and string.format('%.0f', deadline + (leased_at and 0 or later)),
            }
        end
        place, from = place + 1, from + head + body
    end
    return { session = session, leased_at = leased_at, keep_ms = tonumber(keep_ms), events = events }
end

-- As shared.lua has it.
local function state_in_batch(batch, event)
    if not batch.session then
        return 'ready ' .. never_leased
    end
    local leased = ' 1 0 0 ' .. (batch.leased_at or event.accepted) .. ' ' .. batch.session
    return event.acked and 'delivered' .. leased .. '|acked|' .. event.acked .. '|' or 'leased' .. leased
end

-- It is not ready any more.
local function unready_batch(agent, member)
    redis.call('ZREM', agent .. ':queued_batches', member)
    redis.call('ZREM', agent .. ':ready_batches', member)
end

local function unlist_batch(agent, member)
    unready_batch(agent, member)
    redis.call('ZREM', agent .. ':batches', member)
end

-- Redis evicted them, or someone deleted them: the queue goes on.
local function drop_lost(agent, count, size)
    redis.call('HINCRBY', agent, 'bytes', 0 - size)
    if redis.call('HINCRBY', agent, 'events', -count) <= 0 then
        redis.call('HSET', agent, 'events', 0, 'bytes', 0)
    end
end

-- Makes the events of a batch that is not acknowledged as a whole events of their own. Answers them. What fails in between, because somebody made a key
-- something else, leaves the batch where it was.
local function unbatch(agent, member, deadline)
    local first, count, size = batch_of(member)
    local key = agent .. ':b:' .. first
    local batch = read_batch(agent, member, deadline)
    local bodies = batch and redis.call('HGET', key, 'bodies')
    if not bodies then
        unlist_batch(agent, member)
        drop_lost(agent, count, size)
        return {}
    end

    local sequence = not batch.session and redis.call('ZSCORE', agent .. ':ready_batches', member) or 0
    local ready, queued, leased, done, done_bytes = {}, {}, {}, {}, 0
    for i, event in ipairs(batch.events) do
        local own, event_size = agent .. ':e:' .. event.id, event.ends - event.head
        redis.call('HSET', own, 'made', event.accepted .. ' ' .. event_size, 'head', string.sub(bodies, event.head, event.body - 1),
            'body', string.sub(bodies, event.body, event.ends - 1), 'state', state_in_batch(batch, event))
        if event.acked then
            redis.call('PEXPIRE', own, batch.keep_ms)
            done[#done + 1], done[#done + 2] = event.acked, event.id .. ' ' .. event_size
            done_bytes = done_bytes + event_size
        elseif event.due then
            leased[#leased + 1], leased[#leased + 2] = event.due, event.id
        else
            ready[#ready + 1], ready[#ready + 2] = string.format('%.0f', sequence + i - 1), event.id
            queued[#queued + 1], queued[#queued + 2] = '0', event.id
        end
    end
    in_chunks('ZADD', agent .. ':ready', ready)
    in_chunks('ZADD', agent .. ':queued', queued)
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
        keep_list(set, batch.keep_ms)
    end
    unlist_batch(agent, member)
    redis.call('UNLINK', key)
    return batch.events
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
        local batch = read_batch(agent, members[i], deadline)
        due = batch and due or deadline -- unbatch sees to one that is gone.
        for _, event in ipairs(batch and batch.events or {}) do
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

local function lookup_of(agent)
    local lookup = lookups[agent]
    if not lookup then
        lookup = { live = {}, ready = {}, read = {}, done = {} }
        lookups[agent] = lookup
        local members = redis.call('ZRANGE', agent .. ':batches', 0, -1, 'WITHSCORES')
        for i = 1, #members, 2 do
            add_to_lookup(lookup.live, agent, members[i], members[i + 1])
        end
    end
    return lookup
end

-- Ids begin with the time, in ms, as 12 hexadecimal digits. Those of one ready batch are at most so many ms apart (BatchDraft.TryAdd).
local most_apart = 20

-- The smallest id that the oldest event of a ready batch may have that has this one too.
local function earliest_with(id)
    local ms = tonumber(string.sub(id, 5, 16), 16) or 0
    return string.sub(id, 1, 4) .. string.format('%012x', math.max(0, ms - most_apart))
end

-- The batch of an event that is not acknowledged as a whole: { member, deadline: nil when it is ready }.
local function live_batch(agent, id)
    local lookup = lookup_of(agent)
    if not lookup.live[id] and not lookup.ready[id] then
        for _, member in ipairs(redis.call('ZRANGEBYLEX', agent .. ':queued_batches', '[' .. earliest_with(id), '[' .. id .. '+~')) do
            if not lookup.read[member] then
                lookup.read[member] = true
                add_to_lookup(lookup.ready, agent, member)
            end
        end
    end
    return lookup.live[id] or lookup.ready[id]
end

-- Those of a batch that was accepted leased are at most as far apart as a call waits.
local function window_of(id)
    return math.floor((tonumber(string.sub(id, 5, 16), 16) or 0) / 20000)
end

-- The batch of a delivered event: { member }. Of all that are kept it reads those of about the id's time.
local function done_batch(agent, id)
    local lookup = lookup_of(agent)
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
