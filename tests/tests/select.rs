//! `select!`: the first of several futures, in the caller's own task.
//!
//! Covers the behaviours that tokio's `macros_select` suite pins, and what is filch's own: the chain of `if let`, which rustfmt
//! formats.

use filch::time::sleep;
use filch::{block_on, select, sync, yield_now};
use filch_tests::{Tally, Watchdog, pending_until_dropped};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::io::Write;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// Pending at the first `polls` polls.
async fn after(polls: usize) {
    for _ in 0..polls {
        yield_now().await;
    }
}

#[test]
fn the_first_that_is_ready_wins_wherever_it_stands() {
    block_on(async {
        for _ in 0..20 {
            let won = select!(if let () = pending::<()>() {
                "never"
            } else if let text = async {
                after(2).await;
                "ready"
            } {
                text
            } else if let () = pending() {
                "never"
            });
            assert_eq!(won, "ready");
        }
    });
}

#[test]
fn a_value_that_does_not_match_takes_its_branch_out() {
    let tally = Tally::new();
    let out = tally.clone();
    let made = tally.clone();
    block_on(async move {
        let refused = made.counted();
        let won = select!(if let Some(n) = async move {
            let _refused = refused;
            None::<u32>
        } {
            n
        } else if let n = async {
            after(1).await;
            assert_eq!(out.alive(), 0, "what does not match is dropped at once");
            7
        } {
            n
        });
        assert_eq!(won, 7);
    });
    assert_eq!(tally.alive(), 0);
}

#[test]
fn else_runs_when_all_are_out_or_disabled() {
    block_on(async {
        let none = select!(if let Some(n) = ready(None) {
            n
        } else if let Ok(n) = ready(Err::<u32, _>("no")) {
            n
        } else {
            42
        });
        assert_eq!(none, 42);
        let disabled = select!(if let () = ready(())
            && false
        {
            1
        } else {
            2
        });
        assert_eq!(disabled, 2);
    });
}

#[test]
#[should_panic(expected = "no branch of this `select!` is left to wait for, and it has no `else`")]
fn without_else_that_is_a_panic() {
    block_on(async {
        select!(if let 1 = ready(2) {});
    });
}

#[test]
fn a_disabled_branch_does_not_make_its_future() {
    let order = RefCell::new(Vec::new());
    let note = |what| {
        order.borrow_mut().push(what);
        true
    };
    block_on(async {
        let made = |what| {
            note(what);
            pending::<()>()
        };
        let won = select!(if let () = made("first")
            && note("asked")
        {
            0
        } else if let () = made("not made")
            && !note("asked too")
        {
            1
        } else if let () = made("third") {
            2
        } else if let n = ready(3) {
            n
        });
        assert_eq!(won, 3);
    });
    assert_eq!(*order.borrow(), ["asked", "first", "asked too", "third"]);
}

#[test]
fn the_others_are_gone_when_the_body_runs() {
    let tally = Tally::new();
    let (losing, lost) = (tally.value(), tally.clone());
    let returned = tally.value();
    block_on(async move {
        select!(if let () = async {
            let _losing = losing;
            pending::<()>().await;
        } {
            unreachable!()
        } else if let value = async { returned } {
            assert_eq!(lost.alive(), 1, "the value alone");
            yield_now().await;
            drop(value);
        });
        assert_eq!(lost.alive(), 0);
    });
    assert_eq!(tally.alive(), 0);
}

#[test]
fn a_body_may_use_what_a_loser_had_borrowed() {
    let mut text = String::from("a");
    block_on(async {
        for _ in 0..2 {
            select!(if let () = async {
                text.push('x');
                pending::<()>().await;
            } {
            } else if let () = after(1) {
                text.push('b');
            });
        }
    });
    assert!(text.ends_with('b') && text.matches('b').count() == 2, "{text}");
}

