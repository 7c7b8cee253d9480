//! Makes the engine's peer connections: how they are set, and what stands around them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::certificate::RTCCertificate;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::shared::error::Error;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceServer, RTCIceTransportPolicy, Registry, SettingEngine, SettingEngineBuilder,
};
use webrtc::runtime::TokioRuntime;

use super::names::{FOR_ITS_NAME, Names};
use super::nudging::Heard;
use super::servers::Servers;
use super::sockets::{Alarm, Sockets, addresses};
use super::tap::{Shared, Tap};
use super::transport::failed;
use crate::error::Result;
use crate::jsep::compose::MAX_MESSAGE_SIZE;
use crate::wire::{Configuration, IceTransportPolicy};

/// Packets the remote may retransmit late without SRTP taking them for a replay.
const REPLAY_WINDOW: usize = 4_096;
/// Bytes a data channel may hold unacknowledged.
const CHANNEL_BUFFER: usize = 1 << 20;
/// Bytes of data-channel messages the remote may send ahead.
const RECEIVE_BUFFER: u32 = 4 << 20;
/// How often checks are due, and how many of a pair are. Most of them are not sent: see `pace`.
const BETWEEN_CHECKS: Duration = Duration::from_millis(5);
const CHECKS: u16 = 1_200;
/// How long after the first check nothing but a direct pair is nominated.
const FOR_A_DIRECT_WAY: Duration = Duration::from_millis(500);

/// What a peer connection is told to, and what it is run by.
pub struct Surroundings<'a> {
    pub shared: &'a Arc<Shared>,
    pub handler: Arc<dyn PeerConnectionEventHandler>,
    pub alarm: Alarm,
    pub servers: &'a Arc<Servers>,
    pub names: &'a Arc<Names>,
    pub heard: &'a Arc<Heard>,
    /// Whether it has been connected.
    pub connected: Arc<AtomicBool>,
}

/// With mDNS, where the system lets the multicast port be opened.
pub async fn build(
    configuration: &Configuration,
    certificates: &[RTCCertificate],
    around: &Surroundings<'_>,
) -> Result<Arc<dyn PeerConnection>> {
    match build_with(configuration, certificates, around, MulticastDnsMode::QueryOnly).await {
        Ok(pc) => Ok(pc),
        Err(error) => {
            tracing::debug!(%error, "trying without mDNS");
            build_with(configuration, certificates, around, MulticastDnsMode::Disabled)
                .await
                .map_err(failed)
        }
    }
}

async fn build_with(
    configuration: &Configuration,
    certificates: &[RTCCertificate],
    around: &Surroundings<'_>,
    mdns: MulticastDnsMode,
) -> std::result::Result<Arc<dyn PeerConnection>, Error> {
    let mut media = MediaEngine::default();
    media.register_codec(placeholder(), RtpCodecKind::Audio)?;
    let tap = Tap::new(Arc::clone(around.shared));
    let pc = PeerConnectionBuilder::<SocketAddr>::new()
        .with_configuration(rtc_configuration(configuration, certificates))
        .with_media_engine(media)
        .with_setting_engine(settings(mdns, configuration.ice_transport_policy))
        .with_interceptor_registry(Registry::new().with(rtc::interceptor::Slot::Custom(1), tap))
        .with_runtime(Arc::new(Sockets {
            tokio: TokioRuntime,
            relay: relay(configuration),
            connected: Arc::clone(&around.connected),
            alarm: around.alarm.clone(),
            servers: Arc::clone(around.servers),
            names: Arc::clone(around.names),
            heard: Arc::clone(around.heard),
        }))
        .with_handler(Arc::clone(&around.handler))
        .with_udp_addrs(addresses())
        .with_tcp_addrs(addresses())
        .with_data_channel_send_buffer_limit(CHANNEL_BUFFER)
        .build()
        .await?;
    Ok(Arc::new(pc))
}

fn settings(mdns: MulticastDnsMode, policy: IceTransportPolicy) -> SettingEngine {
    let at_once = Some(Duration::ZERO);
    // The first pair that works is nominated and kept: a relay's must not win because a busy machine looked at it first.
    let (unknown, relayed) = match policy {
        IceTransportPolicy::All => (Some(FOR_ITS_NAME), Some(FOR_A_DIRECT_WAY)),
        IceTransportPolicy::Relay => (at_once, at_once),
    };
    SettingEngineBuilder::new()
        .with_multicast_dns_mode(mdns)
        // The defaults would wait 200 ms a stage. A pair is nominated when the next checks are due.
        .with_ice_connection_attempts(Some(BETWEEN_CHECKS), Some(CHECKS))
        .with_host_acceptance_min_wait(at_once)
        .with_srflx_acceptance_min_wait(at_once)
        .with_prflx_acceptance_min_wait(unknown)
        .with_relay_acceptance_min_wait(relayed)
        .with_srtp_replay_protection_window(REPLAY_WINDOW)
        .with_srtcp_replay_protection_window(REPLAY_WINDOW)
        .with_include_loopback_candidate(true)
        // See `Setup::answer`.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_discard_local_candidates_during_ice_restart(true)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE_SIZE))
        .with_sctp_max_receive_buffer_size(RECEIVE_BUFFER)
        .build()
}

/// A name without an address, which nobody is asked for (RFC 6761, 6.4): the engine refuses a connection that wants relays alone and has
/// no server for them, where WebRTC just finds no candidate.
pub const NOWHERE: &str = "no-relay.peer-connection.invalid";

/// The codec of the section that carries the transport; nothing is ever sent with it.
pub fn placeholder() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: "audio/PCMU".to_owned(),
            clock_rate: 8_000,
            ..Default::default()
        },
        payload_type: 0,
    }
}

pub fn rtc_configuration(configuration: &Configuration, certificates: &[RTCCertificate]) -> RTCConfiguration {
    let servers = configuration.ice_servers.iter().filter_map(|server| {
        let urls: Vec<String> = server.urls.iter().filter(|url| supported(url)).cloned().collect();
        (!urls.is_empty()).then(|| RTCIceServer {
            urls,
            username: server.username.clone().unwrap_or_default(),
            credential: server.credential.clone().unwrap_or_default(),
        })
    });
    let mut servers: Vec<_> = servers.collect();
    let any_relay = servers
        .iter()
        .flat_map(|server| &server.urls)
        .any(|url| url.starts_with("turn:"));
    if configuration.ice_transport_policy == IceTransportPolicy::Relay && !any_relay {
        servers.push(RTCIceServer {
            urls: vec![format!("turn:{NOWHERE}:3478")],
            username: "nobody".to_owned(),
            credential: "none".to_owned(),
        });
    }
    RTCConfigurationBuilder::new()
        .with_certificates(certificates.to_vec())
        .with_ice_servers(servers)
        .with_ice_transport_policy(match configuration.ice_transport_policy {
            IceTransportPolicy::All => RTCIceTransportPolicy::All,
            IceTransportPolicy::Relay => RTCIceTransportPolicy::Relay,
        })
        .build()
}

/// Whether a relay may be used.
pub fn relay(configuration: &Configuration) -> bool {
    configuration
        .ice_servers
        .iter()
        .flat_map(|server| server.urls.iter())
        .any(|url| url.starts_with("turn"))
}

/// What is reached by streams has become local by now.
fn supported(url: &str) -> bool {
    let udp = url.starts_with("stun:") || (url.starts_with("turn:") && !url.contains("transport=tcp"));
    if !udp {
        tracing::warn!("an ICE server is left out: its URL is not supported");
    }
    udp
}
