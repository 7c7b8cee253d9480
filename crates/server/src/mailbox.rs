use snug_protocol::CloseCode;
use snug_room::Frame;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// What a socket is to write.
#[derive(Debug)]
pub(crate) enum Letter {
    Frame(Frame),
    Close(CloseCode),
}

/// The hub's end: it never waits. Bounded by count and by bytes.
pub(crate) struct Mailbox {
    letters: mpsc::Sender<Letter>,
    bytes: Arc<AtomicUsize>,
    most: usize,
    cut: oneshot::Sender<()>,
}

/// The socket's end.
pub(crate) struct Letters {
    letters: mpsc::Receiver<Letter>,
    bytes: Arc<AtomicUsize>,
}

/// How the hub let go of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Finish what is in the mailbox, if that is soon done.
    Gently,
    /// The reader stalled: drop everything.
    AtOnce,
}

/// The reader does not keep up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stalled;

pub(crate) fn mailbox(letters: usize, bytes: usize) -> (Mailbox, Letters, oneshot::Receiver<()>) {
    let (tx, rx) = mpsc::channel(letters);
    let (cut, released) = oneshot::channel();
    let held = Arc::new(AtomicUsize::new(0));
    let mailbox = Mailbox {
        letters: tx,
        bytes: held.clone(),
        most: bytes,
        cut,
    };
    (
        mailbox,
        Letters {
            letters: rx,
            bytes: held,
        },
        released,
    )
}

/// Waits until the hub lets go.
pub(crate) async fn released(cut: oneshot::Receiver<()>) -> Release {
    match cut.await {
        Ok(()) => Release::AtOnce,
        Err(_) => Release::Gently,
    }
}

impl Mailbox {
    pub(crate) fn send(&self, frame: Frame) -> Result<(), Stalled> {
        let size = frame.len();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > self.most {
            return Err(Stalled);
        }
        self.letters.try_send(Letter::Frame(frame)).map_err(|_| Stalled)
    }

    /// The last letter.
    pub(crate) fn close(self, code: CloseCode) {
        // A full mailbox has a stalled reader behind it, who would not read this either.
        if self.letters.try_send(Letter::Close(code)).is_err() {
            self.cut();
        }
    }

    pub(crate) fn cut(self) {
        // An error means that the socket is gone already.
        self.cut.send(()).ok();
    }
}

impl Letters {
    pub(crate) async fn next(&mut self) -> Option<Letter> {
        let letter = self.letters.recv().await;
        self.count(letter)
    }

    pub(crate) fn ready(&mut self) -> Option<Letter> {
        let letter = self.letters.try_recv().ok();
        self.count(letter)
    }

    fn count(&self, letter: Option<Letter>) -> Option<Letter> {
        if let Some(Letter::Frame(frame)) = &letter {
            self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mailbox_is_bounded_by_count_and_by_bytes() {
        let (mailbox, mut letters, _released) = mailbox(2, 10);
        assert_eq!(mailbox.send("123456".into()), Ok(()));
        assert!(matches!(letters.next().await, Some(Letter::Frame(_))));
        assert_eq!(mailbox.send("1234567".into()), Ok(()), "what was read makes room");
        assert_eq!(mailbox.send("1234".into()), Err(Stalled), "bytes");
        let (mailbox, _letters, _released) = super::mailbox(2, 10);
        assert_eq!(mailbox.send("1".into()), Ok(()));
        assert_eq!(mailbox.send("2".into()), Ok(()));
        assert_eq!(mailbox.send("3".into()), Err(Stalled), "count");
    }

    #[tokio::test]
    async fn a_full_mailbox_that_closes_is_cut() {
        let (mailbox, _letters, cut) = mailbox(1, 10);
        assert_eq!(mailbox.send("1".into()), Ok(()));
        mailbox.close(CloseCode::TakenOver);
        assert_eq!(released(cut).await, Release::AtOnce);
    }
}
