//! What must not compile, and what the compiler says of it.

#[test]
fn a_router_that_no_policy_stands_above_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
