use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use snug_protocol::{PeerId, ResumeToken};

/// Mints what nobody may guess. A CSPRNG: as secret as its seed.
pub struct Dice(StdRng);

impl Dice {
    /// Whoever knows `seed` knows every id and token to come.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }

    /// 128 bits.
    pub fn peer_id(&mut self) -> PeerId {
        PeerId::from(self.text::<16>())
    }

    /// 256 bits.
    pub fn resume_token(&mut self) -> ResumeToken {
        ResumeToken::from(self.text::<32>())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn text<const N: usize>(&mut self) -> String {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}
