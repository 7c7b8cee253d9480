//! A sender, a bottleneck and a receiver in simulated time.

use std::collections::VecDeque;

use super::*;
use crate::rtp::pacer::Pacer;

const STEP: Duration = Duration::from_millis(1);
const FRAME: usize = 33;
const PACKET: usize = 1_200;

/// A link with a queue that is as long as it has to be, up to a limit.
struct Link {
    /// Bits per second.
    rate: f64,
    delay: Duration,
    limit: usize,
    /// Lost for no reason, out of a thousand.
    loss: u32,
    queue: VecDeque<(u16, usize)>,
    bytes: usize,
    credit: f64,
    flying: VecDeque<(Instant, u16)>,
    random: u64,
}

impl Link {
    fn new(rate: f64) -> Self {
        Self {
            rate,
            delay: Duration::from_millis(25),
            limit: 250_000,
            loss: 0,
            queue: VecDeque::new(),
            bytes: 0,
            credit: 0.0,
            flying: VecDeque::new(),
            random: 1,
        }
    }

    fn send(&mut self, number: u16, size: usize) {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let lost = (self.random >> 33) % 1_000 < u64::from(self.loss);
        if !lost && self.bytes + size <= self.limit {
            self.bytes += size;
            self.queue.push_back((number, size));
        }
    }

    fn step(&mut self, now: Instant) {
        self.credit += self.rate * STEP.as_secs_f64() / 8.0;
        while let Some((number, size)) = self
            .queue
            .front()
            .copied()
            .filter(|(_, size)| self.credit >= *size as f64)
        {
            self.queue.pop_front();
            self.bytes -= size;
            self.credit -= size as f64;
            self.flying.push_back((now + self.delay, number));
        }
        if self.queue.is_empty() {
            self.credit = 0.0;
        }
    }

    /// Seconds that the last packet in it waits.
    fn waits(&self) -> f64 {
        self.bytes as f64 * 8.0 / self.rate
    }
}

struct Call {
    bandwidth: Bandwidth,
    link: Link,
    pacer: Pacer<()>,
    now: Instant,
    start: Instant,
    arrived: Vec<(u16, Instant)>,
    next_feedback: u16,
    returning: VecDeque<(Instant, Feedback)>,
    /// How far the encoder misses its target, and every how many frames a key frame comes.
    noise: f64,
    key_every: usize,
    frames: usize,
    ticks: usize,
    sent: Vec<(f64, usize)>,
    waits: Vec<(f64, f64)>,
    targets: Vec<(f64, f64)>,
}

impl Call {
    fn new(link: Link) -> Self {
        let now = Instant::now();
        let mut bandwidth = Bandwidth::default();
        bandwidth.want(2_500_000.0);
        Self {
            bandwidth,
            link,
            pacer: Pacer::default(),
            now,
            start: now,
            arrived: Vec::new(),
            next_feedback: 0,
            returning: VecDeque::new(),
            noise: 0.2,
            key_every: 300,
            frames: 0,
            ticks: 0,
            sent: Vec::new(),
            waits: Vec::new(),
            targets: Vec::new(),
        }
    }

