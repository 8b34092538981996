#!lua flags=allow-oom
-- Takes permits out of a bucket; takes many. ARGV: now, its size (which a minute brings anew), how many are wanted (0: only looks; -1: all,
-- and those of the next minute), for how many ms they may be held. Answers { how many were taken, how many are left, in how many ms there is one if there is none }.
-- What may still be held unused counts as in the bucket, so that it never brings more than its size and what time has brought since. Who is
-- busy has used most of it: of that no more counts than half of the bucket, which 25 nodes can hold.
local function take(limit, first)
    local key, now, size, wanted, hold = limit .. ':permits', tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
    local kept = redis.call('HMGET', key, 'size', 'left', 'at', 'held', 'held_before')
    local left, at, held, held_before = tonumber(kept[2] or size), tonumber(kept[3] or now), tonumber(kept[4] or 0), tonumber(kept[5] or 0)
    if kept[1] and tonumber(kept[1]) ~= size then
        left = math.max(0, left + size - kept[1])
    end

    -- Nodes' clocks differ a little. One that is far ahead must not stop the others' time.
    if now < at and at - now < 60000 then
        now = at
    end

    local passed = math.floor(now / hold) - math.floor(at / hold)
    if passed ~= 0 then
        held, held_before = 0, passed == 1 and held or 0
    end
    left = math.max(left, math.min(left + math.max(0, now - at) * size / 60000, size - math.min(held + held_before, size / 2)))

    -- The last ones go round in small portions: another node may need them more.
    local taken = math.max(0, math.min(wanted, math.floor(left), math.max(1, math.floor(left / 8))))
    left = wanted < 0 and -size or left - taken
    if taken > 1 then
        held = held + taken
    end

    if wanted ~= 0 then
        redis.call('HSET', key, 'size', size, 'left', string.format('%.6f', left), 'at', string.format('%.0f', now), 'held', held, 'held_before', held_before)
        -- A full bucket is as good as none; a while longer, for clocks that differ.
        redis.call('PEXPIRE', key, math.ceil((size - left) * 60000 / size) + 2 * hold + 10000)
    end
    return { taken, math.floor(left), (taken > 0 or left >= 1) and 0 or math.ceil((1 - left) * 60000 / size) }
end

return each_call(take)
