//! Faults planted in the protocols, one per suite at least: a suite that does not notice them proves nothing.

use filch_primitive::mutant::assert_noticed;

#[track_caller]
fn noticed(fault: &str, suite: &str) {
    assert_noticed(fault, &format!("scheduler::shuttle_suites::{suite}"));
}

#[test]
fn shuttle_canary_a_sleeper_does_not_look_once_more() {
    noticed("seat.sleep.blind", "whole::shuttle_a_send_never_falls_between_looking_and_sleeping");
}

#[test]
fn shuttle_canary_a_searchers_token_is_dropped() {
    noticed("seat.sleep.token", "whole::shuttle_every_task_ends_once_and_nothing_woken_is_lost");
}

#[test]
fn shuttle_canary_an_inbox_is_filled_and_nobody_called() {
    noticed("shared.send.silent", "whole::shuttle_a_send_never_falls_between_looking_and_sleeping");
}

#[test]
fn shuttle_canary_a_thread_does_not_look_for_its_local_tasks() {
    noticed("local.sleep.look", "local::shuttle_local_tasks_stay_on_their_thread_and_end_with_it");
}

#[test]
fn shuttle_canary_nobody_helps_the_stuck() {
    noticed("sentinel.help", "whole::shuttle_a_blocking_task_has_its_queue_taken");
}

#[test]
fn shuttle_canary_a_task_published_too_late_is_left() {
    noticed("shared.publish.sweep", "ending::shuttle_a_spawn_that_races_the_end_resolves");
}

#[test]
fn shuttle_canary_a_local_tasks_thread_is_not_called() {
    noticed("local.send.silent", "local::shuttle_local_tasks_stay_on_their_thread_and_end_with_it");
}

#[test]
fn shuttle_canary_a_granted_permit_is_kept_by_the_dead() {
    noticed("semaphore.cancel.keeps", "primitives::shuttle_locks_and_permits_survive_aborts");
}

/// (A receiver whose turn dies with it goes unnoticed here: the watchman asks another. Loom's models, which have none, notice.)
#[test]
fn shuttle_canary_a_receiver_does_not_look_once_more() {
    noticed("channel.wait.blind", "primitives::shuttle_messages_are_received_or_dropped_once");
}
