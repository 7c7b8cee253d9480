//! A voice through a network in simulated time: what is made up, what is added to the delay, what is heard.

#![allow(clippy::unwrap_used)]

mod voice;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tauri_plugin_peer_connection::audio::jitter::{Counts, JitterBuffer};
use tauri_plugin_peer_connection::audio::narrow::NarrowSpeaker;
use tauri_plugin_peer_connection::audio::speech::Speaker;
use tauri_plugin_peer_connection::audio::{Arrived, FRAME};
use tauri_plugin_peer_connection::rtp::codec::{AudioCodec, Law};
use voice::{BLOCK, Dice, RATE, decibels, from_block, likeness, rms, speech, to_block};

/// What a network does to packets.
#[derive(Clone, Copy)]
struct Network {
    seed: u64,
    /// Share of packets lost, and how likely the next one is lost too.
    loss: f64,
    burst: f64,
    /// Milliseconds of jitter at most, with most of it small.
    jitter: f64,
    /// Every so many packets the path stops for so many milliseconds.
    stalls: Option<(usize, f64)>,
    /// The receiver's clock against the sender's.
    drift: f64,
    codec: AudioCodec,
}

const CALM: Network = Network {
    seed: 1,
    loss: 0.0,
    burst: 0.0,
    jitter: 0.0,
    stalls: None,
    drift: 1.0,
    codec: AudioCodec::Opus,
};
const PCMU: Network = Network {
    codec: AudioCodec::G711(Law::Mu),
    ..CALM
};

struct Run {
    counts: Counts,
    heard: Vec<f64>,
    /// Shares of everything played, and milliseconds.
    concealed: f64,
    delay: f64,
    /// The same of each second.
    delays: Vec<f64>,
    /// Decoded, made up or restored: nothing else fills a run.
    packets: usize,
}

/// Sends `voice` through `network` and plays it.
fn run(network: Network, voice: &[f64]) -> Run {
    run_held(network, voice, |_| 0)
}

/// The same, with the milliseconds that a page wants it to be held in each second.
fn run_held(network: Network, voice: &[f64], least: impl Fn(usize) -> u64) -> Run {
    let mut dice = Dice::new(network.seed);
    let mut speaker = Speaker::default();
    speaker.adapt(32_000, network.loss);
    let mut narrow = NarrowSpeaker::new(Law::Mu);
    let ticks = network.codec.clock_rate() / 50;
    let start = Instant::now();
    let mut arrivals: Vec<(f64, u16, u32, Bytes)> = Vec::new();
    let (mut sequence, mut lost, mut free, mut packets) = (0_u16, false, 0.0_f64, 0);
    for (index, part) in voice.chunks_exact(FRAME).enumerate() {
        let mut frame = [0; FRAME];
        frame[..BLOCK].copy_from_slice(&to_block(&part[..BLOCK]));
        frame[BLOCK..].copy_from_slice(&to_block(&part[BLOCK..]));
        let spoken = match network.codec {
            AudioCodec::Opus => speaker.take(&frame),
            AudioCodec::G711(_) => Some(narrow.take(&frame)),
        };
        let Some(spoken) = spoken else { continue };
        let sent = (index + 1) as f64 * 20.0;
        packets += 1;
        lost = dice.unit()
            < if lost {
                network.burst.max(network.loss)
            } else {
                network.loss
            };
        if let Some((every, length)) = network.stalls
            && packets % every == 0
        {
            free = sent + length;
        }
        let late = dice.unit().powi(3) * network.jitter;
        let at = (sent + 20.0 + late).max(free);
        if !lost {
            // The clock begins anywhere, and wraps.
            let timestamp = (index as u32 * ticks).wrapping_sub(50 * ticks);
            arrivals.push((at, sequence, timestamp, spoken.payload));
        }
        sequence = sequence.wrapping_add(1);
    }
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut buffer = JitterBuffer::default();
    let mut heard = Vec::new();
    let mut next = arrivals.into_iter().peekable();
    let blocks = voice.len() / BLOCK;
    let (mut delays, mut former) = (Vec::new(), Counts::default());
    for tick in 0..blocks {
        let now = tick as f64 * 10.0 * network.drift;
        while let Some((at, sequence, timestamp, payload)) = next.next_if(|(at, ..)| *at <= now) {
            let arrived = Arrived {
                codec: network.codec,
                sequence,
                timestamp,
                at: start + Duration::from_secs_f64(at / 1_000.0),
            };
            buffer.push(arrived, payload);
        }
        let mut block = [0; BLOCK];
        buffer.hold(Duration::from_millis(least(tick / 100)));
        buffer.pull(&mut block);
        if tick % 100 == 99 {
            let counts = buffer.counts();
            let emitted = (counts.emitted - former.emitted).max(1) as f64;
            delays.push((counts.delay - former.delay) / emitted * 1_000.0);
            former = counts;
        }
        heard.extend(from_block(&block));
    }
    let counts = buffer.counts();
    Run {
        heard,
        concealed: counts.concealed as f64 / counts.received as f64,
        delay: counts.delay / counts.emitted.max(1) as f64 * 1_000.0,
        counts,
        delays,
        packets,
    }
}

