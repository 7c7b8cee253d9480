//! The other side, as far as an operator needs it: does a STUN and TURN server answer, and do its credentials work?

use crate::Credentials;
use crate::frame::{Framer, PACKET_MAX};
use crate::message::parse;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use turn_types::attribute::{Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::message::{ALLOCATE, CREATE_PERMISSION, REFRESH};
use turn_types::stun::attribute::{ErrorCode, Nonce, Realm, Username, XorMappedAddress};
use turn_types::stun::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType, MessageWrite as _,
    MessageWriteExt as _, MessageWriteVec, Method, TransactionId,
};
use turn_types::stun::prelude::AttributeWrite;

/// How a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `turn:...?transport=udp`.
    Udp,
    /// `turn:...?transport=tcp`.
    Tcp,
}

/// What a server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the server sees us.
    pub mapped: SocketAddr,
    /// The relayed address that it gave, and took back, if credentials were presented.
    pub relayed: Option<SocketAddr>,
}

/// Why there is no answer, or no good one.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nothing came back in time.
    #[error("no answer")]
    Silent,
    /// The server refuses, with a code of STUN: 401 for credentials that it does not take, 486 and 508 when it is full.
    #[error("refused with code {0}")]
    Refused(u16),
    /// Something else answers there.
    #[error("the answer makes no sense")]
    Nonsense,
    /// The system or the network refuses.
    #[error(transparent)]
    Unreachable(#[from] io::Error),
}

/// Asks a server for our address, and with credentials for a relayed one, which is given back at once. Waits up to
/// `patience` for each answer.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(
    server: SocketAddr,
    transport: Transport,
    credentials: Option<&Credentials>,
    patience: Duration,
) -> Result<Found, ProbeError> {
    match transport {
        Transport::Udp => ask(&mut Datagrams::to(server, patience).await?, credentials).await,
        Transport::Tcp => {
            let stream = timeout(patience, TcpStream::connect(server))
                .await
                .map_err(|_| ProbeError::Silent)??;
            probe_stream(stream, credentials, patience).await
        }
    }
}

/// The same over a connection that is there already, such as one in TLS.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    credentials: Option<&Credentials>,
    patience: Duration,
) -> Result<Found, ProbeError> {
    ask(&mut Stream::over(stream, patience), credentials).await
}

/// A request. `signed` carries credentials, realm and nonce.
pub(crate) fn request(
    method: Method,
    transaction: TransactionId,
    attributes: &[&dyn AttributeWrite],
    signed: Option<(&Credentials, &str, &str)>,
) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Request, method);
    let mut out = Message::builder(kind, transaction, MessageWriteVec::new());
    let mut written = Ok(());
    for attribute in attributes {
        written = written.and_then(|()| out.add_attribute(*attribute));
    }
    if let Some((credentials, realm, nonce)) = signed {
        let Credentials { username, credential } = credentials.clone();
        let names = (Username::new(&username), Realm::new(realm), Nonce::new(nonce));
        if let (Ok(username), Ok(realm), Ok(nonce)) = names {
            for attribute in [&username as &dyn AttributeWrite, &realm, &nonce] {
                written = written.and_then(|()| out.add_attribute(attribute));
            }
        }
        let key = LongTermKeyCredentials::new(username, credential, realm.to_owned());
        let key = key.make_key(IntegrityAlgorithm::Sha1);
        written = written.and_then(|()| out.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1));
    }
    written = written.and_then(|()| out.add_fingerprint());
    debug_assert!(written.is_ok());
    out.finish()
}

/// A way to a server and back.
pub(crate) trait Exchange {
    /// The answer to a request.
    async fn exchange(&mut self, transaction: TransactionId, request: &[u8]) -> Result<Vec<u8>, ProbeError>;

    /// A packet that nobody answers.
    async fn send(&mut self, packet: &[u8]) -> Result<(), ProbeError>;

    /// The next packet, whatever it is. May be dropped while it waits, and loses nothing by it.
    async fn receive(&mut self) -> Result<Vec<u8>, ProbeError>;
}

pub(crate) struct Datagrams {
    socket: UdpSocket,
    patience: Duration,
}

