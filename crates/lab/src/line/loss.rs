use super::impairment::Impairment;
use rand::RngExt;
use rand::rngs::StdRng;

/// Which frames are lost: each by itself, or in bursts (Gilbert's model, the one of Gilbert and Elliott in which a good state
/// loses nothing and a bad one everything).
#[derive(Debug, Default)]
pub(crate) struct Loss {
    bad: bool,
}

impl Loss {
    /// Whether the next frame is lost.
    pub(crate) fn hits(&mut self, how: &Impairment, dice: &mut StdRng) -> bool {
        if how.loss == 0.0 {
            self.bad = false;
            return false;
        }
        if how.burst == 0.0 {
            return dice.random_bool(how.loss);
        }
        // Bursts end so often that they are as long as wanted, and begin so often that the share is.
        let end = 1.0 / how.burst;
        let begin = (how.loss / (how.burst * (1.0 - how.loss))).min(1.0);
        self.bad = dice.random_bool(if self.bad { 1.0 - end } else { begin });
        self.bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// Share of lost frames, and how many are lost in a row on average.
    fn measure(loss: f64, burst: f64) -> (f64, f64) {
        let how = Impairment {
            loss,
            burst,
            ..Impairment::default()
        };
        let (mut dice, mut model) = (StdRng::seed_from_u64(1), Loss::default());
        let hits: Vec<bool> = (0..200_000).map(|_| model.hits(&how, &mut dice)).collect();
        let lost = hits.iter().filter(|hit| **hit).count();
        let runs = hits.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        (lost as f64 / hits.len() as f64, lost as f64 / runs.max(1) as f64)
    }

    #[test]
    fn the_share_is_lost_that_was_asked_for() {
        for share in [0.01, 0.05, 0.3] {
            let (lost, _) = measure(share, 0.0);
            assert!((lost - share).abs() < 0.1 * share, "{lost} of {share}");
        }
        assert_eq!(measure(0.0, 4.0).0, 0.0);
    }

    #[test]
    fn bursts_are_as_long_as_asked_for_and_lose_no_more() {
        for (share, burst) in [(0.05, 4.0), (0.3, 10.0)] {
            let (lost, run) = measure(share, burst);
            assert!((lost - share).abs() < 0.1 * share, "{lost} of {share}");
            assert!((run - burst).abs() < 0.1 * burst, "{run} of {burst}");
        }
    }
}
