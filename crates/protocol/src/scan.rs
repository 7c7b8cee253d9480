//! One pass over a frame that is to be relayed: its keys are read, what they carry is only checked to be JSON.
//!
//! Whatever is unusual here (an escape in a key, a key twice, a `null`, deep nesting, anything wrong) is left to serde, which
//! says what it is, or takes it. So this accepts a part of what serde accepts, and makes the same of it.

/// How deep a payload may nest for the quick way.
const DEPTH: u32 = 64;

/// A frame of one of the four types that are relayed unread.
pub(crate) struct Relay<'a> {
    pub(crate) kind: &'a str,
    pub(crate) id: Option<u64>,
    pub(crate) to: Option<&'a str>,
    pub(crate) payload: &'a str,
}

pub(crate) fn relay(text: &str) -> Option<Relay<'_>> {
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
    let kind = kind?;
    let payload = match kind {
        "offer" | "answer" => payloads[0],
        "candidate" => payloads[1],
        "message" => payloads[2],
        _ => None,
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
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
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
        loop {
            self.at = stop(self.text.as_bytes(), self.at)?;
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let hex = self.text.as_bytes().get(self.at..self.at + 4)?;
                        if !hex.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.at += 4;
                    }
                    _ => return None,
                },
                _ => return None,
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

/// Where the next quote, backslash or control character is: eight bytes at a time, for descriptions are long.
fn stop(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // Marks each byte that is 0, and perhaps some behind the first one.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let rest = bytes.get(from..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let escape = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = (control | quote | escape) & HIGH;
        if found != 0 {
            return Some(from + 8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(from + 8 * words.len() + at)
}
