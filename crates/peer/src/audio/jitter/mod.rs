//! The jitter buffer of one remote voice: packets in as the network brings them, a block out whenever one is played.
//!
//! What waits is kept close to what lateness demands: too much is played a little faster, too little a little slower.
//! What is missing when it is needed comes from the packet after it (FEC), or is made up by the decoder. A pause of the
//! sender (DTX) is no loss. The blocks that are pulled are its only clock; when packets came is an argument.

mod arrival;
mod packets;
pub mod stretch;

use std::time::Duration;

use bytes::Bytes;

use self::arrival::Arrival;
use self::packets::{Packets, Waiting};
use super::decoder::VoiceDecoder;
use super::energy::Energy;
use super::{Arrived, BLOCK, Block, MS, RATE};
use crate::rtp::codec::AudioCodec;
use crate::rtp::playout::Delay;
use crate::rtp::wall::RtpTime;

/// Samples that wait when nothing is ever late: one packet, and a block for the one who pulls.
const LEAST: usize = 30 * MS;
/// The most that lateness makes wait; the page may want more.
const MOST: usize = 500 * MS;
/// Blocks after a loss in which a packet more waits, so that the one that repeats a lost one has come when it is needed.
const LOSSY: usize = 1_000;
/// What waits beyond the target before it is played faster.
const SPARE: usize = 15 * MS;
/// What is short of the target, but no more than a quarter of it, before it is played slower.
const SHORT: usize = 12 * MS;
/// Beyond this it is played faster, or slower for the page's delay, at any price, and beyond the other one left out.
const HURRY: usize = 120 * MS;
const TOO_MUCH: usize = 1_000 * MS;
/// Blocks between two changes of speed.
const HOLD: u32 = 4;
/// What is played in one go without a packet before the voice is taken for silent.
const STARVED: usize = 300 * MS;
/// A hole longer than this is left out.
const HOLE: i64 = 200 * MS as i64;
/// Samples kept of what was played.
const PAST: usize = 30 * MS;
/// The weight of one block in the smoothed level.
const SMOOTH: f64 = 0.04;

/// What webrtc-stats wants to know, in samples unless said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Everything that was played.
    pub received: u64,
    pub concealed: u64,
    pub silent_concealed: u64,
    /// Runs of concealed samples.
    pub concealments: u64,
    pub inserted: u64,
    pub removed: u64,
    /// Sample-seconds of waiting, and the samples that waited.
    pub delay: f64,
    pub target_delay: f64,
    /// What they would have had to wait for lateness alone.
    pub least_delay: f64,
    pub emitted: u64,
    /// Packets that came too late or were left out.
    pub discarded: u64,
    /// Packets that were restored from the one after them.
    pub restored: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to play: before the first packet, and after a long hole.
    Idle,
    /// The sender pauses.
    Quiet,
    Playing,
}

/// The buffer.
pub struct JitterBuffer {
    packets: Packets,
    arrival: Arrival,
    decoder: VoiceDecoder,
    state: State,
    /// Decoded and not yet played.
    ahead: Vec<i16>,
    /// Played last.
    past: Vec<i16>,
    /// The remote's time of the next sample to decode.
    next: i64,
    /// The number of the packet decoded last.
    number: i64,
    /// Samples made up in one go, and those of them that stand for nothing of the remote's time yet.
    run: usize,
    owed: i64,
    /// Blocks since the last packet came.
    idle: usize,
    level: f64,
    hold: u32,
    /// Samples that are to wait beyond what lateness demands.
    extra: usize,
    /// How long the page wants all of it to wait at least.
    asked: Delay,
    /// Blocks in which losses are prepared for, and the samples that a lost packet had.
    lossy: usize,
    packet: usize,
    counts: Counts,
    energy: Energy,
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self {
            packets: Packets::default(),
            arrival: Arrival::default(),
            decoder: VoiceDecoder::new(AudioCodec::default()),
            state: State::Idle,
            ahead: Vec::with_capacity(4 * 960),
            past: Vec::with_capacity(2 * PAST),
            next: 0,
            number: 0,
            run: 0,
            owed: 0,
            idle: 0,
            level: 0.0,
            hold: 0,
            extra: 0,
            asked: Delay::default(),
            lossy: 0,
            packet: 0,
            counts: Counts::default(),
            energy: Energy::default(),
        }
    }
}

impl JitterBuffer {
    /// Takes a packet; duplicates, late ones and what cannot be of its codec are left out.
    pub fn push(&mut self, arrived: Arrived, payload: Bytes) {
        if arrived.codec != self.decoder.codec() {
            // Another clock, and nothing to be made up from what was heard before.
            self.begin_anew(arrived.codec);
        }
        let before = self.packets.len();
        let Some(start) = self.packets.push(arrived, payload) else {
            return;
        };
        // One had to make room.
        self.counts.discarded += u64::from(self.packets.len() == before);
        self.idle = 0;
        self.arrival.packet(arrived.at, start);
    }

