use std::{
    io::{BufRead, BufReader, Read, Write, copy, sink},
    process::{ChildStdin, ChildStdout},
};

use super::{
    super::{Error, ErrorKind},
    command::{Process, Repository, unexpected},
};
use crate::manifest::{Content, Reason};

/// Asks for objects, and reads them in the order in which they were asked for.
pub(super) struct Batch {
    // INVARIANT: the pipes go before the process is waited for.
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _process: Process,
}

/// An object whose bytes are to be read, all of them, before the next one.
pub(super) struct Object<'a> {
    answers: &'a mut BufReader<ChildStdout>,
    size: u64,
    left: u64,
}

impl Batch {
    pub(super) fn new(repository: &Repository) -> Result<Self, Error> {
        let mut process = repository.objects()?;
        Ok(Self {
            questions: process.0.stdin.take().ok_or_else(unexpected)?,
            answers: BufReader::with_capacity(
                64 * 1024,
                process.0.stdout.take().ok_or_else(unexpected)?,
            ),
            _process: process,
        })
    }

    pub(super) fn ask<'o>(&mut self, names: impl Iterator<Item = &'o str>) -> Result<(), Error> {
        let mut question = String::new();
        for name in names {
            question.push_str(name);
            question.push('\n');
        }
        self.questions.write_all(question.as_bytes())?;
        Ok(())
    }

    /// The next object that was asked for.
    pub(super) fn next(&mut self) -> Result<Object<'_>, Error> {
        let mut head = Vec::new();
        (&mut self.answers).take(256).read_until(b'\n', &mut head)?;
        let head = std::str::from_utf8(&head).unwrap_or_default();
        // `NAME TYPE SIZE`, or `NAME missing`.
        let mut words = head.trim_end().split(' ');
        let size = match (words.next(), words.next(), words.next()) {
            (Some(_), Some("blob"), Some(size)) => size.parse().ok(),
            _ => None,
        };
        let size = size.ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "the repository lacks an object of the tree",
            )
        })?;
        Ok(Object {
            answers: &mut self.answers,
            size,
            left: size,
        })
    }

    /// The bytes of an object, which may not be longer.
    pub(super) fn whole(&mut self, name: &str, longest: u64) -> Result<Vec<u8>, Error> {
        self.ask(std::iter::once(name))?;
        let mut object = self.next()?;
        if object.size > longest {
            return Err(Error::new(
                ErrorKind::IgnoreFile,
                "an ignore file is too long",
            ));
        }
        let mut bytes = Vec::new();
        object.read_to_end(&mut bytes)?;
        object.finish()?;
        Ok(bytes)
    }
}

impl Object<'_> {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What a link says, where it is text that a manifest can hold.
    pub(super) fn target(mut self) -> Result<Result<Content, Reason>, Error> {
        let longest = u64::try_from(Content::MAX_TARGET).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        (&mut self).take(longest + 1).read_to_end(&mut bytes)?;
        self.finish()?;
        Ok(super::super::intake::target(bytes))
    }

    /// Reads over what is left.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        copy(&mut self, &mut sink())?;
        let mut end = [0];
        self.answers.read_exact(&mut end)?;
        (end == [b'\n']).then_some(()).ok_or_else(unexpected)
    }
}

impl Read for Object<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = (&mut *self.answers).take(self.left).read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
