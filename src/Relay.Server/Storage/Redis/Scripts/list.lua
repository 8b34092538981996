#!lua flags=allow-oom
-- A page of events, newest id first. ARGV: the id before which it begins or '', how many, then the sets to look at.
-- Answers { where the next page begins or '', then for each event: id, state, accepted, head, size, attempts, failures, due or '' }.
local agent, before, count = KEYS[1], ARGV[1], tonumber(ARGV[2])

-- The newest found, one more than asked for; beyond that they are cut off now and then.
local ids, set_of, member_of, batched, oldest = {}, {}, {}, {}, ''
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

-- Of the events of a batch those that are acked, or those that are not.
local function consider_batch(member, deadline, acked)
    local batch = read_batch(agent, member, deadline)
    if not batch then
        return false
    end
    for _, event in ipairs(batch.events) do
        if (event.acked ~= nil) == acked then
            batched[event.id] = { event = event, batch = batch, member = member }
            consider(event.id, '', member)
        end
    end
    return true
end

-- Newest first, until there are enough that are newer than any of those that follow.
local function consider_ready_batches(last)
    while true do
        cut_off()
        local members = redis.call('ZREVRANGEBYLEX', agent .. ':queued_batches', last, '-', 'LIMIT', 0, 16)
        if #members == 0 or (oldest ~= '' and members[1] < earliest_with(oldest)) then
            return
        end
        for _, member in ipairs(members) do
            consider_batch(member, nil, false)
        end
        last = '(' .. members[#members]
    end
end

-- Its time to live is over.
local function forget_done(member)
    local first, count, size = batch_of(member)
    redis.call('ZREM', agent .. ':done', member)
    redis.call('HINCRBY', agent, 'done_bytes', -(size or string.match(member, '%d+$')))
    if first then
        redis.call('HINCRBY', agent, 'done_more', 1 - count)
    end
end

for i = 3, #ARGV do
    local set = agent .. ':' .. ARGV[i]
    if ARGV[i] == 'leased' or ARGV[i] == 'done' then
        local live = redis.call('ZRANGE', agent .. ':batches', 0, -1, 'WITHSCORES')
        for at = 1, #live, 2 do
            consider_batch(live[at], live[at + 1], ARGV[i] == 'done')
        end
    end
    if ARGV[i] == 'leased' or ARGV[i] == 'done' then
        -- Not in the order of ids, but bounded: by agents' windows, and by how many of the delivered ("id size") are kept.
        local gone = {}
        for at = 0, redis.call('ZCARD', set) - 1, 1000 do
            for _, member in ipairs(redis.call('ZREVRANGE', set, at, at + 999)) do
                if not batch_of(member) then
                    consider(string.match(member, '^%S+'), set, member)
                elseif not consider_batch(member, nil, true) then
                    gone[#gone + 1] = member
                end
            end
        end
        for _, member in ipairs(gone) do
            forget_done(member)
        end
    else
        local last = before == '' and '+' or '(' .. before
        for _, id in ipairs(redis.call('ZREVRANGEBYLEX', set, last, '-', 'LIMIT', 0, count + 1)) do
            consider(id, set, id)
        end
        if ARGV[i] == 'queued' then
            consider_ready_batches(last)
        end
    end
end

-- As an event of its own has it: { state, made, head, due }.
local bodies = {}
local function show_batched(one)
    local event = one.event
    bodies[one.member] = bodies[one.member] or redis.call('HGET', agent .. ':b:' .. batch_of(one.member), 'bodies')
    return {
        state_in_batch(one.batch, event), event.accepted .. ' ' .. (event.ends - event.head),
        string.sub(bodies[one.member], event.head, event.body - 1), event.due,
    }
end

cut_off()
local answer = { #ids > count and ids[count] or '' }
for i = 1, math.min(#ids, count) do
    local id = ids[i]
    local e = batched[id] and show_batched(batched[id]) or redis.call('HMGET', agent .. ':e:' .. id, 'state', 'made', 'head')
    if e[1] then
        local state, attempts, failures = state_of(e[1])
        local accepted, size = made_of(e[2])
        local due = e[4] or (state == 'leased' or state == 'waiting') and redis.call('ZSCORE', agent .. ':' .. state, id)
        for _, value in ipairs({ id, state, accepted, e[3], size, tonumber(attempts), tonumber(failures), due or '' }) do
            answer[#answer + 1] = value
        end
    elseif set_of[id] == agent .. ':done' then
        forget_done(member_of[id])
    elseif set_of[id] ~= agent .. ':leased' then
        -- Its time to live is over. What is leased is lease.lua's to drop, which counts it.
        redis.call('ZREM', set_of[id], member_of[id])
    end
end
return answer
