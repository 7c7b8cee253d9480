//! One session per webview: its peer connections, its events and its loopback sockets.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::audio::driver::Audio;
use crate::audio::duplex::Spoken;
use crate::control::Control;
use crate::engine::{Certificates, Peer, Ports, frames};
use crate::error::{PeerError, Result};
use crate::frame::{Frame, FrameKind};
use crate::outbox::Outbox;
use crate::socket::{Incoming, Socket};
use crate::wire::{Certificate, CertificateRequest, Configuration, Event, FromWorker, Op, Opened, PcId};

/// Receives a session's events, in order; must not block.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// The version of DESIGN.md's contract.
const VERSION: u32 = 4;
/// Messages from a socket that may wait for a busy engine.
const INCOMING: usize = 64;
/// How long statistics wait for what the worker has to say; else they tell what it said last.
const REPORT: Duration = Duration::from_millis(200);

/// What a session holds: all zero once it has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub peers: usize,
    pub channels: usize,
    /// Running tasks; connections that are being closed count as one each.
    pub tasks: usize,
}

/// Everything one page holds.
pub struct Session {
    peers: Mutex<HashMap<PcId, Arc<Peer>>>,
    next: AtomicU32,
    ports: Ports,
    /// The tasks of its sockets.
    servers: Mutex<Vec<JoinHandle<()>>>,
    /// Connections that are being closed.
    closing: Arc<AtomicUsize>,
    /// The number of the worker's last report.
    reported: watch::Sender<u32>,
}

impl Session {
    /// Opens one loopback socket for media and data channels, and says where it is. `origins` are the documents that may
    /// connect to it.
    pub async fn open(events: EventSink, origins: Vec<String>) -> Result<(Arc<Self>, String)> {
        let (socket, url) = listen(origins).await?;
        let outbox = Arc::<Outbox>::default();
        let session = Self::new(events, Arc::clone(&outbox), Arc::clone(&outbox));
        session.serve(socket, outbox);
        Ok((session, url))
    }

    /// The same, with a socket of its own for data channels, and one by which the page gives commands and hears of events.
    pub async fn open_controlled(origins: Vec<String>) -> Result<(Arc<Self>, Opened)> {
        let control = Control::listen(origins.clone()).await?;
        let (media, socket_url) = listen(origins.clone()).await?;
        let (data, data_url) = listen(origins).await?;
        let opened = Opened {
            socket_url,
            control_url: control.url()?,
            data_url,
            version: VERSION,
        };
        let outboxes = [Arc::<Outbox>::default(), Arc::<Outbox>::default()];
        let [media_outbox, data_outbox] = outboxes.clone();
        let session = Self::new(control.events(), media_outbox, data_outbox);
        for (socket, outbox) in [media, data].into_iter().zip(outboxes) {
            session.serve(socket, outbox);
        }
        session.until_end(|session| control.serve(session));
        Ok((session, opened))
    }

    fn new(events: EventSink, outbox: Arc<Outbox>, data: Arc<Outbox>) -> Arc<Self> {
        let session = Arc::new(Self {
            peers: Mutex::default(),
            next: AtomicU32::new(1),
            ports: Ports {
                events,
                outbox: Arc::clone(&outbox),
                data,
                certificates: Arc::<Certificates>::default(),
                audio: Arc::<Audio>::default(),
            },
            servers: Mutex::default(),
            closing: Arc::default(),
            reported: watch::Sender::default(),
        });
        let weak = Arc::downgrade(&session);
        session.ports.audio.start(outbox, move |spoken| {
            if let Some(session) = weak.upgrade() {
                session.speak(&spoken);
            }
        });
        tracing::info!("session opened");
        session
    }

    /// Serves a socket whose visitor sends frames.
    fn serve(self: &Arc<Self>, socket: Socket, outbox: Arc<Outbox>) {
        let (incoming, mut received) = mpsc::channel(INCOMING);
        self.until_end(|weak| async move {
            let dispatch = async {
                while let Some(item) = received.recv().await {
                    let Some(session) = weak.upgrade() else { return };
                    session.dispatch(item).await;
                }
            };
            tokio::join!(socket.serve(outbox, incoming), dispatch);
        });
    }

