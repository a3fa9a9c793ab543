//! What a thread does when it is already dying.

use std::cell::RefCell;

/// Closures that run when the thread's data is destroyed, the last one first.
#[derive(Default)]
struct LastWords(Vec<Box<dyn FnOnce()>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        while let Some(words) = self.0.pop() {
            words();
        }
    }
}

thread_local! {
    static LAST_WORDS: RefCell<LastWords> = RefCell::default();
}

/// Has `words` run in the destructor of thread-local data, when the calling thread ends.
pub fn at_thread_exit(words: impl FnOnce() + 'static) {
    LAST_WORDS.with_borrow_mut(|all| all.0.push(Box::new(words)));
}