fn tell(name: &str, run: &Run) {
    println!(
        "{name}: concealed {:.2} %, restored {}, delay {:.0} ms, +{} -{} samples, {} packets, {} events",
        run.concealed * 100.0,
        run.counts.restored,
        run.delay,
        run.counts.inserted,
        run.counts.removed,
        run.packets,
        run.counts.concealments
    );
}

#[test]
fn a_calm_network_costs_little_and_changes_nothing() {
    let voice = speech(5, 120.0, 20.0);
    let run = run(CALM, &voice);
    tell("calm", &run);
    assert_eq!(run.counts.concealed, 0);
    assert!(run.delay <= 50.0, "{} ms", run.delay);
    // What is heard is what was said: as loud, and alike.
    let from = 2 * RATE;
    let (alike, lag) = likeness(&voice[from..from + 10 * RATE], &run.heard[from..from + 11 * RATE], 40);
    println!("alike {alike:.2}, {} ms later", lag * 10);
    assert!(alike > 0.9, "{alike}");
    assert!(decibels(rms(&run.heard[from..]) / rms(&voice[from..])).abs() < 2.0);
}

#[test]
fn jitter_is_waited_for_no_longer_than_it_takes() {
    let voice = speech(6, 120.0, 40.0);
    let run = run(Network { jitter: 80.0, ..CALM }, &voice);
    tell("80 ms of jitter", &run);
    assert!(run.concealed < 0.01, "{}", run.concealed);
    assert!(run.delay < 130.0, "{} ms", run.delay);
}

#[test]
fn loss_is_mostly_restored_from_the_packet_after_it() {
    let voice = speech(7, 120.0, 40.0);
    for (loss, burst, most) in [
        (0.02, 0.02, 0.012),
        (0.05, 0.05, 0.03),
        (0.1, 0.2, 0.07),
        (0.2, 0.3, 0.16),
    ] {
        let run = run(
            Network {
                loss,
                burst,
                jitter: 20.0,
                ..CALM
            },
            &voice,
        );
        tell(&format!("{:.0} % lost", loss * 100.0), &run);
        assert!(run.concealed < most, "{} at {loss}", run.concealed);
        assert!(run.counts.restored > 0);
    }
}

#[test]
fn a_stall_is_caught_up_with() {
    let voice = speech(8, 120.0, 40.0);
    let run = run(
        Network {
            stalls: Some((400, 300.0)),
            ..CALM
        },
        &voice,
    );
    tell("stalls of 300 ms", &run);
    assert!(run.counts.removed > 0);
    assert!(run.delay < 150.0, "{} ms", run.delay);
    assert!(run.concealed < 0.06, "{}", run.concealed);
}

