use std::cell::RefCell;

/// Room for what one read takes in, and for most of what one write puts out.
pub(crate) const CHUNK: usize = 32 * 1024;
/// What a thread keeps: at any moment it reads one socket, and few writes are stuck half-way.
const KEPT: usize = 8;

thread_local! {
    static CHUNKS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer of at least [`CHUNK`].
pub(crate) fn take() -> Vec<u8> {
    CHUNKS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| Vec::with_capacity(CHUNK))
}

/// Gives a buffer to whoever needs one next. Idle sockets hold none.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if (CHUNK..=2 * CHUNK).contains(&buffer.capacity()) {
        buffer.clear();
        CHUNKS.with_borrow_mut(|chunks| {
            if chunks.len() < KEPT {
                chunks.push(buffer);
            }
        });
    }
}
