//! The microphones and the remote voices of one page, brought together tick by tick.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use super::clock::{BLOCK_TIME, BlockClock};
use super::energy::Energy;
use super::jitter::{Counts, JitterBuffer};
use super::message::{Address, Tick, Voices};
use super::narrow::{self, NarrowSpeaker};
use super::processor::{Echo, Processing, Processor};
use super::speech::{BITRATE, Speaker, Speech};
use super::{Arrived, BLOCK, Block, FRAME, RATE};
use crate::rtp::codec::{AudioCodec, Law};
use crate::rtp::wall::RtpTime;
use crate::wire::TransceiverId;

/// Microphones that are worked on at once.
const SOURCES: usize = 16;

/// Everything one page says and hears.
#[derive(Default)]
pub struct Duplex {
    sources: BTreeMap<u32, Source>,
    voices: HashMap<Address, Voice>,
}

/// One packet, and who is to get it.
#[derive(Debug)]
pub struct Spoken {
    pub codec: AudioCodec,
    pub speech: Speech,
    /// Microseconds of the page's clock, 20 ms after the one before unless there was a pause.
    pub timestamp: i64,
    pub to: Vec<Address>,
}

struct Source {
    processor: Processor,
    speaker: Speaker,
    /// Only for those who want it.
    narrow: BTreeMap<Law, NarrowSpeaker>,
    /// The first half of a packet.
    half: Option<Block>,
    enabled: bool,
    sinks: BTreeMap<Address, Sink>,
    clock: BlockClock,
    energy: Energy,
}

/// How a sender wants a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    pub active: bool,
    pub codec: AudioCodec,
    /// Bits per second.
    pub limit: u32,
}

/// Who gets a source's voice.
#[derive(Debug, Clone, Copy)]
struct Sink {
    wants: Wants,
    /// Share of its packets that get lost.
    loss: f64,
}

#[derive(Default)]
struct Voice {
    buffer: JitterBuffer,
    /// Samples that it is to wait for each of the transceivers that show its speaker.
    pictures: BTreeMap<TransceiverId, usize>,
    /// How long the page wants it to be held at least.
    least: Duration,
    /// Samples that wait in the page, and those it made up by itself.
    waiting: u16,
    /// The former, as it is on average.
    usual: f64,
    lacked: u64,
    lacks: u64,
    /// Sample-seconds of waiting in the page.
    delay: f64,
}

/// What is counted of a remote voice.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub counts: Counts,
    pub energy: Energy,
}

/// What is counted of a source.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    pub energy: Energy,
    pub echo: Echo,
    /// Bits per second.
    pub bitrate: u32,
}

impl Duplex {
    /// A microphone begins, or its constraints change.
    pub fn source(&mut self, source: u32, processing: Processing) {
        let room = self.sources.len() < SOURCES;
        match self.sources.get_mut(&source) {
            Some(known) if known.processor.processing() == processing => {}
            Some(known) => known.processor = Processor::new(processing),
            None if room => {
                let new = Source {
                    processor: Processor::new(processing),
                    speaker: Speaker::default(),
                    narrow: BTreeMap::new(),
                    half: None,
                    enabled: true,
                    sinks: BTreeMap::new(),
                    clock: BlockClock::default(),
                    energy: Energy::default(),
                };
                self.sources.insert(source, new);
            }
            None => tracing::warn!(source, "too many microphones"),
        }
    }

    /// A muted track: silence is sent, the microphone is followed all the same.
    pub fn enable(&mut self, source: u32, enabled: bool) {
        if let Some(source) = self.sources.get_mut(&source) {
            source.enabled = enabled;
        }
    }

    pub fn end_source(&mut self, source: u32) {
        self.sources.remove(&source);
    }

    /// Sends a source's voice to a sender.
    pub fn attach(&mut self, source: u32, to: Address, wants: Wants) {
        for (number, other) in &mut self.sources {
            if *number != source {
                other.sinks.remove(&to);
            }
        }
        if let Some(source) = self.sources.get_mut(&source) {
            let sink = source.sinks.entry(to).or_insert(Sink { wants, loss: 0.0 });
            sink.wants = wants;
            source.adapt();
        }
    }

    pub fn detach(&mut self, from: Address) {
        for source in self.sources.values_mut() {
            source.sinks.remove(&from);
        }
    }

