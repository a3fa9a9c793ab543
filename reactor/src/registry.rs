//! Which source a key means.
//!
//! The operating system hands back, with each event, the number a descriptor was registered with. That number is
//! never a pointer: it is a place in this table and the serial number of the registration that took the place. An event
//! that was collected before its descriptor was deregistered finds the place empty, or taken by a younger
//! registration with another serial number, and is dropped.

use crate::source::Source;
use filch_primitive::mutant;
use filch_primitive::sync::Arc;
use slab::Slab;
use std::fmt;

/// Bits of a key: all 64 where the system keeps 64, else a pointer's.
const KEY_BITS: u32 = if cfg!(target_os = "linux") { 64 } else { usize::BITS };
/// Low bits of a key that hold the place; the serial number has the rest. A stale key lives within one batch of
/// events, so the serial number need only not wrap meanwhile.
const PLACE_BITS: u32 = if KEY_BITS == 64 { 32 } else { 20 };
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;
const SERIAL_MASK: u64 = (1 << (KEY_BITS - PLACE_BITS)) - 1;

/// Names one registration with one reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u64);

impl Key {
    /// The key no registration has: the selector's own.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "`polling` keeps its own"))]
    pub(crate) const NOTIFY: Self = Self(u64::MAX);

    pub(crate) const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    pub(crate) const fn to_u64(self) -> u64 {
        self.0
    }

    fn place(self) -> usize {
        (self.0 & PLACE_MASK) as usize
    }

    fn serial(self) -> u64 {
        (self.0 >> PLACE_BITS) & SERIAL_MASK
    }
}

struct Entry {
    serial: u64,
    source: Arc<Source>,
}

/// All registrations of one reactor.
pub(crate) struct Registry {
    entries: Slab<Entry>,
    next_serial: u64,
    /// No more registrations: the reactor has ended.
    closed: bool,
}

impl Registry {
    pub(crate) const fn new() -> Self {
        Self { entries: Slab::new(), next_serial: 0, closed: false }
    }

    /// Takes `source` in; `None` when the reactor has ended, or in the absurd case that all places are taken.
    pub(crate) fn insert(&mut self, source: Arc<Source>) -> Option<Key> {
        let place = self.entries.vacant_key() as u64;
        // The last place is left alone, so that no key can equal `NOTIFY`.
        if self.closed || place >= PLACE_MASK {
            return None;
        }
        let serial = self.next_serial;
        self.next_serial = (serial + 1) & SERIAL_MASK;
        self.entries.insert(Entry { serial, source });
        Some(Key((serial << PLACE_BITS) | place))
    }

    /// The source `key` means, unless it is stale.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&Arc<Source>> {
        let entry = self.entries.get(key.place())?;
        let is_same = entry.serial == key.serial() || mutant::planted("reactor.key.stale");
        is_same.then_some(&entry.source)
    }

    /// Takes the source out. The caller drops it after unlocking: it may hold wakers.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Arc<Source>> {
        self.get(key)?;
        self.entries.try_remove(key.place()).map(|entry| entry.source)
    }

    /// Takes everything out, for good.
    pub(crate) fn close(&mut self) -> Vec<Arc<Source>> {
        self.closed = true;
        std::mem::take(&mut self.entries).into_iter().map(|(_, entry)| entry.source).collect()
    }

    /// Everything there is.
    pub(crate) fn sources(&self) -> Vec<Arc<Source>> {
        self.entries.iter().map(|(_, entry)| entry.source.clone()).collect()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("sources", &self.entries.len())
            .field("closed", &self.closed)
            .finish()
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{Key, Registry};
    use crate::source::Source;

    #[test]
    fn a_reused_place_has_another_key_and_the_old_one_finds_nothing() {
        let mut registry = Registry::new();
        let old = registry.insert(Source::detached()).unwrap();
        assert!(registry.remove(old).is_some());
        let new = registry.insert(Source::detached()).unwrap();
        assert_eq!(old.place(), new.place(), "the place is reused");
        assert_ne!(old, new);
        assert!(registry.get(old).is_none());
        assert!(registry.remove(old).is_none(), "a stale key removes nobody");
        assert!(registry.get(new).is_some());
        assert!(registry.get(Key::from_u64(u64::MAX)).is_none(), "the selector's own");
    }

    #[test]
    fn a_closed_registry_hands_everything_out_and_takes_nothing_in() {
        let mut registry = Registry::new();
        let key = registry.insert(Source::detached()).unwrap();
        assert_eq!(registry.close().len(), 1);
        assert!(registry.get(key).is_none());
        assert!(registry.insert(Source::detached()).is_none());
    }
}
