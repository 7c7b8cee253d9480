use std::cell::RefCell;
use std::sync::Arc;

/// What a thread keeps to write in: more than nearly every frame takes.
const KEPT: usize = 64 * 1024;

thread_local! {
    static ROOM: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The text that is written, in one allocation of its very size.
pub(crate) fn shared(write: impl FnOnce(&mut String)) -> Arc<str> {
    let mut room = ROOM.take();
    write(&mut room);
    let text = Arc::from(room.as_str());
    if room.capacity() <= KEPT {
        room.clear();
        ROOM.replace(room);
    }
    text
}
