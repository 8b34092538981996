#!lua flags=no-writes
-- An event as it stands, or false: { state, accepted, head, body, attempts, failures, due or '', history, loss (0/1) }.
local agent, id = KEYS[1], ARGV[1]
local e = redis.call('HMGET', agent .. ':e:' .. id, 'state', 'made', 'head', 'body', 'history')
local due
if not e[1] then
    local batch = live_batch(agent, id) or done_batch(agent, id)
    if not batch then
        return false
    end
    local kept = read_batch(agent, batch.member, batch.deadline)
    local bodies = redis.call('HGET', agent .. ':b:' .. batch_of(batch.member), 'bodies')
    for _, event in ipairs(kept.events) do
        if event.id == id then
            e = {
                state_in_batch(kept, event), event.accepted .. ' ' .. (event.ends - event.head),
                string.sub(bodies, event.head, event.body - 1), string.sub(bodies, event.body, event.ends - 1),
            }
            due = event.due
        end
    end
    if not e[1] then
        return false
    end
end
local state, attempts, failures, loss = state_of(e[1])
due = due or ((state == 'leased' or state == 'waiting') and redis.call('ZSCORE', agent .. ':' .. state, id))
local history = e[5] or ''
local number, at, session, outcome, at_end, reason = string.match(e[1], '^delivered (%S+) %S+ %S+ (%S+) ([^|]+)|([^|]+)|([^|]+)|(.*)$')
if number then
    history = ended(history, number, at, session, outcome, reason, at_end)
end
return { state, (made_of(e[2])), e[3], e[4], tonumber(attempts), tonumber(failures), due or '', history, tonumber(loss) }
