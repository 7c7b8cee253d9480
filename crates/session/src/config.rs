use snug_protocol::Join;

/// How a session behaves. Durations are milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// The seat that is wanted. Its `resume` is not read: the session fills it in.
    pub join: Join,
    /// For the jitter of the backoff; two clients of one server should not share it.
    pub seed: u32,
    /// Waits before the first seat: somebody looks at the screen, and nothing flows yet.
    pub first: Budget,
    /// Waits once there was a seat: its grace period runs, so tries come denser.
    pub reconnect: Budget,
    /// No two attempts start closer to one another than this, whatever hints or the server say.
    pub min_wait: u64,
    /// How long a socket may take to open.
    pub connect_timeout: u64,
    /// How long an open socket may leave the join unanswered.
    pub join_timeout: u64,
    /// How long a ping may stay unanswered before the socket counts as dead, whatever else arrives by it.
    pub pong_timeout: u64,
    /// How long nothing may arrive while anything is unanswered, before a ping asks whether the socket lives. A round trip of
    /// 2 s does not reach it.
    pub doubt_after: u64,
    /// How long a socket in doubt, by silence or by a hint, may stay silent; and a connect or a join that a hint makes
    /// doubtful. Both waits together outlast a segment lost twice (sent again after 1 s, and after 3 s: RFC 6298). Those of
    /// a silence double, up to `pong_timeout`, with each socket given up until there is an answer: a server that is
    /// merely slow must not be asked ever anew.
    pub probe_timeout: u64,
    /// What the slowest line carries, in bytes per second: the oldest unanswered message is given the time that it needs
    /// there. Two thirds of 100 kbit/s, as media shares the line.
    pub slowest_line: u64,
    /// How long to wait for `left`.
    pub leave_timeout: u64,
    /// Unsettled messages kept, and their bytes as JSON, whichever comes first. After a resume they go out at once, so
    /// this stays below the burst that a server allows.
    pub outbox: (usize, usize),
    /// The longest frame the server reads, in bytes. A longer one would cost the socket, again and again.
    pub frame_bytes: usize,
}

/// The wait before try n is between half and all of `base * 2^(n-1)`, and no more than `cap`. There is no last try.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub base: u64,
    pub cap: u64,
}

impl Config {
    pub fn new(join: Join, seed: u32) -> Self {
        Self {
            join,
            seed,
            first: Budget {
                base: 1_000,
                cap: 15_000,
            },
            reconnect: Budget { base: 250, cap: 5_000 },
            min_wait: 100,
            connect_timeout: 10_000,
            join_timeout: 10_000,
            pong_timeout: 10_000,
            doubt_after: 3_000,
            probe_timeout: 3_000,
            slowest_line: 8_192,
            leave_timeout: 2_000,
            outbox: (256, 1024 * 1024),
            frame_bytes: 64 * 1024,
        }
    }
}
