//! What a stack says that leaves policy out, or has it in the wrong place.

#[test]
fn stacks_that_skip_or_misplace_policy_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
