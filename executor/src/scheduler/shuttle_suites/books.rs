//! Who lived and who died: one page per future.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The books of one run. The real lock: books are no part of what is explored.
#[derive(Clone, Default)]
pub(super) struct Books(Arc<Mutex<Vec<Page>>>);

#[derive(Clone, Copy, Default, Debug)]
struct Page {
    futures_dropped: u32,
    outputs_made: u32,
    outputs_dropped: u32,
}

impl Books {
    /// A future is made: it holds what is returned.
    pub(super) fn open(&self) -> Life {
        let mut pages = self.pages();
        pages.push(Page::default());
        Life { books: self.clone(), page: pages.len() - 1 }
    }

    fn pages(&self) -> MutexGuard<'_, Vec<Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, page: usize, note: impl FnOnce(&mut Page)) {
        note(&mut self.pages()[page]);
    }

    /// All futures are gone, once each, and so is every output that one of them gave. Returns how many gave one.
    pub(super) fn close(&self) -> usize {
        let pages = self.pages();
        for (number, page) in pages.iter().enumerate() {
            assert_eq!(page.futures_dropped, 1, "future {number}: {page:?}");
            assert!(page.outputs_made <= 1, "future {number}: {page:?}");
            assert_eq!(page.outputs_dropped, page.outputs_made, "future {number}: {page:?}");
        }
        pages.iter().map(|page| page.outputs_made as usize).sum()
    }
}

/// Lives in a future, and is dropped with it.
pub(super) struct Life {
    books: Books,
    page: usize,
}

impl Life {
    /// What the future returns.
    pub(super) fn output(&self) -> Output {
        self.books.note(self.page, |page| page.outputs_made += 1);
        Output { books: self.books.clone(), page: self.page }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.books.note(self.page, |page| page.futures_dropped += 1);
    }
}

/// What a future returned. Its future is gone whenever anybody sees it.
pub(super) struct Output {
    books: Books,
    page: usize,
}

impl Output {
    /// Whoever awaits the task sees its future gone.
    pub(super) fn check(&self) {
        self.books.note(self.page, |page| assert_eq!(page.futures_dropped, 1, "{page:?}"));
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.books.note(self.page, |page| page.outputs_dropped += 1);
    }
}
