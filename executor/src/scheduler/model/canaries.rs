//! Models that must fail: were one of them to pass, its suite would have stopped looking.

use filch_primitive::mutant::assert_noticed;

/// Nobody looks once more before sleeping; the fences between publishing and looking are gone; the searcher's token
/// is given back blindly.
#[test]
fn loom_canary_idle() {
    assert_noticed("idle.mark.fence", "scheduler::model::idle::loom_a_task_sent_to_one_who_lies_down");
    assert_noticed(
        "shared.publish.fence",
        "scheduler::model::idle::loom_a_task_sent_elsewhere_while_one_lies_down",
    );
    assert_noticed(
        "seat.sleep.look",
        "scheduler::model::idle::loom_a_task_sent_elsewhere_while_one_lies_down",
    );
    assert_noticed(
        "shared.send.fence",
        "scheduler::model::idle::loom_a_second_task_is_sent_to_one_who_lies_down_again",
    );
    assert_noticed("seat.end_search.look", "scheduler::model::idle::loom_a_searcher_leaves_nothing_behind");
}

/// A task is seen before what is in it.
#[test]
fn loom_canary_queues() {
    assert_noticed("inbox.push.order", "scheduler::model::queues::loom_an_inbox_loses_and_doubles_nothing");
    assert_noticed("inbox.take.order", "scheduler::model::queues::loom_an_inbox_keeps_the_order");
    assert_noticed(
        "hot_slot.put.order",
        "scheduler::model::queues::loom_a_hot_slot_loses_and_doubles_nothing",
    );
    assert_noticed(
        "hot_slot.take.order",
        "scheduler::model::queues::loom_a_hot_slot_loses_and_doubles_nothing",
    );
}

/// A guest does not look whether it was woken, nor a thread whether its local tasks were; who leaves tells nobody in
/// time.
#[test]
fn loom_canary_guest() {
    assert_noticed("guest.sleep.look", "scheduler::model::guest::loom_a_guest_is_woken");
    assert_noticed("local.sleep.look", "scheduler::model::guest::loom_a_local_task_of_a_guest_is_woken");
    let plain = "scheduler::model::guest::loom_a_local_task_of_a_plain_waiter_is_woken";
    assert_noticed("plain.sleep.look", plain);
    assert_noticed("plain.sleep.fence", plain);
    assert_noticed("shared.leaving.fence", "scheduler::model::guest::loom_what_a_guest_leaves_is_found");
}

/// The last sweep and who publishes too late miss each other.
#[test]
fn loom_canary_end() {
    assert_noticed("shared.over.fence", "scheduler::model::end::loom_a_spawn_beside_the_end");
    assert_noticed("shared.publish.fence", "scheduler::model::end::loom_a_wake_beside_the_end");
}

/// The sentinel and who begins to work miss each other.
#[test]
fn loom_canary_sentinel() {
    let test = "scheduler::model::sentinel::loom_the_sentinel_falls_asleep_while_somebody_sits_down";
    assert_noticed("sentinel.fall_asleep.fence", test);
    assert_noticed("sentinel.work_begins.fence", test);
}
