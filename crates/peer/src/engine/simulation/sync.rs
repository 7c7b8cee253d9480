//! A person who is seen and heard: how far apart picture and voice are at the remote, by the true times at which they
//! were taken.

use super::*;
use crate::audio::driver::Audio;
use crate::audio::message::{Tick, Wanted};
use crate::audio::narrow::NarrowSpeaker;
use crate::audio::speech::Speaker;
use crate::audio::{self, Arrived, RATE};
use crate::engine::show::Show;
use crate::rtp::clock::SendClock;
use crate::rtp::codec::{AudioCodec, Law};

const VIDEO: u32 = 1;
const VOICE: u32 = 2;
/// Milliseconds from taking a picture to handing it over, and from the end of 20 ms of voice.
const ENCODING: u64 = 30;
const SPEAKING: u64 = 5;
/// Milliseconds from handing a picture to the decoder to seeing it.
const DRAWING: f64 = 15.0;
/// Nobody notices that picture and voice are so many milliseconds apart.
const TOGETHER: f64 = 40.0;
/// Samples that wait in the page.
const WAITING: u16 = 960;

/// What differs from call to call.
#[derive(Clone, Copy)]
struct Case {
    /// The sender's clock against the receiver's, and the receiver's sound card against its own clock.
    drift: f64,
    card: f64,
    jitter: u64,
    loss: u64,
    /// What pictures, and voices, take longer than the path, in milliseconds, from the tenth second on.
    picture: u64,
    voice: u64,
    /// From the 20th second on everything takes so much longer.
    step: u64,
    codec: AudioCodec,
}

const STEADY: Case = Case {
    drift: 1.0,
    card: 1.0,
    jitter: 0,
    loss: 0,
    picture: 0,
    voice: 0,
    step: 0,
    codec: AudioCodec::Opus,
};

struct Meeting {
    case: Case,
    sender: Tap,
    sending: Arc<Shared>,
    receiver: Tap,
    receiving: Arc<Shared>,
    pictures: mpsc::Receiver<Input>,
    voices: mpsc::Receiver<Input>,
    order: Pictures,
    show: Show,
    audio: Arc<Audio>,
    there: [Link; 2],
    back: Link,
    clocks: [SendClock; 2],
    sequences: [u16; 2],
    payloader: Payloader,
    /// Packets to send over and over.
    said: Vec<Bytes>,
    start: Instant,
    millis: u64,
    ticks: f64,
    /// RTP time of the voice at the sender's zero.
    zero: Option<u32>,
    /// When, in seconds, a picture was later than its voice by how many milliseconds.
    apart: Vec<(f64, f64)>,
    /// Milliseconds from the first packet of the pictures shown since to the decoder.
    waited: Vec<f64>,
}

fn sending(transceiver: u32, case: Case) -> Sending {
    let mut codecs = Codecs::proposal(if transceiver == VIDEO { Kind::Video } else { Kind::Audio });
    if transceiver == VOICE {
        codecs.first = Format::audio(case.codec);
    }
    Sending {
        encoding: EncodingId::only(transceiver),
        mid: transceiver.to_string(),
        rid: None,
        codecs,
        ssrc: transceiver * 1_000,
        repair_ssrc: transceiver * 1_000 + 1,
    }
}

fn receiving(of: &Sending, sink: mpsc::Sender<Input>) -> Receiving {
    Receiving {
        transceiver: of.encoding.transceiver,
        mid: of.mid.clone(),
        codecs: of.codecs.clone(),
        sources: vec![of.ssrc],
        repairs: vec![(of.ssrc, of.repair_ssrc)],
        streams: vec!["person".to_owned()],
        sink,
    }
}

