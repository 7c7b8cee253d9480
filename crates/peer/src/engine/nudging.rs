//! Delays of the engine's, done away with.
//!
//! The engine's driver writes first and then looks at what has happened, and what its core says to that is written after
//! the next thing that happens: when ICE is connected, the first words of DTLS, later those of SCTP, and all that is
//! answered to what came through a relay. That next thing may be hundreds of milliseconds later. An empty datagram is
//! such a thing. The first words of DTLS are not even asked for before a timer has run out, and are written when the next one has,
//! so until the connection is up one does after each datagram, empty or not.
//!
//! A candidate of the remote's is checked with the next timer, too, unless somebody nudges the driver when it has one.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// Empty datagrams after a real one: the core answers in the first round, the relay's client writes in the second.
const ROUNDS: u8 = 2;
/// Datagrams after the connection is connected that are still followed: SCTP's beginning is among them.
const AFTERWARDS: u32 = 32;
/// The driver waits no longer than this while the connection is not up, as checks are due all the time.
const ITS_WAIT: Duration = Duration::from_millis(30);

/// A socket that lets an empty datagram follow what was received.
#[derive(Debug)]
pub struct Nudging {
    inner: Arc<dyn AsyncUdpSocket>,
    /// Once this is set, only so many more datagrams are followed, unless all of them are.
    connected: Arc<AtomicBool>,
    always: bool,
    heard: Arc<Heard>,
    more: AtomicU32,
    rounds: AtomicU8,
    looked: AtomicBool,
}

/// What all sockets of a connection know of its driver.
#[derive(Debug, Default)]
pub struct Heard {
    /// Something came since the driver set its timer last.
    something: AtomicBool,
    /// An empty datagram is wanted, whatever came.
    nudged: AtomicBool,
    driver: AtomicWaker,
}

impl Heard {
    /// Whether the driver, which wants to wait so long, is not to wait at all. What waits longer waits for something else.
    pub fn is_over(&self, wait: Duration) -> bool {
        wait <= ITS_WAIT && self.something.swap(false, Ordering::AcqRel)
    }

    /// Has the driver look at once for what there is to do.
    pub fn nudge(&self) {
        self.something.store(true, Ordering::Release);
        self.nudged.store(true, Ordering::Release);
        self.driver.wake();
    }
}

impl Nudging {
    /// Until `connected` has been set for a while, or `always`.
    pub fn new(inner: Arc<dyn AsyncUdpSocket>, connected: Arc<AtomicBool>, always: bool, heard: Arc<Heard>) -> Self {
        Self {
            inner,
            connected,
            always,
            heard,
            more: AtomicU32::new(AFTERWARDS),
            rounds: AtomicU8::new(0),
            looked: AtomicBool::new(false),
        }
    }

    /// Whether a datagram that comes now is followed by empty ones.
    fn follows(&self) -> bool {
        if !self.connected.load(Ordering::Acquire) {
            self.heard.something.store(true, Ordering::Release);
            return true;
        }
        if self.always {
            return true;
        }
        let one_less = |more: u32| more.checked_sub(1);
        self.more
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }
}

