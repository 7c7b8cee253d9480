//! The engine's connection: one bundled transport with ICE, DTLS, SRTP and SCTP. Its own descriptions have a fixed
//! form, a section that only carries the transport and one for data channels; the page's descriptions are made of
//! their parameters (see `jsep::transport`).

use std::collections::VecDeque;
use std::sync::Arc;

use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::RTCCertificate;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::shared::error::Error;
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSdpType, RTCSessionDescription};

use super::build::{Surroundings, build, placeholder, relay, rtc_configuration};
use super::names::Names;
use super::nudging::Heard;
use super::servers::Servers;
use super::stream::Streams;
use super::way::Way;
use crate::error::{ExceptionName, PeerError, Result};
use crate::jsep::sdp::Sdp;
use crate::jsep::transport::{Setup, Transport};
use crate::wire::{Candidate, Configuration, IceTransportPolicy, SdpType};

/// The label and the SCTP stream of the engine's own channel.
const KEEPER: &str = "\u{0}keeper";
const KEEPER_STREAM: u16 = 1_022;
/// Early candidates kept.
const EARLY: usize = 64;
/// Candidates of the remote that are tried for each of its generations.
const CANDIDATES: usize = 128;

/// The engine's connection.
pub struct Connection {
    pub pc: Arc<dyn PeerConnection>,
    pub way: Way,
    /// To servers that are not reached by datagrams.
    streams: Streams,
    servers: Arc<Servers>,
    names: Arc<Names>,
    heard: Arc<Heard>,
    certificates: Vec<RTCCertificate>,
    /// What candidates are gathered by.
    gathering: (Vec<String>, IceTransportPolicy),
    /// The remote's end as it was last described.
    remote: Option<Transport>,
    /// How many candidates of its generation were handed over.
    tried: usize,
    /// Candidates of a generation that is not described yet.
    early: VecDeque<Candidate>,
    /// The DTLS role of an end that has been started by a remote offer.
    started: Option<Setup>,
    negotiated: bool,
    /// The descriptions made last, to be applied when their counterparts are.
    offer: Option<Made>,
    answer: Option<RTCSessionDescription>,
    /// Our generation in the offer that the engine waits to have answered.
    offered: String,
    /// What the engine waits for: the page's state may run ahead of it when there is nothing to tell.
    state: State,
    carrier_mid: String,
    data_mid: String,
}

/// An offer of the engine's.
#[derive(Clone)]
struct Made {
    description: RTCSessionDescription,
    ufrag: String,
    carrier_mid: String,
    data_mid: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stable,
    LocalOffer,
    RemoteOffer,
}

