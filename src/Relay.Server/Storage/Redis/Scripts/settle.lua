#!lua flags=allow-oom
-- Ends attempts; takes many. Answers an array, for each: 0: settled, 1: already delivered, 2: not held, 3: unknown.
-- ARGV: now, ms to keep delivered ones, how many of them, bytes of them, ms to keep dead ones, the node that asks; how many batches have acks, and for each
-- its member, its `acked` from now on and its `lease` or '' (batches.lua), the ids that are new in it, one behind the other; then runs of settlements that are
-- alike but for their ids: how many, kind, session, outcome, reason as JSON or '', due (of an ack: the reply to the sender, or ''), failures,
-- twice the attempt that ends (0: whichever) and 1 more with a loss, ids. Of a batch it answers 0 or 1 when it is one still, else a string with the answer for each of the ids.
local id_length = 36

local function settle_all(agent, at, last)
    local now, delivered_ms, kept, kept_bytes, dead_ms = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local node = ARGV[at + 5]
    local keeps_delivered = delivered_ms > 0 and kept > 0
    local events, bytes, done_bytes, done_more = 0, 0, 0, 0
    local others_may = false
    local freed = {}
    local unleased, done, forgotten = {}, {}, {}
    local done_batches = 0
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

    -- Acknowledged as a part of their batches.
    local acked_now = {}

    local function settle(id, kind, session, outcome, reason, due, failures, attempt_and_loss)
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'made', 'order', 'wait')
        if not e[1] then
            if acked_now[id] then
                return 1
            end
            local batch = live_batch(agent, id)
            if not batch then
                return done_batch(agent, id) and 1 or 3
            elseif not batch.is_gone then
                unbatch(agent, batch.member, batch.deadline)
                batch.is_gone = true
                e = redis.call('HMGET', key, 'state', 'made', 'order', 'wait')
            end
        end

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

    -- Acks of events that are in one batch: of what they are, the node knows more than is to be read here.
    local run = at + 7 + 4 * ARGV[at + 6]
    local function settle_batch(member, acked, lease, ids)
        local id, count, size = batch_of(member)
        local key = agent .. ':b:' .. id
        local kept = redis.call('HMGET', key, 'acked', 'lease')
        local before = kept[1]
        if not before or (kept[2] or '') ~= lease then -- Another lease, or none: that one is lost with what Redis lost.
            local answers = {}
            for first = 1, #ids, id_length do
                answers[#answers + 1] = settle(string.sub(ids, first, first + id_length - 1), 'ack', '', 'acked', '', '', 0, 0)
            end
            return table.concat(answers, ' ')
        end

        if run <= last then
            for first = 1, #ids, id_length do
                acked_now[string.sub(ids, first, first + id_length - 1)] = true
            end
        end
        local count_before, bytes_before = string.match(before, '^(%d+) (%d+)')
        local count_now, bytes_now = string.match(acked, '^(%d+) (%d+)')
        if tonumber(count_now) <= tonumber(count_before) then
            return 1
        end
        redis.call('HSET', key, 'acked', acked)
        events, bytes = events + count_now - count_before, bytes + bytes_now - bytes_before
        if count_now == count then
            -- At once: what follows may name its events.
            redis.call('ZREM', agent .. ':batches', member)
            lookups[agent] = nil
            if keeps_delivered then
                local set = agent .. ':done'
                if done_batches == 0 and redis.call('EXISTS', set) == 0 then
                    redis.call('HDEL', agent, 'done_bytes', 'done_more')
                end
                redis.call('PEXPIRE', key, delivered_ms)
                redis.call('ZADD', set, now, member)
                done_batches = done_batches + 1
                done_bytes, done_more = done_bytes + size, done_more + count - 1
            else
                forgotten[#forgotten + 1] = key
            end
        end
        return 0
    end

    local results = {}
    for batch = at + 7, run - 1, 4 do
        results[#results + 1] = settle_batch(unpack(ARGV, batch, batch + 3))
    end
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

    local queue = redis.call('HMGET', agent, 'events', 'bytes', 'done_bytes', 'done_more')

    -- The oldest of the delivered make room: members carry their size, because their hashes may have expired before them. Answers the size of what stays,
    -- and how many more events it has than members.
    local function trim(set)
        local members, size, more = redis.call('ZCARD', set), done_bytes, done_more
        if members > #done / 2 + done_batches then
            size, more = size + tonumber(queue[3] or 0), more + tonumber(queue[4] or 0)
        end
        local total = members + more
        local function is_too_much()
            return total > kept or (size > kept_bytes and total > 0)
        end

        while members > 0 and is_too_much() do
            local some = math.ceil((total - kept) * members / total)
            local oldest, gone = redis.call('ZRANGE', set, 0, math.min(100, math.max(1, some)) - 1), 0
            for _, member in ipairs(oldest) do
                if not is_too_much() then
                    break
                end
                local first, count, its_size = batch_of(member)
                if first then
                    forgotten[#forgotten + 1] = agent .. ':b:' .. first
                    more = more - count + 1
                else
                    local id
                    id, its_size = string.match(member, '^(%S+) (%S+)$')
                    forgotten[#forgotten + 1] = agent .. ':e:' .. id
                end
                gone, total, size = gone + 1, total - (count or 1), size - its_size
            end
            redis.call('ZREMRANGEBYRANK', set, 0, gone - 1)
            members = members - gone
        end
        if members == 0 then
            return 0, 0
        end
        return size, more
    end

    local counts = {}
    if #done > 0 or done_batches > 0 then
        local set = agent .. ':done'
        in_chunks('ZADD', set, done)
        local size, more = trim(set)
        counts = { 'done_bytes', size }
        if more ~= tonumber(queue[4] or 0) then
            counts = { 'done_bytes', size, 'done_more', more }
        end
        keep_list(set, delivered_ms)
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
