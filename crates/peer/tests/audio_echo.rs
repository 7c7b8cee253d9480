//! A loop-back rig for the microphone's processing: a far voice comes back through a room, a near one is to be kept.

#![allow(clippy::unwrap_used)]

mod voice;

use std::time::{Duration, Instant};

use tauri_plugin_peer_connection::audio::processor::{Processing, Processor};
use voice::{BLOCK, Dice, RATE, Room, add, correlation, decibels, from_block, loudness, rms, to_block, voices};

/// What a microphone hears besides: -65 dBov.
fn hum(length: usize) -> Vec<f64> {
    let mut dice = Dice::new(9);
    (0..length).map(|_| dice.noise() * 0.001).collect()
}

/// What is sent when `captured` is heard while `played` is played, and the time it took.
fn process(processing: Processing, captured: &[f64], played: &[f64]) -> (Vec<f64>, Duration) {
    let mut processor = Processor::new(processing);
    let mut sent = Vec::with_capacity(captured.len());
    let started = Instant::now();
    for (captured, played) in captured.chunks_exact(BLOCK).zip(played.chunks_exact(BLOCK)) {
        let mut block = to_block(captured);
        processor.process(&mut block, &to_block(played));
        sent.extend(from_block(&block));
    }
    (sent, started.elapsed())
}

const CANCEL: Processing = Processing {
    echo_cancellation: true,
    ..Processing::NONE
};

/// Echo return loss enhancement in decibels from `from` seconds on.
fn enhancement(processing: Processing, delay: usize, gain: f64) -> f64 {
    let (far, _) = voices(10.0);
    let mut captured = Room::new(3, delay, gain).echo(&far);
    let echo = captured.clone();
    add(&mut captured, &hum(far.len()));
    let (sent, took) = process(processing, &captured, &far);
    let from = 3 * RATE;
    let loss = decibels(rms(&echo[from..]) / rms(&sent[from..]));
    println!(
        "{delay} ms, {gain}: {loss:.1} dB, {:.0} us a block",
        took.as_micros() as f64 / 1_000.0
    );
    loss
}

#[test]
fn the_echo_is_25_db_softer_after_three_seconds() {
    for (delay, gain) in [(30, 0.5), (250, 0.25), (450, 0.4), (60, 1.0)] {
        let loss = enhancement(CANCEL, delay, gain);
        assert!(loss >= 25.0, "{loss} dB at {delay} ms");
    }
}

#[test]
fn the_echo_stays_soft_behind_the_whole_chain() {
    let loss = enhancement(Processing::ALL, 60, 0.5);
    assert!(loss >= 25.0, "{loss} dB");
}

#[test]
fn a_near_voice_is_kept_while_both_speak() {
    let (far, near) = voices(14.0);
    // The far one alone at first, then both.
    let from = 5 * RATE;
    let near: Vec<f64> = near
        .iter()
        .enumerate()
        .map(|(n, s)| if n < from { 0.0 } else { *s })
        .collect();
    let mut captured = Room::new(3, 60, 0.5).echo(&far);
    let echo = captured.clone();
    add(&mut captured, &near);
    add(&mut captured, &hum(far.len()));
    let (sent, _) = process(CANCEL, &captured, &far);
    // What the chain makes of the near voice when there is no echo.
    let (clean, _) = process(CANCEL, &near, &vec![0.0; near.len()]);
    let alike = correlation(&clean[from..], &sent[from..]);
    let before = correlation(&near[from..], &captured[from..]);
    let melody = correlation(&loudness(&clean[from..]), &loudness(&sent[from..]));
    let kept = decibels(rms(&sent[from..]) / rms(&clean[from..]));
    let talk = decibels(rms(&near[from..]) / rms(&echo[from..]));
    println!(
        "near {talk:.1} dB over the echo; alike {before:.2} before, {alike:.2} after; loudness {melody:.2}, {kept:+.1} dB"
    );
    assert!(alike >= 0.8 && melody >= 0.8, "{alike} {melody}");
    assert!((-6.0..=3.0).contains(&kept), "{kept} dB");
}

#[test]
fn a_voice_without_an_echo_passes() {
    let (_, near) = voices(6.0);
    let silence = vec![0.0; near.len()];
    let (sent, _) = process(CANCEL, &near, &silence);
    let (alike, kept) = (
        correlation(&loudness(&near), &loudness(&sent)),
        decibels(rms(&sent) / rms(&near)),
    );
    println!("loudness {alike:.2}, {kept:+.1} dB");
    assert!(alike > 0.93 && kept.abs() < 1.5, "{alike} {kept} dB");
}

#[test]
fn steady_noise_is_suppressed_and_the_voice_is_not() {
    let (_, near) = voices(8.0);
    let mut dice = Dice::new(4);
    let noise: Vec<f64> = near.iter().map(|_| dice.noise() * 0.01).collect();
    let mut captured = near.clone();
    add(&mut captured, &noise);
    let suppress = Processing {
        noise_suppression: true,
        ..Processing::NONE
    };
    let (sent, _) = process(suppress, &captured, &vec![0.0; near.len()]);
    let from = 2 * RATE;
    let quiet: Vec<usize> = (from / BLOCK..near.len() / BLOCK)
        .filter(|block| rms(&near[block * BLOCK..(block + 1) * BLOCK]) < 1e-4)
        .collect();
    let level = |samples: &[f64]| {
        let all: Vec<f64> = quiet
            .iter()
            .flat_map(|block| samples[block * BLOCK..(block + 1) * BLOCK].iter().copied())
            .collect();
        rms(&all)
    };
    let loss = decibels(level(&captured) / level(&sent));
    let alike = correlation(&loudness(&near[from..]), &loudness(&sent[from..]));
    println!("noise {loss:.1} dB softer, voice alike {alike:.2}");
    assert!(loss >= 8.0, "{loss} dB");
    assert!(alike >= 0.9, "{alike}");
}

#[test]
fn a_soft_voice_is_made_louder_and_a_loud_one_is_not_clipped() {
    let (_, near) = voices(12.0);
    let control = Processing {
        auto_gain_control: true,
        ..Processing::NONE
    };
    let from = 6 * RATE;
    for (gain, least, most) in [(0.1, 6.0, 30.0), (4.0, -15.0, 3.0)] {
        let captured: Vec<f64> = near.iter().map(|sample| (sample * gain).clamp(-1.0, 1.0)).collect();
        let (sent, _) = process(control, &captured, &vec![0.0; near.len()]);
        let change = decibels(rms(&sent[from..]) / rms(&captured[from..]));
        println!("a voice at {gain}: {change:+.1} dB");
        assert!((least..=most).contains(&change), "{change} dB at {gain}");
    }
}

#[test]
fn nothing_is_done_where_nothing_is_asked_for() {
    let (far, near) = voices(1.0);
    let (sent, _) = process(Processing::NONE, &near, &far);
    let same: Vec<f64> = near
        .chunks_exact(BLOCK)
        .flat_map(|part| from_block(&to_block(part)).collect::<Vec<_>>())
        .collect();
    assert_eq!(sent, same);
}
