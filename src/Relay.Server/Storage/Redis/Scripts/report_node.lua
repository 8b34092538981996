#!lua flags=allow-oom
-- Enters a node. ARGV: node, connections, now, until. Answers node and connections of all whose time is not over; the others are dropped.
local nodes, node, connections, now, ends = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
redis.call('HSET', nodes, node, ends .. ' ' .. connections)
redis.call('PEXPIRE', nodes, tonumber(ends) - now, 'GT')
redis.call('PEXPIRE', nodes, tonumber(ends) - now, 'NX')

local answer, all = {}, redis.call('HGETALL', nodes)
for i = 1, #all, 2 do
    local till, count = string.match(all[i + 1], '^(%d+) (%d+)$')
    if tonumber(till) > now then
        answer[#answer + 1], answer[#answer + 2] = all[i], count
    else
        redis.call('HDEL', nodes, all[i])
    end
end
return answer
