#!lua flags=allow-oom
-- Ends attempts; takes many. Answers an array, for each: 0: settled, 1: already delivered, 2: not held, 3: unknown.
-- ARGV: now, ms to keep delivered ones, how many of them, bytes of them, ms to keep dead ones, the node that asks,
-- then for each: id, kind, session, outcome, reason as JSON or '', due (of an ack: the reply to the sender, or ''), failures, loss (0/1).
local function settle_all(agent, at, last)
    local now, delivered_ms, kept, kept_bytes, dead_ms = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local node = ARGV[at + 5]
    local keeps_delivered = delivered_ms > 0 and kept > 0
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

    local function settle(id, kind, session, outcome, reason, due, failures, loss)
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'size', 'attempts', 'holder', 'leased_at', 'history', 'accepted', 'order', 'wait')
        local state = e[1]
        if not state then
            return 3
        elseif state == 'delivered' then
            return 1
        elseif kind ~= 'ack' and not (state == 'leased' and e[4] == session) then
            return 2
        end

        if e[9] and kind == 'ack' and outcome == 'acked' then
            tell(e[9], id, due)
        end

        local history = e[6] or ''
        if state == 'leased' then
            history = ended(history, tonumber(e[3]), e[5], e[4], outcome, reason, now)
            unleased[#unleased + 1] = id
            if is_sharing(e[4]) then
                freed[e[4]] = (freed[e[4]] or 0) + 1
            end
        else
            redis.call('ZREM', agent .. ':' .. state, id)
            redis.call('ZREM', agent .. ':queued', id)
        end

        if kind == 'retry' then
            redis.call('HSET', key, 'state', 'waiting', 'failures', failures, 'loss', loss, 'history', history)
            redis.call('ZADD', agent .. ':waiting', due, id)
            redis.call('ZADD', agent .. ':queued', 0, id)
            others_may = others_may or not needs_claim(session)
            return 0
        end

        if state == 'leased' or state == 'ready' or state == 'waiting' or state == 'held' then
            events, bytes = events + 1, bytes + e[2]
            if e[8] then
                release_next(agent, e[8], id)
            end
        end

        if kind ~= 'ack' then
            redis.call('HSET', key, 'state', kind, 'failures', failures, 'loss', loss, 'history', history)
            local ids = given_up[kind]
            ids[#ids + 1] = id
            if kind == 'expired' or outcome ~= 'nacked' then -- Else the agent knows of it.
                add_to_gap(agent, kind, e[7])
            end
        elseif keeps_delivered then
            redis.call('HSET', key, 'state', 'delivered', 'history', history)
            redis.call('PEXPIRE', key, delivered_ms)
            done[#done + 1], done[#done + 2] = now, id .. ' ' .. e[2]
            delivered[#delivered + 1], delivered[#delivered + 2] = '0', id
            done_bytes = done_bytes + e[2]
        else
            redis.call('HSET', key, 'state', 'delivered') -- Named twice in one call, it answers the same as when it is kept.
            forgotten[#forgotten + 1] = key
        end
        return 0
    end

    local results = {}
    for i = at + 6, last, 8 do
        results[#results + 1] = settle(unpack(ARGV, i, i + 7))
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

    -- The oldest of the delivered make room: members carry their size, because their hashes may have expired before them.
    local function trim(set)
        local trimmed = {}
        local total, size = redis.call('ZCARD', set), done_bytes
        if total > #done / 2 then
            size = size + tonumber(redis.call('HGET', agent, 'done_bytes') or 0)
        end
        while total > kept or (size > kept_bytes and total > 0) do
            local oldest, dropped = redis.call('ZRANGE', set, 0, 99), 0
            for _, member in ipairs(oldest) do
                if total <= kept and size <= kept_bytes then
                    break
                end
                local id, member_size = string.match(member, '^(%S+) (%S+)$')
                forgotten[#forgotten + 1] = agent .. ':e:' .. id
                trimmed[#trimmed + 1] = id
                total, size, dropped = total - 1, size - member_size, dropped + 1
            end
            redis.call('ZREMRANGEBYRANK', set, 0, dropped - 1)
        end
        in_chunks('ZREM', agent .. ':delivered', trimmed)
        redis.call('PEXPIRE', agent .. ':delivered', delivered_ms)
        redis.call('PEXPIRE', set, delivered_ms)
        redis.call('HSET', agent, 'done_bytes', size)
    end

    if #done > 0 then
        in_chunks('ZADD', agent .. ':done', done)
        in_chunks('ZADD', agent .. ':delivered', delivered)
        trim(agent .. ':done')
    end

    for kind, ids in pairs(given_up) do
        keep_given_up(agent, kind, ids, dead_ms)
    end

    in_chunks('UNLINK', nil, forgotten)
    if events > 0 then
        redis.call('HINCRBY', agent, 'events', -events)
        redis.call('HINCRBY', agent, 'bytes', -bytes)
    end
    return results
end

return each_call(settle_all)
