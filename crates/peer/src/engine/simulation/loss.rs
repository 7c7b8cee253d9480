//! Pictures over links that lose packets.

use super::*;

struct Figures {
    /// The share of the frames that came, of the worst call.
    worst: f64,
    /// Packets sent again for each that was lost.
    amplification: f64,
    /// The longest time without a picture, in milliseconds.
    freeze: u64,
    /// How often pictures froze as webrtc-stats counts it: for 150 ms more than usual, and for three times as long.
    freezes: u64,
}

/// Calls of 30 seconds, with so many packets out of a thousand lost both ways, so many milliseconds there and back, and
/// some more at random.
fn calls(codec: VideoCodec, loss: u64, trip: u64, jitter: u64) -> Figures {
    let mut figures = Figures {
        worst: 1.0,
        amplification: 0.0,
        freeze: 0,
        freezes: 0,
    };
    let (mut sent, mut came, mut again, mut lost, mut plis) = (0, 0, 0, 0, 0);
    for seed in 1..=4 {
        let (there, back) = (Link::new(trip / 2, loss, seed), Link::new(trip / 2, loss, seed + 100));
        let mut call = Call::of(codec, there, back);
        call.there.jitter = jitter;
        call.run(30_000);
        let frames = call.frames;
        let sent_again = call.sending.counters().outbound[&EncodingId::only(1)].retransmitted_packets;
        (again, lost, plis) = (again + sent_again, lost + call.there.lost, plis + call.plis);
        // What is still on its way counts as well.
        call.there.loss = 0;
        call.run(1_000);
        let seen = call.seen.iter().filter(|(number, _)| *number < frames).count() as u64;
        figures.worst = figures.worst.min(seen as f64 / frames as f64);
        figures.freeze = figures.freeze.max(call.freeze());
        figures.freezes += call.freezes();
        sent += frames;
        came += seen;
    }
    figures.amplification = again as f64 / lost.max(1) as f64;
    println!(
        "{codec:?}, {:.1} % loss, {trip} ms, jitter {jitter} ms: {:.2} % of the frames, {:.2} % at worst; {again} packets again for \
         {lost} lost ({:.3}); no picture for {} ms, {} freezes; {plis} key frames asked for",
        loss as f64 / 10.0,
        came as f64 / sent as f64 * 100.0,
        figures.worst * 100.0,
        figures.amplification,
        figures.freeze,
        figures.freezes,
    );
    figures
}

#[test]
fn frames_arrive_though_packets_are_lost() {
    for (loss, trip, jitter, worst, freeze) in [
        (0, 50, 0, 1.0, 100),
        (20, 50, 0, 0.995, 400),
        (50, 50, 0, 0.99, 500),
        (50, 50, 20, 0.99, 500),
        (50, 150, 0, 0.97, 900),
        (100, 50, 0, 0.95, 800),
    ] {
        let figures = calls(VideoCodec::Vp8, loss, trip, jitter);
        assert!(figures.worst >= worst && figures.freeze <= freeze);
        assert!(figures.amplification <= 1.1);
    }
}

#[test]
fn loss_costs_other_codecs_no_more() {
    for codec in [VideoCodec::Vp9, VideoCodec::H264] {
        let figures = calls(codec, 50, 50, 0);
        // Where the very first packet is lost, nobody knows of it, and a call begins with its second key frame.
        assert!(figures.worst >= 0.98 && figures.freeze <= 500);
        assert!(figures.amplification <= 1.1);
    }
}

#[test]
fn after_an_outage_the_picture_is_back_soon() {
    for outage in [300, 1_000, 3_000] {
        for seed in 1..=4 {
            let mut call = Call::new(Link::new(25, 20, seed), Link::new(25, 20, seed + 100));
            call.run(5_000);
            (call.there.loss, call.back.loss) = (1_000, 1_000);
            call.run(outage);
            (call.there.loss, call.back.loss) = (20, 20);
            let (end, bytes) = (call.millis, call.there.bytes);
            call.run(2_000);
            let back = call.seen.iter().find(|(_, at)| *at > end + 25).map(|(_, at)| at - end);
            let steady = call.seen.iter().filter(|(_, at)| *at > end + 1_000).count();
            println!(
                "{outage} ms without anything: a picture {back:?} ms later, {steady} in the second after the first, {} kB",
                (call.there.bytes - bytes) / 1_000
            );
            assert!(back.is_some_and(|back| back <= 500) && steady >= 25);
            // No burst of what nobody needs any more.
            assert!(call.there.bytes - bytes < 2 * u64::from(call.wanted) / 8 * 3 / 2);
        }
    }
}