#[test]
fn bodies_belong_to_the_function_around_them() {
    async fn question(text: &str) -> Result<u8, std::num::ParseIntError> {
        let n = select!(if let text = ready(text) {
            text.parse::<u8>()?
        });
        if n == 0 {
            select!(if let () = ready(()) {
                return Ok(100);
            });
        }
        Ok(n)
    }
    async fn loops() -> Vec<u32> {
        let mut seen = Vec::new();
        let mut n = 0;
        'outer: loop {
            for _ in 0..2 {
                n += 1;
                select!(if let 3 = ready(n) {
                    continue 'outer;
                } else if let 6.. = ready(n) {
                    break 'outer seen;
                } else {
                    if n == 1 {
                        continue;
                    }
                    seen.push(ready(n).await);
                });
            }
        }
    }
    assert_eq!(block_on(question("7")), Ok(7));
    assert_eq!(block_on(question("0")), Ok(100));
    assert!(block_on(question("x")).is_err());
    assert_eq!(block_on(loops()), [2, 4, 5]);
}

#[test]
fn futures_may_use_the_question_mark_too() {
    async fn length(text: Option<&str>) -> Option<usize> {
        select!(if let n = ready(text?.len()) {
            Some(n)
        })
    }
    assert_eq!(block_on(length(Some("abc"))), Some(3));
    assert_eq!(block_on(length(None)), None);
}

