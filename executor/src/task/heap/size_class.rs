//! Which slots there are.
//!
//! Steps of sixteen bytes up to 256, as most futures are small and a million of them should waste nothing; then four
//! steps per doubling, which wastes a fifth at most. A page of the largest class holds seven slots. What is larger, or
//! aligned to more than sixteen bytes, gets a page of its own.

/// How a task's slot is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// In a page of slots of this class.
    Slot(SizeClass),
    /// In a page of its own.
    Page,
}

/// The index of a size of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeClass(u8);

/// Below: steps of [`FINE_STEP`]. Above: [`STEPS_PER_DOUBLING`].
const FINE_MAX: usize = 256;
pub(super) const FINE_STEP: usize = 16;
const FINE_CLASSES: usize = FINE_MAX / FINE_STEP;
const STEPS_PER_DOUBLING: usize = 4;
const DOUBLINGS: usize = 4;

/// How many sizes there are.
pub(super) const CLASSES: usize = FINE_CLASSES + STEPS_PER_DOUBLING * DOUBLINGS;

impl SizeClass {
    /// The smallest class whose slots hold `bytes`.
    pub(super) const fn of(bytes: usize) -> Option<Self> {
        let mut index = 0;
        while index < CLASSES {
            if Self::bytes_at(index) >= bytes {
                return Some(Self(index as u8));
            }
            index += 1;
        }
        None
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The size of its slots.
    pub(super) const fn bytes(self) -> usize {
        Self::bytes_at(self.index())
    }

    const fn bytes_at(index: usize) -> usize {
        if index < FINE_CLASSES {
            return (index + 1) * FINE_STEP;
        }
        let coarse = index - FINE_CLASSES;
        let base = FINE_MAX << (coarse / STEPS_PER_DOUBLING);
        base + base / STEPS_PER_DOUBLING * (coarse % STEPS_PER_DOUBLING + 1)
    }
}

// The largest slots are 4 KiB.
const _: () = assert!(SizeClass::bytes_at(CLASSES - 1) == FINE_MAX << DOUBLINGS);

impl Room {
    /// Room for `bytes`, the header included, of which the body is aligned to `align`.
    pub(super) const fn of(bytes: usize, align: usize) -> Self {
        match SizeClass::of(bytes) {
            Some(class) if align <= FINE_STEP => Self::Slot(class),
            _ => Self::Page,
        }
    }
}
