//! What several tests of the server need; each uses a part of it.
#![allow(dead_code)]

pub mod http;
pub mod tls;
