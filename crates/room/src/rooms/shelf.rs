use super::Entry;
use crate::RoomNo;
use crate::map::{ByNumber, Keys, Map, shrink};
use snug_protocol::RoomId;

/// The rooms. Strangers choose their names, and looking one up by its name costs as much as relaying a message: who sits in
/// a room knows its number.
pub(super) struct Shelf {
    rooms: ByNumber<RoomNo, Entry>,
    numbers: Map<RoomId, RoomNo>,
    next: u64,
}

impl Shelf {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            rooms: ByNumber::default(),
            numbers: Map::with_hasher(keys),
            next: 0,
        }
    }

    /// Takes a room in, whose name is not here yet.
    pub(super) fn add(&mut self, entry: Entry) -> RoomNo {
        let no = RoomNo(self.next);
        self.next += 1;
        self.numbers.insert(entry.room.id().clone(), no);
        self.rooms.insert(no, entry);
        no
    }

    pub(super) fn find(&self, id: &RoomId) -> Option<RoomNo> {
        self.numbers.get(id).copied()
    }

    pub(super) fn find_mut(&mut self, id: &RoomId) -> Option<(RoomNo, &mut Entry)> {
        let no = self.find(id)?;
        Some((no, self.rooms.get_mut(&no)?))
    }

    pub(super) fn get(&self, id: &RoomId) -> Option<&Entry> {
        self.rooms.get(&self.find(id)?)
    }

    pub(super) fn get_mut(&mut self, no: RoomNo) -> Option<&mut Entry> {
        self.rooms.get_mut(&no)
    }

    pub(super) fn remove(&mut self, no: RoomNo) {
        if let Some(entry) = self.rooms.remove(&no) {
            self.numbers.remove(entry.room.id());
            shrink(&mut self.rooms);
            shrink(&mut self.numbers);
        }
    }

    pub(super) fn clear(&mut self) {
        self.rooms.clear();
        self.rooms.shrink_to_fit();
        self.numbers.clear();
        self.numbers.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// For how many there is space at this moment.
    pub(super) fn footprint(&self) -> usize {
        self.rooms.capacity() + self.numbers.capacity()
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.rooms.values()
    }
}