impl Meeting {
    fn new(case: Case, seed: u64) -> Self {
        let (sending_, receiving_) = (
            Arc::new(Shared::new(Box::new(|_| {}))),
            Arc::new(Shared::new(Box::new(|_| {}))),
        );
        let streams = [sending(VIDEO, case), sending(VOICE, case)];
        let ((to_pictures, pictures), (to_voices, voices)) = (mpsc::channel(1_024), mpsc::channel(1_024));
        receiving_.set_plan(Plan {
            sending: vec![],
            receiving: vec![receiving(&streams[0], to_pictures), receiving(&streams[1], to_voices)],
        });
        sending_.set_plan(Plan {
            sending: streams.to_vec(),
            receiving: vec![],
        });
        let audio = Arc::<Audio>::default();
        audio.duplex().open((1, VOICE));
        let link = |seed| {
            let mut link = Link::new(40, case.loss, seed);
            link.jitter = case.jitter;
            link
        };
        Self {
            case,
            sender: Tap::new(Arc::clone(&sending_)),
            sending: sending_,
            receiver: Tap::new(Arc::clone(&receiving_)),
            show: Show::new(1, VIDEO, Arc::clone(&receiving_), Arc::clone(&audio)),
            receiving: receiving_,
            pictures,
            voices,
            order: Pictures::default(),
            audio,
            there: [link(seed), link(seed + 10)],
            back: Link::new(40, case.loss, seed + 20),
            clocks: [
                SendClock::new(90_000, 1 << 31),
                SendClock::new(case.codec.clock_rate(), u32::MAX - 90_000),
            ],
            sequences: [0; 2],
            payloader: Payloader::new(0),
            said: hum(case.codec),
            start: Instant::now(),
            millis: 0,
            ticks: 0.0,
            zero: None,
            apart: Vec::new(),
            waited: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.millis)
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }

    fn step(&mut self) {
        self.millis += 1;
        let slow = |by: u64| if self.millis > 10_000 { by } else { 0 };
        let step = if self.millis > 20_000 { self.case.step } else { 0 };
        self.there[0].delay = Duration::from_millis(40 + step + slow(self.case.picture));
        self.there[1].delay = Duration::from_millis(40 + step + slow(self.case.voice));
        if self.millis > ENCODING && (self.millis - ENCODING).is_multiple_of(FRAME) {
            self.picture(self.millis - ENCODING);
        }
        // On the sender's clock a packet every 20 ms.
        let taken = |millis: u64| (millis as f64 * self.case.drift / 20.0).floor() as u64;
        if self.millis > 20 + SPEAKING {
            let at = self.millis - SPEAKING - 20;
            if taken(at) != taken(at - 1) {
                self.speak(taken(at));
            }
        }
        self.transmit();
        self.play();
        self.watch();
    }

    /// The page's clock at a true time.
    fn micros(&self, millis: u64) -> i64 {
        5_000_000 + (millis as f64 * 1_000.0 * self.case.drift) as i64
    }

    fn picture(&mut self, taken: u64) {
        let key = taken <= FRAME;
        let bytes = picture(VideoCodec::Vp8, key, taken, 3_000);
        let payloads = self.payloader.frame(VideoCodec::Vp8, &bytes, key);
        self.send(0, self.micros(taken), payloads);
    }

    fn speak(&mut self, packet: u64) {
        let payload = self.said[packet as usize % self.said.len()].clone();
        self.send(1, 5_000_000 + packet as i64 * 20_000, vec![payload]);
    }

    fn send(&mut self, which: usize, micros: i64, payloads: Vec<Bytes>) {
        let now = self.now();
        let stream = sending([VIDEO, VOICE][which], self.case);
        let timestamp = self.clocks[which].ticks(micros, now);
        if which == 1 {
            let rate = i64::from(self.case.codec.clock_rate());
            let zero = timestamp.wrapping_sub(((micros - 5_000_000) * rate / 1_000_000) as u32);
            self.zero.get_or_insert(zero);
        }
        lock(&self.sending.clock).came(micros, now);
        let outbound = |shared: &Shared| {
            shared.counters().outbound.entry(stream.encoding).or_default().captured = Some((micros, timestamp));
        };
        outbound(&self.sending);
        let last = payloads.len() - 1;
        let mut packets = Vec::new();
        for (index, payload) in payloads.into_iter().enumerate() {
            self.sequences[which] += 1;
            let header = rtp::Header {
                version: 2,
                marker: which == 0 && index == last,
                payload_type: stream.codecs.first.payload_type,
                sequence_number: self.sequences[which],
                timestamp,
                ssrc: stream.ssrc,
                ..Default::default()
            };
            packets.push(rtp::Packet { header, payload });
        }
        let message = message(carry(packets), now);
        self.sender.handle_write(message).unwrap();
    }

    fn transmit(&mut self) {
        let now = self.now();
        self.sender.handle_timeout(now).unwrap();
        while let Some(msg) = self.sender.poll_write() {
            let voice = matches!(&msg.message.packet, Packet::Rtp(packet) if packet.header.ssrc / 1_000 == VOICE);
            self.there[usize::from(voice)].send(msg, now);
        }
        for link in &mut self.there {
            link.deliver(&mut self.receiver, now);
        }
        self.receiver.handle_timeout(now).unwrap();
        while let Some(msg) = self.receiver.poll_write() {
            self.back.send(msg, now);
        }
        self.back.deliver(&mut self.sender, now);
    }

