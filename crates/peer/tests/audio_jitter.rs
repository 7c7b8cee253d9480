//! A voice through a network in simulated time: what is made up, what is added to the delay, what is heard.

#![allow(clippy::unwrap_used)]

mod voice;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tauri_plugin_peer_connection::audio::jitter::{Counts, JitterBuffer};
use tauri_plugin_peer_connection::audio::speech::Speaker;
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
}

const CALM: Network = Network {
    seed: 1,
    loss: 0.0,
    burst: 0.0,
    jitter: 0.0,
    stalls: None,
    drift: 1.0,
};

struct Run {
    counts: Counts,
    heard: Vec<f64>,
    /// Shares of everything played, and milliseconds.
    concealed: f64,
    delay: f64,
    /// Decoded, made up or restored: nothing else fills a run.
    packets: usize,
}

/// Sends `voice` through `network` and plays it.
fn run(network: Network, voice: &[f64]) -> Run {
    let mut dice = Dice::new(network.seed);
    let mut speaker = Speaker::default();
    speaker.adapt(32_000, network.loss);
    let start = Instant::now();
    let mut arrivals: Vec<(f64, u16, u32, Bytes)> = Vec::new();
    let (mut sequence, mut lost, mut free, mut packets) = (0_u16, false, 0.0_f64, 0);
    for (index, part) in voice.chunks_exact(BLOCK).enumerate() {
        let Some(spoken) = speaker.take(&to_block(part)) else {
            continue;
        };
        let sent = (index + 1) as f64 * 10.0;
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
            let timestamp = ((index - 1) * BLOCK) as u32;
            arrivals.push((at, sequence, timestamp, spoken.payload));
        }
        sequence = sequence.wrapping_add(1);
    }
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut buffer = JitterBuffer::default();
    let mut heard = Vec::new();
    let mut next = arrivals.into_iter().peekable();
    let blocks = voice.len() / BLOCK;
    for tick in 0..blocks {
        let now = tick as f64 * 10.0 * network.drift;
        while let Some((at, sequence, timestamp, payload)) = next.next_if(|(at, ..)| *at <= now) {
            let at = start + Duration::from_secs_f64(at / 1_000.0);
            buffer.push(sequence, timestamp, payload, at);
        }
        let mut block = [0; BLOCK];
        buffer.pull(&mut block);
        heard.extend(from_block(&block));
    }
    let counts = buffer.counts();
    Run {
        heard,
        concealed: counts.concealed as f64 / counts.received as f64,
        delay: counts.delay / counts.emitted.max(1) as f64 * 1_000.0,
        counts,
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

#[test]
fn hostile_packets_are_survived() {
    let mut dice = Dice::new(12);
    let mut buffer = JitterBuffer::default();
    let (mut at, mut block) = (Instant::now(), [0; BLOCK]);
    for _ in 0..5_000 {
        let length = (dice.unit() * 60.0) as usize;
        let payload: Vec<u8> = (0..length).map(|_| (dice.unit() * 256.0) as u8).collect();
        let wild = dice.unit() < 0.1;
        let sequence = (dice.unit() * if wild { 65_536.0 } else { 50.0 }) as u16;
        let timestamp = (dice.unit() * if wild { 4e9 } else { 48_000.0 }) as u32;
        at += Duration::from_micros((dice.unit() * 20_000.0) as u64);
        buffer.push(sequence, timestamp, payload.into(), at);
        if dice.unit() < 0.7 {
            buffer.pull(&mut block);
        }
        assert!(buffer.target() <= RATE);
    }
}
