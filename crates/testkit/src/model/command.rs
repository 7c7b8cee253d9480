use crate::sim::Dice;

/// How many sockets are in play at a time; a closed one's number is used again for a new one.
pub const SOCKETS: u64 = 8;

/// One thing that happens. Peers are chosen by their place among those that the rules know.
#[derive(Clone, Debug)]
pub enum Command {
    Join {
        socket: u64,
        room: u8,
        grant: u8,
        capacity: u8,
        lobby: bool,
        with_id: bool,
    },
    /// The socket dies.
    Lose {
        socket: u64,
    },
    /// The socket wants the seat that `of` had last; with a wrong count now and then.
    Resume {
        socket: u64,
        of: u64,
        off: u8,
        old_token: bool,
        with_id: bool,
    },
    Say {
        socket: u64,
        said: Said,
        with_id: bool,
    },
    /// The last request with an id, again.
    Repeat {
        socket: u64,
    },
    Pass {
        millis: u64,
    },
    Create {
        room: u8,
        lobby: bool,
    },
    Kick {
        room: u8,
        peer: u8,
    },
    End {
        room: u8,
    },
}

#[derive(Clone, Debug)]
pub enum Said {
    Message { to: Option<u8> },
    Offer { to: Option<u8> },
    Mute { kind: u8, to: Option<u8> },
    Unmute { kind: u8 },
    Publish { track: u8 },
    Unpublish { track: u8 },
    Subscribe { track: u8, from: u8 },
    Kick { peer: u8 },
    Lock,
    Unlock,
    Admit { waiter: u8 },
    Deny { waiter: u8 },
    End,
    Leave,
    Ping { behind: u8 },
}

/// The commands that these bytes stand for; all bytes stand for some.
pub fn commands(bytes: &[u8]) -> Vec<Command> {
    bytes
        .chunks_exact(4)
        .map(|four| command([four[0], four[1], four[2], four[3]]))
        .collect()
}

/// As many commands from a seed.
pub fn seeded(seed: u64, count: usize) -> Vec<Command> {
    let mut dice = Dice::new(seed);
    let bytes: Vec<u8> = (0..count * 4).map(|_| (dice.roll() >> 32) as u8).collect();
    commands(&bytes)
}

fn command([what, who, a, b]: [u8; 4]) -> Command {
    let socket = u64::from(who) % SOCKETS;
    let with_id = who & 0x80 != 0;
    match what {
        0..40 => Command::Join {
            socket,
            room: a % 3,
            grant: a / 3 % 8,
            capacity: b % 4,
            lobby: b & 0x30 == 0,
            with_id,
        },
        40..50 => Command::Lose { socket },
        50..75 => Command::Resume {
            socket,
            of: if b & 0x1c == 0 {
                u64::from(a >> 3) % SOCKETS
            } else {
                socket
            },
            off: if a & 7 == 0 { b } else { 0 },
            old_token: b & 3 == 0,
            with_id,
        },
        75..235 => Command::Say {
            socket,
            said: said(a, b),
            with_id,
        },
        235..240 => Command::Repeat { socket },
        240..250 => Command::Pass {
            millis: u64::from(a) * u64::from(b),
        },
        250..252 => Command::Create {
            room: a % 3,
            lobby: b & 1 == 0,
        },
        252..255 => Command::Kick { room: a % 3, peer: b },
        255 => Command::End { room: a % 3 },
    }
}

fn said(a: u8, b: u8) -> Said {
    let to = (b & 1 == 0).then_some(b >> 1);
    match a {
        0..60 => Said::Message { to },
        60..80 => Said::Offer { to },
        80..95 => Said::Mute {
            kind: b % 3,
            to: (b & 8 == 0).then_some(b >> 4),
        },
        95..105 => Said::Unmute { kind: b % 3 },
        105..120 => Said::Publish { track: track(b) },
        120..130 => Said::Unpublish { track: track(b) },
        130..145 => Said::Subscribe {
            track: track(b),
            from: b,
        },
        145..155 => Said::Kick { peer: b },
        155..160 => Said::Lock,
        160..175 => Said::Unlock,
        175..195 => Said::Admit { waiter: b },
        195..215 => Said::Deny { waiter: b },
        215..218 => Said::End,
        218..230 => Said::Leave,
        230..=255 => Said::Ping { behind: b % 8 },
    }
}

/// A few tracks come up often, and many now and then.
fn track(b: u8) -> u8 {
    if b < 200 { b % 3 } else { b % 40 }
}
