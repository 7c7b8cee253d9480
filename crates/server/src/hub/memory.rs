use super::Ended;
use crate::outlet::Outlet;
use crate::trace;
use snug_protocol::ClientFrame;
use snug_room::{Event, Input, Output, Rooms, SocketId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tracing::info;

/// Rooms that live in this process. The tasks of the sockets call the core themselves, one at a time: what a room is
/// told, it is told in one order.
pub(super) struct Memory {
    state: Mutex<State>,
    /// The next deadline came nearer.
    nearer: Notify,
}

struct State {
    rooms: Rooms,
    outlets: HashMap<SocketId, Outlet>,
    next_socket: u64,
    outputs: Vec<Output>,
    /// When the keeper of time will wake up.
    alarm: Option<Instant>,
    draining: bool,
}

impl Memory {
    pub(super) fn new(rooms: Rooms) -> Self {
        Self {
            state: Mutex::new(State {
                rooms,
                outlets: HashMap::new(),
                next_socket: 1,
                outputs: Vec::new(),
                alarm: None,
                draining: false,
            }),
            nearer: Notify::new(),
        }
    }

    pub(super) fn open(&self, address: IpAddr, outlet: Outlet) -> SocketId {
        let mut state = self.lock();
        let socket = SocketId(state.next_socket);
        state.next_socket += 1;
        state.outlets.insert(socket, outlet);
        self.step(
            state,
            Input::Opened {
                socket,
                address: Some(address),
            },
        );
        socket
    }

    pub(super) fn frame(&self, socket: SocketId, frame: ClientFrame) -> Result<(), Ended> {
        let state = self.lock();
        if state.draining {
            return Err(Ended);
        }
        self.step(state, Input::Frame { socket, frame });
        Ok(())
    }

    pub(super) fn closed(&self, socket: SocketId) {
        let mut state = self.lock();
        state.outlets.remove(&socket);
        self.step(state, Input::Closed { socket });
    }

    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.draining = true;
        self.step(state, Input::Drain);
    }

    pub(super) async fn keep_time(&self) {
        loop {
            let alarm = {
                let mut state = self.lock();
                state.alarm = state.rooms.deadline().map(|(at, _)| at);
                state.alarm
            };
            let sleep = async {
                match alarm {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.nearer.notified() => {}
                () = sleep => self.step(self.lock(), Input::Tick),
            }
        }
    }

    fn step(&self, mut state: MutexGuard<'_, State>, input: Input) {
        let state = &mut *state;
        let mut next = Some(input);
        let mut outputs = std::mem::take(&mut state.outputs);
        let mut stalled = Vec::new();
        while let Some(input) = next {
            state.rooms.handle_into(Instant::now(), input, &mut outputs);
            for output in outputs.drain(..) {
                stalled.extend(state.perform(output));
            }
            next = stalled.pop().map(|socket| Input::Closed { socket });
        }
        state.outputs = outputs;
        let deadline = state.rooms.deadline().map(|(at, _)| at);
        if deadline.is_some_and(|at| state.alarm.is_none_or(|alarm| at < alarm)) {
            state.alarm = deadline;
            self.nearer.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Carries an output out. A socket that did not keep up comes back.
    fn perform(&mut self, output: Output) -> Option<SocketId> {
        match output {
            Output::Send { socket, frame } => {
                self.outlets.get(&socket)?.send(frame).err()?;
                info!(socket = socket.0, "dropped: its reader does not keep up");
                self.outlets.remove(&socket)?.cut();
                return Some(socket);
            }
            Output::Close { socket, code } => {
                info!(socket = socket.0, ?code, "closing");
                self.outlets.remove(&socket)?.close(code);
            }
            Output::Trace { join_id, point } => trace::point(&join_id, point.into()),
            Output::Happened(event) => log(&event),
            // Nobody asks yet.
            Output::Admin(_) => {}
        }
        None
    }
}

pub(super) fn log(event: &Event) {
    match event {
        Event::RoomStarted { room } => info!(%room, "the room is made"),
        Event::Joined { room, peer, seats, .. } => info!(%room, %peer, seats, "joined"),
        Event::Waiting { room, peer, .. } => info!(%room, %peer, "waiting"),
        Event::Away { room, peer } => info!(%room, %peer, "away"),
        Event::Resumed {
            room,
            peer,
            replayed,
            taken_over,
        } => {
            info!(%room, %peer, replayed, taken_over, "resumed");
        }
        Event::Left { room, peer, reason, .. } => info!(%room, %peer, ?reason, "left"),
        Event::RoomEnded { room, .. } => info!(%room, "the room is empty"),
    }
}
