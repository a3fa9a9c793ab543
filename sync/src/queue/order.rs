//! Which item comes out next: [`Fifo`], [`Lifo`], [`Smallest`].
//!
//! # Look, then move
//! Putting and getting are two steps each. [`Arrange::place`] and [`Arrange::choose`] look: they compare, which is the user's
//! code, and change nothing. [`Arrange::insert`] and [`Arrange::remove`] move, and run no code of the user. So a comparison that
//! panics leaves everything as it was: the item that was to be put is still with its owner, the one that was to be got is still
//! in the queue. That is why the heap is not the standard library's: its `pop` drops what it took when a comparison panics.
//!
//! # The heap
//! A vector of entries, each no larger than those at `2i + 1` and `2i + 2`. An entry carries the number of its arrival, which
//! decides between equals: so each entry differs from every other, and equals leave in the order they came.
//!
//! A place is an index, and the way to it needs no notes: it is the line of its ancestors.

use std::collections::VecDeque;

/// Which item of a [queue](super::RawQueue) comes out next. Implemented by [`Fifo`], [`Lifo`] and [`Smallest`], and sealed.
///
/// A put or a get looks first, which may compare items and changes nothing, and then moves, which runs no code of the items.
///
/// ```
/// use filch_sync::queue::{Order, RawQueue};
/// /// Takes all there is out of a queue of any order.
/// fn drain<T, O: Order<T>>(queue: &RawQueue<T, O>) -> Vec<T> {
///     std::iter::from_fn(|| queue.try_get().ok()).collect()
/// }
/// let queue = filch_sync::queue::LifoQueue::unbounded();
/// (1..=3).for_each(|n| queue.try_put(n).unwrap());
/// assert_eq!(drain(&queue), [3, 2, 1]);
/// ```
pub trait Order<T>: Arrange<T> {}

/// What an order does; see the [module docs](self).
pub trait Arrange<T> {
    /// The items that are there.
    type Items;
    /// None of them.
    const NEW: Self::Items;
    /// Whether looking runs code of the user.
    const COMPARES: bool;
    /// What such a queue is called.
    const NAME: &'static str;

    /// How many there are.
    fn len(items: &Self::Items) -> usize;
    /// Where `item` belongs.
    fn place(items: &Self::Items, item: &T) -> usize;
    /// Puts `item` where [`place`](Self::place) said, nothing having changed since.
    fn insert(items: &mut Self::Items, place: usize, item: T);
    /// What [`remove`](Self::remove) has to know to take the next item out; nothing when there is none.
    fn choose(items: &Self::Items) -> Option<usize>;
    /// Takes the next item out, nothing having changed since [`choose`](Self::choose).
    fn remove(items: &mut Self::Items, place: usize) -> Option<T>;
}

/// First in, first out.
///
/// ```
/// use filch_sync::queue::{Fifo, Queue, RawQueue};
/// let queue: Queue<u8> = RawQueue::<u8, Fifo>::unbounded();
/// queue.try_put(2).unwrap();
/// queue.try_put(1).unwrap();
/// assert_eq!(queue.try_get(), Ok(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Fifo {}

/// Last in, first out.
///
/// ```
/// use filch_sync::queue::{Lifo, LifoQueue, RawQueue};
/// let queue: LifoQueue<u8> = RawQueue::<u8, Lifo>::unbounded();
/// queue.try_put(1).unwrap();
/// queue.try_put(2).unwrap();
/// assert_eq!(queue.try_get(), Ok(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Lifo {}

/// The smallest first; equals in the order they came.
///
/// ```
/// use filch_sync::queue::{PriorityQueue, RawQueue, Smallest};
/// let queue: PriorityQueue<u8> = RawQueue::<u8, Smallest>::unbounded();
/// queue.try_put(2).unwrap();
/// queue.try_put(1).unwrap();
/// assert_eq!(queue.try_get(), Ok(1));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Smallest {}

impl<T> Order<T> for Fifo {}
impl<T> Order<T> for Lifo {}
impl<T: Ord> Order<T> for Smallest {}

/// Below this many places nothing is given back.
const KEPT: usize = 64;

/// How many places to keep, when so many are used that half of them can be given back. A quarter, so that a queue
/// about some length does not move its items time and again.
fn fewer_places(used: usize, places: usize) -> Option<usize> {
    (places > KEPT && used <= places / 4).then_some(places / 2)
}

impl<T> Arrange<T> for Fifo {
    type Items = VecDeque<T>;
    const NEW: VecDeque<T> = VecDeque::new();
    const COMPARES: bool = false;
    const NAME: &'static str = "Queue";

    fn len(items: &VecDeque<T>) -> usize {
        items.len()
    }

    fn place(items: &VecDeque<T>, _item: &T) -> usize {
        items.len()
    }

    fn insert(items: &mut VecDeque<T>, _place: usize, item: T) {
        items.push_back(item);
    }

    fn choose(items: &VecDeque<T>) -> Option<usize> {
        (!items.is_empty()).then_some(0)
    }

    fn remove(items: &mut VecDeque<T>, _place: usize) -> Option<T> {
        let item = items.pop_front();
        if let Some(places) = fewer_places(items.len(), items.capacity()) {
            items.shrink_to(places);
        }
        item
    }
}

impl<T> Arrange<T> for Lifo {
    type Items = Vec<T>;
    const NEW: Vec<T> = Vec::new();
    const COMPARES: bool = false;
    const NAME: &'static str = "LifoQueue";

