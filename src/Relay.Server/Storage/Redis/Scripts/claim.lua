#!lua flags=allow-oom
-- Gives the agent to a session, if that needs it: what other connections hold is due now. Answers { how many events are unsettled, gap of expired
-- ones, gap of dead ones }.
local agent, session, now = KEYS[1], ARGV[1], ARGV[2]
if needs_claim(session) then
    redis.call('HSET', agent, 'claim', session)
    redis.call('HDEL', agent, 'sharers')

    unbatch_until(agent, '+inf')
    local unleased, waiting, queued = {}, {}, {}
    for _, id in ipairs(redis.call('ZRANGE', agent .. ':leased', 0, -1)) do
        local key = agent .. ':e:' .. id
        local e = redis.call('HMGET', key, 'state', 'history')
        local _, attempts, failures, loss, leased_at, holder = state_of(e[1] or '')
        if holder and holder ~= session and is_connection(holder) then
            redis.call('HSET', key, 'state', as_state('waiting', attempts, failures, loss, leased_at, holder),
                'history', ended(e[2], attempts, leased_at, holder, 'released', '', now))
            unleased[#unleased + 1] = id
            waiting[#waiting + 1], waiting[#waiting + 2] = now, id
            queued[#queued + 1], queued[#queued + 2] = 0, id
        end
    end

    in_chunks('ZREM', agent .. ':leased', unleased)
    in_chunks('ZADD', agent .. ':waiting', waiting)
    in_chunks('ZADD', agent .. ':queued', queued)
    redis.call('PUBLISH', agent .. ':signal', session)
end

local now_kept = redis.call('HMGET', agent, 'events', 'gap_expired', 'gap_dead')
return { tonumber(now_kept[1] or 0), now_kept[2] or '', now_kept[3] or '' }
