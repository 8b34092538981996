#!lua
-- Stores events of one or several agents, each leased at once where its terms allow it; takes many. Answers for each 0: ready, 3: ready and
-- some node has a connection of the agent, 1: leased, 2: queue full, the id it duplicates, or '!' and why the agent's events could not be
-- stored: those of the others are. For a batch the same, and it is so as a whole, or a string with the answer for each event: each is one of its own.

-- What is written once for all events of an agent, however many come together.
local function open(agent)
    local kept = redis.call('HMGET', agent, 'claim', 'events', 'bytes', 'sequence', 'sharers')
    return {
        agent = agent, claim = kept[1], events = tonumber(kept[2] or 0), bytes = tonumber(kept[3] or 0), sequence = tonumber(kept[4] or 0),
        sharers = kept[5] and cjson.decode(kept[5]),
        stored = {}, markers = {}, batches = {}, leased = {}, queued = {}, ready = {}, queued_batches = {}, ready_batches = {}, woken = {}, answers = {},
    }
end

-- Whether an event waits for its turn, so that none may overtake it.
local function has_ready(queue)
    if queue.has_ready == nil then
        queue.has_ready = redis.call('EXISTS', queue.agent .. ':ready', queue.agent .. ':ready_batches') > 0
    end
    return queue.has_ready
end

-- Most events have the same.
local limits = {}
local function limits_of(terms)
    local known = limits[terms]
    if not known then
        local events, bytes, window = string.match(terms, '^(%d+) (%d+) (%d+)$')
        known = { events = tonumber(events), bytes = tonumber(bytes), window = tonumber(window) }
        limits[terms] = known
    end
    return known
end

