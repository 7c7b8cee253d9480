/// How much a client may ask of a server. Each number is a default that an operator can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame, in bytes.
    pub frame_bytes: usize,
    /// Characters in a room's id, at most.
    pub room_id_chars: usize,
    /// Characters in an identity or a name, at most.
    pub name_chars: usize,
    /// Peers in one room, at most.
    pub peers_per_room: u32,
    /// Who may wait in one room's lobby, at most.
    pub waiting_per_room: u32,
    /// Rooms of one server, at most.
    pub rooms: Option<usize>,
    /// Candidates a peer may send: a steady rate a second, and a burst.
    pub candidates: (u32, u32),
    /// Other messages a peer may send: a steady rate a second, and a burst.
    pub messages: (u32, u32),
    /// Bytes a socket may send: a steady rate a second, and a burst. Past it, the server reads on a little later.
    pub bytes: (u32, u32),
    /// Joins from one address: a steady rate a second, and a burst.
    pub joins: (u32, u32),
    /// Connections to one server, at most, whatever they are for.
    pub connections: usize,
    /// Connections from one address, at most.
    pub connections_per_address: usize,
    /// Milliseconds that a connection may take to ask for something, and that a socket may stay open without a join.
    pub idle_ms: u64,
    /// Milliseconds that a seat outlives its socket.
    pub grace_ms: u64,
    /// Milliseconds that a room made by the operator waits for its first seat.
    pub empty_ms: u64,
    /// Milliseconds between two heartbeats of a client.
    pub heartbeat_ms: u64,
    /// What one away session may hold: messages, and bytes, whichever comes first. Past it the session ends.
    pub outbox: (usize, usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 64 * 1024,
            room_id_chars: 128,
            name_chars: 128,
            peers_per_room: 64,
            waiting_per_room: 64,
            rooms: None,
            candidates: (50, 100),
            messages: (200, 400),
            bytes: (1024 * 1024, 4 * 1024 * 1024),
            joins: (20, 40),
            connections: 20_000,
            connections_per_address: 256,
            idle_ms: 10_000,
            grace_ms: 30_000,
            empty_ms: 600_000,
            heartbeat_ms: 10_000,
            outbox: (1_000, 1024 * 1024),
        }
    }
}
