use super::Ended;
use crate::metrics::Metrics;
use crate::observer::Observer;
use crate::outlet::Outlet;
use crate::trace;
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, Relay, RoomId};
use snug_room::{Admin, AdminReply, Frame, InTurn, Input, Output, RoomInfo, Rooms, SocketId};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
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
    observer: Arc<Observer>,
}

struct State {
    rooms: Rooms,
    outlets: HashMap<SocketId, Outlet, BuildHasherDefault<InTurn>>,
    next_socket: u64,
    outputs: Vec<Output>,
    /// When the keeper of time will wake up.
    alarm: Option<Instant>,
    draining: bool,
    /// The last time that the rooms were told.
    now: Instant,
    reply: Option<AdminReply>,
}

impl Memory {
    pub(super) fn new(rooms: Rooms, observer: Arc<Observer>) -> Self {
        Self {
            observer: observer.clone(),
            state: Mutex::new(State {
                rooms,
                outlets: HashMap::default(),
                next_socket: 1,
                outputs: Vec::new(),
                alarm: None,
                draining: false,
                now: Instant::now(),
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
            Instant::now(),
            Input::Opened {
                socket,
                address: Some(address),
            },
        );
        socket
    }

    /// What came at this time, which may be a little while ago.
    pub(super) fn take(&self, now: Instant, input: Input) -> Result<(), Ended> {
        let state = self.lock();
        if state.draining {
            return Err(Ended);
        }
        self.step(state, now, input);
        Ok(())
    }

    /// The same for a frame that is relayed unread.
    pub(super) fn relay(&self, now: Instant, socket: SocketId, relay: &Relay<'_>) -> Result<(), Ended> {
        let state = self.lock();
        if state.draining {
            return Err(Ended);
        }
        self.tell(state, now, |rooms, now, out| rooms.relay_into(now, socket, relay, out));
        Ok(())
    }

    pub(super) fn closed(&self, socket: SocketId) {
        let mut state = self.lock();
        state.outlets.remove(&socket);
        self.step(state, Instant::now(), Input::Closed { socket });
    }

    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.draining = true;
        self.step(state, Instant::now(), Input::Drain);
    }

    /// What an operator asks for.
    pub(super) fn admin(&self, admin: Admin) -> AdminReply {
        // The core answers each.
        self.step(self.lock(), Instant::now(), Input::Admin(admin))
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
                    self.step(self.lock(), Instant::now(), Input::Tick);
                }
            }
        }
    }

    fn step(&self, state: MutexGuard<'_, State>, now: Instant, input: Input) -> Option<AdminReply> {
        let metrics = &self.observer.metrics;
        let resuming = resumes(&input).then(|| metrics.resumes());
        let reply = self.tell(state, now, |rooms, now, out| rooms.handle_into(now, input, out));
        if resuming.is_some_and(|before| before == metrics.resumes()) {
            metrics.missed_resume();
        }
        reply
    }

    /// Tells the rooms something, and carries out what they say.
    fn tell(
        &self,
        mut state: MutexGuard<'_, State>,
        now: Instant,
        what: impl FnOnce(&mut Rooms, Instant, &mut Vec<Output>),
    ) -> Option<AdminReply> {
        let state = &mut *state;
        let metrics = &self.observer.metrics;
        // Who waited for the lock does not turn the clock back.
        state.now = state.now.max(now);
        let mut outputs = std::mem::take(&mut state.outputs);
        what(&mut state.rooms, state.now, &mut outputs);
        let mut stalled = Vec::new();
        let mut run = Run::default();
        loop {
            for output in outputs.drain(..) {
                match output {
                    Output::Send { socket, frame } => {
                        run.count(&frame, metrics);
                        stalled.extend(state.send(socket, frame));
                    }
                    Output::Close { socket, code } => state.close(socket, code),
                    Output::Trace { join_id, point } => trace::point(&join_id, point.into()),
                    Output::Happened(event) => self.observer.happened(*event),
                    Output::Admin(reply) => state.reply = Some(reply),
                }
            }
            let Some(socket) = stalled.pop() else { break };
            let closed = Input::Closed { socket };
            state.rooms.handle_into(state.now, closed, &mut outputs);
        }
        run.end(metrics);
        state.outputs = outputs;
        let deadline = state.rooms.deadline().map(|(at, _)| at);
        if deadline.is_some_and(|at| state.alarm.is_none_or(|alarm| at < alarm)) {
            state.alarm = deadline;
            self.nearer.notify_one();
        }
        state.reply.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A socket that did not keep up comes back.
    fn send(&mut self, socket: SocketId, frame: Frame) -> Option<SocketId> {
        self.outlets.get(&socket)?.send_uncounted(frame).err()?;
        info!(socket = socket.0, "dropped: its reader does not keep up");
        self.outlets.remove(&socket)?.cut();
        Some(socket)
    }

    fn close(&mut self, socket: SocketId, code: CloseCode) {
        info!(socket = socket.0, ?code, "closing");
        if let Some(outlet) = self.outlets.remove(&socket) {
            outlet.close(code);
        }
    }
}

/// How often the same frame is sent in a row: one that goes to a whole room is looked at once.
#[derive(Default)]
struct Run {
    frame: Option<Frame>,
    count: u64,
}

impl Run {
    fn count(&mut self, frame: &Frame, metrics: &Metrics) {
        if !self.frame.as_ref().is_some_and(|known| Arc::ptr_eq(known, frame)) {
            self.end(metrics);
            self.frame = Some(frame.clone());
        }
        self.count += 1;
    }

    fn end(&mut self, metrics: &Metrics) {
        if let Some(frame) = self.frame.take() {
            metrics.sent(&frame, self.count);
        }
        self.count = 0;
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
