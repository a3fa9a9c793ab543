//! Transfers into or out of several buffers: what one system call takes of them.
//!
//! The system takes so many buffers and no more, and stops without having run out of bytes or of room. A
//! transfer that moved less than *all* of the buffers hold is thus no proof that nothing is left; one that
//! moved less than those it was given is. And where all it is given are empty it moves nothing, which would
//! be read as the end.

use std::ops::Range;

/// Buffers that one system call takes: `IOV_MAX` on Linux and the BSDs. Where it is fewer the standard
/// library gives fewer, and nothing is concluded from short transfers anyway.
const BUFFERS_MAX: usize = 1024;

/// Of buffers with these lengths, those that one call is to be given, and how many bytes they hold. Zero
/// bytes: all buffers are empty.
pub fn first_call(lens: impl Iterator<Item = usize>) -> (Range<usize>, usize) {
    let mut filled = lens.enumerate().skip_while(|(_, len)| *len == 0).take(BUFFERS_MAX);
    let Some((begin, first)) = filled.next() else { return (0..0, 0) };
    filled.fold((begin..begin + 1, first), |(range, sum), (index, len)| {
        (range.start..index + 1, sum.saturating_add(len))
    })
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{BUFFERS_MAX, first_call};
    use std::iter::repeat_n;

    #[test]
    fn empty_ones_before_are_left_out_and_no_more_are_taken_than_fit() {
        assert_eq!(first_call([].into_iter()), (0..0, 0));
        assert_eq!(first_call([0, 0].into_iter()).1, 0);
        assert_eq!(first_call([0, 0, 3, 0, 4].into_iter()), (2..5, 7));
        assert_eq!(first_call(repeat_n(1, 5000)), (0..BUFFERS_MAX, BUFFERS_MAX));
        let late = repeat_n(0, 5000).chain(repeat_n(2, 5000));
        assert_eq!(first_call(late), (5000..5000 + BUFFERS_MAX, 2 * BUFFERS_MAX));
        assert_eq!(first_call([usize::MAX, 1].into_iter()), (0..2, usize::MAX), "it does not wrap");
    }
}
