#!lua flags=allow-oom
-- Ends attempts; takes many. Answers an array, for each: 0: settled, 1: already delivered, 2: not held, 3: unknown.
-- ARGV: now, ms to keep delivered ones, how many of them, bytes of them, ms to keep dead ones, the node that asks, then runs of settlements that are
-- alike but for their ids: how many, kind, session, outcome, reason as JSON or '', due (of an ack: the reply to the sender, or ''), failures,
-- twice the attempt that ends (0: whichever) and 1 more with a loss, ids.
local function settle_all(agent, at, last)
    local now, delivered_ms, kept, kept_bytes, dead_ms = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local node = ARGV[at + 5]
    local keeps_delivered = delivered_ms > 0 and kept > 0
    local queue = redis.call('HMGET', agent, 'events', 'bytes', 'done_bytes')
    local events, bytes, done_bytes = 0, 0, 0
    local others_may = false
    local freed = {}
    local unleased, done, forgotten = {}, {}, {}
    local given_up = { dead = {}, expired = {} }

    -- The sender waits on another node: that one is told, as AnswerListener reads it. This one tells itself.
    local function tell(wait, id, reply)
        local ends, waiting = string.match(wait, '^(%d+) (%S+)$')
        if waiting ~= node and tonumber(ends) > tonumber(now) then
            redis.call('PUBLISH', string.match(agent, '^[^{]*') .. waiting, id .. reply)
        end
    end

    -- It is not any more where its state has it.
    local function unlist(id, name, kept)
        if name ~= 'leased' then
            redis.call('ZREM', agent .. ':' .. name, id)
            redis.call('ZREM', agent .. ':queued', id)
            return
        end

        unleased[#unleased + 1] = id
        if string.find(kept, ' shr_', 1, true) then
            local _, _, _, _, _, holder = state_of(kept)
            freed[holder] = (freed[holder] or 0) + 1
        end
    end

    -- It counts no more, if it did, and what waits for it may go.
    local function leave(id, name, size, order)
        if name ~= 'dead' and name ~= 'expired' then
            events, bytes = events + 1, bytes + size
            if order then
                release_next(agent, order, id)
            end
        end
    end

    -- Given up and acknowledged in one call.
    local function forgive(id, ids)
        for i, other in ipairs(ids) do
            if other == id then
                table.remove(ids, i)
                return
            end
        end
    end

    local function settle(id, kind, session, outcome, reason, due, failures, attempt_and_loss)
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'made', 'order', 'wait')
        local kept, order, wait = e[1], e[3], e[4]
        if not kept then
            return 3
        end
        local name = name_of(kept)
        if name == 'delivered' then
            return 1
        end

        local accepted, size = made_of(e[2])
        if kind == 'ack' then
            if wait and outcome == 'acked' then
                tell(wait, id, due)
            end
            if given_up[name] then
                forgive(id, given_up[name])
            end
            unlist(id, name, kept)
            leave(id, name, size, order)
            local ending = name == 'leased' and '|' .. outcome .. '|' .. now .. '|' .. (reason == '' and reason or string.gsub(reason, ' ', '\\u0020')) or ''
            redis.call('HSET', key, 'state', 'delivered' .. string.sub(kept, #name + 1) .. ending)
            if keeps_delivered then
                redis.call('PEXPIRE', key, delivered_ms)
                done[#done + 1], done[#done + 2] = now, id .. ' ' .. size
                done_bytes = done_bytes + size
            else
                forgotten[#forgotten + 1] = key -- At the end: named twice in one call, it answers the same as when it is kept.
            end
            return 0
        end

        local _, attempts, _, _, leased_at, holder = state_of(kept)
        local loss = attempt_and_loss % 2
        local attempt = (attempt_and_loss - loss) / 2
        if not (name == 'leased' and holder == session and (attempt == 0 or attempt == tonumber(attempts))) then
            return 2
        end

        unlist(id, name, kept)
        local history = ended(redis.call('HGET', key, 'history'), attempts, leased_at, holder, outcome, reason, now)
        if kind == 'retry' then
            redis.call('HSET', key, 'state', as_state('waiting', attempts, failures, loss, leased_at, holder), 'history', history)
            redis.call('ZADD', agent .. ':waiting', due, id)
            redis.call('ZADD', agent .. ':queued', 0, id)
            others_may = others_may or not needs_claim(session)
            return 0
        end

        leave(id, name, size, order)
        redis.call('HSET', key, 'state', as_state(kind, attempts, failures, loss, leased_at, holder), 'history', history)
        local ids = given_up[kind]
        ids[#ids + 1] = id
        if kind == 'expired' or outcome ~= 'nacked' then -- Else the agent knows of it.
            add_to_gap(agent, kind, accepted)
        end
        return 0
    end

    local results, run = {}, at + 6
    while run <= last do
        local ids = run + 8
        local after = ids + tonumber(ARGV[run])
        for i = ids, after - 1 do
            results[#results + 1] = settle(ARGV[i], unpack(ARGV, run + 1, run + 7))
        end
        run = after
    end

    in_chunks('ZREM', agent .. ':leased', unleased)
    if next(freed) then
        local sharers = cjson.decode(redis.call('HGET', agent, 'sharers') or '{}')
        for session, count in pairs(freed) do
            local one = sharers[session]
            if one then
                one.room = one.room + count
            end
        end
        save_sharers(agent, sharers)
    end
    if others_may then
        redis.call('PUBLISH', agent .. ':signal', '')
    end

    -- The oldest of the delivered make room: members carry their size, because their hashes may have expired before them. Answers the size of what stays.
    local function trim(set)
        local total, size = redis.call('ZCARD', set), done_bytes
        if total > #done / 2 then
            size = size + tonumber(queue[3] or 0)
        end
        while total > kept or (size > kept_bytes and total > 0) do
            local oldest = redis.call('ZRANGE', set, 0, math.min(100, math.max(1, total - kept)) - 1)
            for _, member in ipairs(oldest) do
                local id, member_size = string.match(member, '^(%S+) (%S+)$')
                forgotten[#forgotten + 1] = agent .. ':e:' .. id
                total, size = total - 1, size - member_size
            end
            redis.call('ZREMRANGEBYRANK', set, 0, #oldest - 1)
        end
        return size
    end

    local counts = {}
    if #done > 0 then
        local set = agent .. ':done'
        in_chunks('ZADD', set, done)
        counts = { 'done_bytes', trim(set) }

        -- The list outlives what is in it, by so much that this is seldom to be written.
        if redis.call('PTTL', set) < delivered_ms then
            redis.call('PEXPIRE', set, math.ceil(delivered_ms * 1.125))
        end
    end
    if events > 0 then
        counts[#counts + 1], counts[#counts + 2] = 'events', math.max(0, (queue[1] or 0) - events)
        counts[#counts + 1], counts[#counts + 2] = 'bytes', math.max(0, (queue[2] or 0) - bytes)
    end
    if #counts > 0 then
        redis.call('HSET', agent, unpack(counts))
    end

    for kind, ids in pairs(given_up) do
        keep_given_up(agent, kind, ids, dead_ms)
    end

    in_chunks('UNLINK', nil, forgotten)
    return results
end

return each_call(settle_all)