    /// Another sender takes over: nothing of the former one fits together with it.
    pub fn restart(&mut self) {
        self.begin_anew(self.decoder.codec());
    }

    fn begin_anew(&mut self, codec: AudioCodec) {
        self.packets = Packets::default();
        self.arrival.restart();
        self.decoder = VoiceDecoder::new(codec);
        self.state = State::Idle;
    }

    /// The next 10 ms.
    pub fn pull(&mut self, out: &mut Block) {
        match self.state {
            State::Idle => self.asked.jump(),
            State::Quiet | State::Playing => self.asked.pass(Duration::from_millis(10)),
        }
        match self.state {
            State::Idle | State::Quiet => self.pause(),
            State::Playing => self.play(),
        }
        let count = BLOCK.min(self.ahead.len());
        out[..count].copy_from_slice(&self.ahead[..count]);
        out[count..].fill(0);
        self.ahead.drain(..count);
        if self.past.len() >= PAST {
            self.past.drain(..BLOCK);
        }
        self.past.extend_from_slice(out);
        self.energy.add(out);
        self.counts.received += BLOCK as u64;
        self.lossy = self.lossy.saturating_sub(1);
        self.idle += 1;
    }

    /// Samples that wait.
    pub fn waiting(&self) -> usize {
        let packets = self.packets.end().map_or(0, |end| end - self.next);
        self.ahead.len() + usize::try_from(packets).unwrap_or(0)
    }

    /// Samples that should wait.
    pub fn target(&self) -> usize {
        let asked = samples(self.asked.current()) + self.extra;
        (self.needed() + self.extra).min(MOST).max(asked)
    }

    /// Samples that have to wait because packets are late or lost.
    fn needed(&self) -> usize {
        let repair = if self.lossy > 0 { self.packet } else { 0 };
        (self.arrival.lateness() + LEAST + repair).min(MOST)
    }

    /// All of it is to wait so long at least.
    pub fn hold(&mut self, least: Duration) {
        self.asked.ask(least);
        self.packets.make_room(samples(least));
    }

    /// So many samples are to wait beyond what lateness demands.
    pub fn wait(&mut self, extra: usize) {
        self.extra = extra.min(MOST);
    }

