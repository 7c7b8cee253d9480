use super::refusal::Problem;
use super::{ice, rooms, token};
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Snug server",
        description = "Rooms as an operator's own programs see and change them. What is done to rooms needs an API key: \
            as HTTP Basic with its secret, or as a bearer token signed with it, whose claims are those of LiveKit's \
            server SDKs (`video.roomList`, `video.roomCreate`, `video.roomAdmin` with `video.room`).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    paths(rooms::list, rooms::create, rooms::show, rooms::end, rooms::kick, token::mint, ice::servers, document),
    components(schemas(ice::Server, Problem)),
    security(("key" = []), ("token" = [])),
    modifiers(&Schemes),
    tags(
        (name = "rooms", description = "Rooms and seats"),
        (name = "tokens", description = "What opens a room of a server with API keys"),
        (name = "clients", description = "What clients ask for themselves"),
    ),
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).build();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        components.add_security_scheme("key", SecurityScheme::Http(basic));
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// This document
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "clients", operation_id = "document", security(()),
    responses((status = 200, description = "An OpenAPI document", body = serde_json::Value)),
)]
pub(super) fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // Strings, numbers and lists under fixed names: JSON can say all of it.
        Document::openapi().to_pretty_json().unwrap_or_default()
    });
    &TEXT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::path::Route;
    use serde_json::Value;

    #[test]
    fn the_document_has_the_paths_and_methods_that_are_routed_and_no_others() {
        let document: Value = serde_json::from_str(document()).expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().expect("an object");
        for (path, item) in paths {
            let real = path.replace("{roomId}", "tea").replace("{peerId}", "p");
            let route = Route::of(&real).unwrap_or_else(|| panic!("{path} is nothing"));
            let mut said: Vec<String> = item
                .as_object()
                .expect("an object")
                .keys()
                .map(|key| key.to_uppercase())
                .collect();
            let mut routed: Vec<String> = route.methods().iter().map(ToString::to_string).collect();
            said.sort();
            routed.sort();
            assert_eq!(said, routed, "{path}");
        }
        // Rooms, one room, one peer, token, ice and the document: a match in `Route` has no others.
        assert_eq!(paths.len(), 6);
    }
}