#[derive(Debug, PartialEq)]
enum Shape {
    Point,
    Line { from: String, to: Box<str> },
    Many(Vec<u8>, &'static u8),
}

#[test]
fn every_kind_of_pattern_binds() {
    const LIMIT: u8 = 9;
    let line = || Shape::Line { from: "a".into(), to: "b".into() };
    block_on(async {
        // Moved out, and changed in place.
        let ends = select!(if let Shape::Line { mut from, to } = async { line() } {
            from.push_str(&to);
            from
        } else {
            String::new()
        });
        assert_eq!(ends, "ab");
        // By reference, by mutable reference, and beside what is ignored.
        let length = select!(if let Shape::Line { ref mut from, .. } = async { line() } {
            from.push('!');
            from.len()
        });
        assert_eq!(length, 2);
        // Through a reference in the value.
        select!(if let Shape::Many(bytes, &1) = ready(Shape::Many(vec![1, 2], &1)) {
            assert_eq!(bytes, [1, 2]);
        });
        select!(if let Some(name) = ready(&Some(String::from("x"))) {
            assert_eq!(name, "x");
        });
        // Alternatives, at the top and within, bindings around, ranges, constants, slices.
        let n = select!(if let Ok(n) | Err(n) = async { if LIMIT > 100 { Ok(1) } else { Err(2) } } {
            n
        });
        assert_eq!(n, 2);
        select!(if let whole @ (Shape::Point | Shape::Many(..)) = ready(Shape::Point) {
            assert_eq!(whole, Shape::Point);
        });
        select!(if let 0..=LIMIT = ready(9) {});
        let tail = select!(if let [_, rest @ ..] = ready([1, 2, 3]) {
            rest
        });
        assert_eq!(tail, [2, 3]);
    });
}

#[test]
fn a_future_by_reference_stays_for_the_next_round() {
    block_on(async {
        let mut slow = pin!(async {
            after(50).await;
            "done"
        });
        let (mut rounds, mut ticks) = (0, 0);
        let done = loop {
            rounds += 1;
            select!(if let done = &mut slow {
                break done;
            } else if let () = after(1) {
                ticks += 1;
            });
        };
        assert_eq!(done, "done");
        assert_eq!(ticks + 1, rounds);
        assert!(ticks > 0, "the other branch had its turns");
    });
}

#[test]
fn nothing_is_lost_by_the_branch_that_loses() {
    let _watchdog = Watchdog::usual();
    const COUNT: usize = 500;
    let (numbers, left) = sync::channel::bounded(1);
    let (words, right) = sync::channel::bounded(1);
    let sent = filch::spawn(async move {
        for n in 0..COUNT {
            numbers.send(n).await.expect("somebody receives");
        }
    });
    let sent_too = filch::spawn(async move {
        for n in 0..COUNT {
            words.send(n.to_string()).await.expect("somebody receives");
        }
    });
    let (mut seen, mut spelled) = (Vec::new(), Vec::new());
    block_on(async {
        loop {
            select!(if let Ok(n) = left.recv() {
                seen.push(n);
            } else if let Ok(word) = right.recv() {
                spelled.push(word);
            } else {
                break;
            });
        }
        sent.await.expect("no panic");
        sent_too.await.expect("no panic");
    });
    assert!(seen.iter().copied().eq(0..COUNT));
    assert!(spelled.iter().map(|word| word.parse()).eq((0..COUNT).map(Ok)));
}

#[test]
fn biased_polls_in_the_order_written() {
    block_on(async {
        for _ in 0..100 {
            let first = select!(
                biased,
                if let () = pending() {
                    0
                } else if let () = ready(()) {
                    1
                } else if let () = ready(()) {
                    2
                }
            );
            assert_eq!(first, 1);
        }
    });
}

#[test]
fn each_has_its_turn_even_when_all_are_always_ready() {
    let mut won = [0; 4];
    let mut inner = [0; 2];
    block_on(async {
        for _ in 0..2_000 {
            let n = select!(if let n = ready(0) {
                n
            } else if let n = ready(1) {
                n
            } else if let n = ready(2) {
                n
            } else if let n = ready(3) {
                n
            });
            won[n] += 1;
            // A second one in the same loop: the two must not fall into step.
            let n = select!(if let n = ready(0) {
                n
            } else if let n = ready(1) {
                n
            });
            inner[n] += 1;
        }
    });
    assert!(won.iter().all(|&times| (300..700).contains(&times)), "{won:?}");
    assert!(inner.iter().all(|&times| (800..1_200).contains(&times)), "{inner:?}");
}

#[test]
fn one_that_is_always_ready_gives_way() {
    let _watchdog = Watchdog::usual();
    let polls = Tally::new();
    let seen = polls.clone();
    let mut endless = Box::pin(async move {
        while seen.counted() < 4 {
            select!(if let () = ready(()) {
            } else if let () = pending() {
            });
        }
    });
    let task = filch::spawn(poll_fn(move |cx| {
        polls.count();
        endless.as_mut().poll(cx)
    }));
    block_on(task).expect("it ends, for its poll does");
}

#[test]
fn temporaries_live_as_long_as_those_of_a_match() {
    struct Lender(Rc<Cell<bool>>, String);
    impl Lender {
        fn lend(&self) -> impl Future<Output = &str> {
            assert!(self.0.get());
            async {
                after(1).await;
                self.1.as_str()
            }
        }
    }
    impl Drop for Lender {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    let alive = Rc::new(Cell::new(true));
    block_on(async {
        let length = select!(if let text = Lender(alive.clone(), "abc".into()).lend() {
            assert!(alive.get());
            text.len()
        });
        assert_eq!(length, 3);
    });
    assert!(!alive.get());
}

#[test]
fn timeouts_and_nesting_are_just_more_futures() {
    block_on(async {
        let nested = select!(if let n = async {
            select!(if let () = sleep(LONG) {
                0
            } else if let n = async {
                after(1).await;
                5
            } {
                n
            })
        } {
            n
        } else if let () = sleep(LONG) {
            1
        } else if let n = (if LONG.is_zero() { ready(2) } else { ready(3) })
            && false
        {
            n
        });
        assert_eq!(nested, 5);
        let chosen = select!(if let n = match nested {
            5 => ready(6),
            _ => ready(7),
        } {
            n
        });
        assert_eq!(chosen, 6);
    });
}

#[test]
fn a_condition_is_any_expression() {
    block_on(async {
        let (a, b) = (3, Some(4));
        let n = select!(if let n = ready(1)
            && a > 5
            && b.is_some()
        {
            n
        } else if let n = ready(2)
            && (a > 5 || b == Some(4))
        {
            n
        });
        assert_eq!(n, 2);
        // A reference to a reference is no condition.
        let reference = select!(if let n = ready(&&a) {
            **n
        });
        assert_eq!(reference, 3);
    });
}

macro_rules! wide {
    ($($n:literal)*) => {
        select!(if let () = pending() {
            usize::MAX
        } $(else if let n = async { after($n).await; $n } { n })*)
    };
}

#[test]
fn there_may_be_many_branches() {
    let n = block_on(async {
        wide!(64 63 62 61 60 59 58 57 56 55 54 53 52 51 50 49 48 47 46 45 44 43 42 41 40 39 38 37 36 35 34 33 32
              31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1)
    });
    assert_eq!(n, 1);
}

macro_rules! made {
    ($pattern:pat, $future:expr, $condition:expr, $body:block) => {
        select!(if let $pattern = $future && $condition $body else { None })
    };
}

#[test]
fn fragments_of_a_macro_are_understood() {
    let n = block_on(async { made!(Some(1 | 2), ready(Some(2)), 1 + 1 == 2, { Some("two") }) });
    assert_eq!(n, Some("two"));
}

#[test]
fn names_in_scope_do_not_get_in_the_way() {
    #![allow(non_snake_case, dead_code, reason = "they are here to be in the way")]
    struct Option;
    struct Some;
    struct None;
    mod core {}
    let (cx, start, turn, waiting, value, future_0, selected) = (1, 2, 3, 4, 5, 6, 7);
    let sum = block_on(async {
        select!(if let 1 = ready(cx)
            && start == 2
        {
            cx + start + turn + waiting + value + future_0 + selected
        } else if let _ = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }) {
            future_0
        })
    });
    assert_eq!(sum, 28);
}