    /// The share of packets that a remote has lost lately, with each one sent.
    pub fn loss(&mut self, of: Address, loss: f64) {
        for source in self.sources.values_mut() {
            if let Some(sink) = source.sinks.get_mut(&of) {
                // Told with every packet: a second's worth of them counts.
                sink.loss += (loss - sink.loss) * 0.02;
                source.adapt();
            }
        }
    }

    /// A remote voice begins.
    pub fn open(&mut self, voice: Address) {
        self.voices.insert(voice, Voice::default());
    }

    pub fn close(&mut self, voice: Address) {
        self.voices.remove(&voice);
    }

    /// Another sender takes over a voice.
    pub fn restart(&mut self, voice: Address) {
        if let Some(voice) = self.voices.get_mut(&voice) {
            voice.buffer.restart();
        }
    }

    /// A packet of a remote voice.
    pub fn packet(&mut self, voice: Address, arrived: Arrived, payload: Bytes) {
        if let Some(voice) = self.voices.get_mut(&voice) {
            voice.buffer.push(arrived, payload);
        }
    }

    /// 10 ms go by; `clock` is the page's, in microseconds. Gives what to send, and what to play.
    pub fn tick(&mut self, tick: &Tick, clock: i64) -> (Vec<Spoken>, Option<Bytes>) {
        let silence = [0; BLOCK];
        let played = tick.played.as_deref().unwrap_or(&silence);
        let mut spoken = Vec::new();
        for (number, captured) in &tick.captured {
            if let Some(source) = self.sources.get_mut(number) {
                spoken.extend(source.take(captured, played, clock));
            }
        }
        let mut voices = Voices::default();
        for wanted in &tick.wanted {
            let Some(voice) = self.voices.get_mut(&wanted.address) else {
                // The page must not wait for what will never come.
                if wanted.blocks > 0 {
                    voices.add(wanted.address, wanted.blocks, |block| block.fill(0));
                }
                continue;
            };
            voice.waiting = wanted.waiting;
            voice.hold();
            voice.lacked += u64::from(wanted.lacked);
            voice.lacks += u64::from(wanted.lacked > 0);
            voice.delay += f64::from(wanted.blocks) * BLOCK as f64 * f64::from(wanted.waiting) / RATE as f64;
            if wanted.blocks > 0 {
                voices.add(wanted.address, wanted.blocks, |block| voice.buffer.pull(block));
            }
        }
        (spoken, voices.finish())
    }

    pub fn heard(&self, voice: Address) -> Option<Heard> {
        self.voices.get(&voice).map(Voice::heard)
    }

    /// The RTP time of what leaves the loudspeaker now, nearly, and its level from 0 to 1.
    pub fn playing(&self, voice: Address) -> Option<(u32, f64)> {
        let level = self.voices.get(&voice)?.buffer.energy().level;
        Some((self.position(voice)?.ticks, level))
    }

    pub fn said(&self, to: Address) -> Option<Said> {
        let source = self.sources.values().find(|source| source.sinks.contains_key(&to))?;
        Some(Said {
            energy: source.energy,
            echo: source.processor.echo(),
            bitrate: match source.sinks.get(&to)?.wants.codec {
                AudioCodec::Opus => source.speaker.bitrate(),
                AudioCodec::G711(_) => narrow::BITRATE,
            },
        })
    }

    /// The RTP time of a voice that leaves the loudspeaker now, nearly.
    pub fn position(&self, voice: Address) -> Option<RtpTime> {
        let voice = self.voices.get(&voice)?;
        voice.buffer.position(usize::from(voice.waiting))
    }
}

impl Duplex {
    /// A voice is to wait `samples` longer than it has to, for the pictures of a transceiver that are later.
    pub fn wait_for(&mut self, voice: Address, picture: TransceiverId, samples: usize) {
        let Some(voice) = self.voices.get_mut(&voice) else {
            return;
        };
        if samples == 0 {
            voice.pictures.remove(&picture);
        } else {
            voice.pictures.insert(picture, samples);
        }
        voice.buffer.wait(voice.pictures.values().copied().max().unwrap_or(0));
    }

