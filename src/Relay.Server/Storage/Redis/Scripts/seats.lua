#!lua flags=allow-oom
-- How many connections nodes have of one agent, or from one address. ARGV: node, now, until when it is believed, take, give or hold, how many, how
-- many of them without a key, the most of all nodes, the most of them without a key. Answers 1, or 0: take would make them too many.
local key, node, now, ends, act = KEYS[1] .. ':seats', ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local all, guests, most, most_guests = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local own, own_guests, others, other_guests = 0, 0, 0, 0
local kept = redis.call('HGETALL', key)
for i = 1, #kept, 2 do
    local has, has_guests, believed = kept[i + 1]:match('^(%d+) (%d+) (%d+)$')
    if kept[i] == node then
        own, own_guests = tonumber(has), tonumber(has_guests)
    elseif tonumber(believed) <= now then
        redis.call('HDEL', key, kept[i])
    else
        others, other_guests = others + has, other_guests + has_guests
    end
end

if act == 'take' then
    if others + own + all > most or (guests > 0 and other_guests + own_guests + guests > most_guests) then
        return 0
    end
    all, guests = own + all, own_guests + guests
elseif act == 'give' then
    all, guests = math.max(0, own - all), math.max(0, own_guests - guests)
end

if all == 0 then
    redis.call('HDEL', key, node)
else
    redis.call('HSET', key, node, string.format('%d %d %.0f', all, guests, ends))
end
redis.call('PEXPIRE', key, ends - now)
return 1
