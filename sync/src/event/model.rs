use super::Event;
use filch_primitive::sync::Arc;
use loom::future::block_on;
use loom::thread;

#[test]
fn loom_a_waiter_meets_a_set_that_is_cleared_at_once() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let sets = event.clone();
        let thread = thread::spawn(move || sets.set());
        block_on(event.wait());
        event.clear();
        thread.join().unwrap();
        assert!(!event.is_set());
    });
}