impl Datagrams {
    pub(crate) async fn to(server: SocketAddr, patience: Duration) -> Result<Self, ProbeError> {
        let any = if server.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        socket.connect(server).await?;
        Ok(Self { socket, patience })
    }

    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Exchange for Datagrams {
    async fn send(&mut self, packet: &[u8]) -> Result<(), ProbeError> {
        self.socket.send(packet).await?;
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<u8>, ProbeError> {
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).await?;
        Ok(buffer[..length].to_vec())
    }

    async fn exchange(&mut self, transaction: TransactionId, request: &[u8]) -> Result<Vec<u8>, ProbeError> {
        let mut buffer = [0; 2048];
        let answer = async {
            loop {
                self.socket.send(request).await?;
                // The first wait of RFC 8489, section 6.2.1; datagrams are lost.
                let again = tokio::time::sleep(Duration::from_millis(500));
                tokio::pin!(again);
                loop {
                    tokio::select! {
                        () = &mut again => break,
                        received = self.socket.recv(&mut buffer) => {
                            let packet = &buffer[..received?];
                            if parse(packet).is_some_and(|message| message.transaction_id() == transaction) {
                                return Ok(packet.to_vec());
                            }
                        }
                    }
                }
            }
        };
        timeout(self.patience, answer).await.map_err(|_| ProbeError::Silent)?
    }
}

pub(crate) struct Stream<S> {
    stream: S,
    framer: Framer,
    patience: Duration,
}

impl<S> Stream<S> {
    pub(crate) fn over(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            framer: Framer::new(),
            patience,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange for Stream<S> {
    async fn exchange(&mut self, transaction: TransactionId, request: &[u8]) -> Result<Vec<u8>, ProbeError> {
        let patience = self.patience;
        let answer = async {
            self.send(request).await?;
            loop {
                let packet = self.receive().await?;
                if parse(&packet).is_some_and(|message| message.transaction_id() == transaction) {
                    return Ok(packet);
                }
            }
        };
        timeout(patience, answer).await.map_err(|_| ProbeError::Silent)?
    }

    async fn send(&mut self, packet: &[u8]) -> Result<(), ProbeError> {
        self.stream.write_all(packet).await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn receive(&mut self) -> Result<Vec<u8>, ProbeError> {
        loop {
            if let Some((buffer, packet)) = self.framer.packet(PACKET_MAX).map_err(|_| ProbeError::Nonsense)? {
                return Ok(buffer[packet].to_vec());
            }
            match self.stream.read(self.framer.space()).await? {
                0 => return Err(ProbeError::Unreachable(io::ErrorKind::UnexpectedEof.into())),
                count => self.framer.filled(count),
            }
        }
    }
}

async fn ask(way: &mut impl Exchange, credentials: Option<&Credentials>) -> Result<Found, ProbeError> {
    let transaction = TransactionId::generate();
    let answer = way
        .exchange(transaction, &request(BINDING, transaction, &[], None))
        .await?;
    let mapped = success(&answer)?
        .attribute::<XorMappedAddress>()
        .map_err(|_| ProbeError::Nonsense)?;
    let mapped = mapped.addr(transaction);
    let Some(credentials) = credentials else {
        return Ok(Found { mapped, relayed: None });
    };
    let allocation = Allocation::make(way, credentials).await?;
    allocation.give_back(way).await?;
    Ok(Found {
        mapped,
        relayed: Some(allocation.relayed),
    })
}

/// A relayed address, and what requests about it are signed with.
pub(crate) struct Allocation<'a> {
    pub(crate) relayed: SocketAddr,
    credentials: &'a Credentials,
    realm: String,
    nonce: String,
}

impl<'a> Allocation<'a> {
    pub(crate) async fn make(way: &mut impl Exchange, credentials: &'a Credentials) -> Result<Self, ProbeError> {
        let udp = RequestedTransport::new(RequestedTransport::UDP);
        let transaction = TransactionId::generate();
        let challenge = way
            .exchange(transaction, &request(ALLOCATE, transaction, &[&udp], None))
            .await?;
        let challenge = parse(&challenge).ok_or(ProbeError::Nonsense)?;
        let (Ok(realm), Ok(nonce)) = (challenge.attribute::<Realm>(), challenge.attribute::<Nonce>()) else {
            return Err(success(challenge.as_bytes()).err().unwrap_or(ProbeError::Nonsense));
        };
        let (realm, nonce) = (realm.realm().to_owned(), nonce.nonce().to_owned());
        let transaction = TransactionId::generate();
        let signed = Some((credentials, realm.as_str(), nonce.as_str()));
        let answer = way
            .exchange(transaction, &request(ALLOCATE, transaction, &[&udp], signed))
            .await?;
        let relayed = success(&answer)?
            .attribute::<XorRelayedAddress>()
            .map_err(|_| ProbeError::Nonsense)?;
        Ok(Self {
            relayed: relayed.addr(transaction),
            credentials,
            realm,
            nonce,
        })
    }

    /// Lets a peer's packets in, and ours out to it.
    pub(crate) async fn permit(&self, way: &mut impl Exchange, peer: SocketAddr) -> Result<(), ProbeError> {
        let transaction = TransactionId::generate();
        let peer = XorPeerAddress::new(peer, transaction);
        self.request(way, CREATE_PERMISSION, transaction, &[&peer]).await
    }

    pub(crate) async fn give_back(&self, way: &mut impl Exchange) -> Result<(), ProbeError> {
        self.request(way, REFRESH, TransactionId::generate(), &[&Lifetime::new(0)])
            .await
    }

    async fn request(
        &self,
        way: &mut impl Exchange,
        method: Method,
        transaction: TransactionId,
        attributes: &[&dyn AttributeWrite],
    ) -> Result<(), ProbeError> {
        let signed = Some((self.credentials, self.realm.as_str(), self.nonce.as_str()));
        let answer = way
            .exchange(transaction, &request(method, transaction, attributes, signed))
            .await?;
        success(&answer).map(drop)
    }
}

pub(crate) fn success(answer: &[u8]) -> Result<Message<'_>, ProbeError> {
    let message = parse(answer).ok_or(ProbeError::Nonsense)?;
    match (message.class(), message.attribute::<ErrorCode>()) {
        (MessageClass::Success, _) => Ok(message),
        (_, Ok(code)) => Err(ProbeError::Refused(code.code())),
        _ => Err(ProbeError::Nonsense),
    }
}
