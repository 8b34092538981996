#!lua flags=allow-oom
-- A page of events, newest id first. ARGV: the id before which it begins or '', how many, then the sets to look at.
-- Answers { where the next page begins or '', then for each event: id, state, accepted, head, size, attempts, failures, due or '' }.
local agent, before, count = KEYS[1], ARGV[1], tonumber(ARGV[2])

local ids, set_of = {}, {}
local function consider(id, set)
    ids[#ids + 1] = id
    set_of[id] = set
end

for i = 3, #ARGV do
    local set = agent .. ':' .. ARGV[i]
    if ARGV[i] == 'leased' then
        -- In the order of deadlines, but few: agents' windows bound them.
        for _, id in ipairs(redis.call('ZRANGE', set, 0, -1)) do
            if before == '' or id < before then
                consider(id, set)
            end
        end
    else
        local last = before == '' and '+' or '(' .. before
        for _, id in ipairs(redis.call('ZREVRANGEBYLEX', set, last, '-', 'LIMIT', 0, count + 1)) do
            consider(id, set)
        end
    end
end

table.sort(ids, function(a, b) return a > b end)
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
        redis.call('ZREM', set_of[id], id) -- Its time to live is over. What is leased is lease.lua's to drop, which counts it.
    end
end
return answer
