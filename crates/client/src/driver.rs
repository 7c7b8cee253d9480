use crate::clock::Clock;
use crate::dial::Dialer;
use crate::socket::Outgoing;
use crate::{Command, socket, trace};
use snug_session::{Attempt, Config, Hint, Input, Instant, Output, Session, SessionEvent};
use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Frames that may wait for a socket. More than a session keeps unsettled, so only a socket that is stuck fills it.
const OUTGOING: usize = 512;
/// Frames of sockets that may wait for the session.
const REPORTS: usize = 64;
/// The system's timers stand still while it sleeps, so none is set for longer than this.
const LONGEST_NAP: Duration = Duration::from_secs(5);

pub(crate) struct Driver {
    url: String,
    dialer: Arc<Dialer>,
    join_id: Option<String>,
    clock: Clock,
    session: Session,
    events: mpsc::Sender<SessionEvent>,
    reports: (mpsc::Sender<Input>, mpsc::Receiver<Input>),
    socket: Option<Current>,
}

/// The current socket; dropping this lets go of it.
struct Current {
    attempt: Attempt,
    outgoing: mpsc::Sender<Outgoing>,
    /// The address of ours that it goes by, once it is known.
    local: Arc<OnceLock<IpAddr>>,
}

impl Driver {
    pub(crate) fn new(url: String, config: Config, events: mpsc::Sender<SessionEvent>) -> Self {
        let clock = Clock::start();
        let join_id = config.join.join_id.clone();
        trace::point(join_id.as_deref(), 4, "session");
        let session = Session::new(config, clock.now());
        Self {
            url,
            dialer: Arc::default(),
            join_id,
            clock,
            session,
            events,
            reports: mpsc::channel(REPORTS),
            socket: None,
        }
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut leaving: watch::Receiver<bool>) {
        let mut asked_to_leave = false;
        while let Some((deadline, _)) = self.session.deadline() {
            let nap = self.until(deadline);
            let input = tokio::select! {
                () = self.events.closed(), if !asked_to_leave => Input::Leave,
                // Sends that came before the wish to leave go out before it.
                wish = next(&mut commands, &mut leaving), if !asked_to_leave => wish,
                Some(report) = self.reports.1.recv() => report,
                // What has arrived is heard before the clock: a task that was held up must not take its own delay for silence.
                () = tokio::time::sleep(nap) => self.reports.1.try_recv().unwrap_or(Input::Tick),
            };
            asked_to_leave |= matches!(input, Input::Leave);
            if self.clock.woke() {
                self.hint(Hint::Woken).await;
            }
            if let Input::Hint(hint) = input {
                self.hint(hint).await;
            } else {
                self.step(input).await;
            }
        }
    }

    /// What goes by an address that this machine has no longer is dead, whatever its timers say.
    async fn hint(&mut self, hint: Hint) {
        let stranded = self
            .socket
            .as_ref()
            .filter(|socket| socket.local.get().is_some_and(gone));
        if let Some(attempt) = stranded.map(|socket| socket.attempt) {
            tracing::info!("the socket's address is gone");
            self.step(Input::Closed(attempt, None)).await;
        }
        self.step(Input::Hint(hint)).await;
    }

    fn until(&self, deadline: Instant) -> Duration {
        Duration::from_millis(deadline.since(self.clock.now())).min(LONGEST_NAP)
    }

    async fn step(&mut self, input: Input) {
        if let Input::Opened(_) = input {
            trace::point(self.join_id.as_deref(), 5, "client");
        }
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.session.handle(self.clock.now(), input) {
                match output {
                    Output::Open(attempt) => self.open(attempt),
                    Output::Transmit(text) => inputs.extend(self.transmit(Outgoing::Text(text))),
                    Output::Finish(_) => inputs.extend(self.transmit(Outgoing::Finish)),
                    Output::Close(attempt) => {
                        self.socket.take_if(|current| current.attempt == attempt);
                    }
                    Output::Event(event) => self.tell(event).await,
                }
            }
        }
    }

    fn open(&mut self, attempt: Attempt) {
        let (sender, outgoing) = mpsc::channel(OUTGOING);
        let local = Arc::<OnceLock<IpAddr>>::default();
        self.socket = Some(Current {
            attempt,
            outgoing: sender,
            local: Arc::clone(&local),
        });
        let reports = self.reports.0.clone();
        let (url, dialer) = (self.url.clone(), Arc::clone(&self.dialer));
        tokio::spawn(socket::run(url, dialer, attempt, local, outgoing, reports));
    }

    /// Hands a frame to the socket; one that is stuck or gone counts as closed.
    fn transmit(&mut self, what: Outgoing) -> Option<Input> {
        let socket = self.socket.as_ref()?;
        match socket.outgoing.try_send(what) {
            Ok(()) => None,
            // It reports its own end, close code and all.
            Err(mpsc::error::TrySendError::Closed(_)) => None,
            Err(mpsc::error::TrySendError::Full(_)) => Some(Input::Closed(socket.attempt, None)),
        }
    }

    async fn tell(&self, event: SessionEvent) {
        match &event {
            SessionEvent::Joined { .. } => {
                trace::point(self.join_id.as_deref(), 9, "session");
                tracing::info!("joined");
            }
            SessionEvent::Connecting { .. }
            | SessionEvent::Waiting { .. }
            | SessionEvent::Resumed { .. }
            | SessionEvent::Away { .. }
            | SessionEvent::Ended { .. } => tracing::info!(?event, "session"),
            SessionEvent::Message { .. } | SessionEvent::Settled { .. } => {}
        }
        if self.events.send(event).await.is_err() {
            tracing::debug!("nobody listens to the session any more");
        }
    }
}

/// The next wish of the user. A closed channel means that the last handle is gone, which is leaving too.
async fn next(commands: &mut mpsc::Receiver<Command>, leaving: &mut watch::Receiver<bool>) -> Input {
    tokio::select! {
        biased;
        command = commands.recv() => match command {
            Some(Command::Send(message)) => Input::Send(message),
            Some(Command::Hint(hint)) => Input::Hint(hint),
            None => Input::Leave,
        },
        _ = leaving.wait_for(|leave| *leave) => Input::Leave,
    }
}

/// Whether this machine has the address no longer: the system lets nobody bind it then.
fn gone(address: &IpAddr) -> bool {
    UdpSocket::bind((*address, 0)).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn an_address_is_gone_when_nobody_can_bind_it() {
        assert!(!gone(&Ipv4Addr::LOCALHOST.into()));
        assert!(gone(&Ipv4Addr::new(192, 0, 2, 1).into()), "documents are nobody's");
        assert!(gone(&Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()));
    }
}
