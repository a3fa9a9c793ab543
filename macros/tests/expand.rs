//! What the attributes make of functions that are right, run on a stand-in for the executor.

#[allow(unreachable_pub, missing_docs, reason = "its shape is the executor crate's")]
mod fake;

use fake::__private::{ASKED, Options};
use std::error::Error;
use std::time::Duration;

fn asked() -> (&'static str, Options) {
    ASKED.take().expect("a runner was called")
}

/// The documentation stays.
#[filch_macros::main(crate = "crate::fake")]
async fn nothing_said() {}

#[test]
fn without_options_nothing_is_asked_for() {
    nothing_said();
    assert_eq!(asked(), ("main", Options::default()));
}

#[filch_macros::main(workers = 1_6, name = "a\"b", crate = "crate::fake")]
pub(crate) async fn everything_said() -> u8 {
    async { 7 }.await
}

#[test]
fn options_arrive() {
    let plain: fn() -> u8 = everything_said;
    assert_eq!(plain(), 7);
    let options = Options { workers: Some(16), name: Some("a\"b"), timeout: None };
    assert_eq!(asked(), ("main", options));
}

thread_local!(static INPUT: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") });

#[filch_macros::main(crate = "crate::fake")]
async fn parse() -> Result<(), Box<dyn Error>> {
    let number: u8 = INPUT.get().parse()?;
    if number == 0 {
        return Err("nought".into());
    }
    Ok(())
}

#[test]
fn the_return_type_guides_the_body() {
    let say = |text| {
        INPUT.set(text);
        parse().map_err(|error| error.to_string())
    };
    assert_eq!(say("7"), Ok(()));
    assert_eq!(say("0"), Err("nought".to_owned()));
    assert!(say("x").unwrap_err().contains("digit"));
}

#[filch_macros::main(crate = "crate::fake")]
async fn opaque() -> impl Iterator<Item = u8> + use<> {
    (1..4).map(|n| n * 2)
}

#[test]
fn an_opaque_return_type_works() {
    assert!(opaque().eq([2, 4, 6]));
}

#[filch_macros::test(crate = "crate::fake", workers = 2, timeout = "500ms")]
async fn is_a_test() {
    let options = Options { workers: Some(2), name: None, timeout: Some(Duration::from_millis(500)) };
    assert_eq!(asked(), ("test", options));
}

#[filch_macros::test(crate = "self::fake", timeout = "2m")]
async fn is_a_test_that_returns() -> Result<(), Box<dyn Error>> {
    assert_eq!(asked().1.timeout, Some(Duration::from_secs(120)));
    "7".parse::<u8>()?;
    Ok(())
}

#[filch_macros::test(crate = "crate::fake")]
#[should_panic(expected = "on purpose")]
async fn attributes_stay() {
    panic!("on purpose");
}

/// As functions come out of a macro: every fragment in an invisible group.
macro_rules! made {
    ($vis:vis $name:ident, $workers:literal, $output:ty, $body:block) => {
        #[filch_macros::main(crate = "crate::fake", workers = $workers)]
        $vis async fn $name() -> $output $body
    };
}

made!(pub(crate) from_a_macro, 3, Vec<u8>, { vec![1] });
made!(from_a_macro_too, 0b100, u8, { 2 });

#[test]
fn fragments_of_a_macro_are_understood() {
    assert_eq!(from_a_macro(), [1]);
    assert_eq!(asked().1.workers, Some(3));
    assert_eq!(from_a_macro_too(), 2);
    assert_eq!(asked().1.workers, Some(4));
}

/// Names that the expansion uses mean ours, whatever stands around.
mod hygiene {
    #![allow(dead_code, reason = "they are here to be in the way")]

    struct Option;
    struct Some;
    struct None;
    mod core {}
    mod std {}
    fn run_main() {}

    #[filch_macros::main(crate = "crate::fake", workers = 2)]
    pub(super) async fn surrounded() -> u8 {
        5
    }
}

#[test]
fn names_in_scope_do_not_get_in_the_way() {
    assert_eq!(hygiene::surrounded(), 5);
}
