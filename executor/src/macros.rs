//! `select!`, `join!` and `try_join!`.

/// Waits for several futures at once, and goes on with the first that is ready with a value that matches its pattern.
///
/// It is written as a chain of `if let`, each with a future to wait for, and rustfmt formats it as one:
///
/// ```
/// # async fn demo(mut inbox: impl Iterator<Item = u32>, patient: bool) -> u32 {
/// # use filch::time::sleep;
/// # use std::time::Duration;
/// # let limit = Duration::ZERO;
/// filch::select!(if let Some(message) = async { inbox.next() } {
///     message
/// } else if let () = sleep(limit)
///     && !patient
/// {
///     0
/// } else {
///     u32::MAX
/// })
/// # }
/// # assert_eq!(filch::block_on(demo([7].into_iter(), true)), 7);
/// # assert_eq!(filch::block_on(demo([].into_iter(), true)), u32::MAX);
/// # assert_eq!(filch::block_on(demo([].into_iter(), false)), 0);
/// ```
///
/// 1. The futures are made, each once, in the order written. Where a condition stands behind a future, after `&&`, it is asked
///    first: when it does not hold, the branch is out and its future is not made. Whatever is
///    [`IntoFuture`] will do.
/// 2. They are polled together, in the caller's own task. When a value does not match its pattern, that branch is out and its
///    future is dropped.
/// 3. The first that matches wins: the other futures are dropped, then its body runs. When all branches are out, the body of
///    `else` runs. One that is out does not end the others: where the end of a channel, say, is the end of it all, let the pattern
///    take every value, and look at it in the body.
///
/// Bodies are part of the function around them: `?`, `break`, `continue`, `return` and `.await` work there, and all have the same
/// type, as in any chain of `if`.
///
/// Each poll begins at a branch drawn at random, so none that is ready waits for ever. `select!(biased, if let ..)` polls in the
/// order written instead: what stands first goes first.
///
/// A future that is given by `&mut` is not dropped but kept, for the next round of a loop, say. It has to be `Unpin`: use
/// [`pin!`](std::pin::pin), or box it. One that has returned its value must not be given again.
///
/// Temporaries of the futures' expressions live until the end, as those of a `match`; in a branch with a condition they end when the
/// future is made. An `if` in a future's expression needs parentheses around it.
///
/// # Panics
/// When all branches are out and there is no `else`.
/// # Cancel safety
/// The futures that do not win are dropped: what that loses, the documentation of each says. filch's own say so under this
/// heading. Dropping the whole drops them all.
/// # Complexity
/// No allocation. Each wake polls all branches that are not out.
/// # Examples
/// A timer that goes on over the rounds of a loop:
/// ```
/// use filch::time::sleep;
/// use std::{pin::pin, time::Duration};
///
/// # filch::block_on(async {
/// let mut numbers = (1_u64..).step_by(2);
/// let mut last_call = pin!(sleep(Duration::from_millis(20)));
/// let mut rounds = 0;
/// let last = loop {
///     filch::select!(if let () = &mut last_call {
///         break numbers.next();
///     } else if let Some(_odd) = async { numbers.next() } {
///         rounds += 1;
///     });
/// };
/// assert_eq!(last, Some(2 * rounds + 1));
/// # });
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::__private::select!(($crate) $($branches)*)
    };
}

/// Waits for all of several futures at once, and returns their values as a tuple.
///
/// They are polled together in the caller's own task: they may borrow from it, and none runs while another does. For futures that
/// are to run at once, on several threads, spawn them: [`task::gather`](crate::task::gather) does. Each is dropped when it is ready.
/// Whatever is [`IntoFuture`] will do.
///
/// # Cancel safety
/// Dropping it drops the futures, and the values of those that were ready.
/// # Complexity
/// No allocation. Each wake polls all that are not ready, beginning with one drawn at random.
/// # Examples
/// ```
/// # filch::block_on(async {
/// let name = String::from("filch");
/// let (length, first) = filch::join!(async { name.len() }, async { name.chars().next() });
/// assert_eq!((length, first), (5, Some('f')));
/// # });
/// ```
#[macro_export]
macro_rules! join {
    ($($future:expr),* $(,)?) => {
        $crate::__private::join!(($crate) $(($future))*)
    };
}

/// Waits for all of several futures at once, unless one fails: returns their values as a tuple, or the first error.
///
/// As [`join!`](crate::join), with futures that return a [`Result`], all with the same type of error. When one returns an error, the
/// others are dropped, then it is returned.
///
/// # Errors
/// The first one that a future returned.
/// # Cancel safety
/// Dropping it drops the futures, and the values of those that were ready. So does an error.
/// # Complexity
/// No allocation. Each wake polls all that are not ready, beginning with one drawn at random.
/// # Examples
/// ```
/// # filch::block_on(async {
/// async fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
///     text.parse()
/// }
/// assert_eq!(filch::try_join!(parse("6"), parse("7"))?, (6, 7));
/// assert!(filch::try_join!(parse("6"), parse("x")).is_err());
/// # Ok::<(), std::num::ParseIntError>(())
/// # }).unwrap();
/// ```
#[macro_export]
macro_rules! try_join {
    ($($future:expr),* $(,)?) => {
        $crate::__private::try_join!(($crate) $(($future))*)
    };
}