    /// The receiver's loudspeaker.
    fn play(&mut self) {
        let voice = (1, VOICE);
        while let Ok(Input::Voice(packet, at, _, codec)) = self.voices.try_recv() {
            let arrived = Arrived {
                codec,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                at,
            };
            let mut duplex = self.audio.duplex();
            duplex.hold(voice, self.receiving.delay(VOICE));
            duplex.packet(voice, arrived, packet.payload);
        }
        while self.ticks * 10.0 * self.case.card <= self.millis as f64 {
            self.ticks += 1.0;
            let tick = Tick {
                played: None,
                captured: Vec::new(),
                wanted: vec![Wanted {
                    address: voice,
                    blocks: 1,
                    waiting: WAITING,
                    lacked: 0,
                }],
            };
            self.audio.duplex().tick(&tick, 0);
        }
    }

    /// The receiver's screen.
    fn watch(&mut self) {
        let now = self.now();
        while let Ok(Input::Packet(packet, at, ssrc)) = self.pictures.try_recv() {
            self.order.push(packet, ssrc, at);
        }
        if let Some(ssrc) = self.order.ask(now) {
            self.receiver.handle_write(message(picture_loss(ssrc), now)).unwrap();
        }
        set_round_trip(&mut self.order, &self.receiving, VIDEO);
        while let Some(frame) = self.order.poll(now) {
            self.show.take(frame, now);
        }
        while let Some(due) = self.show.due(now) {
            let seen = number(&due.frame) as f64;
            self.waited
                .push(now.saturating_duration_since(due.frame.came).as_secs_f64() * 1_000.0);
            let position = self.audio.duplex().position((1, VOICE));
            if let Some((position, zero)) = position.zip(self.zero) {
                let ticks = f64::from(position.ticks.wrapping_sub(zero));
                let heard = ticks / f64::from(position.rate) * 1_000.0 / self.case.drift;
                self.apart.push((self.millis as f64 / 1_000.0, heard + DRAWING - seen));
            }
        }
    }

    /// Of the pictures between two seconds, the share that is within 40 ms of its voice, and the worst second's median
    /// distance in milliseconds.
    fn together(&self, from: u64, to: u64) -> (f64, f64) {
        let mut worst = 0.0_f64;
        let (mut near, mut count) = (0, 0);
        for second in from..to {
            let within = self.apart.iter().filter(|(at, _)| *at as u64 == second);
            let mut all: Vec<f64> = within.map(|(_, apart)| apart.abs()).collect();
            all.sort_by(f64::total_cmp);
            near += all.iter().filter(|apart| **apart <= TOGETHER).count();
            count += all.len();
            worst = worst.max(all[all.len() / 2]);
        }
        assert!(count as u64 > (to - from) * 28, "{count} pictures");
        (near as f64 / count as f64, worst)
    }

    /// How long pictures and voice wait on average in the next second, in milliseconds, and what statistics would say that a voice
    /// should wait, and would have to.
    fn delays(&mut self) -> [f64; 4] {
        let heard = |of: &Self| of.audio.duplex().heard((1, VOICE)).unwrap().counts;
        let before = heard(self);
        self.waited.clear();
        self.run(1_000);
        let after = heard(self);
        let samples = (after.emitted - before.emitted) as f64 / 1_000.0;
        [
            self.waited.iter().sum::<f64>() / self.waited.len() as f64,
            (after.delay - before.delay) / samples,
            (after.target_delay - before.target_delay) / samples,
            (after.least_delay - before.least_delay) / samples,
        ]
    }
}

/// A voice that does not stop.
fn hum(codec: AudioCodec) -> Vec<Bytes> {
    let mut speaker = Speaker::default();
    let mut narrow = NarrowSpeaker::new(Law::Mu);
    let mut frame = [0; audio::FRAME];
    let mut packets = Vec::new();
    for number in 0..50 {
        for (index, sample) in frame.iter_mut().enumerate() {
            let time = (number * audio::FRAME + index) as f64 / RATE as f64;
            let loud = 6_000.0 * (1.0 + (time * 20.0).sin());
            *sample = ((time * 180.0 * std::f64::consts::TAU).sin() * loud) as i16;
        }
        let speech = match codec {
            AudioCodec::Opus => speaker.take(&frame),
            AudioCodec::G711(_) => Some(narrow.take(&frame)),
        };
        packets.extend(speech.map(|speech| speech.payload));
    }
    packets
}

