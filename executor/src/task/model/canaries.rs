//! Models that must fail: were one of them to pass, the suite would have stopped looking.

use filch_primitive::mutant::assert_noticed;

/// The state word orders less than it should, and wake-ups are lost in the poll they come into.
#[test]
fn loom_canary_state() {
    assert_noticed("state.transition.release", "task::model::loom_join_beside_completion");
    assert_noticed("state.load.order", "task::model::ends::loom_wakers_outlive_the_task");
    assert_noticed("state.wake.unchanged", "task::model::loom_a_second_wake_beside_a_poll");
    assert_noticed("state.suspend.woken", "task::model::loom_wake_by_reference_beside_a_poll");
}

/// Slots come home before their last user is done with them, and pages go while somebody looks at them.
#[test]
fn loom_canary_heap() {
    assert_noticed("heap.give_back.order", "task::model::loom_slots_come_home");
    assert_noticed("heap.collect.order", "task::model::loom_slots_come_home");
    assert_noticed("heap.account.order", "task::model::loom_a_heap_is_abandoned");
    assert_noticed("heap.release.at_once", "task::model::ends::loom_a_page_goes_beside_a_walk");
}
