#!lua flags=allow-oom
-- Moves the deadlines of leases that the session holds. ARGV: session, deadline, ids. Answers 1 or 0 for each.
local agent, session, deadline = KEYS[1], ARGV[1], ARGV[2]
local results = {}
for i = 3, #ARGV do
    local kept = redis.call('HGET', agent .. ':e:' .. ARGV[i], 'state')
    if not kept then
        local batch = live_batch(agent, ARGV[i])
        if batch and not batch.is_gone then
            unbatch(agent, batch.member, batch.deadline)
            batch.is_gone = true
            kept = redis.call('HGET', agent .. ':e:' .. ARGV[i], 'state')
        end
    end
    local state, _, _, _, _, holder = state_of(kept or '')
    if state == 'leased' and holder == session then
        redis.call('ZADD', agent .. ':leased', deadline, ARGV[i])
        results[#results + 1] = 1
    else
        results[#results + 1] = 0
    end
end
return results