impl AsyncUdpSocket for Nudging {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.inner.poll_send(cx, transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        match self.inner.poll_recv(cx, buffers, meta) {
            Poll::Ready(result) => {
                if self.follows() {
                    self.rounds.store(ROUNDS, Ordering::Relaxed);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                // Before looking whether it is nudged, so that no nudge is missed in between.
                self.heard.driver.register(cx.waker());
                let nudged = self.heard.nudged.swap(false, Ordering::AcqRel);
                let rounds = self.rounds.load(Ordering::Relaxed);
                let Some(first) = meta.first_mut().filter(|_| nudged || rounds > 0) else {
                    return Poll::Pending;
                };
                // The driver looks for more right after each datagram, without waiting: that look changes nothing but
                // is the sign that the datagram before it was dealt with.
                if !nudged && !self.looked.swap(true, Ordering::Relaxed) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if !nudged {
                    self.looked.store(false, Ordering::Relaxed);
                    self.rounds.store(rounds - 1, Ordering::Relaxed);
                }
                if !self.connected.load(Ordering::Acquire) {
                    self.heard.something.store(true, Ordering::Release);
                }
                *first = RecvMeta::default();
                first.len = 0;
                first.stride = 0;
                Poll::Ready(Ok(1))
            }
        }
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::task::Waker;

    use super::*;

    /// Gives out datagrams of these lengths.
    #[derive(Debug, Default)]
    struct Stub(Mutex<Vec<usize>>);

    impl AsyncUdpSocket for Stub {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(transmit.contents.len()))
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            _: &mut [IoSliceMut<'_>],
            meta: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            let Some(length) = self.0.lock().unwrap().pop() else {
                return Poll::Pending;
            };
            meta[0].len = length;
            Poll::Ready(Ok(1))
        }
    }

    /// What a driver gets that looks once for more after each datagram, until nothing comes any more.
    fn received(socket: &Nudging) -> Vec<usize> {
        let mut context = Context::from_waker(Waker::noop());
        let mut buffer = [0; 4];
        let mut pending = 0;
        let mut lengths = Vec::new();
        while pending < 3 {
            let mut meta = [RecvMeta::default()];
            match socket.poll_recv(&mut context, &mut [IoSliceMut::new(&mut buffer)], &mut meta) {
                Poll::Ready(_) => {
                    lengths.push(meta[0].len);
                    pending = 0;
                }
                Poll::Pending => pending += 1,
            }
        }
        lengths
    }

    fn send(stub: &Stub, length: usize) {
        stub.0.lock().unwrap().push(length);
    }

    #[test]
    fn what_comes_is_followed_until_the_connection_has_been_up_for_a_while() {
        let stub = Arc::<Stub>::default();
        let connected = Arc::<AtomicBool>::default();
        let inner: Arc<dyn AsyncUdpSocket> = Arc::clone(&stub) as _;
        let heard = Arc::<Heard>::default();
        let socket = Nudging::new(inner, Arc::clone(&connected), false, Arc::clone(&heard));
        for _ in 0..2 * AFTERWARDS {
            send(&stub, 4);
            assert_eq!(received(&socket), [4, 0, 0]);
            let (long, its) = (Duration::from_secs(1), Duration::from_millis(5));
            assert_eq!([long, its, its].map(|wait| heard.is_over(wait)), [false, true, false]);
        }
        connected.store(true, Ordering::Release);
        for _ in 0..AFTERWARDS {
            send(&stub, 4);
            assert_eq!(received(&socket), [4, 0, 0]);
        }
        send(&stub, 4);
        assert_eq!(received(&socket), [4]);
        assert!(!heard.is_over(ITS_WAIT));
    }

    #[test]
    fn a_nudge_wakes_the_driver_and_is_one_empty_datagram_of_one_socket() {
        struct Woken(AtomicBool);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Release);
            }
        }
        let heard = Arc::<Heard>::default();
        let socket = || {
            let inner: Arc<dyn AsyncUdpSocket> = Arc::<Stub>::default();
            Nudging::new(inner, Arc::default(), false, Arc::clone(&heard))
        };
        let sockets = [socket(), socket()];
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut meta = [RecvMeta::default()];
        let nothing = sockets[1].poll_recv(&mut Context::from_waker(&waker), &mut [], &mut meta);
        assert!(nothing.is_pending());
        heard.nudge();
        assert!(woken.0.load(Ordering::Acquire));
        assert!(heard.is_over(ITS_WAIT));
        assert_eq!(sockets.each_ref().map(received), [vec![0], vec![]]);
        assert!(heard.is_over(ITS_WAIT), "what is due now is done after it");
        assert!(!heard.is_over(ITS_WAIT));
    }

    #[test]
    fn where_a_relay_may_be_used_it_is_so_for_ever() {
        let stub = Arc::<Stub>::default();
        let up = Arc::new(AtomicBool::new(true));
        let socket = Nudging::new(Arc::clone(&stub) as _, up, true, Arc::default());
        for _ in 0..2 * AFTERWARDS {
            send(&stub, 4);
            assert_eq!(received(&socket), [4, 0, 0]);
        }
    }
}
