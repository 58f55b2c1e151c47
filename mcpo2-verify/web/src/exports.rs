//! What JavaScript calls.
//!
//! Bytes go in and out one by one, by value: nobody hands an address to anybody, and no memory is
//! shared. A proof of half a MiB costs some milliseconds so.
#![expect(
    unsafe_code,
    reason = "an exported name is an unsafe attribute, for two functions may not have one name; \
              these begin with `mcpo2_`, and there is no unsafe code behind them"
)]

use std::cell::RefCell;

use crate::{Part, Question, answer::answer};

thread_local! {
    static QUESTION: RefCell<Question> = RefCell::default();
    static ANSWER: RefCell<Vec<u8>> = RefCell::default();
}

/// Begins a part; 1 if there is one of this number, 0 if not.
#[unsafe(no_mangle)]
extern "C" fn mcpo2_part(number: u32) -> u32 {
    let part = Part::from_number(number);
    if let Some(part) = part {
        QUESTION.with_borrow_mut(|question| question.begin(part));
    }
    u32::from(part.is_some())
}

/// Takes the next byte of it, the lowest eight bits.
#[unsafe(no_mangle)]
extern "C" fn mcpo2_byte(byte: u32) {
    let [byte, ..] = byte.to_le_bytes();
    QUESTION.with_borrow_mut(|question| question.push(byte));
}

/// Answers the question, and forgets it; the length of the answer in bytes.
#[unsafe(no_mangle)]
extern "C" fn mcpo2_verify() -> u32 {
    let text = answer(&QUESTION.take());
    let length = u32::try_from(text.len()).unwrap_or(0);
    ANSWER.set(text.into_bytes());
    length
}

/// The byte of the answer at this place; 0 behind its end.
#[unsafe(no_mangle)]
extern "C" fn mcpo2_answer(at: u32) -> u32 {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    ANSWER.with_borrow(|answer| answer.get(at).copied().map_or(0, u32::from))
}