    /// Runs a server. Its end is the end of all connections: a page without one of its sockets is of no use, and the secret is spent.
    fn until_end<F>(self: &Arc<Self>, server: impl FnOnce(Weak<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let weak = Arc::downgrade(self);
        let served = server(weak.clone());
        let task = tokio::spawn(async move {
            served.await;
            if let Some(session) = weak.upgrade() {
                session.end_peers().await;
            }
        });
        lock(&self.servers).push(task);
    }

    /// Makes a certificate for connections to come.
    pub fn generate_certificate(&self, request: &CertificateRequest) -> Result<Certificate> {
        self.ports.certificates.generate(request)
    }

    /// Makes a peer connection, and gives it a number.
    pub async fn create(&self, configuration: Configuration) -> Result<PcId> {
        let pc = self.next.fetch_add(1, Ordering::Relaxed);
        self.create_as(pc, configuration).await.map(|()| pc)
    }

    /// Makes a peer connection of this number.
    pub async fn create_as(&self, pc: PcId, configuration: Configuration) -> Result<()> {
        let taken = || PeerError::invalid_state("there is a connection of this number");
        if lock(&self.peers).contains_key(&pc) {
            return Err(taken());
        }
        let peer = Peer::new(pc, configuration, self.ports.clone()).await?;
        let refused = match lock(&self.peers).entry(pc) {
            Entry::Vacant(place) => {
                place.insert(peer);
                return Ok(());
            }
            Entry::Occupied(_) => peer,
        };
        self.shut(refused).await.ok();
        Err(taken())
    }

    /// Runs one operation; what it resolves to depends on the operation.
    pub async fn run(&self, pc: PcId, op: Op) -> Result<Value> {
        if let Op::GetStats { after: Some(report) } = op {
            let mut reported = self.reported.subscribe();
            let fresh = reported.wait_for(|last| *last >= report);
            if tokio::time::timeout(REPORT, fresh).await.is_err() {
                tracing::debug!(pc, "the media worker is too busy to report");
            }
        }
        self.peer(pc)?.run(op).await
    }

    /// Closes a peer connection; closing twice is no error.
    pub async fn close(&self, pc: PcId) -> Result<()> {
        let peer = lock(&self.peers).remove(&pc);
        self.ports.audio.forget(pc);
        if let Some(peer) = peer {
            self.shut(peer).await.ok();
        }
        Ok(())
    }

    /// Closes everything.
    pub async fn end(&self) {
        for server in lock(&self.servers).drain(..) {
            server.abort();
        }
        self.end_peers().await;
    }

    /// What the session holds.
    pub fn usage(&self) -> Usage {
        let peers = lock(&self.peers);
        let tasks = self.closing.load(Ordering::Acquire) + peers.values().map(|peer| peer.tasks()).sum::<usize>();
        Usage {
            peers: peers.len(),
            channels: peers.values().map(|peer| peer.channels()).sum(),
            tasks,
        }
    }

    async fn end_peers(&self) {
        self.ports.outbox.close();
        self.ports.data.close();
        self.ports.audio.end();
        let peers: Vec<_> = lock(&self.peers).drain().collect();
        // All are on their way before anything is waited for: whoever called may be aborted.
        let closing: Vec<_> = peers.into_iter().map(|(_, peer)| self.shut(peer)).collect();
        for closed in closing {
            closed.await.ok();
        }
        tracing::info!("session ended");
    }

    /// Closes a connection, to its end whatever becomes of the caller.
    fn shut(&self, peer: Arc<Peer>) -> JoinHandle<()> {
        let closing = Arc::clone(&self.closing);
        closing.fetch_add(1, Ordering::AcqRel);
        tokio::spawn(async move {
            peer.close().await;
            closing.fetch_sub(1, Ordering::AcqRel);
        })
    }

    fn speak(&self, spoken: &Spoken) {
        for frame in frames(spoken) {
            if let Ok(peer) = self.peer(frame.pc) {
                if let Some(loss) = peer.media().loss(frame.target) {
                    self.ports.audio.duplex().loss((frame.pc, frame.target), loss);
                }
                if self.ports.audio.transforms().sends((frame.pc, frame.target)) {
                    let kind = FrameKind::VoiceToSend(spoken.codec);
                    self.ports.outbox.put_media(Frame { kind, ..frame });
                } else {
                    peer.media().send(frame);
                }
            }
        }
    }

    /// Takes what the page or its worker sent.
    pub(crate) async fn dispatch(&self, item: Incoming) {
        match item {
            Incoming::Frame(frame) if frame.kind == FrameKind::AudioTick => self.ports.audio.tick(frame),
            Incoming::Frame(frame) if matches!(frame.kind, FrameKind::VoiceTransformed(_)) => {
                self.ports.audio.transformed(frame);
            }
            Incoming::Text(
                text @ (FromWorker::AudioSource { .. }
                | FromWorker::AudioEnabled { .. }
                | FromWorker::AudioGone { .. }
                | FromWorker::AudioSend { .. }
                | FromWorker::AudioStop { .. }
                | FromWorker::VoiceTransform { .. }),
            ) => self.ports.audio.tell(&text),
            Incoming::Frame(frame) => {
                if let Ok(peer) = self.peer(frame.pc) {
                    peer.send(frame).await;
                }
            }
            Incoming::Text(FromWorker::KeyFrameWanted { pc, transceiver }) => {
                if let Ok(peer) = self.peer(pc) {
                    peer.media().key_frame_wanted(transceiver);
                }
            }
            Incoming::Text(FromWorker::CloseChannel { pc, channel }) => {
                if let Ok(peer) = self.peer(pc) {
                    peer.close_channel(channel).await;
                }
            }
            Incoming::Text(FromWorker::Reported { report }) => {
                self.reported.send_replace(report);
            }
            Incoming::Text(FromWorker::Pipeline {
                pc,
                transceiver,
                side,
                stats,
            }) => {
                if let Ok(peer) = self.peer(pc) {
                    peer.media().report(transceiver, side, stats);
                }
            }
        }
    }

    fn peer(&self, pc: PcId) -> Result<Arc<Peer>> {
        lock(&self.peers)
            .get(&pc)
            .cloned()
            .ok_or_else(|| PeerError::invalid_state("the peer connection is closed"))
    }
}

async fn listen(origins: Vec<String>) -> Result<(Socket, String)> {
    let failed = |error: std::io::Error| PeerError::operation(format!("the loopback socket: {error}"));
    let socket = Socket::listen(origins).await.map_err(failed)?;
    let url = socket.url().map_err(failed)?;
    Ok((socket, url))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
