use crate::client::Client;
use crate::dialect::{Dialect, Heard, Load, Seat};
use crate::wire;
use anyhow::{Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a server may take for anything before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// All clients of one run, on one thread.
pub(crate) struct Net<'a> {
    server: SocketAddr,
    host: String,
    dialect: &'a dyn Dialect,
    poll: Poll,
    events: Events,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    heard: Vec<Heard>,
    opened: u64,
}

impl<'a> Net<'a> {
    pub(crate) fn new(server: SocketAddr, dialect: &'a dyn Dialect) -> Result<Self> {
        Ok(Self {
            server,
            host: server.to_string(),
            dialect,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            free: Vec::new(),
            scratch: vec![0; 256 * 1024],
            heard: Vec::new(),
            opened: 0,
        })
    }

    /// Starts to connect.
    pub(crate) fn open(&mut self, seat: Seat) -> Result<usize> {
        self.opened += 1;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if self.server.ip() == Ipv4Addr::LOCALHOST {
            // Ports of closed connections stay taken for a minute, on each address by itself.
            let source = Ipv4Addr::new(127, 1, (self.opened / 250 % 250) as u8, (self.opened % 250 + 1) as u8);
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&self.server.into()) {
            Ok(()) => {}
            // EINPROGRESS has no kind of its own in every version.
            Err(error) if error.raw_os_error() == Some(115) || error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.clients.push(None);
            self.clients.len() - 1
        });
        let mut client = Client::new(TcpStream::from_std(socket.into()), seat, &self.host, self.dialect);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(client.stream(), Token(index), interest)?;
        self.clients[index] = Some(client);
        Ok(index)
    }

    pub(crate) fn client(&mut self, index: usize) -> Result<&mut Client> {
        match self.clients.get_mut(index) {
            Some(Some(client)) => Ok(client),
            Some(None) | None => bail!("client {index} is gone"),
        }
    }

    /// Puts a message of this client behind what waits to be written.
    pub(crate) fn say(&mut self, index: usize, load: Load) -> Result<()> {
        let dialect = self.dialect;
        let client = self.client(index)?;
        let text = dialect.relay(&mut client.seat, load);
        client.push(&wire::text(&text));
        Ok(())
    }

    pub(crate) fn dialect(&self) -> &'a dyn Dialect {
        self.dialect
    }

    /// Writes what a client has to say; more of it may go with one write.
    pub(crate) fn flush(&mut self, index: usize) -> Result<()> {
        self.client(index)?.flush()
    }

    /// Drops a connection.
    pub(crate) fn forget(&mut self, index: usize) {
        if let Some(Some(_)) = self.clients.get_mut(index) {
            self.clients[index] = None;
            self.free.push(index);
        }
    }

    /// Waits for this long at most, and reports what was heard, by client.
    pub(crate) fn turn(&mut self, wait: Duration, mut tell: impl FnMut(usize, Heard)) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &self.events {
            let index = event.token().0;
            let Some(Some(client)) = self.clients.get_mut(index) else {
                continue;
            };
            if event.is_writable() && client.has_output() {
                client.flush()?;
            }
            if event.is_readable() {
                client.read(&mut self.scratch, self.dialect, &mut self.heard)?;
                if client.has_output() && !client.is_closed() {
                    client.flush()?;
                }
            }
            for heard in self.heard.drain(..) {
                tell(index, heard);
            }
        }
        Ok(())
    }

    /// Turns until `done`, which is told everything that is heard.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(usize, Heard) -> bool) -> Result<()> {
        let begun = Instant::now();
        let mut over = false;
        while !over {
            self.turn(Duration::ZERO, |index, heard| over |= done(index, heard))?;
            if begun.elapsed() > PATIENCE {
                bail!("no {what} in {PATIENCE:?}");
            }
        }
        Ok(())
    }
}