    /// A voice is to be held at least so long, from its arrival to the loudspeaker.
    pub fn hold(&mut self, voice: Address, least: Duration) {
        if let Some(voice) = self.voices.get_mut(&voice) {
            voice.least = least;
        }
    }

    /// Samples by which a voice's delay is going to change yet.
    pub fn pending(&self, voice: Address) -> i64 {
        self.voices.get(&voice).map_or(0, |voice| voice.buffer.pending())
    }
}

impl Source {
    /// Takes a block; every second one gives packets, one for each codec that somebody wants.
    fn take(&mut self, captured: &Block, played: &Block, clock: i64) -> Vec<Spoken> {
        let mut block = *captured;
        self.processor.process(&mut block, played);
        if !self.enabled {
            block.fill(0);
        }
        self.energy.add(&block);
        let Some(now) = self.clock.block(clock) else {
            return Vec::new();
        };
        let Some(half) = self.half.take() else {
            self.half = Some(block);
            return Vec::new();
        };
        let mut frame = [0; FRAME];
        frame[..BLOCK].copy_from_slice(&half);
        frame[BLOCK..].copy_from_slice(&block);
        let speak = |codec| {
            let to = self.sinks.iter().filter(|(_, sink)| sink.takes(codec));
            let to: Vec<Address> = to.map(|(address, _)| *address).collect();
            let speech = match codec {
                AudioCodec::G711(law) if to.is_empty() => {
                    self.narrow.remove(&law);
                    None
                }
                AudioCodec::G711(law) => {
                    let speaker = self.narrow.entry(law).or_insert_with(|| NarrowSpeaker::new(law));
                    Some(speaker.take(&frame))
                }
                AudioCodec::Opus if to.is_empty() => None,
                AudioCodec::Opus => self.speaker.take(&frame),
            };
            Some(Spoken {
                codec,
                speech: speech?,
                timestamp: now - BLOCK_TIME,
                to,
            })
        };
        AudioCodec::ALL.into_iter().filter_map(speak).collect()
    }

    /// One encoding in Opus serves all who want that: the least that is allowed, and the most that gets lost.
    fn adapt(&mut self) {
        let active = || self.sinks.values().filter(|sink| sink.takes(AudioCodec::Opus));
        let limit = active().map(|sink| sink.wants.limit).min().unwrap_or(BITRATE);
        let loss = active().map(|sink| sink.loss).fold(0.0, f64::max);
        self.speaker.adapt(limit.min(BITRATE), loss);
    }
}

impl Sink {
    fn takes(&self, codec: AudioCodec) -> bool {
        self.wants.active && self.wants.codec == codec
    }
}

impl Voice {
    /// What waits in the page need not wait here.
    fn hold(&mut self) {
        self.usual += (f64::from(self.waiting) - self.usual) * 0.02;
        let page = Duration::from_secs_f64(self.usual / RATE as f64);
        self.buffer.hold(self.least.saturating_sub(page));
    }

