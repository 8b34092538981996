#!lua flags=allow-oom
-- Hands out what is due; takes many. Answers false when another session holds the claim, else
-- { more due now (0/1), next due or '', then for each event: id, accepted, head, body, attempt, failures, loss (0/1),
--   until when its sender waits or ''; or for a batch of them (batches.lua): member, '', index, bodies, 1, 0, 0, '' }.
local most_together, handed_out = 4194304, 0 -- Bytes, by all of the calls together; an event counts as 1 KiB more than it has.

local function lease(agent, at)
    local session, max_events, max_bytes, now, deadline = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4]
    local enough = tonumber(ARGV[at + 5]) -- For more than so many no batch is taken apart.
    local said = ARGV[at + 6] -- "room node" of a session that shares the agent; '': it shares it no more.
    local turn_ms, silent_ms = 250, 60000 -- Who shares an agent asks every few seconds, room or not.

    local kept = redis.call('HMGET', agent, 'claim', 'sharers')
    local sharers, mine = kept[2] and cjson.decode(kept[2]), nil
    if needs_claim(session) then
        local claim = kept[1]
        if not claim then
            redis.call('HSET', agent, 'claim', session) -- Lost with what Redis lost: who is there has it again.
        elseif claim ~= session then
            return false
        end
        if sharers then
            redis.call('HDEL', agent, 'sharers') -- One that had not heard yet of the claim.
        end
    elseif is_sharing(session) and said ~= '' then
        sharers = sharers or {}
        mine = hear(sharers, session, said, now)
    elseif is_sharing(session) and sharers and sharers[session] then
        sharers[session] = nil
        save_sharers(agent, sharers)
        redis.call('PUBLISH', agent .. ':signal', '') -- What was left to it is anybody's.
    end

    -- How many ready events are another's turn, and until when. Who has not come for its turns in time is not counted on until it is heard of again.
    local function others_turns()
        local turns, ends, at = 0, math.huge, tonumber(now)
        for other, one in pairs(sharers) do
            if one ~= mine then
                -- Another node's clock may be ahead.
                one.heard = math.min(one.heard or at, at)
                one.since = one.since and math.min(one.since, at)
                local is_late = one.turns > 0 and one.since + turn_ms <= at
                if is_late or one.heard + silent_ms <= at then
                    sharers[other] = nil
                elseif one.turns > 0 then
                    turns, ends = turns + one.turns, math.min(ends, one.since + turn_ms)
                end
            end
        end
        return turns, ends
    end

    -- What is too much for one answer is asked for again.
    if handed_out >= most_together then
        max_events = 0
    end

    local answer = { 0, '' }
    local count, bytes, lost = 0, 0, 0
    local leases, unready, unwaiting = {}, {}, {}
    local from_ready, live = 0, nil

    -- `due`: for a lease that has run out, when it did (as it is kept).
    local function hand_out(id, due)
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'made', 'head', 'body', 'wait')
        if not e[1] then
            lost = lost + 1 -- Redis evicted it, or someone deleted it: the queue goes on.
            redis.call('ZREM', agent .. ':leased', id)
            return
        end

        local state, attempts, failures, loss, leased_at, holder = state_of(e[1])
        if state == 'leased' then
            redis.call('HSET', key, 'history', ended(redis.call('HGET', key, 'history'), attempts, leased_at, holder, 'lease_expired', '', due))
            if via(holder) == 'poll' then
                failures = failures + 1
            elseif loss ~= '1' then
                failures, loss = failures + 1, '1'
            end
        end

        local accepted, size = made_of(e[2])
        redis.call('HSET', key, 'state', as_state('leased', attempts + 1, failures, loss, now, session))
        leases[#leases + 1], leases[#leases + 2] = deadline, id
        count, bytes = count + 1, bytes + size
        handed_out = handed_out + size + 1024
        for _, value in ipairs({ id, accepted, e[3], e[4], attempts + 1, tonumber(failures), tonumber(loss), e[5] and string.match(e[5], '^%d+') or '' }) do
            answer[#answer + 1] = value
        end
    end

    -- What is in batches is older than what has somebody's turn, and enough for now.
    local function ready_count()
        return redis.call('EXISTS', agent .. ':ready_batches') == 1 and math.huge or redis.call('ZCARD', agent .. ':ready')
    end

    local function full()
        return count >= max_events or (count > 0 and bytes >= max_bytes)
    end

    -- Lists what was handed out as that. What fails in between, because somebody made a key something else, leaves it where it was too.
    local function list_leased()
        in_chunks('ZADD', agent .. ':leased', leases)
        in_chunks('ZREM', agent .. ':waiting', unwaiting)
        in_chunks('ZREM', agent .. ':ready', unready)
        in_chunks('ZREM', agent .. ':queued', unwaiting)
        in_chunks('ZREM', agent .. ':queued', unready)
        leases, unready, unwaiting = {}, {}, {}
    end

    -- All of it, if there is room; else it is to be taken apart.
    local function hand_out_batch(member)
        local first, events, size = batch_of(member)
        live = live or redis.call('ZCARD', agent .. ':batches')
        if count + events > max_events or bytes + size > max_bytes or live >= most_batches then
            return false
        end

        local key = agent .. ':b:' .. first
        local e = redis.call('HMGET', key, 'index', 'bodies')
        if not e[1] or not e[2] then
            return false
        end

        unready_batch(agent, member)
        redis.call('HSET', key, 'lease', session .. ' ' .. now)
        redis.call('ZADD', agent .. ':batches', deadline, member)
        live, count, bytes = live + 1, count + events, bytes + size
        handed_out = handed_out + size + 1024 * events
        for _, value in ipairs({ member, '', e[1], e[2], 1, 0, 0, '' }) do
            answer[#answer + 1] = value
        end
        return true
    end

    -- Those that are ready in a batch, the oldest first.
    local function next_batch()
        local found = redis.call('ZRANGE', agent .. ':ready_batches', 0, 0, 'WITHSCORES')
        return found[1], tonumber(found[2])
    end

    unbatch_until(agent, now, function(events, size)
        handed_out = handed_out + size + 1024 * events
        return handed_out >= most_together
    end)

    -- Two sorted lists, merged: earliest first, and of one millisecond the oldest id.
    local waiting = redis.call('ZRANGEBYSCORE', agent .. ':waiting', '-inf', now, 'WITHSCORES', 'LIMIT', 0, max_events)
    local leased = redis.call('ZRANGEBYSCORE', agent .. ':leased', '-inf', now, 'WITHSCORES', 'LIMIT', 0, max_events)
    local w, l = 1, 1
    while not full() and (waiting[w] or leased[l]) do
        local wdue, ldue = tonumber(waiting[w + 1]) or math.huge, tonumber(leased[l + 1]) or math.huge
        if wdue < ldue or (wdue == ldue and waiting[w] < leased[l]) then
            unwaiting[#unwaiting + 1] = waiting[w]
            hand_out(waiting[w])
            w = w + 2
        else
            hand_out(leased[l], leased[l + 1])
            l = l + 2
        end
    end

    local left, left_until = 0, math.huge
    if mine then
        left, left_until = others_turns()
    end

    -- What is ready, by sequence: batches, and events of their own. Who needs no claim is handed all one by one.
    local singles, s, most, apart = nil, 1, 0, 0
    while not full() and apart < most_batches do
        if not singles then
            list_leased()
            most = max_events - count
            if mine then
                most = math.min(most, math.max(mine.turns - from_ready, ready_count() - left))
            end
            singles, s = most > 0 and redis.call('ZRANGE', agent .. ':ready', 0, most - 1, 'WITHSCORES') or {}, 1
        end
        if most <= 0 then
            break
        end
        local member, sequence = next_batch()
        if member and sequence < (tonumber(singles[s + 1]) or math.huge) then
            if not (needs_claim(session) and hand_out_batch(member)) then
                if needs_claim(session) and count >= enough then
                    break
                end
                unbatch(agent, member)
                singles, apart = nil, apart + 1
            end
        elseif singles[s] then
            unready[#unready + 1] = singles[s]
            hand_out(singles[s])
            s, most, from_ready = s + 2, most - 1, from_ready + 1
        else
            break
        end
    end

    list_leased()
    if lost > 0 then
        drop_lost(agent, lost, 0) -- How large they were went with them.
    end

    local ready, turn_due = ready_count(), math.huge
    if mine then
        mine.room, mine.turns, mine.since = math.max(0, mine.room - count), math.max(0, mine.turns - from_ready), tonumber(now)
        for _, one in pairs(sharers) do
            one.turns = ready > 0 and one.turns or 0 -- Polls may have taken them.
            one.since = one.turns > 0 and one.since or nil
        end
        save_sharers(agent, sharers)
        if ready > 0 and mine.turns == 0 and ready <= left then
            ready, turn_due = 0, left_until
        end
    end
    if ready > 0 then
        answer[1] = 1
        return answer
    end

    local function next_due(set)
        return tonumber(redis.call('ZRANGE', agent .. set, 0, 0, 'WITHSCORES')[2]) or math.huge
    end
    local due = math.min(turn_due, next_due(':waiting'), next_due(':leased'), next_batched(agent))
    if due <= tonumber(now) then
        answer[1] = 1
    elseif due < math.huge then
        answer[2] = string.format('%.0f', due)
    end
    return answer
end

return each_call(lease)
