//! What the compiler says when something is wrong. Each file in `ui/` has the expected text beside it.

#[test]
fn mistakes_are_told_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
