#!lua flags=allow-oom
-- A page of events, newest id first. ARGV: the id before which it begins or '', how many, then the sets to look at.
-- Answers { where the next page begins or '', then for each event: id, state, accepted, head, size, attempts, failures, due or '' }.
local agent, before, count = KEYS[1], ARGV[1], tonumber(ARGV[2])

-- The newest found, one more than asked for; beyond that they are cut off now and then.
local ids, set_of, member_of, oldest = {}, {}, {}, ''
local function cut_off()
    table.sort(ids)
    local newest = {}
    for i = #ids, math.max(1, #ids - count), -1 do
        newest[#newest + 1] = ids[i]
    end
    ids, oldest = newest, newest[count + 1] or ''
end

local function consider(id, set, member)
    if (before == '' or id < before) and id > oldest then
        ids[#ids + 1] = id
        set_of[id], member_of[id] = set, member
        if #ids > 4 * count + 100 then
            cut_off()
        end
    end
end

for i = 3, #ARGV do
    local set = agent .. ':' .. ARGV[i]
    if ARGV[i] == 'leased' or ARGV[i] == 'done' then
        -- Not in the order of ids, but bounded: by agents' windows, and by how many of the delivered ("id size") are kept.
        for at = 0, redis.call('ZCARD', set) - 1, 1000 do
            for _, member in ipairs(redis.call('ZREVRANGE', set, at, at + 999)) do
                consider(string.match(member, '^%S+'), set, member)
            end
        end
    else
        local last = before == '' and '+' or '(' .. before
        for _, id in ipairs(redis.call('ZREVRANGEBYLEX', set, last, '-', 'LIMIT', 0, count + 1)) do
            consider(id, set, id)
        end
    end
end

cut_off()
local answer = { #ids > count and ids[count] or '' }
for i = 1, math.min(#ids, count) do
    local id = ids[i]
    local e = redis.call('HMGET', agent .. ':e:' .. id, 'state', 'made', 'head')
    if e[1] then
        local state, attempts, failures = state_of(e[1])
        local accepted, size = made_of(e[2])
        local due = (state == 'leased' or state == 'waiting') and redis.call('ZSCORE', agent .. ':' .. state, id)
        for _, value in ipairs({ id, state, accepted, e[3], size, tonumber(attempts), tonumber(failures), due or '' }) do
            answer[#answer + 1] = value
        end
    elseif set_of[id] ~= agent .. ':leased' then
        -- Its time to live is over. What is leased is lease.lua's to drop, which counts it.
        redis.call('ZREM', set_of[id], member_of[id])
        if set_of[id] == agent .. ':done' then
            redis.call('HINCRBY', agent, 'done_bytes', -string.match(member_of[id], '%d+$'))
        end
    end
end
return answer
