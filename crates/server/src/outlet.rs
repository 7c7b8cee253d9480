use crate::metrics::{Dropped, Metrics};
use snug_protocol::CloseCode;
use snug_room::Frame;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::time::sleep;

/// What a socket is to write.
#[derive(Debug, PartialEq)]
pub(crate) enum Letter {
    Frame(Frame),
    /// The last one.
    Close(CloseCode),
}

/// The hub's end of the way to one socket: it never waits. Bounded by count and by bytes.
pub(crate) struct Outlet(Arc<Mutex<Queue>>);

/// The socket's end.
pub(crate) struct Inbox(Arc<Mutex<Queue>>);

/// The reader does not keep up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stalled;

struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    most: (usize, usize),
    end: End,
    waker: Option<Waker>,
    metrics: Arc<Metrics>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// Close with this, once the frames before are written.
    Closing(CloseCode),
    /// The hub let go: finish what is written already.
    Released,
    /// The reader stalled: drop everything.
    Cut,
}

/// A way to a socket that holds no more than `(frames, bytes)`.
pub(crate) fn outlet(most: (usize, usize), metrics: Arc<Metrics>) -> (Outlet, Inbox) {
    let queue = Arc::new(Mutex::new(Queue {
        frames: VecDeque::new(),
        bytes: 0,
        most,
        end: End::Open,
        waker: None,
        metrics,
    }));
    (Outlet(queue.clone()), Inbox(queue))
}

impl Outlet {
    pub(crate) fn send(&self, frame: Frame) -> Result<(), Stalled> {
        lock(&self.0).metrics.sent(&frame, 1);
        self.send_uncounted(frame)
    }

    /// The same, for whoever counts what it sends.
    pub(crate) fn send_uncounted(&self, frame: Frame) -> Result<(), Stalled> {
        let mut queue = lock(&self.0);
        if queue.frames.len() >= queue.most.0 || queue.bytes + frame.len() > queue.most.1 {
            return Err(Stalled);
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        wake(queue);
        Ok(())
    }

    pub(crate) fn close(self, code: CloseCode) {
        lock(&self.0).metrics.closed(code);
        self.end(End::Closing(code));
    }

    pub(crate) fn cut(self) {
        lock(&self.0).metrics.dropped(Dropped::SlowReader);
        self.end(End::Cut);
    }

    fn end(&self, end: End) {
        let mut queue = lock(&self.0);
        if queue.end == End::Open {
            queue.end = end;
            wake(queue);
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.end(End::Released);
    }
}

impl Inbox {
    /// Waits for a letter; whether there will be one.
    pub(crate) async fn stirs(&self) -> bool {
        poll_fn(|context| {
            let mut queue = lock(&self.0);
            if queue.has_letter() {
                return Poll::Ready(true);
            }
            if queue.end != End::Open {
                return Poll::Ready(false);
            }
            queue.wait(context.waker());
            Poll::Pending
        })
        .await
    }

    /// Whether there is a letter already.
    pub(crate) fn has_letter(&self) -> bool {
        lock(&self.0).has_letter()
    }

    /// Hands over the letters that are there, for as long as `take` has room for more.
    pub(crate) fn hand_over(&self, mut take: impl FnMut(Letter) -> bool) {
        let mut queue = lock(&self.0);
        let waiting = queue.frames.len();
        if waiting > 0 {
            queue.metrics.queued(waiting);
        }
        while let Some(letter) = queue.take() {
            if !take(letter) {
                break;
            }
        }
    }

    /// Waits until the socket is to be dropped whatever it does: at once when its reader stalled, and within `linger`
    /// when it was closed otherwise.
    pub(crate) async fn given_up(&self, linger: Duration) {
        let end = poll_fn(|context| {
            let mut queue = lock(&self.0);
            if queue.end != End::Open {
                return Poll::Ready(queue.end);
            }
            queue.wait(context.waker());
            Poll::Pending
        })
        .await;
        if end != End::Cut {
            Box::pin(sleep(linger)).await;
        }
    }
}

impl Queue {
    fn has_letter(&self) -> bool {
        !self.frames.is_empty() || matches!(self.end, End::Closing(_))
    }

    fn take(&mut self) -> Option<Letter> {
        if let Some(frame) = self.frames.pop_front() {
            self.bytes -= frame.len();
            return Some(Letter::Frame(frame));
        }
        if let End::Closing(code) = self.end {
            self.end = End::Released;
            return Some(Letter::Close(code));
        }
        None
    }

    /// One task reads a queue, so one waker is enough.
    fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(mut queue: MutexGuard<'_, Queue>) {
    let waker = queue.waker.take();
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for the next letter; `None` when there will be none.
    async fn next(inbox: &Inbox) -> Option<Letter> {
        let mut next = None;
        if inbox.stirs().await {
            inbox.hand_over(|letter| {
                next = Some(letter);
                false
            });
        }
        next
    }

    #[tokio::test]
    async fn it_is_bounded_by_count_and_by_bytes() {
        let (out, inbox) = outlet((2, 10), Arc::new(Metrics::new()));
        assert_eq!(out.send("123456".into()), Ok(()));
        assert_eq!(next(&inbox).await, Some(Letter::Frame("123456".into())));
        assert_eq!(out.send("1234567".into()), Ok(()), "what was read makes room");
        assert_eq!(out.send("1234".into()), Err(Stalled), "bytes");
        let (out, _inbox) = outlet((2, 10), Arc::new(Metrics::new()));
        assert_eq!(out.send("1".into()), Ok(()));
        assert_eq!(out.send("2".into()), Ok(()));
        assert_eq!(out.send("3".into()), Err(Stalled), "count");
    }

    #[tokio::test]
    async fn what_was_sent_before_the_close_comes_first() {
        let (out, inbox) = outlet((2, 10), Arc::new(Metrics::new()));
        assert_eq!(out.send("1".into()), Ok(()));
        out.close(CloseCode::TakenOver);
        assert_eq!(next(&inbox).await, Some(Letter::Frame("1".into())));
        assert_eq!(next(&inbox).await, Some(Letter::Close(CloseCode::TakenOver)));
        assert_eq!(next(&inbox).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_reader_is_given_up_at_once_and_another_a_little_later() {
        let start = tokio::time::Instant::now();
        let (out, inbox) = outlet((2, 10), Arc::new(Metrics::new()));
        out.cut();
        inbox.given_up(Duration::from_secs(2)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        let (out, inbox) = outlet((2, 10), Arc::new(Metrics::new()));
        drop(out);
        inbox.given_up(Duration::from_secs(2)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }
}
