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
    local unleased, done, delivered, forgotten = {}, {}, {}, {}
    local given_up = { dead = {}, expired = {} }

    -- The sender waits on another node: that one is told, as AnswerListener reads it. This one tells itself.
    local function tell(wait, id, reply)
        local ends, waiting = string.match(wait, '^(%d+) (%S+)$')
        if waiting ~= node and tonumber(ends) > tonumber(now) then
            redis.call('PUBLISH', string.match(agent, '^[^{]*') .. waiting, id .. reply)
        end
    end

    local function settle(id, kind, session, outcome, reason, due, failures, attempt_and_loss)
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'made', 'history', 'order', 'wait')
        if not e[1] then
            return 3
        end
        local state, attempts, failed, lost, leased_at, holder = state_of(e[1])
        local loss = attempt_and_loss % 2
        local attempt = (attempt_and_loss - loss) / 2
        if state == 'delivered' then
            return 1
        elseif kind ~= 'ack' and not (state == 'leased' and holder == session and (attempt == 0 or attempt == tonumber(attempts))) then
            return 2
        end

        if e[5] and kind == 'ack' and outcome == 'acked' then
            tell(e[5], id, due)
        end

        local accepted, size = made_of(e[2])
        local history = e[3] or ''
        if state == 'leased' then
            history = ended(history, attempts, leased_at, holder, outcome, reason, now)
            unleased[#unleased + 1] = id
            if is_sharing(holder) then
                freed[holder] = (freed[holder] or 0) + 1
            end
        else
            redis.call('ZREM', agent .. ':' .. state, id)
            redis.call('ZREM', agent .. ':queued', id)
        end

        if kind == 'retry' then
            redis.call('HSET', key, 'state', as_state('waiting', attempts, failures, loss, leased_at, holder), 'history', history)
            redis.call('ZADD', agent .. ':waiting', due, id)
            redis.call('ZADD', agent .. ':queued', 0, id)
            others_may = others_may or not needs_claim(session)
            return 0
        end

        if state == 'leased' or state == 'ready' or state == 'waiting' or state == 'held' then
            events, bytes = events + 1, bytes + size
            if e[4] then
                release_next(agent, e[4], id)
            end
        end

        if kind ~= 'ack' then
            redis.call('HSET', key, 'state', as_state(kind, attempts, failures, loss, leased_at, holder), 'history', history)
            local ids = given_up[kind]
            ids[#ids + 1] = id
            if kind == 'expired' or outcome ~= 'nacked' then -- Else the agent knows of it.
                add_to_gap(agent, kind, accepted)
            end
        elseif keeps_delivered then
            redis.call('HSET', key, 'state', as_state('delivered', attempts, failed, lost, leased_at, holder), 'history', history)
            redis.call('PEXPIRE', key, delivered_ms)
            done[#done + 1], done[#done + 2] = now, id .. ' ' .. size
            delivered[#delivered + 1], delivered[#delivered + 2] = '0', id
            done_bytes = done_bytes + size
        else
            redis.call('HSET', key, 'state', as_state('delivered', attempts, failed, lost, leased_at, holder)) -- Named twice in one call, it answers the same as when it is kept.
            forgotten[#forgotten + 1] = key
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
        local trimmed = {}
        local total, size = redis.call('ZCARD', set), done_bytes
        if total > #done / 2 then
            size = size + tonumber(queue[3] or 0)
        end
        while total > kept or (size > kept_bytes and total > 0) do
            local oldest = redis.call('ZRANGE', set, 0, math.min(100, math.max(1, total - kept)) - 1)
            for _, member in ipairs(oldest) do
                local id, member_size = string.match(member, '^(%S+) (%S+)$')
                forgotten[#forgotten + 1] = agent .. ':e:' .. id
                trimmed[#trimmed + 1] = id
                total, size = total - 1, size - member_size
            end
            redis.call('ZREMRANGEBYRANK', set, 0, #oldest - 1)
        end
        in_chunks('ZREM', agent .. ':delivered', trimmed)
        return size
    end

    local counts = {}
    if #done > 0 then
        local set = agent .. ':done'
        in_chunks('ZADD', set, done)
        in_chunks('ZADD', agent .. ':delivered', delivered)
        counts = { 'done_bytes', trim(set) }

        -- The lists outlive what is in them, by so much that this is seldom to be written.
        if redis.call('PTTL', set) < delivered_ms then
            redis.call('PEXPIRE', set, math.ceil(delivered_ms * 1.125))
            redis.call('PEXPIRE', agent .. ':delivered', math.ceil(delivered_ms * 1.125))
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
