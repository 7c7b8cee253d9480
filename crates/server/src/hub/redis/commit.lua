-- One step of one room, all or nothing.
--
-- KEYS[1] the room, KEYS[2] the prefix of all keys.
-- ARGV[1] the node, [2] the name of this commit, [3] the tag of the state that it was made from ('' for no room),
--   [4] the tag of the new state ('' where it is the same), [5] the new state ('' where the room is over),
--   [6] when the room wants to be told the time ('' for never), [7] rooms there may be ('' for any number),
--   [8] and [9] messages and bytes that an outbox may hold, [10] milliseconds that a key lives untouched,
--   [11] the room's id, then operations, each a letter and what belongs to it; the first may be R peer seq, a resume.
--
-- Answers {'ok', lost, over, reading}, {'conflict', tag, state}, {'far'} where a resume wants what is not kept any more,
-- or {'rooms'}.
local room, prefix = KEYS[1], KEYS[2]
local node, op, tag, next_tag = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local most, most_bytes, ttl = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local id = ARGV[11]

local function out(peer) return prefix .. 'out:' .. peer end
local function seat(peer) return prefix .. 'seat:' .. peer end
local function answered(peer) return prefix .. 'answered:' .. peer end

-- What a resumed session needs: all after `seq`, and what it was answered.
local function read(peer, seq)
  local kept = redis.call('XRANGE', out(peer), seq + 1, '+')
  local frames = {}
  for i, entry in ipairs(kept) do frames[i] = entry[2][2] end
  return { frames, redis.call('ZRANGE', answered(peer), 0, -1), redis.call('HGET', seat(peer), 'forgotten') or '' }
end

-- Forgets all up to `seq`.
local function acknowledge(peer, seq)
  local known = redis.call('HMGET', seat(peer), 'base', 'last')
  if not known[1] then return end
  local base, last = tonumber(known[1]), tonumber(known[2])
  if seq > last then seq = last end
  if seq <= base then return end
  local newest = redis.call('XRANGE', out(peer), seq, seq)[1]
  redis.call('XTRIM', out(peer), 'MINID', seq + 1)
  redis.call('HSET', seat(peer), 'base', seq, 'base_sum', newest and newest[2][4] or 0)
end

