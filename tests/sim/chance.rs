//! Random choices from a seed: the same seed gives the same history.

/// SplitMix64: small, and good enough to choose events with.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.any() % end.max(1)
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let place = usize::try_from(self.below(u64::try_from(of.len()).unwrap())).unwrap();
        of[place].clone()
    }

    /// One of these, with the given weights.
    pub(crate) fn weighted<T: Clone>(&mut self, of: &[(u64, T)]) -> T {
        let mut dice = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in of {
            match dice.checked_sub(*weight) {
                Some(left) => dice = left,
                None => return one.clone(),
            }
        }
        of[0].1.clone()
    }

    /// A small number, mostly: how far back something is.
    pub(crate) fn near(&mut self) -> u64 {
        let far = self.weighted(&[(6, 1), (3, 3), (1, 12)]);
        self.below(far)
    }
}