-- `wait`: "until node" of its sender, if that waits; `said`: "room node" of a session that shares the agent. Those of the last four that are empty
-- are left out at the end.
local function accept(queue, id, accepted, head, body, terms, session, deadline, key, order, wait, said)
    local agent = queue.agent
    local most = limits_of(terms)
    key, order, wait, said = key or '', order or '', wait or '', said or ''

    -- The window is judged by the caller's clock; Redis's own only clears away.
    local marker, before
    if key ~= '' and most.window > 0 then
        marker = agent .. ':i:' .. key
        local mine = id .. ' ' .. string.format('%.0f', accepted + most.window)
        if not redis.call('SET', marker, mine, 'NX', 'PX', most.window) then
            before = redis.call('GET', marker)
            local first, ends = string.match(before, '^(%S+) (%S+)$')
            if tonumber(ends) > tonumber(accepted) then
                return first
            end
            redis.call('SET', marker, mine, 'PX', most.window)
        end
        queue.markers[#queue.markers + 1] = marker
    end

    local size = #head + #body
    if queue.events + 1 > most.events or queue.bytes + size > most.bytes then
        if before then
            redis.call('SET', marker, before, 'PX', most.window) -- The next caller's clock may be behind.
        elseif marker then
            redis.call('DEL', marker)
        end
        return 2
    end

    local event, made, held = agent .. ':e:' .. id, accepted .. ' ' .. size, false
    queue.stored[#queue.stored + 1] = event
    if order ~= '' then
        local line = agent .. ':k:' .. order
        local first = redis.call('LINDEX', line, 0)
        if first and redis.call('EXISTS', agent .. ':e:' .. first) == 0 then
            release_next(agent, order, first)
            queue.has_ready = queue.has_ready or nil
        end
        held = redis.call('RPUSH', line, id) > 1
        redis.call('HSET', event, 'order', order)
    end

    if wait ~= '' then
        redis.call('HSET', event, 'wait', wait)
    end

    -- Of several that share the agent one is to have it: that is leased to the session only if it is on its node, whose business the rest is.
    local mine, turn
    if said ~= '' then
        queue.sharers = queue.sharers or {}
        mine = hear(queue.sharers, session, said, accepted)
    end
    local sharers = queue.sharers
    if sharers and not held then
        turn = next_turn(sharers)
    end

    queue.events, queue.bytes = queue.events + 1, queue.bytes + size
    if session ~= '' and not held and (session == queue.claim or not needs_claim(session)) and not has_ready(queue)
        and not (turn and mine and sharers[turn].node ~= mine.node) then
        if mine then
            mine.room = mine.room - 1
        end
        redis.call('HSET', event, 'made', made, 'head', head, 'body', body, 'state', 'leased 1 0 0 ' .. accepted .. ' ' .. session)
        queue.leased[#queue.leased + 1], queue.leased[#queue.leased + 2] = deadline, id
        return 1
    end

    -- The sequence, not the time, orders what is ready: nodes' clocks differ.
    queue.sequence = queue.sequence + 1
    queue.queued[#queue.queued + 1], queue.queued[#queue.queued + 2] = '0', id
    if held then
        redis.call('HSET', event, 'made', made, 'head', head, 'body', body, 'state', 'held ' .. never_leased, 'sequence', queue.sequence)
    else
        redis.call('HSET', event, 'made', made, 'head', head, 'body', body, 'state', 'ready ' .. never_leased)
        queue.ready[#queue.ready + 1], queue.ready[#queue.ready + 2] = queue.sequence, id
        queue.has_ready = true
        if turn then
            local one = sharers[turn]
            one.turns, one.since = one.turns + 1, one.since or tonumber(accepted)
        end
        queue.woken[turn or ''] = true
    end
    queue.accepted = accepted
    return 0
end

-- Whether no event of the batch has an idempotency key that is taken. Else none is marked.
local function marks_all(queue, index, window, first, last)
    if first > last or window == 0 then
        return true
    end

    local marked, at = {}, first
    for id, accepted in string.gmatch(index, batch_line) do
        if ARGV[at] ~= '' then
            local marker = queue.agent .. ':i:' .. ARGV[at]
            if not redis.call('SET', marker, id .. ' ' .. string.format('%.0f', accepted + window), 'NX', 'PX', window) then
                in_chunks('DEL', nil, marked)
                return false
            end
            marked[#marked + 1] = marker
        end
        at = at + 1
    end
    for _, marker in ipairs(marked) do
        queue.markers[#queue.markers + 1] = marker
    end
    return true
end

-- ARGV: 'batch', what its member is, terms, session or '', deadline, index and bodies (batches.lua), then each event's idempotency key or '', if one has one.
local function accept_batch(queue, at, last)
    local member, terms, session, deadline, index, bodies = unpack(ARGV, at + 1, at + 6)
    local id, count, size = batch_of(member)
    local most = limits_of(terms)
    local is_whole = not queue.sharers and queue.events + count <= most.events and queue.bytes + size <= most.bytes
    local is_leased = is_whole and session ~= '' and session == queue.claim and not has_ready(queue)
    if is_leased then
        queue.live = queue.live or (queue.events >= most_batches and redis.call('ZCARD', queue.agent .. ':batches') or queue.events)
        is_whole = queue.live < most_batches
    elseif count == '1' then
        is_whole = false -- It would have to be taken apart more often than it is worth.
    end
    if is_whole and marks_all(queue, index, most.window, at + 7, last) then
        local key = queue.agent .. ':b:' .. id
        queue.stored[#queue.stored + 1] = key
        queue.events, queue.bytes = queue.events + count, queue.bytes + size
        if is_leased then
            redis.call('HSET', key, 'index', index, 'bodies', bodies, 'acked', '0 0')
            queue.batches[#queue.batches + 1], queue.batches[#queue.batches + 2] = deadline, member
            queue.live = queue.live + 1
            return 1
        end
        redis.call('HSET', key, 'index', index, 'bodies', bodies, 'acked', '0 0', 'lease', '-')
        queue.ready_batches[#queue.ready_batches + 1], queue.ready_batches[#queue.ready_batches + 2] = queue.sequence + 1, member
        queue.queued_batches[#queue.queued_batches + 1], queue.queued_batches[#queue.queued_batches + 2] = '0', member
        queue.sequence = queue.sequence + count
        queue.has_ready, queue.woken[''] = true, true
        queue.accepted = string.match(index, '\n%S+ (%d+)')
        return 0
    end

    local answers, from = {}, 1
    for event, accepted, head, body, later in string.gmatch(index, batch_line) do
        local ends = from + head + body
        answers[#answers + 1] = accept(queue, event, accepted, string.sub(bodies, from, from + head - 1), string.sub(bodies, from + head, ends - 1),
            terms, session, string.format('%.0f', deadline + later), at + 7 + #answers <= last and ARGV[at + 7 + #answers] or '')
        from = ends
    end
    return answers
end

-- Of a batch whose events were stored one by one.
local function as_answer(answer)
    return type(answer) == 'table' and table.concat(answer, ' ') or answer
end

local function write(queue)
    local agent = queue.agent
    if #queue.stored == 0 then
        return
    end

    in_chunks('ZADD', agent .. ':batches', queue.batches)
    in_chunks('ZADD', agent .. ':leased', queue.leased)
    in_chunks('ZADD', agent .. ':queued', queue.queued)
    in_chunks('ZADD', agent .. ':ready', queue.ready)
    in_chunks('ZADD', agent .. ':queued_batches', queue.queued_batches)
    in_chunks('ZADD', agent .. ':ready_batches', queue.ready_batches)
    if not queue.accepted then
        redis.call('HSET', agent, 'events', queue.events, 'bytes', queue.bytes)
    else
        redis.call('HSET', agent, 'events', queue.events, 'bytes', queue.bytes, 'sequence', queue.sequence)
        for turn in pairs(queue.woken) do
            redis.call('PUBLISH', agent .. ':signal', turn)
        end
        if redis.call('ZCOUNT', agent .. ':nodes', '(' .. queue.accepted, '+inf') > 0 then
            for i, answer in pairs(queue.answers) do
                queue.answers[i] = answer == 0 and 3 or answer
                for place, one in ipairs(type(answer) == 'table' and answer or {}) do
                    answer[place] = one == 0 and 3 or one
                end
            end
        end
    end
    if queue.sharers then
        save_sharers(agent, queue.sharers)
    end
end

-- One agent's broken keys are not another's fault; what is answered as not stored must not make a later event a duplicate.
local function give_up(queue, why)
    in_chunks('DEL', nil, queue.markers)
    in_chunks('UNLINK', nil, queue.stored)
    for set, added in pairs({ [':batches'] = queue.batches, [':queued_batches'] = queue.queued_batches, [':ready_batches'] = queue.ready_batches }) do
        for i = 2, #added, 2 do
            pcall(redis.call, 'ZREM', queue.agent .. set, added[i])
        end
    end
    for i in pairs(queue.answers) do
        queue.answers[i] = '!' .. tostring(type(why) == 'table' and why.err or why)
    end
end

local queues, of, calls = {}, {}, 0
each_call(function(agent, first, last)
    local queue = of[agent]
    if not queue then
        local ok, opened = pcall(open, agent)
        queue = ok and opened or { agent = agent, failure = opened, markers = {}, stored = {}, batches = {}, queued_batches = {}, ready_batches = {}, answers = {} }
        of[agent], queues[#queues + 1] = queue, queue
    end

    calls = calls + 1
    queue.answers[calls] = 0
    if not queue.failure then
        local ok, answer
        if ARGV[first] == 'batch' then
            ok, answer = pcall(accept_batch, queue, first, last)
        else
            ok, answer = pcall(accept, queue, unpack(ARGV, first, last))
        end
        queue.answers[calls] = answer
        queue.failure = not ok and answer or nil
    end
end)

local answers = {}
for _, queue in ipairs(queues) do
    if not queue.failure then
        local ok, why = pcall(write, queue)
        queue.failure = not ok and why or nil
    end
    if queue.failure then
        give_up(queue, queue.failure)
    end
    for i, answer in pairs(queue.answers) do
        answers[i] = as_answer(answer)
    end
end
return answers
