//! The comparison of clocks, against answers that tell a date of our choice.

#![allow(clippy::unwrap_used)]

use futures_util::StreamExt;
use snug_client::{ClockUnknown, clock_ahead};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::DATE;

/// A server that says it is this late; its address.
async fn server(date: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the library's own type")]
        let answer = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            if let Some(date) = date {
                response.headers_mut().insert(DATE, date.parse().unwrap());
            }
            Ok(response)
        };
        let mut socket = accept_hdr_async(stream, answer).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    url
}

fn date(at: SystemTime) -> Option<String> {
    Some(httpdate::fmt_http_date(at))
}

#[tokio::test]
async fn a_clock_that_is_ahead_or_behind_is_found_to_a_second() {
    let hour = Duration::from_secs(3600);
    for (told, expected) in [
        (SystemTime::now() - hour, 3_600_000.0),
        (SystemTime::now() + hour, -3_600_000.0),
    ] {
        let ahead = clock_ahead(&server(date(told)).await).await.unwrap();
        assert!(
            (ahead - expected).abs() < 60_000.0,
            "{ahead} ms, and not about {expected}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_a_date_and_no_answer_tell_nothing() {
    let none = clock_ahead(&server(None).await).await;
    assert!(matches!(none, Err(ClockUnknown::NoDate)), "{none:?}");
    let nonsense = clock_ahead(&server(Some("the ides of March".to_owned())).await).await;
    assert!(matches!(nonsense, Err(ClockUnknown::NoDate)), "{nonsense:?}");
    let nobody = clock_ahead("http://127.0.0.1:1").await;
    assert!(matches!(nobody, Err(ClockUnknown::NoSocket(_))), "{nobody:?}");
}
