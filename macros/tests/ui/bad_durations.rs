#[filch_macros::test(timeout = 5)]
async fn a_number() {}

#[filch_macros::test(timeout = "5")]
async fn no_unit() {}

#[filch_macros::test(timeout = "5 fortnights")]
async fn unknown_unit() {}

#[filch_macros::test(timeout = "0s")]
async fn no_time() {}

#[filch_macros::test(timeout = "99999999999999999999h")]
async fn too_long() {}

#[filch_macros::test(timeout = "soon")]
async fn no_number() {}

fn main() {}
