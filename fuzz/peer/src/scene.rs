//! What the targets begin with.

use crate::jsep::Jsep;
use crate::jsep::transport::{Setup, Transport};
use crate::wire::{Direction, Kind};

/// A negotiation that is the same each time.
pub fn side(seed: u64) -> Jsep {
    let mut state = seed;
    let random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state
    };
    Jsep::new(Box::new(random), None)
}

/// What `what` says by its bits: audio, video, data, a second video, a simulcast.
pub fn furnish(jsep: &mut Jsep, what: u8) {
    let stream = || vec!["stream".to_owned()];
    if what & 16 != 0 {
        jsep.allow_layers(3);
    }
    for (bit, kind) in [(1, Kind::Audio), (2, Kind::Video), (8, Kind::Video)] {
        if what & bit != 0 {
            let track = Some(format!("track{bit}"));
            let made = jsep.add_transceiver(kind, Direction::Sendrecv, stream(), track, bit != 8);
            if what & 16 != 0 && kind == Kind::Video {
                let rids = ["h", "m", "l"].map(str::to_owned);
                jsep.set_layers(made, &rids).expect("three layers are allowed");
            }
        }
    }
    if what & 4 != 0 {
        jsep.want_data();
    }
}

/// An end of a transport.
pub fn transport(ufrag: &str) -> Transport {
    Transport {
        ufrag: ufrag.to_owned(),
        pwd: "p".repeat(24),
        fingerprint: format!("sha-256 {}", ["AB"; 32].join(":")),
        setup: Setup::Actpass,
        lite: false,
        candidates: vec!["1 1 udp 2130706431 192.0.2.7 4000 typ host".to_owned()],
        complete: true,
        data: None,
    }
}
