//! The thread that a page's audio is worked on: nothing else of the connection waits for it, and it for nothing else.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::duplex::{Duplex, Spoken, Wants};
use super::message::{Address, Tick};
use super::processor::Processing;
use super::speech::BITRATE;
use super::transform::Transforms;
use crate::frame::{Frame, FrameKind};
use crate::outbox::Outbox;
use crate::rtp::codec::AudioCodec;
use crate::wire::{FromWorker, PcId, Side};

/// Ticks that may wait: more are a machine that cannot follow, and would only be heard later.
const TICKS: usize = 100;

/// A session's audio, from outside.
pub struct Audio {
    duplex: Arc<Mutex<Duplex>>,
    ticks: Mutex<Option<SyncSender<Frame>>>,
    waiting: Mutex<Option<Receiver<Frame>>>,
    transforms: Mutex<Transforms>,
}

impl Default for Audio {
    fn default() -> Self {
        let (ticks, waiting) = sync_channel(TICKS);
        Self {
            duplex: Arc::default(),
            ticks: Mutex::new(Some(ticks)),
            waiting: Mutex::new(Some(waiting)),
            transforms: Mutex::default(),
        }
    }
}

impl Audio {
    /// Starts the thread, once. `speak` gets every packet to send; it must not block.
    pub fn start(&self, outbox: Arc<Outbox>, speak: impl Fn(Spoken) + Send + 'static) {
        let Some(waiting) = lock(&self.waiting).take() else {
            return;
        };
        let duplex = Arc::clone(&self.duplex);
        let run = move || {
            while let Ok(frame) = waiting.recv() {
                tick(&duplex, &frame, &outbox, &speak);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("peer-audio".to_owned()).spawn(run) {
            tracing::error!(%error, "no thread for audio");
        }
    }

    /// Takes 10 ms from the page.
    pub fn tick(&self, frame: Frame) {
        let Some(ticks) = lock(&self.ticks).clone() else { return };
        match ticks.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::debug!("audio cannot follow"),
            Err(TrySendError::Disconnected(_)) => {
                tracing::error!("the audio thread has ended");
                drop(lock(&self.ticks).take());
            }
        }
    }

    /// Takes what the page says about its microphones and its transforms.
    pub fn tell(&self, text: &FromWorker) {
        if let FromWorker::VoiceTransform {
            pc,
            transceiver,
            side,
            active,
        } = *text
        {
            return self.transform((pc, transceiver), side, active);
        }
        let mut duplex = self.duplex();
        match *text {
            FromWorker::AudioSource {
                source,
                echo_cancellation,
                noise_suppression,
                auto_gain_control,
            } => duplex.source(
                source,
                Processing {
                    echo_cancellation,
                    noise_suppression,
                    auto_gain_control,
                },
            ),
            FromWorker::AudioEnabled { source, enabled } => duplex.enable(source, enabled),
            FromWorker::AudioGone { source } => duplex.end_source(source),
            FromWorker::AudioSend {
                source,
                pc,
                transceiver,
                active,
                max_bitrate,
                ref codec,
            } => {
                let wants = Wants {
                    active,
                    codec: codec.as_deref().and_then(AudioCodec::of_name).unwrap_or_default(),
                    limit: max_bitrate.map_or(BITRATE, |most| most as u32),
                };
                duplex.attach(source, (pc, transceiver), wants);
            }
            FromWorker::AudioStop { pc, transceiver } => duplex.detach((pc, transceiver)),
            FromWorker::KeyFrameWanted { .. }
            | FromWorker::CloseChannel { .. }
            | FromWorker::Pipeline { .. }
            | FromWorker::Reported { .. }
            | FromWorker::VoiceTransform { .. } => {}
        }
    }

    fn transform(&self, voice: Address, side: Side, active: bool) {
        if self.transforms().set(voice, side, active) && side == Side::Receive {
            // What waits is of the other kind: sealed, or opened by somebody else's key.
            self.duplex().restart(voice);
        }
    }

    /// A received voice comes back from the page.
    pub fn transformed(&self, frame: Frame) {
        let voice = (frame.pc, frame.target);
        let Ok(number) = u32::try_from(frame.timestamp) else {
            return;
        };
        let arrived = self.transforms().come_back(voice, number);
        if let Some(arrived) = arrived {
            self.duplex().packet(voice, arrived, frame.payload);
        }
    }

    /// Forgets what a connection's voices were transformed by.
    pub fn forget(&self, pc: PcId) {
        self.transforms().forget(pc);
    }

    pub fn transforms(&self) -> MutexGuard<'_, Transforms> {
        lock(&self.transforms)
    }

    pub fn duplex(&self) -> MutexGuard<'_, Duplex> {
        lock(&self.duplex)
    }

    /// Ends the thread and frees what it worked on.
    pub fn end(&self) {
        drop(lock(&self.ticks).take());
        drop(lock(&self.waiting).take());
        *lock(&self.duplex) = Duplex::default();
        *self.transforms() = Transforms::default();
    }
}

fn tick(duplex: &Mutex<Duplex>, frame: &Frame, outbox: &Outbox, speak: &impl Fn(Spoken)) {
    let Some(tick) = Tick::parse(frame.payload.clone()) else {
        tracing::warn!("a tick from the worker was not understood");
        return;
    };
    let (spoken, voices) = lock(duplex).tick(&tick, frame.timestamp);
    if let Some(payload) = voices {
        outbox.put_media(Frame {
            kind: FrameKind::AudioToPlay,
            key: false,
            text: false,
            gap: false,
            level: None,
            layer: 0,
            pc: 0,
            target: 0,
            timestamp: 0,
            duration: 0,
            payload,
        });
    }
    spoken.into_iter().for_each(speak);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