local at = redis.call('HMGET', room, 'tag', 'op:' .. node)
local now_tag = at[1] or ''
local done = at[2] and string.sub(at[2], 1, #op + 1) == op .. ' '
local reading = ''

local i = 12
if done then
  -- It was done already, and the answer was lost on the way.
  if ARGV[12] == 'R' then reading = read(ARGV[13], tonumber(ARGV[14])) end
  local rest = string.sub(at[2], #op + 2)
  local bar = string.find(rest, '|', 1, true)
  return { 'ok', string.sub(rest, 1, bar - 1), string.sub(rest, bar + 1), reading }
end
if now_tag ~= tag then
  return { 'conflict', now_tag, redis.call('HGET', room, 'state') or '' }
end
if tag == '' and ARGV[7] ~= '' and redis.call('SCARD', prefix .. 'rooms') >= tonumber(ARGV[7]) then
  return { 'rooms' }
end
if ARGV[12] == 'R' then
  local known = redis.call('HMGET', seat(ARGV[13]), 'base', 'last')
  local seq = tonumber(ARGV[14])
  if not known[1] or seq < tonumber(known[1]) or seq > tonumber(known[2]) then return { 'far' } end
  acknowledge(ARGV[13], seq)
  reading = read(ARGV[13], seq)
  i = 15
end

local nudges, order = {}, {}
local function nudge(target, text)
  local list = nudges[target]
  if not list then
    list = {}
    nudges[target] = list
    order[#order + 1] = target
  end
  list[#list + 1] = text
end

-- Numbers a frame and keeps it; says under which number.
local function push(peer, live, frame, over)
  local key = seat(peer)
  local known = redis.call('HMGET', key, 'last', 'sum', 'base', 'base_sum')
  if not known[1] then return nil end
  local seq, sum = tonumber(known[1]) + 1, tonumber(known[2]) + #frame
  local base, base_sum = tonumber(known[3]), tonumber(known[4])
  redis.call('XADD', out(peer), seq .. '-0', 'f', frame, 's', sum)
  if seq == 2 then redis.call('PEXPIRE', out(peer), ttl) end
  if seq - base <= most and sum - base_sum <= most_bytes then
    redis.call('HSET', key, 'last', seq, 'sum', sum)
  elseif live then
    while seq - base > most or sum - base_sum > most_bytes do
      base = base + 1
      base_sum = tonumber(redis.call('XRANGE', out(peer), base, base)[1][2][4])
    end
    redis.call('XTRIM', out(peer), 'MINID', base + 1)
    redis.call('HSET', key, 'last', seq, 'sum', sum, 'base', base, 'base_sum', base_sum)
  else
    redis.call('HSET', key, 'last', seq, 'sum', sum)
    over[#over + 1] = peer
  end
  return seq
end

local lost, over, since = {}, {}, 0
while ARGV[i] do
  local what = ARGV[i]
  if what == 'T' then
    -- T frame count (peer node)*: a frame for some seats; the node is '' for one that is away.
    local frame, count = ARGV[i + 1], tonumber(ARGV[i + 2])
    local lists, targets = {}, {}
    i = i + 3
    for _ = 1, count do
      local peer, target = ARGV[i], ARGV[i + 1]
      local seq = push(peer, target ~= '', frame, over)
      if seq and target ~= '' then
        if not lists[target] then
          lists[target] = {}
          targets[#targets + 1] = target
        end
        local list = lists[target]
        list[#list + 1] = peer .. ':' .. string.format('%.0f', seq)
      end
      i = i + 2
    end
    for _, target in ipairs(targets) do
      nudge(target, 'T ' .. #frame .. ' ' .. table.concat(lists[target], ' ') .. '\n' .. frame)
    end
  elseif what == 'P' then
    -- P node text: for a socket of that node.
    nudge(ARGV[i + 1], ARGV[i + 2])
    i = i + 3
  elseif what == 'A' then
    -- A peer seq: the client has everything up to there.
    acknowledge(ARGV[i + 1], tonumber(ARGV[i + 2]))
    i = i + 3
  elseif what == 'E' then
    -- E peer id most outcome delivered queued: a request was handled; id '' where it wants no answer.
    local peer, request, remembered = ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
    local gone = #over - since
    since = #over
    lost[#lost + 1] = gone
    if request ~= '' and redis.call('EXISTS', seat(peer)) == 1 then
      local outcome = ARGV[i + 4]
      if outcome == 'D' then
        outcome = 'D ' .. ARGV[i + 5] .. ' ' .. math.max(0, tonumber(ARGV[i + 6]) - gone)
      end
      local key = answered(peer)
      if redis.call('ZADD', key, request, request .. ' ' .. outcome) == 1 then
        local count = redis.call('ZCARD', key)
        if count == 1 then redis.call('PEXPIRE', key, ttl) end
        if count > remembered then
          local oldest = redis.call('ZPOPMIN', key)[1]
          redis.call('HSET', seat(peer), 'forgotten', string.match(oldest, '^%d+'))
        end
      end
    end
    i = i + 7
  elseif what == 'N' then
    -- N peer: a session begins, with `joined` as number 1.
    redis.call('HSET', seat(ARGV[i + 1]), 'last', 1, 'sum', 0, 'base', 1, 'base_sum', 0)
    redis.call('PEXPIRE', seat(ARGV[i + 1]), ttl)
    i = i + 2
  elseif what == 'H' then
    -- H peer holder: who has the seat now; '' for nobody.
    if redis.call('EXISTS', seat(ARGV[i + 1])) == 1 then
      redis.call('HSET', seat(ARGV[i + 1]), 'holder', ARGV[i + 2])
    end
    i = i + 3
  elseif what == 'G' then
    -- G peer: the session is over.
    redis.call('DEL', seat(ARGV[i + 1]), out(ARGV[i + 1]), answered(ARGV[i + 1]))
    i = i + 2
  elseif what == 'I' then
    -- I node: it has somebody in the room now.
    redis.call('SADD', prefix .. 'node:' .. ARGV[i + 1], id)
    redis.call('PEXPIRE', prefix .. 'node:' .. ARGV[i + 1], ttl)
    if not redis.call('ZSCORE', prefix .. 'nodes', ARGV[i + 1]) then
      -- It was given up meanwhile: whoever looks for the dead looks here too.
      redis.call('ZADD', prefix .. 'dying', 'NX', 0, ARGV[i + 1])
    end
    i = i + 2
  elseif what == 'O' then
    -- O node: it has nobody there any more.
    redis.call('SREM', prefix .. 'node:' .. ARGV[i + 1], id)
    redis.call('HDEL', room, 'op:' .. ARGV[i + 1])
    i = i + 2
  else
    return redis.error_reply('unknown operation ' .. what)
  end
end

local lost_text, over_text = table.concat(lost, ' '), table.concat(over, ' ')
if next_tag == '' then
  if tag ~= '' then redis.call('HSET', room, 'op:' .. node, op .. ' ' .. lost_text .. '|' .. over_text) end
elseif ARGV[5] == '' then
  redis.call('DEL', room)
  redis.call('SREM', prefix .. 'rooms', id)
  redis.call('ZREM', prefix .. 'due', id)
else
  redis.call('HSET', room, 'tag', next_tag, 'state', ARGV[5], 'op:' .. node, op .. ' ' .. lost_text .. '|' .. over_text)
  redis.call('PEXPIRE', room, ttl)
  if tag == '' then redis.call('SADD', prefix .. 'rooms', id) end
  if ARGV[6] == '' then
    redis.call('ZREM', prefix .. 'due', id)
  else
    redis.call('ZADD', prefix .. 'due', ARGV[6], id)
  end
end
for _, target in ipairs(order) do
  redis.call('PUBLISH', prefix .. 'to:' .. target, table.concat(nudges[target]))
end
return { 'ok', lost_text, over_text, reading }
