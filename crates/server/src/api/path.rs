use hyper::Method;
use percent_encoding::percent_decode_str;
use snug_protocol::{PeerId, RoomId};

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Rooms,
    Room(RoomId),
    Peer(RoomId, PeerId),
    Token,
    Ice,
    Document,
}

impl Route {
    /// The longest path is short: the parts are decoded, and may hold anything but nothing.
    pub(super) fn of(path: &str) -> Option<Self> {
        let mut parts = [""; 4];
        let mut count = 0;
        for part in path.strip_prefix("/api/")?.split('/') {
            *parts.get_mut(count)? = part;
            count += 1;
        }
        match parts.get(..count)? {
            ["rooms"] => Some(Self::Rooms),
            ["rooms", room] => Some(Self::Room(RoomId::from(decoded(room)?))),
            ["rooms", room, "peers", peer] => {
                Some(Self::Peer(RoomId::from(decoded(room)?), PeerId::from(decoded(peer)?)))
            }
            ["token"] => Some(Self::Token),
            ["ice"] => Some(Self::Ice),
            ["openapi.json"] => Some(Self::Document),
            _ => None,
        }
    }

    /// What can be done there; with GET, HEAD can.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Rooms => &[Method::GET, Method::POST],
            Self::Room(_) => &[Method::GET, Method::DELETE],
            Self::Peer(..) => &[Method::DELETE],
            Self::Token => &[Method::POST],
            Self::Ice | Self::Document => &[Method::GET],
        }
    }
}

fn decoded(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_thing_or_nothing() {
        let room = |id: &str| Some(Route::Room(RoomId::from(id)));
        assert_eq!(Route::of("/api/rooms"), Some(Route::Rooms));
        assert_eq!(Route::of("/api/rooms/tea"), room("tea"));
        assert_eq!(Route::of("/api/rooms/a%2Fb%20%E8%8C%B6"), room("a/b 茶"));
        assert_eq!(
            Route::of("/api/rooms/tea/peers/p"),
            Some(Route::Peer(RoomId::from("tea"), PeerId::from("p")))
        );
        for nothing in [
            "/api",
            "/api/",
            "/api/rooms/",
            "/api/rooms//peers/p",
            "/api/rooms/tea/peers",
            "/api/rooms/tea/peers/",
            "/api/rooms/tea/peers/p/q",
            "/api/rooms/%ff",
            "/apirooms",
            "/api/nothing",
        ] {
            assert_eq!(Route::of(nothing), None, "{nothing}");
        }
    }
}