#[test]
fn drifting_clocks_are_followed() {
    let voice = speech(9, 120.0, 60.0);
    for drift in [0.999, 1.001] {
        let run = run(Network { drift, ..CALM }, &voice);
        tell(&format!("a clock at {drift}"), &run);
        assert!(run.concealed < 0.005, "{}", run.concealed);
        assert!(run.delay < 80.0, "{} ms", run.delay);
    }
}

#[test]
fn silence_costs_no_packets_and_is_no_loss() {
    let mut voice = speech(10, 120.0, 5.0);
    voice.extend(std::iter::repeat_n(0.0, 10 * RATE));
    voice.extend(speech(11, 120.0, 5.0));
    let run = run(CALM, &voice);
    tell("10 s of silence", &run);
    assert!(run.packets < 700, "{} packets in 20 s", run.packets);
    assert!(run.concealed < 0.01, "{}", run.concealed);
    assert!(rms(&run.heard[16 * RATE..]) > 0.02);
}

/// webrtc-extensions, `jitterBufferTarget`: the delay that a page wants is reached, and given up again.
#[test]
fn a_voice_is_held_as_long_as_the_page_wants() {
    for least in [300, 1_000, 4_000] {
        let voice = speech(13, 120.0, 60.0);
        let wanted = |second| if (5..35).contains(&second) { least } else { 0 };
        let run = run_held(CALM, &voice, wanted);
        tell(&format!("held for {least} ms"), &run);
        let rounded: Vec<u64> = run.delays.iter().map(|delay| *delay as u64).collect();
        println!("{rounded:?}");
        let target = least as f64;
        let reached = run.delays[30..35].iter().sum::<f64>() / 5.0;
        assert!((target * 0.95..target + 30.0).contains(&reached), "{reached}");
        assert!(run.delays[4] < 60.0 && run.delays[58] < 60.0);
        // Nothing is made up or left out for it.
        assert!(run.concealed < 0.005, "{}", run.concealed);
        assert_eq!(run.counts.discarded, 0);
    }
}

/// Who begins to listen to a voice that is to be held waits before the first sample, and need not hear it slower.
#[test]
fn a_voice_that_begins_held_is_hardly_changed() {
    let voice = speech(15, 120.0, 20.0);
    let run = run_held(CALM, &voice, |_| 2_000);
    tell("held from the beginning", &run);
    assert!((1_950.0..2_050.0).contains(&run.delay), "{}", run.delay);
    assert!(run.counts.inserted < RATE as u64 / 4 && run.counts.concealed == 0);
    let pause = RATE * 19 / 10;
    assert!(rms(&run.heard[..pause]) < 1e-4 && rms(&run.heard[pause..]) > 0.02);
}

#[test]
fn g711_plays_without_a_gap_and_is_heard() {
    let voice = speech(5, 120.0, 20.0);
    let run = run(PCMU, &voice);
    tell("PCMU, calm", &run);
    assert_eq!((run.packets, run.counts.concealed, run.counts.discarded), (1_000, 0, 0));
    assert!(run.delay <= 50.0, "{} ms", run.delay);
    let from = 2 * RATE;
    let (alike, lag) = likeness(&voice[from..from + 10 * RATE], &run.heard[from..from + 11 * RATE], 40);
    println!("alike {alike:.2}, {} ms later", lag * 10);
    assert!(alike > 0.9, "{alike}");
    assert!(decibels(rms(&run.heard[from..]) / rms(&voice[from..])).abs() < 1.0);
}

#[test]
fn g711_is_waited_for_and_followed_as_opus_is() {
    let voice = speech(6, 120.0, 40.0);
    for (name, network) in [
        ("PCMU, 80 ms of jitter", Network { jitter: 80.0, ..PCMU }),
        ("PCMU, a slow clock", Network { drift: 0.999, ..PCMU }),
        ("PCMU, a fast clock", Network { drift: 1.001, ..PCMU }),
    ] {
        let run = run(network, &voice);
        tell(name, &run);
        assert!(run.concealed < 0.01, "{}", run.concealed);
        assert!(run.delay < 130.0, "{} ms", run.delay);
    }
}

