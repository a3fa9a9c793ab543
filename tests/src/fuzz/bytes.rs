//! Choices out of bytes.

/// Bytes that are read one after the other, until there are none.
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next operation, below `end`; `None` at the end.
    pub(super) fn operation(&mut self, end: usize) -> Option<usize> {
        Some(usize::from(self.next()?) % end)
    }

    /// A number below `end`; 0 once there are no more bytes.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.next().unwrap_or(0)) % end.max(1)
    }

    pub(super) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// A number of any size up to `2^bits`: small ones are as likely as large ones.
    pub(super) fn number(&mut self, bits: u32) -> u64 {
        let size = self.below(bits as usize + 1) as u32;
        let digits = u64::from_le_bytes([0; 8].map(|_: u8| self.next().unwrap_or(0)));
        if size == 0 { 0 } else { (digits >> (u64::BITS - size)) | (1 << (size - 1)) }
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}