#[test]
fn dropping_it_drops_what_it_waits_for() {
    let _watchdog = Watchdog::usual();
    let tally = Tally::new();
    let (one, two) = (tally.value(), tally.value());
    let handle = filch::spawn(async move {
        select!(if let () = pending_until_dropped(one) {
        } else if let () = pending_until_dropped(two) {
        });
    });
    handle.abort();
    assert!(block_on(handle).expect_err("aborted").is_aborted());
    assert_eq!(tally.alive(), 0);
}

#[test]
fn it_may_cross_threads_when_what_it_waits_for_may() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let n = block_on(send(async {
        select!(if let n = ready(4) {
            yield_now().await;
            n
        } else if let () = sleep(LONG) {
            0
        })
    }));
    assert_eq!(n, 4);
}

/// What somebody typed, and what rustfmt makes of it.
const TYPED: &str = "async fn f() { let x = filch::select!(if let Ok(m) = inbox.recv() { handle(m)
 } else if let () = sleep(limit)   {
            give_up(  )
} else { nothing_left() }); }
async fn g() { filch::select!(biased,  if let Ok(m) = inbox.recv() { handle(m)
 } else if let () = sleep(limit) && patient   {
            give_up(  )
}) }
";
const FORMATTED: &str = "async fn f() {
    let x = filch::select!(if let Ok(m) = inbox.recv() {
        handle(m)
    } else if let () = sleep(limit) {
        give_up()
    } else {
        nothing_left()
    });
}
async fn g() {
    filch::select!(
        biased,
        if let Ok(m) = inbox.recv() {
            handle(m)
        } else if let () = sleep(limit)
            && patient
        {
            give_up()
        }
    )
}
";

#[test]
fn rustfmt_formats_it() {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--config-path", "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is there");
    rustfmt.stdin.take().expect("it is piped").write_all(TYPED.as_bytes()).expect("it reads");
    let output = rustfmt.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), FORMATTED);
}