#[test]
fn what_is_lost_of_g711_is_made_up() {
    let voice = speech(7, 120.0, 40.0);
    for loss in [0.02, 0.1] {
        let network = Network {
            loss,
            burst: loss,
            jitter: 20.0,
            ..PCMU
        };
        let run = run(network, &voice);
        tell(&format!("PCMU, {:.0} % lost", loss * 100.0), &run);
        assert!((loss * 0.5..loss * 1.5).contains(&run.concealed), "{}", run.concealed);
        assert_eq!(run.counts.restored, 0);
        assert!(decibels(rms(&run.heard) / rms(&voice)).abs() < 1.5);
    }
}

#[test]
fn a_voice_changes_its_codec_in_mid_call() {
    let mut buffer = JitterBuffer::default();
    let (mut speaker, mut narrow) = (Speaker::default(), NarrowSpeaker::new(Law::A));
    let (start, voice) = (Instant::now(), speech(3, 120.0, 9.0));
    let (mut heard, mut timestamp) = (Vec::new(), u32::MAX - 20_000);
    for (index, part) in voice.chunks_exact(BLOCK).enumerate() {
        if index % 2 == 1 {
            let mut frame = [0; FRAME];
            frame[..BLOCK].copy_from_slice(&to_block(&voice[(index - 1) * BLOCK..index * BLOCK]));
            frame[BLOCK..].copy_from_slice(&to_block(part));
            // Every three seconds.
            let codec = [AudioCodec::Opus, AudioCodec::G711(Law::A)][index / 300 % 2];
            let spoken = match codec {
                AudioCodec::Opus => speaker.take(&frame),
                AudioCodec::G711(_) => Some(narrow.take(&frame)),
            };
            if let Some(spoken) = spoken {
                let arrived = Arrived {
                    codec,
                    sequence: (index / 2) as u16,
                    timestamp,
                    at: start + Duration::from_millis(index as u64 * 10),
                };
                buffer.push(arrived, spoken.payload);
            }
            timestamp = timestamp.wrapping_add(codec.clock_rate() / 50);
        }
        let mut block = [0; BLOCK];
        buffer.pull(&mut block);
        heard.extend(from_block(&block));
        // What is heard has the remote's own clock.
        if let Some(at) = buffer.position(0).filter(|_| index > 100) {
            let late = f64::from(timestamp.wrapping_sub(at.ticks) as i32) / f64::from(at.rate);
            assert!((0.0..0.1).contains(&late), "{late} s at {index}");
        }
    }
    assert!(
        buffer.counts().concealed < 3 * 2 * FRAME as u64,
        "{:?}",
        buffer.counts()
    );
    assert!(decibels(rms(&heard) / rms(&voice)).abs() < 1.5);
}

#[test]
fn hostile_packets_are_survived() {
    let mut dice = Dice::new(12);
    let mut buffer = JitterBuffer::default();
    let (mut at, mut block) = (Instant::now(), [0; BLOCK]);
    let mut codec = AudioCodec::Opus;
    for _ in 0..5_000 {
        let length = (dice.unit() * 60.0) as usize;
        let payload: Vec<u8> = (0..length).map(|_| (dice.unit() * 256.0) as u8).collect();
        let wild = dice.unit() < 0.1;
        let sequence = (dice.unit() * if wild { 65_536.0 } else { 50.0 }) as u16;
        let timestamp = (dice.unit() * if wild { 4e9 } else { 48_000.0 }) as u32;
        at += Duration::from_micros((dice.unit() * 20_000.0) as u64);
        if dice.unit() < 0.01 {
            codec = AudioCodec::ALL[(dice.unit() * 3.0) as usize];
        }
        let arrived = Arrived {
            codec,
            sequence,
            timestamp,
            at,
        };
        buffer.push(arrived, payload.into());
        if dice.unit() < 0.7 {
            buffer.pull(&mut block);
        }
        assert!(buffer.target() <= RATE);
    }
}
