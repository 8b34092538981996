#!lua
-- A write, refused for every reason for which accepting an event would be.
redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
return 1
