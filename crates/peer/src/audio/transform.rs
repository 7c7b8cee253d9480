//! Voices that the page transforms: encoded ones before they are sent, received ones before they are decoded.
//!
//! Each packet makes a round trip to the page (kinds 9 to 11 of [`crate::frame`]), and what does not come back is not
//! heard. Outgoing packets come back as a page's audio to send. Incoming ones come back by a number of ours, so that
//! the page says nothing about which packet of the remote it was, or when it came.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Arrived;
use super::message::Address;
use crate::wire::{PcId, Side};

/// Packets of one voice that may be in the page: a second of 20 ms.
const WAITING: usize = 50;
/// Voices that are transformed at once, in each direction.
const VOICES: usize = 512;

/// Which voices are transformed, and what of them is in the page.
#[derive(Debug, Default)]
pub struct Transforms {
    sending: HashSet<Address>,
    receiving: HashMap<Address, Voice>,
}

#[derive(Debug, Default)]
struct Voice {
    next: u32,
    waiting: VecDeque<(u32, Arrived)>,
}

impl Transforms {
    /// The page transforms a voice from now on, or no longer. False if that is no news.
    pub fn set(&mut self, voice: Address, side: Side, active: bool) -> bool {
        match side {
            Side::Send if !active => self.sending.remove(&voice),
            Side::Send => self.sending.len() < VOICES && self.sending.insert(voice),
            Side::Receive if !active => self.receiving.remove(&voice).is_some(),
            Side::Receive => {
                let fresh = self.receiving.len() < VOICES && !self.receiving.contains_key(&voice);
                if fresh {
                    self.receiving.insert(voice, Voice::default());
                }
                fresh
            }
        }
    }

    /// Whether what is sent to `to` passes the page.
    pub fn sends(&self, to: Address) -> bool {
        self.sending.contains(&to)
    }

    /// Notes a packet on its way to the page and gives its number; `None` if this voice is not transformed. What has
    /// been there for too long is given up.
    pub fn leave(&mut self, voice: Address, arrived: Arrived) -> Option<u32> {
        let voice = self.receiving.get_mut(&voice)?;
        let number = voice.next;
        voice.next = number.wrapping_add(1);
        if voice.waiting.len() >= WAITING {
            voice.waiting.pop_front();
        }
        voice.waiting.push_back((number, arrived));
        Some(number)
    }

    /// The packet of that number, once, and none before it any more: they come back in order.
    pub fn come_back(&mut self, voice: Address, number: u32) -> Option<Arrived> {
        let waiting = &mut self.receiving.get_mut(&voice)?.waiting;
        let place = waiting.iter().position(|(other, _)| *other == number)?;
        waiting.drain(..=place).next_back().map(|(_, arrived)| arrived)
    }

    /// Forgets the voices of a connection.
    pub fn forget(&mut self, pc: PcId) {
        self.sending.retain(|(of, _)| *of != pc);
        self.receiving.retain(|(of, _), _| *of != pc);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rtp::codec::AudioCodec;

    const VOICE: Address = (1, 2);

    fn arrived(sequence: u16) -> Arrived {
        Arrived {
            codec: AudioCodec::Opus,
            sequence,
            timestamp: u32::from(sequence) * 960,
            at: Instant::now(),
        }
    }

    #[test]
    fn only_what_left_comes_back_once_and_in_order() {
        let mut transforms = Transforms::default();
        assert_eq!(transforms.leave(VOICE, arrived(1)), None);
        assert!(transforms.set(VOICE, Side::Receive, true));
        assert!(!transforms.set(VOICE, Side::Receive, true));
        let numbers: Vec<_> = (10..14)
            .map(|one| transforms.leave(VOICE, arrived(one)).unwrap())
            .collect();
        let mut back = |number| transforms.come_back(VOICE, number).map(|one| one.sequence);
        assert_eq!(back(numbers[1]), Some(11));
        assert_eq!((back(numbers[1]), back(numbers[0]), back(99)), (None, None, None));
        assert_eq!(back(numbers[3]), Some(13));
        assert!(transforms.set(VOICE, Side::Receive, false));
        assert_eq!(transforms.leave(VOICE, arrived(1)), None);
    }

    #[test]
    fn a_page_that_gives_nothing_back_fills_nothing() {
        let mut transforms = Transforms::default();
        transforms.set(VOICE, Side::Receive, true);
        for number in 0..1_000 {
            assert_eq!(transforms.leave(VOICE, arrived(number)), Some(u32::from(number)));
        }
        assert_eq!(transforms.receiving[&VOICE].waiting.len(), WAITING);
        assert_eq!(transforms.come_back(VOICE, 1_000 - WAITING as u32 - 1), None);
        for number in 0..2_000 {
            transforms.set((7, number), Side::Send, true);
            transforms.set((7, number), Side::Receive, true);
        }
        assert_eq!((transforms.sending.len(), transforms.receiving.len()), (VOICES, VOICES));
        assert!(transforms.sends((7, 0)) && !transforms.sends(VOICE));
        transforms.forget(7);
        assert_eq!((transforms.sending.len(), transforms.receiving.len()), (0, 1));
    }
}
