-- A sign of life of one node, and what is to be done that any node may do.
--
-- KEYS[1] the prefix of all keys. ARGV[1] the node, [2] whether it was known before ('1'), [3] milliseconds without a
-- sign of life after which a node is dead, [4] milliseconds that whoever takes a task has for it.
--
-- Answers {now, 'ok' or 'gone', when the next room is due or '', rooms that are due, dead nodes and their rooms}.
local prefix, node, limit, lease = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local wall = time[1] * 1000 + math.floor(time[2] / 1000)

-- The clock of rooms stands still while no node reaches Redis: nobody's grace ends for that, and no node is dead for it.
local clock = redis.call('HMGET', prefix .. 'clock', 'last', 'skew')
local skew = tonumber(clock[2] or 0)
if clock[1] then
  local gap = wall - tonumber(clock[1])
  if gap > limit / 2 or gap < 0 then skew = skew + gap end
end
redis.call('HSET', prefix .. 'clock', 'last', string.format('%.0f', wall), 'skew', string.format('%.0f', skew))
local now = wall - skew

local state = 'ok'
if ARGV[2] == '1' and not redis.call('ZSCORE', prefix .. 'nodes', node) then
  state = 'gone'
else
  redis.call('ZADD', prefix .. 'nodes', now + limit, node)
end

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'nodes', '-inf', '(' .. string.format('%.0f', now))) do
  redis.call('ZREM', prefix .. 'nodes', dead)
  redis.call('ZADD', prefix .. 'dying', 0, dead)
end
local dying = {}
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'dying', '-inf', now, 'LIMIT', 0, 4)) do
  local rooms = redis.call('SRANDMEMBER', prefix .. 'node:' .. dead, 64)
  if #rooms == 0 then
    redis.call('ZREM', prefix .. 'dying', dead)
  else
    redis.call('ZADD', prefix .. 'dying', now + lease, dead)
    dying[#dying + 1] = { dead, rooms }
  end
end

local due = redis.call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now, 'LIMIT', 0, 64)
for _, room in ipairs(due) do
  if redis.call('EXISTS', prefix .. 'room:' .. room) == 1 then
    redis.call('ZADD', prefix .. 'due', now + lease, room)
  else
    redis.call('ZREM', prefix .. 'due', room)
  end
end
local next_due = redis.call('ZRANGE', prefix .. 'due', 0, 0, 'WITHSCORES')[2] or ''
return { string.format('%.0f', now), state, next_due, due, dying }