    fn len(items: &Vec<T>) -> usize {
        items.len()
    }

    fn place(items: &Vec<T>, _item: &T) -> usize {
        items.len()
    }

    fn insert(items: &mut Vec<T>, _place: usize, item: T) {
        items.push(item);
    }

    fn choose(items: &Vec<T>) -> Option<usize> {
        items.len().checked_sub(1)
    }

    fn remove(items: &mut Vec<T>, _place: usize) -> Option<T> {
        let item = items.pop();
        if let Some(places) = fewer_places(items.len(), items.capacity()) {
            items.shrink_to(places);
        }
        item
    }
}

/// What [`Smallest`] keeps; see the module docs.
#[derive(Debug)]
pub struct Heap<T> {
    entries: Vec<Entry<T>>,
    /// The number of the next to come.
    arrivals: u64,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    arrival: u64,
}

impl<T: Ord> Entry<T> {
    fn is_before(&self, other: &Self) -> bool {
        self.item.cmp(&other.item).then(self.arrival.cmp(&other.arrival)).is_lt()
    }
}

const fn parent(index: usize) -> usize {
    (index - 1) / 2
}

impl<T: Ord> Arrange<T> for Smallest {
    type Items = Heap<T>;
    const NEW: Heap<T> = Heap { entries: Vec::new(), arrivals: 0 };
    const COMPARES: bool = true;
    const NAME: &'static str = "PriorityQueue";

    fn len(items: &Heap<T>) -> usize {
        items.entries.len()
    }

    fn place(items: &Heap<T>, item: &T) -> usize {
        let mut place = items.entries.len();
        // The latest of all: it passes only those that are larger.
        while place > 0 && item.cmp(&items.entries[parent(place)].item).is_lt() {
            place = parent(place);
        }
        place
    }

    fn insert(items: &mut Heap<T>, place: usize, item: T) {
        let arrival = items.arrivals;
        items.arrivals += 1;
        let mut at = items.entries.len();
        items.entries.push(Entry { item, arrival });
        while at > place {
            items.entries.swap(at, parent(at));
            at = parent(at);
        }
    }

    /// Where the last entry lands when it takes the place of the first and sinks to its own.
    fn choose(items: &Heap<T>) -> Option<usize> {
        let (last, others) = items.entries.split_last()?;
        let mut place = 0;
        loop {
            let left = 2 * place + 1;
            let smaller = match others.get(left..) {
                Some([left_entry, right_entry, ..]) if right_entry.is_before(left_entry) => left + 1,
                Some([_, ..]) => left,
                _ => return Some(place),
            };
            if !others[smaller].is_before(last) {
                return Some(place);
            }
            place = smaller;
        }
    }

    /// The last entry goes to `place`, what was there one step up, and so on, until the first falls out.
    fn remove(items: &mut Heap<T>, place: usize) -> Option<T> {
        let mut carried = items.entries.pop()?;
        if !items.entries.is_empty() {
            let mut at = place;
            std::mem::swap(&mut items.entries[at], &mut carried);
            while at > 0 {
                at = parent(at);
                std::mem::swap(&mut items.entries[at], &mut carried);
            }
        }
        if let Some(places) = fewer_places(items.entries.len(), items.entries.capacity()) {
            items.entries.shrink_to(places);
        }
        Some(carried.item)
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{Arrange, Fifo, Lifo, Order, Smallest};
    use crate::queue::tests::Ranked;
    use crate::testing::Random;

    fn put<T, O: Order<T>>(items: &mut O::Items, item: T) {
        let place = O::place(items, &item);
        O::insert(items, place, item);
    }

    fn get<T, O: Order<T>>(items: &mut O::Items) -> Option<T> {
        let place = O::choose(items)?;
        O::remove(items, place)
    }

    #[test]
    fn the_heap_sorts_and_keeps_equals_in_their_order() {
        let mut random = Random::new(7);
        for size in 0..70 {
            let mut heap = <Smallest as Arrange<Ranked>>::NEW;
            let mut model = Vec::new();
            for arrival in 0..3 * size {
                let item = Ranked(random.below(8), arrival);
                put::<_, Smallest>(&mut heap, item);
                model.push(item);
                // A stable sort.
                model.sort();
                if random.below(3) == 0 {
                    let got = get::<_, Smallest>(&mut heap).map(|item| item.1);
                    assert_eq!(got, Some(model.remove(0).1));
                }
            }
            let rest: Vec<_> =
                std::iter::from_fn(|| get::<_, Smallest>(&mut heap)).map(|item| item.1).collect();
            assert_eq!(rest, model.iter().map(|item| item.1).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let mut fifo = <Fifo as Arrange<u8>>::NEW;
        let mut lifo = <Lifo as Arrange<u8>>::NEW;
        let mut heap = <Smallest as Arrange<u8>>::NEW;
        for _ in 0..10_000 {
            put::<_, Fifo>(&mut fifo, 0);
            put::<_, Lifo>(&mut lifo, 0);
            put::<_, Smallest>(&mut heap, 0);
        }
        while get::<_, Fifo>(&mut fifo).is_some() {}
        while get::<_, Lifo>(&mut lifo).is_some() {}
        while get::<_, Smallest>(&mut heap).is_some() {}
        for places in [fifo.capacity(), lifo.capacity(), heap.entries.capacity()] {
            assert!(places <= 2 * super::KEPT, "{places} places are kept");
        }
    }
}
