use crate::mailbox::Mailbox;
use crate::trace;
use snug_room::{Event, Input, Output, Rooms, SocketId};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tracing::info;

/// What the hub is told.
pub(crate) enum Command {
    Opened {
        socket: SocketId,
        address: IpAddr,
        mailbox: Mailbox,
    },
    Core(Input),
}

/// The driver of the core: takes commands, carries out what the core says, keeps its deadline.
pub(crate) struct Hub {
    rooms: Rooms,
    mailboxes: BTreeMap<SocketId, Mailbox>,
    commands: mpsc::Receiver<Command>,
}

impl Hub {
    pub(crate) fn new(rooms: Rooms, commands: mpsc::Receiver<Command>) -> Self {
        Self {
            rooms,
            mailboxes: BTreeMap::new(),
            commands,
        }
    }

    /// Runs until nobody can give commands any more.
    pub(crate) async fn run(mut self) {
        loop {
            let deadline = self.rooms.deadline().map(|(at, _)| at);
            let command = tokio::select! {
                command = self.commands.recv() => command,
                () = until(deadline) => Some(Command::Core(Input::Tick)),
            };
            match command {
                None => return,
                Some(Command::Opened {
                    socket,
                    address,
                    mailbox,
                }) => {
                    self.mailboxes.insert(socket, mailbox);
                    self.step(Input::Opened {
                        socket,
                        address: Some(address),
                    });
                }
                Some(Command::Core(input)) => {
                    if let Input::Closed { socket } = &input {
                        self.mailboxes.remove(socket);
                    }
                    self.step(input);
                }
            }
        }
    }

    fn step(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.rooms.handle(Instant::now(), input) {
                inputs.extend(self.perform(output));
            }
        }
    }

    /// What follows from an output comes back as an input.
    fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { socket, frame } => {
                self.mailboxes.get(&socket)?.send(frame).err()?;
                info!(socket = socket.0, "dropped: its reader does not keep up");
                self.mailboxes.remove(&socket)?.cut();
                return Some(Input::Closed { socket });
            }
            Output::Close { socket, code } => {
                info!(socket = socket.0, ?code, "closing");
                self.mailboxes.remove(&socket)?.close(code);
            }
            Output::Trace { join_id, point } => trace::point(&join_id, point.into()),
            Output::Happened(event) => log(&event),
        }
        None
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn log(event: &Event) {
    match event {
        Event::Joined { room, peer, seats } => info!(%room, %peer, seats, "joined"),
        Event::Away { room, peer } => info!(%room, %peer, "away"),
        Event::Resumed {
            room,
            peer,
            replayed,
            taken_over,
        } => {
            info!(%room, %peer, replayed, taken_over, "resumed");
        }
        Event::Left { room, peer, reason } => info!(%room, %peer, ?reason, "left"),
        Event::RoomEmpty { room } => info!(%room, "the room is empty"),
    }
}
