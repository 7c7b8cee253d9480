#!/bin/sh
# CPU time per relayed packet, ours and coturn's, under the same load of coturn's own client. Needs Debian's coturn, and
# `cargo build --release -p snug-turn --example serve`, and a machine with a core to spare: starved programs lose packets.
# Usage: bench.sh SERVE_BINARY
set -eu
serve=${1:?usage: bench.sh SERVE_BINARY}
clients=${CLIENTS:-20} messages=${MESSAGES:-1000} size=${SIZE:-1000} pause=${PAUSE:-10}
hertz=$(getconf CLK_TCK)

load() { # name pid port, then how the client is to go
  name=$1 pid=$2 port=$3
  shift 3
  for how in "" "-s" "-t"; do
    before=$(awk '{print $14 + $15}' "/proc/$pid/stat")
    # shellcheck disable=SC2086
    said=$(turnutils_uclient -c -u bench -W north -m "$clients" -n "$messages" -l "$size" -z "$pause" $how \
      -p "$port" -e 127.0.0.1 -r 34800 127.0.0.1 | tail -5)
    after=$(awk '{print $14 + $15}' "/proc/$pid/stat")
    lost=$(echo "$said" | sed -n 's/.*Total lost packets \([0-9]*\).*/\1/p')
    echo "$name ${how:-channels} $before $after $lost" | awk -v hertz="$hertz" -v packets=$((clients * messages * 2)) \
      '{printf "%-7s %-9s %6.2f us a relayed packet, %s lost\n", $1, $2, ($4 - $3) / hertz * 1e6 / packets, $5}'
  done
}

turnutils_peer -p 34800 -L 127.0.0.1 >/dev/null 2>&1 &
peer=$!
"$serve" 127.0.0.1:34780 north >/dev/null &
ours=$!
turnserver -n --no-cli --no-tls --no-dtls --use-auth-secret --static-auth-secret=north --realm=bench --pidfile= -m 1 \
  --log-file=stdout --allow-loopback-peers --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --listening-port=34781 >/dev/null 2>&1 &
theirs=$!
trap 'kill $peer $ours $theirs' EXIT
sleep 1
load snug "$ours" 34780
load coturn "$theirs" 34781
