use crate::Frame;

/// The frames that the outboxes of one room keep, each once, however many keep it. A broadcast then costs an outbox a number, not
/// a counted reference of its own.
#[derive(Debug, Default)]
pub(super) struct Shared {
    places: Vec<Option<Kept>>,
    free: Vec<Place>,
    /// Where the frame is that was kept last: all in a room keep it one after the other.
    last: Place,
}

#[derive(Debug)]
struct Kept {
    frame: Frame,
    holders: u32,
}

/// Where a frame is kept.
pub(super) type Place = u32;

impl Shared {
    /// Keeps a frame for one more.
    pub(super) fn hold(&mut self, frame: &Frame) -> Place {
        if let Some(Some(kept)) = self.places.get_mut(self.last as usize)
            && Frame::ptr_eq(&kept.frame, frame)
        {
            kept.holders += 1;
            return self.last;
        }
        let kept = Some(Kept {
            frame: frame.clone(),
            holders: 1,
        });
        self.last = match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = kept;
                place
            }
            None => {
                self.places.push(kept);
                (self.places.len() - 1) as Place
            }
        };
        self.last
    }

    pub(super) fn get(&self, place: Place) -> Option<&Frame> {
        Some(&self.places.get(place as usize)?.as_ref()?.frame)
    }

    /// One fewer needs this frame. How long it is.
    pub(super) fn release(&mut self, place: Place) -> usize {
        let Some(slot) = self.places.get_mut(place as usize) else {
            return 0;
        };
        let Some(kept) = slot else { return 0 };
        let bytes = kept.frame.len();
        kept.holders -= 1;
        if kept.holders == 0 {
            *slot = None;
            self.free.push(place);
            self.tidy();
        }
        bytes
    }

    /// Gives back the space of a time when much was kept.
    fn tidy(&mut self) {
        if self.free.len() == self.places.len() && self.places.capacity() > 64 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_there_until_its_last_holder_is_done() {
        let mut shared = Shared::default();
        let frame: Frame = "a frame".into();
        let places = [shared.hold(&frame), shared.hold(&frame)];
        assert_eq!(places[0], places[1]);
        let other = shared.hold(&"another".into());
        assert_ne!(other, places[0]);
        assert_eq!(shared.release(places[0]), 7);
        assert_eq!(shared.get(places[0]), Some(&frame));
        assert_eq!(shared.release(places[0]), 7);
        assert_eq!(shared.get(places[0]), None);
        let again = shared.hold(&frame);
        assert_eq!((again, shared.places.len()), (places[0], 2), "its place is taken again");
        assert_eq!(Frame::strong_count(&frame), 2);
    }

    #[test]
    fn the_space_of_a_busy_time_is_given_back() {
        let mut shared = Shared::default();
        let places: Vec<Place> = (0..1_000).map(|n: u32| shared.hold(&n.to_string().into())).collect();
        assert!(shared.places.capacity() >= 1_000);
        for place in places {
            shared.release(place);
        }
        assert_eq!(shared.places.capacity(), 0);
    }
}
