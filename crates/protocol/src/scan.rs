//! One pass over a frame that is to be relayed: its keys are read, what they carry is only checked to be JSON.
//!
//! Whatever is unusual here (an escape in a key, a key twice, a `null`, deep nesting, a line break, anything wrong) is left to
//! serde, which says what it is, or takes it. So this accepts a part of what serde accepts, and makes the same of it.

use crate::relay::{Relay, RelayKind};
use memchr::{memchr, memchr2};

/// How deep a payload may nest for the quick way.
const DEPTH: u32 = 64;

pub(crate) fn relay(text: &str) -> Option<Relay<'_>> {
    // None of them is in a string, and elsewhere few clients write any. This takes 16 bytes at a time.
    if text.bytes().fold(u8::MAX, u8::min) < b' ' {
        return None;
    }
    let mut scan = Scan { text, at: 0 };
    let (mut kind, mut id, mut to) = (None, None, None);
    let mut payloads = [None; 3];
    scan.space();
    scan.eat(b'{')?;
    loop {
        scan.space();
        let key = scan.plain()?;
        scan.space();
        scan.eat(b':')?;
        scan.space();
        let twice = match key {
            "type" => kind.replace(scan.plain()?).is_some(),
            "id" => id.replace(scan.natural()?).is_some(),
            "to" => to.replace(scan.plain()?).is_some(),
            "sdp" => payloads[0].replace(scan.value()?).is_some(),
            "candidate" => payloads[1].replace(scan.value()?).is_some(),
            "data" => payloads[2].replace(scan.value()?).is_some(),
            _ => scan.value().map(|_| false)?,
        };
        if twice {
            return None;
        }
        scan.space();
        match scan.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    scan.space();
    if scan.at < text.len() {
        return None;
    }
    let kind = match kind? {
        "offer" => RelayKind::Offer,
        "answer" => RelayKind::Answer,
        "candidate" => RelayKind::Candidate,
        "message" => RelayKind::Message,
        _ => return None,
    };
    let payload = match kind {
        RelayKind::Offer | RelayKind::Answer => payloads[0],
        RelayKind::Candidate => payloads[1],
        RelayKind::Message => payloads[2],
    }?;
    Some(Relay { kind, id, to, payload })
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// A string without escapes.
    fn plain(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let start = self.at;
        self.at = stop(self.text.as_bytes(), start)?;
        let end = self.at;
        self.eat(b'"')?;
        self.text.get(start..end)
    }

    /// A whole number that surely fits.
    fn natural(&mut self) -> Option<u64> {
        let start = self.at;
        self.digits()?;
        let digits = self.text.get(start..self.at)?;
        if digits.len() > 19 || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        // A fraction or an exponent may follow; then the next key does not.
        digits.parse().ok()
    }

    /// Any JSON, as it stands.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        // One bit for each level: whether it is an object.
        let (mut objects, mut depth) = (0u64, 0);
        loop {
            let opened = match self.next()? {
                b'"' => {
                    self.string()?;
                    false
                }
                b'{' => {
                    (objects, depth) = (objects << 1 | 1, depth + 1);
                    true
                }
                b'[' => {
                    (objects, depth) = (objects << 1, depth + 1);
                    true
                }
                b't' => self.word("rue")?,
                b'f' => self.word("alse")?,
                b'n' => self.word("ull")?,
                b'-' => self.number()?,
                b'0'..=b'9' => {
                    self.at -= 1;
                    self.number()?
                }
                _ => return None,
            };
            if depth > DEPTH - 1 {
                return None;
            }
            if opened {
                self.space();
                let end = if objects & 1 == 1 { b'}' } else { b']' };
                if self.peek()? != end {
                    self.key(objects)?;
                    continue;
                }
            }
            // Behind a value: on to the next one, or out of what ends here.
            loop {
                if depth == 0 {
                    return self.text.get(start..self.at);
                }
                self.space();
                match (self.next()?, objects & 1) {
                    (b',', _) => {
                        self.space();
                        self.key(objects)?;
                        break;
                    }
                    (b'}', 1) | (b']', 0) => (objects, depth) = (objects >> 1, depth - 1),
                    _ => return None,
                }
            }
        }
    }

    /// Within an object: the key before a value.
    fn key(&mut self, objects: u64) -> Option<()> {
        if objects & 1 == 1 {
            self.eat(b'"')?;
            self.string()?;
            self.space();
            self.eat(b':')?;
            self.space();
        }
        Some(())
    }

    /// Behind the opening quote: through the closing one.
    fn string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut at = stop(bytes, self.at)?;
        if let Some(end) = line_breaks(bytes, at) {
            at = end;
        }
        loop {
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => match bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    b'u' => {
                        let hex = bytes.get(at + 2..at + 6)?;
                        if !hex.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        at += 6;
                    }
                    _ => return None,
                },
                _ => at = stop(bytes, at)?,
            }
        }
    }

    /// Behind the sign.
    fn number(&mut self) -> Option<bool> {
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(false)
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, rest: &str) -> Option<bool> {
        let here = self.text.as_bytes().get(self.at..self.at + rest.len())?;
        self.at += rest.len();
        (here == rest.as_bytes()).then_some(false)
    }
}

/// The quote that ends the string around `from`, if there is no escape before it but line breaks, as in a description: one of
/// them every few bytes, and each would cost more than the bytes around it.
fn line_breaks(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..).filter(|rest| rest.first() == Some(&b'\\'))?;
    let length = memchr(b'"', rest)?;
    let (text, next) = (rest.get(..length)?, rest.get(1..=length)?);
    // Each backslash comes before one of these letters, and so none escapes another one, or the quote. 16 bytes at a time.
    let others = text.iter().zip(next).fold(false, |found, (byte, next)| {
        found | ((*byte == b'\\') & (*next != b'n') & (*next != b'r'))
    });
    (!others).then_some(from + length)
}

/// Where the next quote or backslash is: near by in a key, far off in a payload.
#[inline]
fn stop(bytes: &[u8], from: usize) -> Option<usize> {
    const NEAR: usize = 16;
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // Marks each byte that is 0, and perhaps some behind the first one.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = from;
    while at < from + NEAR
        && let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk)
    {
        let word = u64::from_le_bytes(*word);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let escape = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = (quote | escape) & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    Some(at + memchr2(b'"', b'\\', bytes.get(at..)?)?)
}
