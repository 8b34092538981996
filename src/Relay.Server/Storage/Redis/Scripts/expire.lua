#!lua flags=allow-oom
-- Gives up, as expired, what nobody works on. ARGV: the id before which, now, how many at most, ms to keep what is given up.
-- Answers { the id that sorts first of what is left or '', then the ids given up }.
local agent, before, now, limit, dead_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

unbatch_until(agent, now)

-- As many as may be given up, and what may be among the oldest of these.
local found, count, last = {}, 0, nil
while true do
    local member = redis.call('ZRANGEBYLEX', agent .. ':queued_batches', '-', '(' .. before, 'LIMIT', 0, 1)[1]
    if not member or (last and member > last) then
        break
    end
    local _, events = batch_of(member)
    count = count + events
    for _, event in ipairs(unbatch(agent, member)) do
        found[#found + 1] = event.id
    end
    if not last and count >= limit then
        table.sort(found)
        last = found[math.min(limit, #found)] or ''
    end
end

local ids, deadline = redis.call('ZRANGEBYLEX', agent .. ':queued', '-', '(' .. before, 'LIMIT', 0, limit), {}
local overdue = redis.call('ZRANGEBYSCORE', agent .. ':leased', '-inf', now, 'WITHSCORES')
for i = 1, #overdue, 2 do
    if overdue[i] < before then
        ids[#ids + 1] = overdue[i]
        deadline[overdue[i]] = overdue[i + 1]
    end
end
table.sort(ids)

local answer, unleased, unqueued, bytes = { '' }, {}, {}, 0
for i = 1, math.min(#ids, limit) do
    local id = ids[i]
    local key = agent .. ':e:' .. id
    local e = redis.call('HMGET', key, 'state', 'made', 'history', 'order')
    if deadline[id] then
        unleased[#unleased + 1] = id
    else
        unqueued[#unqueued + 1] = id
    end
    if e[1] then -- Else Redis evicted it, or someone deleted it.
        local _, attempts, failures, loss, leased_at, holder = state_of(e[1])
        local accepted, size = made_of(e[2])
        if deadline[id] then
            redis.call('HSET', key, 'history', ended(e[3], attempts, leased_at, holder, 'lease_expired', '', deadline[id]))
        end
        redis.call('HSET', key, 'state', as_state('expired', attempts, failures, loss, leased_at, holder))
        add_to_gap(agent, 'expired', accepted)
        if e[4] then
            release_next(agent, e[4], id)
        end
        bytes = bytes + size
        answer[#answer + 1] = id
    end
end

in_chunks('ZREM', agent .. ':leased', unleased)
in_chunks('ZREM', agent .. ':queued', unqueued)
in_chunks('ZREM', agent .. ':ready', unqueued)
in_chunks('ZREM', agent .. ':waiting', unqueued)
if #unleased + #unqueued > 0 then
    redis.call('HINCRBY', agent, 'bytes', 0 - bytes)
    if redis.call('HINCRBY', agent, 'events', -#unleased - #unqueued) <= 0 then
        redis.call('HSET', agent, 'events', 0, 'bytes', 0) -- How large what was lost was went with it.
    end
end
keep_given_up(agent, 'expired', { unpack(answer, 2) }, dead_ms)

answer[1] = redis.call('ZRANGE', agent .. ':queued', 0, 0)[1] or ''
for set, last in pairs({ [':leased'] = -1, [':batches'] = -1, [':queued_batches'] = 0 }) do
    for _, member in ipairs(redis.call('ZRANGE', agent .. set, 0, last)) do
        local id = batch_of(member) or member
        if answer[1] == '' or id < answer[1] then
            answer[1] = id
        end
    end
end
return answer