    /// Samples by which what waits will still grow, or shrink if negative, to be what should wait.
    pub fn pending(&self) -> i64 {
        let pending = self.target() as i64 - self.level as i64;
        let near = -(SPARE as i64)..=SHORT as i64;
        if near.contains(&pending) { 0 } else { pending }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn energy(&self) -> Energy {
        self.energy
    }

    /// The remote's time of what is heard now, `behind` samples after it was pulled; `None` while nothing is.
    pub fn position(&self, behind: usize) -> Option<RtpTime> {
        let heard = self.next - (self.ahead.len() + behind) as i64;
        self.packets.rtp(heard).filter(|_| self.state == State::Playing)
    }

    /// Nothing is missing: a beginning is waited for.
    fn pause(&mut self) {
        if let Some(first) = self.packets.first() {
            let (start, number, length) = (first.start, first.number, first.length);
            let end = self.packets.end().unwrap_or(start);
            let enough = self.target().saturating_sub(2 * BLOCK);
            // A clock that was set back tells nothing.
            let held = usize::try_from(end - start).unwrap_or(usize::MAX);
            let age = held.saturating_sub(length as usize).saturating_add(self.idle * BLOCK);
            if held >= enough || age >= enough {
                self.begin(start, number);
                return self.play();
            }
        }
        if self.state == State::Quiet {
            // The decoder knows what the pause sounds like.
            self.decoder.make_up(BLOCK, &mut self.ahead);
        } else if self.run > 0 {
            self.counts.concealed += BLOCK as u64;
            self.counts.silent_concealed += BLOCK as u64;
        }
    }

    fn begin(&mut self, start: i64, number: i64) {
        self.state = State::Playing;
        (self.next, self.number) = (start, number - 1);
        (self.run, self.owed) = (0, 0);
        self.level = self.target() as f64;
        self.hold = HOLD;
    }

    fn play(&mut self) {
        self.drop_late();
        let (waiting, target) = (self.waiting(), self.target());
        self.level += (waiting as f64 - self.level) * SMOOTH;
        if waiting > target + TOO_MUCH {
            self.leave_out(target);
        }
        self.hold = self.hold.saturating_sub(1);
        let level = self.level as usize;
        if level > target + SPARE && waiting > target {
            self.faster(level > target + HURRY);
        } else if level + SHORT.min(target / 4) < target && waiting < target {
            self.slower(level + HURRY < samples(self.asked.current()));
        }
        while self.ahead.len() < BLOCK && self.state == State::Playing {
            self.advance();
        }
        if self.ahead.len() < BLOCK {
            self.pause();
            return;
        }
        self.counts.emitted += BLOCK as u64;
        self.counts.delay += (BLOCK * waiting) as f64 / RATE as f64;
        self.counts.target_delay += (BLOCK * target) as f64 / RATE as f64;
        self.counts.least_delay += (BLOCK * self.needed()) as f64 / RATE as f64;
    }

    /// Goes one step on in the remote's time, or makes something up.
    fn advance(&mut self) {
        if self.decode_next() {
            return;
        }
        match self.packets.first().cloned() {
            Some(packet) => self.bridge(&packet),
            None => self.starve(),
        }
    }

    /// Decodes the packet whose turn it is, if it is there.
    fn decode_next(&mut self) -> bool {
        if self.packets.first().is_none_or(|packet| packet.start > self.next) {
            return false;
        }
        let Some(packet) = self.packets.pop() else { return false };
        self.decode(&packet);
        true
    }

    fn decode(&mut self, packet: &Waiting) {
        if self.decoder.decode(&packet.payload, &mut self.ahead) == 0 {
            self.make_up(packet.length as usize);
        } else {
            self.run = 0;
        }
        self.owed = 0;
        self.next = packet.start + packet.length;
        self.number = packet.number;
        if self.decoder.is_quiet(&packet.payload) {
            self.state = State::Quiet;
        }
    }

    /// Something lies between what was decoded last and `packet`.
    fn bridge(&mut self, packet: &Waiting) {
        let hole = packet.start - self.next;
        if packet.number == self.number + 1 && hole < packet.length / 2 {
            // A sender's clock that was set right a little.
            self.next = packet.start;
            return;
        }
        if packet.number == self.number + 1 {
            // Nothing was lost: the sender had nothing to say.
            self.state = State::Quiet;
            return;
        }
        if hole > HOLE {
            self.next = packet.start - (packet.length).min(hole);
            return;
        }
        if self.decoder.restores() {
            (self.lossy, self.packet) = (LOSSY, packet.length as usize);
        }
        // What has been made up while nothing came stands for what turns out to be lost.
        let paid = self.owed.min(hole);
        self.owed -= paid;
        self.next += paid;
        let left = (hole - paid) as usize;
        if left == 0 {
            return;
        }
        let former = packet.length as usize;
        if left > former {
            self.make_up(left.min(former));
            self.next += left.min(former) as i64;
            return;
        }
        if self.decoder.repeats_former(&packet.payload)
            && self.decoder.decode_former(&packet.payload, left, &mut self.ahead) > 0
        {
            self.counts.restored += 1;
            self.run = 0;
        } else {
            self.make_up(left);
        }
        self.next += left as i64;
    }

    /// Nothing is there that could be played.
    fn starve(&mut self) {
        if self.run >= STARVED {
            self.state = State::Idle;
            return;
        }
        let short = BLOCK - self.ahead.len();
        self.make_up(short.next_multiple_of(BLOCK / 4));
        self.owed += short.next_multiple_of(BLOCK / 4) as i64;
    }

    fn make_up(&mut self, samples: usize) {
        if self.run == 0 {
            self.counts.concealments += 1;
        }
        let made = self.decoder.make_up(samples, &mut self.ahead);
        self.ahead.resize(self.ahead.len() + samples - made.min(samples), 0);
        self.run += samples;
        self.counts.concealed += samples as u64;
    }

    fn drop_late(&mut self) {
        while let Some(packet) = self.packets.first() {
            let end = packet.start + packet.length;
            if end > self.next {
                return;
            }
            if end + (RATE as i64) < self.next {
                // No packet is that late: the sender's clock has begun anew.
                self.state = State::Idle;
                return;
            }
            self.packets.pop();
            self.counts.discarded += 1;
        }
    }

    /// The page has slept: what was said meanwhile is not worth the wait.
    fn leave_out(&mut self, target: usize) {
        while self.waiting() > target && self.packets.len() > 1 {
            let Some(packet) = self.packets.pop() else { return };
            self.next = packet.start + packet.length;
            self.number = packet.number;
            self.counts.discarded += 1;
            self.counts.removed += packet.length as u64;
        }
        self.level = self.waiting() as f64;
    }

    fn faster(&mut self, hurry: bool) {
        if self.hold > 0 && !hurry {
            return;
        }
        while self.ahead.len() < stretch::TO_SHORTEN && self.state == State::Playing && self.decode_next() {}
        let removed = stretch::shorten(&mut self.ahead, hurry);
        self.stretched(-(removed as f64));
        self.counts.removed += removed as u64;
    }

    fn slower(&mut self, hurry: bool) {
        if self.hold > 0 && !hurry {
            return;
        }
        while self.ahead.len() < stretch::TO_LENGTHEN && self.state == State::Playing && self.decode_next() {}
        let inserted = stretch::lengthen(&self.past, &mut self.ahead, hurry);
        self.stretched(inserted as f64);
        self.counts.inserted += inserted as u64;
    }

    fn stretched(&mut self, by: f64) {
        if by != 0.0 {
            self.level = (self.level + by).max(0.0);
            self.hold = HOLD;
        }
    }
}

fn samples(time: Duration) -> usize {
    time.as_micros() as usize * MS / 1_000
}