impl Connection {
    /// Makes a connection, and the channel that opens when SCTP is up.
    pub async fn new(
        configuration: &Configuration,
        certificates: Vec<RTCCertificate>,
        surroundings: Surroundings<'_>,
        ssrc: u32,
    ) -> Result<(Self, Arc<dyn DataChannel>)> {
        let mut streams = Streams::default();
        let servers = Arc::clone(surroundings.servers);
        servers.configure(streams.pairs(configuration).await.into_iter());
        let gathering = gathering(configuration);
        let configuration = &streams.local(configuration).await;
        let pc = build(configuration, &certificates, &surroundings).await?;
        let carrier = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "carrier".to_owned(),
            "carrier".to_owned(),
            "carrier".to_owned(),
            RtpCodecKind::Audio,
            vec![RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(ssrc),
                    ..Default::default()
                },
                active: true,
                codec: placeholder().rtp_codec,
                ..Default::default()
            }],
        )));
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: Vec::new(),
            send_encodings: Vec::new(),
        };
        let track: Arc<dyn TrackLocal> = Arc::clone(&carrier) as _;
        pc.add_transceiver_from_track(track, Some(init)).await.map_err(failed)?;
        // The engine starts SCTP with DTLS or never. This channel, which is negotiated and therefore says nothing to
        // the remote, makes it start always, so that the page's channels may come at any time.
        let options = RTCDataChannelInit {
            negotiated: Some(KEEPER_STREAM),
            ..Default::default()
        };
        let keeper = pc.create_data_channel(KEEPER, Some(options)).await.map_err(failed)?;
        let connection = Self {
            pc,
            way: Way::new(carrier, relay(configuration)),
            streams,
            servers,
            names: Arc::clone(surroundings.names),
            heard: Arc::clone(surroundings.heard),
            certificates,
            gathering,
            remote: None,
            tried: 0,
            early: VecDeque::new(),
            started: None,
            negotiated: false,
            offer: None,
            answer: None,
            offered: String::new(),
            state: State::Stable,
            carrier_mid: "0".to_owned(),
            data_mid: "1".to_owned(),
        };
        Ok((connection, keeper))
    }

    /// Our end, for an offer.
    pub async fn offer(&mut self, restart: bool) -> Result<Transport> {
        // After a rollback the engine may number both sections alike; numbering goes on with each attempt.
        for _ in 0..4 {
            let options = Some(RTCOfferOptions { ice_restart: restart });
            let description = self.pc.create_offer(options).await.map_err(failed)?;
            let (sdp, mut transport) = read(&description.sdp)?;
            let mid = |data: bool| {
                sdp.media
                    .iter()
                    .find(|one| one.is_data() == data)
                    .and_then(|one| one.mid())
            };
            let (carrier, data) = (mid(false).map(str::to_owned), mid(true).map(str::to_owned));
            if carrier.is_some() && carrier == data && self.state == State::Stable {
                self.pc.set_local_description(description).await.map_err(failed)?;
                self.pc.set_local_description(rollback()).await.map_err(failed)?;
                continue;
            }
            self.offer = Some(Made {
                description,
                ufrag: transport.ufrag.clone(),
                carrier_mid: carrier.unwrap_or_else(|| "0".to_owned()),
                data_mid: data.unwrap_or_else(|| "1".to_owned()),
            });
            if let Some(started) = self.started.filter(|_| !self.negotiated) {
                transport.setup = started;
            }
            return Ok(transport);
        }
        Err(PeerError::operation("the transport could not be described"))
    }

    /// Our end, for an answer; none if the offer has nothing to carry.
    pub async fn answer(&mut self) -> Result<Transport> {
        if self.state != State::RemoteOffer {
            return Ok(Transport::none());
        }
        let description = self.pc.create_answer(None).await.map_err(failed)?;
        let (_, transport) = read(&description.sdp)?;
        self.answer = Some(description);
        Ok(transport)
    }

    /// Applies our end, as the page's description has it: `ufrag` is its generation. One without sections to carry
    /// says nothing of the transport.
    pub async fn apply_local(&mut self, kind: SdpType, carries: bool, ufrag: &str) -> Result<()> {
        match kind {
            SdpType::Offer if carries => self.apply_offer(ufrag).await,
            SdpType::Answer if self.state == State::RemoteOffer => {
                if self.answer.is_none() {
                    self.answer().await?;
                }
                let Some(description) = self.answer.take() else {
                    return Err(PeerError::operation("there is nothing to apply"));
                };
                self.pc.set_local_description(description).await.map_err(failed)?;
                self.negotiated = true;
                self.state = State::Stable;
                self.offer = None;
                Ok(())
            }
            SdpType::Offer | SdpType::Answer | SdpType::Pranswer | SdpType::Rollback => Ok(()),
        }
    }

    async fn apply_offer(&mut self, ufrag: &str) -> Result<()> {
        if self.state == State::LocalOffer && self.offered == ufrag {
            // What else the page's offers may differ in is none of the transport's business.
            return Ok(());
        }
        if self.state == State::LocalOffer {
            self.roll_back().await?;
        }
        if self.offer.as_ref().is_none_or(|made| made.ufrag != ufrag) {
            self.offer(false).await?;
        }
        let Some(made) = self.offer.take().filter(|made| made.ufrag == ufrag) else {
            return Err(PeerError::new(
                ExceptionName::InvalidModificationError,
                "the offer's ICE credentials are not in use any more",
            ));
        };
        self.pc.set_local_description(made.description).await.map_err(failed)?;
        self.carrier_mid = made.carrier_mid;
        self.data_mid = made.data_mid;
        self.offered = made.ufrag;
        self.state = State::LocalOffer;
        Ok(())
    }

    /// Applies the remote's end; `None` when its description has none, as all of it is rejected.
    pub async fn apply_remote(&mut self, kind: SdpType, transport: Option<Transport>) -> Result<()> {
        let Some(transport) = transport.or_else(|| self.remote.clone()) else {
            return self.roll_back().await;
        };
        if kind == SdpType::Offer {
            self.roll_back().await?;
        } else if self.state != State::LocalOffer {
            return Ok(());
        }
        for candidate in &transport.candidates {
            self.names.named(candidate);
        }
        let sdp = transport.for_engine(&self.carrier_mid, &self.data_mid);
        let description = match kind {
            SdpType::Offer => RTCSessionDescription::offer(sdp),
            SdpType::Answer | SdpType::Pranswer | SdpType::Rollback => RTCSessionDescription::answer(sdp),
        };
        let description = description.map_err(failed)?;
        match self.pc.set_remote_description(description.clone()).await {
            Ok(()) => {}
            // A first offer that was rolled back has started the transport already, with this same end. What else an
            // answer starts is made up for in a round that the remote knows nothing of.
            Err(Error::ErrICETransportNotInNew) if self.same(&transport) => {
                if kind != SdpType::Offer {
                    let offer = self.pc.create_offer(None).await.map_err(failed)?;
                    self.pc.set_local_description(offer).await.map_err(failed)?;
                    self.pc.set_remote_description(description).await.map_err(failed)?;
                }
            }
            Err(error) => return Err(failed(error)),
        }
        self.state = if kind == SdpType::Offer {
            State::RemoteOffer
        } else {
            State::Stable
        };
        match kind {
            SdpType::Offer => self.started = self.started.or(Some(transport.setup.answer())),
            SdpType::Answer | SdpType::Pranswer | SdpType::Rollback => self.negotiated = true,
        }
        self.offer = None;
        let early: Vec<Candidate> = self.early.drain(..).collect();
        if self.remote.as_ref().is_none_or(|known| known.ufrag != transport.ufrag) {
            self.tried = 0;
        }
        self.remote = Some(transport);
        for candidate in early {
            if let Err(error) = self.add_candidate(&candidate).await {
                tracing::debug!(%error, "an early candidate was of no use");
            }
        }
        Ok(())
    }

    fn same(&self, transport: &Transport) -> bool {
        self.remote.as_ref().is_some_and(|remote| {
            (&remote.ufrag, &remote.pwd, &remote.fingerprint)
                == (&transport.ufrag, &transport.pwd, &transport.fingerprint)
        })
    }

    /// Forgets a pending description.
    pub async fn roll_back(&mut self) -> Result<()> {
        // The engine numbers its sections anew.
        self.offer = None;
        self.answer = None;
        match self.state {
            State::Stable => {}
            State::LocalOffer => self.pc.set_local_description(rollback()).await.map_err(failed)?,
            State::RemoteOffer => self.pc.set_remote_description(rollback()).await.map_err(failed)?,
        }
        self.state = State::Stable;
        Ok(())
    }

    pub async fn add_candidate(&mut self, candidate: &Candidate) -> Result<()> {
        let known = self.remote.as_ref().map(|remote| remote.ufrag.as_str());
        let named = candidate.username_fragment.as_deref().or_else(|| {
            let mut words = candidate.candidate.split_whitespace();
            words.find(|word| *word == "ufrag").and_then(|_| words.next())
        });
        if named.is_some() && named != known {
            // Signalling may bring a candidate before the description it belongs to.
            if self.early.len() == EARLY {
                self.early.pop_front();
            }
            self.early.push_back(candidate.clone());
            return Ok(());
        }
        // Two of this kind wait for each other, and datagrams are better in any case.
        let mut words = candidate.candidate.split_whitespace();
        if words.any(|word| word == "tcptype") && words.next() == Some("passive") {
            return Ok(());
        }
        // Each of them is tried with each of ours, and an mDNS name is asked for.
        if self.tried >= CANDIDATES {
            tracing::warn!("the remote has too many candidates");
            return Ok(());
        }
        self.tried += 1;
        self.names.named(&candidate.candidate);
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate.clone(),
            ..Default::default()
        };
        self.pc.add_ice_candidate(init).await.map_err(failed)?;
        self.heard.nudge();
        Ok(())
    }

    /// Takes another configuration. True if candidates would be others by it, for which the next offer restarts ICE (RFC 8829, 5.2.2).
    pub async fn configure(&mut self, configuration: &Configuration) -> Result<bool> {
        let gathering = gathering(configuration);
        self.servers
            .configure(self.streams.pairs(configuration).await.into_iter());
        let configuration = self.streams.local(configuration).await;
        self.pc
            .set_configuration(rtc_configuration(&configuration, &self.certificates))
            .await
            .map_err(|error| PeerError::new(ExceptionName::InvalidModificationError, error.to_string()))?;
        let changed = gathering != self.gathering;
        self.gathering = gathering;
        Ok(changed)
    }
}

/// Which servers candidates are gathered by, and which candidates. New credentials make no other server.
fn gathering(configuration: &Configuration) -> (Vec<String>, IceTransportPolicy) {
    let urls = configuration.ice_servers.iter().flat_map(|server| server.urls.iter());
    (urls.cloned().collect(), configuration.ice_transport_policy)
}

fn read(sdp: &str) -> Result<(Sdp, Transport)> {
    let sdp = Sdp::parse(sdp).map_err(PeerError::operation)?;
    match Transport::read(&sdp).map_err(PeerError::operation)? {
        Some(transport) => Ok((sdp, transport)),
        None => Err(PeerError::operation("the transport could not be described")),
    }
}

fn rollback() -> RTCSessionDescription {
    let mut description = RTCSessionDescription::default();
    description.sdp_type = RTCSdpType::Rollback;
    description
}

pub fn failed(error: Error) -> PeerError {
    PeerError::operation(error.to_string())
}
