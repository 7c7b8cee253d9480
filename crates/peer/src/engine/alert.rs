//! Alerts that end a DTLS handshake. The engine tells of none, as when the remote's certificate has another fingerprint.

/// The content type of alerts (RFC 6347, 4.1; RFC 5246, 6.2.1).
const ALERT: u8 = 21;
/// An alert's level that ends the connection (RFC 5246, 7.2).
const FATAL: u8 = 2;
/// Bytes of a record before its content: type, version, epoch, sequence number, length.
const HEADER: usize = 13;

/// Whether a datagram is an alert in clear, as all are during a handshake, that ends it.
pub fn is_fatal(datagram: &[u8]) -> bool {
    let Some(record) = datagram.first_chunk::<{ HEADER + 2 }>() else {
        return false;
    };
    let in_clear = record[3..5] == [0, 0] && record[11..13] == [0, 2];
    record[0] == ALERT && in_clear && record[HEADER] == FATAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fatal_ones_in_clear_count() {
        // DTLS 1.2, epoch 0, the fourth record, two bytes: fatal, bad_certificate.
        let record = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 2, 42];
        assert!(is_fatal(&record));
        for (at, value) in [(0, 22), (4, 1), (12, 26), (13, 1)] {
            let mut other = record;
            other[at] = value;
            assert!(!is_fatal(&other));
        }
        assert!(!is_fatal(&record[..14]));
    }
}
