//! What must not compile, and what the compiler says of it.

#[test]
fn stacks_that_leave_a_step_out_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
