use mcpo2_audit::witness::{
    Cosigned, Cosigner, MemoryStore, Progress, Submission, SubmissionError, Witness, Witnessing,
};
use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    note::SignatureLine,
    trust::Trust,
    witness::{Reply, ReplyError},
};

use crate::log::{Log, ORIGIN};

const NOW: u64 = 1_800_000_000;

fn cosigner(index: u8) -> Cosigner {
    Cosigner::new(
        format!("w{index}.example").parse().unwrap(),
        &[100 + index; 32],
    )
    .unwrap()
}

fn witness(log: &Log, index: u8) -> Witness<MemoryStore> {
    let store = MemoryStore::default();
    Witness::new(cosigner(index), [log.key.clone()], store).unwrap()
}

/// Sends until the witness signs, or not.
fn submit(
    witness: &Witness<MemoryStore>,
    log: &Log,
    known: u64,
    size: usize,
) -> Result<Cosigned, SubmissionError> {
    let mut submission = Submission::new(witness.key(), known, log.checkpoint(size))?;
    loop {
        let proof = log.proof(submission.old(), submission.size());
        let reply = witness.handle(submission.body(proof).as_bytes(), NOW);
        match submission.reply(Ok(reply), NOW)? {
            Progress::Cosigned(cosigned) => return Ok(cosigned),
            Progress::Retry(again) => submission = *again,
            _ => unreachable!(),
        }
    }
}

/// What comes of these replies, one after the other.
fn replies(
    checkpoint: SignedCheckpoint,
    known: u64,
    replies: impl IntoIterator<Item = Reply>,
) -> Result<Progress, SubmissionError> {
    let mut submission = Submission::new(cosigner(0).key(), known, checkpoint)?;
    let mut progress = None;
    for reply in replies {
        let next = submission.clone().reply(Ok(reply), NOW)?;
        if let Progress::Retry(again) = &next {
            submission = Submission::clone(again);
        }
        progress = Some(next);
    }
    Ok(progress.unwrap())
}

/// What the witness signs of another checkpoint, or at another time.
fn lines(log: &Log, size: usize, time: u64) -> Vec<SignatureLine> {
    let witness = witness(log, 0);
    let submission = Submission::new(witness.key(), 0, log.checkpoint(size)).unwrap();
    match witness.handle(submission.body(vec![]).as_bytes(), time) {
        Reply::Cosigned(lines) => lines,
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn witness_signs_from_wherever_it_was() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log, 0);
    assert_eq!(submit(&witness, &log, 0, 5).unwrap().time(), NOW);
    assert_eq!(submit(&witness, &log, 5, 7).unwrap().size(), 7);
    // Who does not know what it signed is told.
    assert_eq!(submit(&witness, &log, 0, 9).unwrap().forgot(), None);
    assert_eq!(submit(&witness, &log, 9, 9).unwrap().size(), 9);
}

#[test]
fn witness_that_signed_more_is_an_alarm() {
    let log = Log::new(ORIGIN, 1);
    let witness = witness(&log, 0);
    submit(&witness, &log, 0, 9).unwrap();
    for known in [0, 5, 9] {
        let error = submit(&witness, &log, known, 5).unwrap_err();
        assert_eq!(error, SubmissionError::RolledBack { signed: 9, size: 5 });
        assert!(error.is_alarm());
    }
}

#[test]
fn witness_of_another_history_is_an_alarm() {
    let (log, fork) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(2));
    let witness = witness(&log, 0);
    submit(&witness, &log, 0, 5).unwrap();
    let error = submit(&witness, &fork, 5, 9).unwrap_err();
    assert_eq!(error, SubmissionError::Inconsistent);
    assert!(error.is_alarm());
}

#[test]
fn witness_that_forgot_signs_and_is_found_out() {
    let log = Log::new(ORIGIN, 1);
    let signed = submit(&witness(&log, 0), &log, 7, 9).unwrap();
    assert_eq!(signed.forgot(), Some(7));
}

#[test]
fn witness_that_does_not_say_what_it_signed_is_given_up() {
    let log = Log::new(ORIGIN, 1);
    let conflict = |sizes: &[u64]| {
        let sizes = sizes.iter().map(|size| Reply::Conflict(*size));
        replies(log.checkpoint(9), 5, sizes).map(drop)
    };
    assert_eq!(conflict(&[3, 4, 5]), Ok(()));
    assert_eq!(conflict(&[5]), Err(SubmissionError::Conflict));
    assert_eq!(conflict(&[3, 3]), Err(SubmissionError::Conflict));
    assert_eq!(conflict(&[3, 4, 3, 4]), Err(SubmissionError::Conflict));
    let rolled_back = SubmissionError::RolledBack {
        signed: 10,
        size: 9,
    };
    assert_eq!(conflict(&[3, 10]), Err(rolled_back));
}

