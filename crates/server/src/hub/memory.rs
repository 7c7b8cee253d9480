use super::Ended;
use crate::observer::Observer;
use crate::outlet::Outlet;
use crate::trace;
use snug_protocol::{ClientFrame, ClientMessage, RoomId};
use snug_room::{Admin, AdminReply, Input, Output, RoomInfo, Rooms, SocketId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    observer: Arc<Observer>,
    reply: Option<AdminReply>,
}

impl Memory {
    pub(super) fn new(rooms: Rooms, observer: Arc<Observer>) -> Self {
        Self {
            state: Mutex::new(State {
                rooms,
                outlets: HashMap::new(),
                next_socket: 1,
                outputs: Vec::new(),
                alarm: None,
                draining: false,
                observer,
                reply: None,
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

    pub(super) fn take(&self, input: Input) -> Result<(), Ended> {
        let state = self.lock();
        if state.draining {
            return Err(Ended);
        }
        self.step(state, input);
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

    /// What an operator asks for.
    pub(super) fn admin(&self, admin: Admin) -> AdminReply {
        // The core answers each.
        self.step(self.lock(), Input::Admin(admin))
            .unwrap_or(AdminReply::Unavailable)
    }

    pub(super) fn list(&self) -> Vec<RoomInfo> {
        self.lock().rooms.list(Instant::now())
    }

    pub(super) fn room(&self, id: &RoomId) -> Option<RoomInfo> {
        self.lock().rooms.room(Instant::now(), id)
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
                () = sleep => {
                    self.step(self.lock(), Input::Tick);
                }
            }
        }
    }

    fn step(&self, mut state: MutexGuard<'_, State>, input: Input) -> Option<AdminReply> {
        let state = &mut *state;
        let resuming = resumes(&input).then(|| state.observer.metrics.resumes());
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
        if resuming.is_some_and(|before| before == state.observer.metrics.resumes()) {
            state.observer.metrics.missed_resume();
        }
        state.reply.take()
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
            Output::Happened(event) => self.observer.happened(event),
            Output::Admin(reply) => self.reply = Some(reply),
        }
        None
    }
}

fn resumes(input: &Input) -> bool {
    let (Input::Frame {
        frame: ClientFrame {
            message: ClientMessage::Join(join),
            ..
        },
        ..
    }
    | Input::Join { join, .. }) = input
    else {
        return false;
    };
    join.resume.is_some()
}
