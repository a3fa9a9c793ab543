//! Random numbers that are the same in every run: what a workload draws must not differ between runtimes.

/// A generator of 64-bit numbers, with a state that steps evenly and an output that mixes it.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The generator of that seed.
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Another generator, whose numbers have nothing to do with those of this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::seeded(self.next())
    }

    /// One of so many numbers, from zero.
    ///
    /// # Panics
    /// If there is none.
    pub fn below(&mut self, count: usize) -> usize {
        assert_ne!(count, 0, "there is nothing to choose from");
        // A few numbers come up by one more in 2^64 than the others: nothing here can tell.
        (self.next() % count as u64) as usize
    }

    /// The mixing steps are those of `SplitMix64` (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let once = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let twice = (once ^ (once >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        twice ^ (twice >> 31)
    }
}