    fn time(&self) -> f64 {
        (self.now - self.start).as_secs_f64()
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 1_000 {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.ticks += 1;
        if self.ticks.is_multiple_of(FRAME) {
            self.frame();
        }
        self.transmit();
        self.link.step(self.now);
        while let Some((at, number)) = self.link.flying.front().copied().filter(|(at, _)| *at <= self.now) {
            self.link.flying.pop_front();
            self.arrived.push((number, at));
        }
        if self.ticks.is_multiple_of(100) {
            self.report();
        }
        while let Some((_, feedback)) = self.returning.front().cloned().filter(|(at, _)| *at <= self.now) {
            self.returning.pop_front();
            self.bandwidth.feedback(&feedback, self.now);
        }
        if self.ticks.is_multiple_of(10) {
            self.waits.push((self.time(), self.link.waits()));
            self.targets.push((self.time(), f64::from(self.bandwidth.target())));
        }
    }

    fn frame(&mut self) {
        self.frames += 1;
        let key = self.frames % self.key_every == 1;
        let sway = 1.0 + self.noise * ((self.frames as f64) * 2.4).sin();
        let size = f64::from(self.bandwidth.target()) / 8.0 * 0.033 * if key { 5.0 } else { sway };
        let mut size = size as usize;
        while size > 0 {
            let packet = size.min(PACKET);
            size -= packet;
            self.pacer.push((), packet, false);
        }
    }

    fn transmit(&mut self) {
        loop {
            let (target, probe) = (f64::from(self.bandwidth.target()), self.bandwidth.probe());
            let rate = probe.map(|probe| probe.rate);
            let size = match self.pacer.pop(self.now, target, rate) {
                Some(((), size)) => size,
                None if probe.is_some() && self.pacer.due(self.now) => {
                    self.pacer.passed(PACKET, self.now, target, rate);
                    PACKET
                }
                None => return,
            };
            let number = self.bandwidth.sent(size, self.now);
            self.sent.push((self.time(), size));
            self.link.send(number, size);
        }
    }

    /// The receiver reports like ours, every 100 ms.
    fn report(&mut self) {
        let mut arrived = std::mem::take(&mut self.arrived);
        arrived.retain(|(number, _)| number.wrapping_sub(self.next_feedback) < 0x8000);
        let Some((_, first)) = arrived.first().copied() else {
            return;
        };
        let micros = |at: Instant| (at - self.start).as_micros() as i64 + 5_000_000_000;
        let reference = micros(first) / 64_000;
        let mut last = reference * 64_000;
        let mut statuses = Vec::new();
        let base = self.next_feedback;
        for (number, at) in arrived {
            while self.next_feedback != number {
                statuses.push(Status::Missing);
                self.next_feedback = self.next_feedback.wrapping_add(1);
            }
            // The wire's resolution.
            let time = micros(at) / 250 * 250;
            statuses.push(Status::Arrived(time - last));
            last = time;
            self.next_feedback = self.next_feedback.wrapping_add(1);
        }
        let feedback = Feedback {
            base,
            reference: reference as u32 & 0xff_ffff,
            statuses,
        };
        self.returning
            .push_back((self.now + Duration::from_millis(25), feedback));
    }

    /// Bits per second sent from one second to another.
    fn used(&self, from: f64, to: f64) -> f64 {
        let bytes: usize = self
            .sent
            .iter()
            .filter(|(at, _)| *at >= from && *at < to)
            .map(|(_, size)| size)
            .sum();
        bytes as f64 * 8.0 / (to - from)
    }

    /// The median and the worst wait, in seconds.
    fn queued(&self, from: f64, to: f64) -> (f64, f64) {
        let within = self.waits.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut all: Vec<f64> = within.map(|(_, wait)| *wait).collect();
        all.sort_by(f64::total_cmp);
        (all[all.len() / 2], all[all.len() - 1])
    }

    fn show(&self) {
        for second in 0..self.time() as usize {
            let (from, to) = (second as f64, second as f64 + 1.0);
            let target = self
                .targets
                .iter()
                .rfind(|(at, _)| *at < to)
                .map_or(0.0, |(_, target)| *target);
            let (median, worst) = self.queued(from, to);
            println!(
                "{second:3}  target {:7.0}  sent {:7.0}  queue {:4.0} ms, at worst {:4.0} ms",
                target / 1e3,
                self.used(from, to) / 1e3,
                median * 1e3,
                worst * 1e3
            );
        }
    }
}

#[test]
fn a_link_that_steps_down_and_up_is_used_within_five_seconds_and_queues_little() {
    for (noise, key_every) in [(0.2, 100_000), (0.4, 150)] {
        let mut call = Call::new(Link::new(2e6));
        (call.noise, call.key_every) = (noise, key_every);
        call.run(20);
        call.link.rate = 0.7e6;
        call.run(20);
        call.link.rate = 2e6;
        call.run(20);
        call.show();
        for (from, rate) in [(0.0, 2e6), (20.0, 0.7e6), (40.0, 2e6)] {
            let used = call.used(from + 5.0, from + 20.0) / rate;
            assert!(used > 0.8, "from {from}: {used}");
            // Already within five seconds, not only on average later.
            let soon = call.used(from + 4.0, from + 6.0) / rate;
            assert!(soon > 0.8, "soon after {from}: {soon}");
        }
        let (median, worst) = call.queued(0.0, 60.0);
        assert!(median < 0.1, "{median} {worst}");
        assert!(call.queued(20.0, 40.0).0 < 0.15 && call.queued(25.0, 40.0).1 < 0.45);
    }
}

#[test]
fn a_wide_link_gives_all_that_is_wanted_within_seconds() {
    let mut call = Call::new(Link::new(50e6));
    call.run(6);
    call.show();
    assert!(call.bandwidth.target() > 2_300_000);
    assert!(call.bandwidth.target() < 3_500_000);
}

#[test]
fn a_narrow_link_is_found_from_above() {
    let mut call = Call::new(Link::new(0.3e6));
    call.run(20);
    call.show();
    let used = call.used(5.0, 20.0) / 0.3e6;
    assert!(used > 0.8, "{used}");
    assert!(call.queued(5.0, 20.0).0 < 0.15);
}

#[test]
fn random_loss_does_not_slow_down_and_a_short_queue_does_not_starve() {
    let mut call = Call::new(Link::new(2e6));
    call.link.loss = 50;
    call.run(20);
    call.show();
    assert!(call.used(8.0, 20.0) > 1.4e6);
    let mut call = Call::new(Link::new(1e6));
    call.link.limit = 8_000;
    call.run(20);
    call.show();
    assert!(call.used(8.0, 20.0) > 0.6e6);
}

#[test]
fn the_remotes_estimate_is_a_bound_and_silence_slows_down() {
    let mut bandwidth = Bandwidth::default();
    bandwidth.remb(300_000.0);
    assert_eq!(bandwidth.target(), 300_000);
    bandwidth.remb(1.0);
    assert_eq!(bandwidth.target(), FLOOR);
    bandwidth.remb(f64::NAN);
    assert_eq!(bandwidth.target(), START);
    let start = Instant::now();
    for step in 0..400 {
        bandwidth.sent(1_000, start + Duration::from_millis(step * 10));
    }
    assert!(bandwidth.target() < START * 6 / 10);
}