#[test]
fn refusals_are_told_apart() {
    let log = Log::new(ORIGIN, 1);
    let cases = [
        (Reply::Malformed, SubmissionError::Malformed),
        (Reply::Forbidden, SubmissionError::Forbidden),
        (Reply::UnknownLog, SubmissionError::UnknownLog),
        (Reply::Inconsistent, SubmissionError::Inconsistent),
        (Reply::Other(503), SubmissionError::Status(503)),
        (Reply::Other(302), SubmissionError::Status(302)),
        (Reply::Cosigned(vec![]), SubmissionError::Unsigned),
    ];
    for (reply, error) in cases {
        let refused = replies(log.checkpoint(9), 5, [reply]).unwrap_err();
        assert_eq!(refused, error);
    }
    let submission = Submission::new(cosigner(0).key(), 5, log.checkpoint(9)).unwrap();
    let refused = submission.reply(Err(ReplyError::TooLong), NOW).unwrap_err();
    assert_eq!(refused, ReplyError::TooLong.into());
}

#[test]
fn only_a_signature_of_the_witness_over_this_checkpoint_and_now_counts() {
    let (log, other) = (Log::new(ORIGIN, 1), Log::new(ORIGIN, 1).forked(0));
    let good = lines(&log, 9, NOW);
    let take = |lines: Vec<SignatureLine>| {
        let reply = Reply::Cosigned(lines);
        replies(log.checkpoint(9), 0, [reply]).map(drop)
    };
    assert_eq!(take(good.clone()), Ok(()));

    let mut stranger = log.checkpoint(9).note().signatures().to_vec();
    assert_eq!(take(stranger.clone()), Err(SubmissionError::Unsigned));
    stranger.extend(good.clone());
    assert_eq!(take(stranger), Ok(()));

    assert_eq!(take(lines(&log, 8, NOW)), Err(SubmissionError::Signature));
    assert_eq!(take(lines(&other, 9, NOW)), Err(SubmissionError::Signature));
    assert_eq!(
        take([good.clone(), good].concat()),
        Err(SubmissionError::Signature)
    );
    for time in [NOW - 601, NOW + 601, 1] {
        let error = SubmissionError::Time { time, now: NOW };
        assert_eq!(take(lines(&log, 9, time)), Err(error));
    }
    assert_eq!(take(lines(&log, 9, NOW - 600)), Ok(()));
}

#[test]
fn quorum_holds_for_what_was_signed_and_as_long_as_it_is_new() {
    let log = Log::new(ORIGIN, 1);
    let witnesses = [0, 1, 2].map(|index| witness(&log, index));
    let policy: String = (0..)
        .zip(&witnesses)
        .map(|(index, witness)| format!("witness w{index} {} https://w{index}/\n", witness.key()))
        .collect();
    let policy = format!("{policy}group g 2 w0 w1 w2\nquorum g\n");
    let trust = Trust::parse(policy.as_bytes()).unwrap();
    let mut witnessing = Witnessing::new(trust.clone());
    let mut checkpoint = log.checkpoint(9);
    for (count, witness) in (0..).zip(&witnesses) {
        assert_eq!(witnessing.witnessed(&checkpoint), Ok(count >= 2));
        assert_eq!(witnessing.within(60, NOW), count >= 2);
        let ended = submit(witness, &log, 0, 9);
        witnessing.ended(witness.key(), &ended);
        checkpoint.add(ended.unwrap().line().clone()).unwrap();
    }
    assert!(witnessing.within(60, NOW + 60));
    assert!(!witnessing.within(60, NOW + 61));

    let mut resumed = Witnessing::new(trust);
    resumed.resume(&checkpoint).unwrap();
    assert!(resumed.within(60, NOW));
    let key = witnesses[0].key();
    assert_eq!(
        resumed.submission(key, log.checkpoint(12)).unwrap().old(),
        9
    );
    let rolled_back = resumed.submission(key, log.checkpoint(5)).unwrap_err();
    assert!(rolled_back.is_alarm());
    resumed.ended(key, &Err(rolled_back.clone()));
    let (_, standing) = resumed.standings().next().unwrap();
    assert_eq!((standing.size(), standing.error()), (9, Some(&rolled_back)));
}