#[test]
fn picture_and_voice_stay_together() {
    let late = |picture, voice| Case {
        picture,
        voice,
        ..STEADY
    };
    let narrow = |voice| Case {
        codec: AudioCodec::G711(Law::Mu),
        voice,
        ..STEADY
    };
    let drift = |drift, card| Case { drift, card, ..STEADY };
    let all = Case {
        drift: 1.0003,
        jitter: 20,
        picture: 100,
        step: 100,
        ..STEADY
    };
    let cases = [
        ("steady", 0.95, STEADY),
        ("a sender whose clock is fast", 0.95, drift(1.0003, 1.0)),
        ("a slow sender, and a fast sound card", 0.95, drift(0.9997, 0.9997)),
        ("a voice in G.711", 0.95, narrow(0)),
        ("a voice in G.711 that takes 200 ms longer", 0.95, narrow(200)),
        ("30 ms of jitter", 0.95, Case { jitter: 30, ..STEADY }),
        ("pictures that take 200 ms longer", 0.95, late(200, 0)),
        ("voices that take 200 ms longer", 0.95, late(0, 200)),
        ("a path that gets 150 ms longer", 0.95, Case { step: 150, ..STEADY }),
        // What is sent again is seen late, whatever is done; the others are not.
        ("5 % loss", 0.85, Case { loss: 50, ..STEADY }),
        ("drift, jitter, late pictures and a longer path", 0.95, all),
    ];
    for (name, share, case) in cases {
        let mut meeting = Meeting::new(case, 7);
        meeting.run(40_000);
        // Some seconds after each change: voices are played slower and faster, but not by much.
        for (from, to) in [(4, 10), (16, 20), (26, 40)] {
            let (near, median) = meeting.together(from, to);
            let percent = near * 100.0;
            println!("{name}, {from} to {to} s: {percent:.0} % within 40 ms, at worst {median:.0} ms a second");
            assert!(near >= share && median <= TOGETHER, "{name}: {near} {median}");
        }
    }
}

#[test]
fn the_longer_delay_that_a_page_wants_holds_for_picture_and_voice() {
    let jitter = Case { jitter: 30, ..STEADY };
    let late = Case { picture: 100, ..STEADY };
    let cases = [
        ("pictures", STEADY, vec![(VIDEO, 500)], 500.0),
        ("a voice", STEADY, vec![(VOICE, 500)], 500.0),
        (
            "both, by the longer one",
            STEADY,
            vec![(VIDEO, 1_000), (VOICE, 300)],
            1_000.0,
        ),
        ("with jitter", jitter, vec![(VIDEO, 400), (VOICE, 400)], 400.0),
        ("later pictures", late, vec![(VOICE, 400)], 400.0),
        ("all there is", STEADY, vec![(VIDEO, 4_000), (VOICE, 4_000)], 4_000.0),
    ];
    for (name, case, wanted, target) in cases {
        let mut meeting = Meeting::new(case, 7);
        meeting.run(14_000);
        let [pictures, voice, ..] = meeting.delays();
        assert!(pictures < 150.0 && voice < 150.0, "{name}: {pictures} {voice}");
        for (transceiver, millis) in &wanted {
            let delay = Duration::from_millis(*millis);
            meeting.receiving.set_delay(*transceiver, Some(delay));
        }
        // A quarter slower, until it is reached.
        meeting.run(target as u64 * 4 + 4_000);
        let now = meeting.millis / 1_000;
        let told = meeting.delays();
        println!("{name}: {told:.0?} ms");
        let [pictures, voice, should, must] = told;
        for delay in [pictures, voice, should] {
            assert!((target * 0.95..target + 150.0).contains(&delay), "{name}: {delay} ms");
        }
        assert!(must < 150.0, "{name}: {must}");
        meeting.run(4_000);
        let (near, median) = meeting.together(now, now + 5);
        println!(
            "{name}: {:.0} % within 40 ms, at worst {median:.0} ms a second",
            near * 100.0
        );
        assert!(near >= 0.9 && median <= TOGETHER, "{name}: {near} {median}");
        for (transceiver, _) in wanted {
            meeting.receiving.set_delay(transceiver, None);
        }
        meeting.run(target as u64 * 4 + 4_000);
        let now = meeting.millis / 1_000;
        let [pictures, voice, ..] = meeting.delays();
        println!("{name}: {pictures:.0} and {voice:.0} ms without");
        assert!(pictures < 200.0 && voice < 200.0, "{name}: {pictures} {voice}");
        meeting.run(4_000);
        let (near, median) = meeting.together(now, now + 5);
        assert!(near >= 0.9 && median <= TOGETHER, "{name}, after: {near} {median}");
    }
}
