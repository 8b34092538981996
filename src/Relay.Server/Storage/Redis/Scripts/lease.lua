#!lua flags=allow-oom
-- Hands out what is due. Answers false when another session holds the claim, else
-- { more due now (0/1), next due or '', then for each event: id, accepted, head, body, attempt, failures, loss (0/1),
--   until when its sender waits or '' }.
local agent = KEYS[1]
local session, max_events, max_bytes, now, deadline = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]

if needs_claim(session) then
    local claim = redis.call('HGET', agent, 'claim')
    if not claim then
        redis.call('HSET', agent, 'claim', session) -- Lost with what Redis lost: who is there has it again.
    elseif claim ~= session then
        return false
    end
end

local answer = { 0, '' }
local count, bytes, lost = 0, 0, 0
local leases, unready, unwaiting = {}, {}, {}

-- `due`: for a lease that has run out, when it did.
local function hand_out(id, due)
    local key = agent .. ':e:' .. id
    local e = redis.call('HMGET', key, 'accepted', 'head', 'body', 'attempts', 'failures', 'loss', 'state', 'holder', 'leased_at', 'history', 'wait')
    if not e[1] then
        lost = lost + 1 -- Redis evicted it, or someone deleted it: the queue goes on.
        redis.call('ZREM', agent .. ':leased', id)
        return
    end

    local attempts, failures, loss = tonumber(e[4] or 0), tonumber(e[5] or 0), e[6] or '0'
    if e[7] == 'leased' then
        local history = ended(e[10], attempts, e[9], e[8], 'lease_expired', '', due)
        if via(e[8]) == 'poll' then
            failures = failures + 1
        elseif loss ~= '1' then
            failures, loss = failures + 1, '1'
        end
        redis.call('HSET', key, 'failures', failures, 'loss', loss, 'history', history)
    end

    redis.call('HSET', key, 'state', 'leased', 'attempts', attempts + 1, 'holder', session, 'leased_at', now)
    leases[#leases + 1], leases[#leases + 2] = deadline, id
    count, bytes = count + 1, bytes + #e[2] + #e[3]
    for _, value in ipairs({ id, e[1], e[2], e[3], attempts + 1, failures, tonumber(loss), e[11] and string.match(e[11], '^%d+') or '' }) do
        answer[#answer + 1] = value
    end
end

local function full()
    return count >= max_events or (count > 0 and bytes >= max_bytes)
end

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
        hand_out(leased[l], ldue)
        l = l + 2
    end
end

if not full() then
    for _, id in ipairs(redis.call('ZRANGE', agent .. ':ready', 0, max_events - count - 1)) do
        unready[#unready + 1] = id
        hand_out(id)
        if full() then
            break
        end
    end
end

in_chunks('ZREM', agent .. ':waiting', unwaiting)
in_chunks('ZREM', agent .. ':ready', unready)
in_chunks('ZREM', agent .. ':queued', unwaiting)
in_chunks('ZREM', agent .. ':queued', unready)
in_chunks('ZADD', agent .. ':leased', leases)
if lost > 0 and redis.call('HINCRBY', agent, 'events', -lost) <= 0 then
    redis.call('HSET', agent, 'events', 0, 'bytes', 0) -- How large they were went with them.
end

local function next_due(set)
    return tonumber(redis.call('ZRANGE', agent .. set, 0, 0, 'WITHSCORES')[2]) or math.huge
end

local due = math.min(next_due(':waiting'), next_due(':leased'))
if due <= tonumber(now) or redis.call('EXISTS', agent .. ':ready') == 1 then
    answer[1] = 1
elseif due < math.huge then
    answer[2] = string.format('%.0f', due)
end
return answer
