use crate::readiness::Readiness;

#[test]
fn starts_ready_and_a_refusal_clears() {
    let word = Readiness::new();
    let seen = word.load();
    assert!(seen.is_ready());
    word.refused(seen);
    assert!(!word.load().is_ready());
    word.event(false);
    assert!(word.load().is_ready());
}

#[test]
fn a_refusal_older_than_an_event_clears_nothing() {
    let word = Readiness::new();
    let seen = word.load();
    word.event(false);
    word.refused(seen);
    word.drained(seen);
    assert!(word.load().is_ready());
}

#[test]
fn the_generation_has_its_full_width_and_survives_its_wrap() {
    // More events than any narrow counter tells apart, across the wrap, under one stale snapshot.
    let word = Readiness::near_wrap(300);
    let stale = word.load();
    for _ in 0..70_000 {
        word.event(false);
        word.refused(stale);
        assert!(word.load().is_ready(), "a stale refusal erased a fresh event");
    }
    assert!(!word.load().has_waiters() && !word.load().is_closed(), "the wrap stays off the flags");
    word.refused(word.load());
    assert!(!word.load().is_ready());
}

#[test]
fn a_wrap_touches_neither_waiters_nor_closed() {
    let word = Readiness::near_wrap(1);
    word.announce();
    word.event(true);
    word.event(false);
    word.event(false);
    let seen = word.load();
    assert!(seen.is_ready() && seen.has_waiters() && seen.is_closed());
}

#[test]
fn closed_keeps_a_short_transfer_from_clearing_but_not_a_refusal() {
    let word = Readiness::new();
    word.event(true);
    word.event(false);
    let seen = word.load();
    assert!(seen.is_closed(), "a later event does not take it back");
    word.drained(seen);
    assert!(word.load().is_ready());
    word.refused(seen);
    let seen = word.load();
    assert!(!seen.is_ready() && !seen.is_closed(), "what would block is not closed");
    word.event(false);
    let seen = word.load();
    word.drained(seen);
    assert!(!word.load().is_ready());
}

#[test]
fn clearing_keeps_waiters() {
    let word = Readiness::new();
    let seen = word.load();
    assert!(word.announce().is_ready(), "the announcer learns that it need not wait");
    word.refused(seen);
    assert!(word.load().has_waiters());
    assert!(word.event(false).has_waiters());
    word.renounce();
    assert!(!word.event(false).has_waiters());
}

#[test]
fn debug_speaks_in_words() {
    let word = Readiness::new();
    word.event(true);
    let text = format!("{word:?}");
    assert_eq!(text, "Readiness { ready: true, waiters: false, closed: true, events: 1 }");
}