    fn heard(&self) -> Heard {
        let mut counts = self.buffer.counts();
        counts.concealed += self.lacked;
        counts.concealments += self.lacks;
        counts.received += self.lacked;
        for delay in [&mut counts.delay, &mut counts.target_delay, &mut counts.least_delay] {
            *delay += self.delay;
        }
        Heard {
            counts,
            energy: self.buffer.energy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: Address = (1, 2);

    fn tick(number: usize) -> Tick {
        let mut block = Box::new([0; BLOCK]);
        for (index, sample) in block.iter_mut().enumerate() {
            let time = (number * BLOCK + index) as f64 / RATE as f64;
            *sample = ((time * 300.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16;
        }
        Tick {
            played: None,
            captured: vec![(7, block)],
            wanted: Vec::new(),
        }
    }

    fn wants(active: bool, codec: AudioCodec) -> Wants {
        let limit = BITRATE;
        Wants { active, codec, limit }
    }

    fn duplex() -> Duplex {
        let mut duplex = Duplex::default();
        duplex.source(7, Processing::NONE);
        duplex.attach(7, TO, wants(true, AudioCodec::Opus));
        duplex
    }

    /// The timestamps of what is sent for ticks that come at these times, in milliseconds.
    fn sent(duplex: &mut Duplex, times: impl Iterator<Item = i64>) -> Vec<i64> {
        times
            .enumerate()
            .flat_map(|(number, time)| duplex.tick(&tick(number), time * 1_000).0)
            .map(|spoken| spoken.timestamp / 1_000)
            .collect()
    }

    #[test]
    fn packets_are_whole_frames_apart_however_ticks_come() {
        let times = (0..100).map(|n| n * 10 + [0, 30, 5, 60][n as usize % 4]);
        let stamps = sent(&mut duplex(), times);
        assert!(
            stamps.len() > 30 && stamps.iter().all(|stamp| stamp % 20 == 0),
            "{stamps:?}"
        );
    }

    #[test]
    fn one_source_serves_many_and_a_muted_one_is_silent() {
        let mut duplex = duplex();
        duplex.attach(7, (3, 4), wants(true, AudioCodec::Opus));
        duplex.attach(7, (5, 6), wants(false, AudioCodec::Opus));
        let both: Vec<Address> = (0..4)
            .flat_map(|n| duplex.tick(&tick(n), n as i64 * 10_000).0)
            .flat_map(|one| one.to)
            .collect();
        assert_eq!(both, [TO, (3, 4), TO, (3, 4)]);
        duplex.enable(7, false);
        let quiet: Vec<Spoken> = (4..100)
            .flat_map(|n| duplex.tick(&tick(n), n as i64 * 10_000).0)
            .collect();
        assert!(
            quiet.len() < 30 && quiet.last().unwrap().speech.level == 127,
            "{}",
            quiet.len()
        );
        duplex.detach(TO);
        assert!(duplex.said(TO).is_none() && duplex.said((3, 4)).is_some());
        duplex.end_source(7);
        assert!(duplex.tick(&tick(100), 1_000_000).0.is_empty());
    }

    #[test]
    fn each_gets_the_codec_it_wants_of_the_same_20_ms() {
        use Law::{A, Mu};
        let mut duplex = duplex();
        duplex.attach(7, (3, 4), wants(true, AudioCodec::G711(Mu)));
        duplex.attach(7, (5, 6), wants(true, AudioCodec::G711(Mu)));
        duplex.attach(7, (7, 8), wants(true, AudioCodec::G711(A)));
        let all: Vec<Spoken> = (0..40)
            .flat_map(|n| duplex.tick(&tick(n), n as i64 * 10_000).0)
            .collect();
        for (codec, to) in [
            (AudioCodec::Opus, vec![TO]),
            (AudioCodec::G711(Mu), vec![(3, 4), (5, 6)]),
            (AudioCodec::G711(A), vec![(7, 8)]),
        ] {
            let spoken: Vec<_> = all.iter().filter(|one| one.codec == codec).collect();
            let stamps: Vec<i64> = spoken.iter().map(|one| one.timestamp).collect();
            assert_eq!(stamps, (0..20).map(|n| n * 20_000).collect::<Vec<_>>());
            assert!(spoken.iter().all(|one| one.to == to));
            if codec != AudioCodec::Opus {
                assert!(spoken.iter().all(|one| one.speech.payload.len() == 160));
                assert!(spoken.iter().skip(1).all(|one| !one.speech.first) && spoken[0].speech.first);
            }
        }
        assert_eq!(duplex.said((3, 4)).map(|said| said.bitrate), Some(64_000));
        // Another codec from one packet to the next, and silence without a pause.
        duplex.attach(7, TO, wants(true, AudioCodec::G711(A)));
        duplex.enable(7, false);
        let all: Vec<Spoken> = (40..60)
            .flat_map(|n| duplex.tick(&tick(n), n as i64 * 10_000).0)
            .collect();
        assert_eq!(all.len(), 20);
        let to_first = all.iter().filter(|one| one.to.contains(&TO));
        assert!(to_first.clone().count() == 10 && to_first.clone().all(|one| one.codec == AudioCodec::G711(A)));
    }

    #[test]
    fn a_voice_that_is_not_known_is_silent_and_owes_nothing() {
        let wanted = super::super::message::Wanted {
            address: (8, 9),
            blocks: 2,
            waiting: 0,
            lacked: 0,
        };
        let tick = Tick {
            played: None,
            captured: Vec::new(),
            wanted: vec![wanted],
        };
        let (_, answer) = duplex().tick(&tick, 0);
        assert_eq!(answer.unwrap().len(), 16 + 4 * BLOCK);
    }
}
