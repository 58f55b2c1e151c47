use super::{super::Error, header::malformed};

/// What a pax header says of the member behind it (POSIX.1-2017, pax, "Extended Header").
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// Its bytes are a map and parts of a file (GNU tar).
    pub(super) is_sparse: bool,
}

impl Pax {
    /// Reads records `LENGTH KEY=VALUE\n`, of which the last of a key counts.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, Error> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) =
                record(bytes).ok_or_else(|| malformed("a record of a pax header is none"))?;
            match key {
                b"path" => pax.path = Some(value.to_vec()),
                b"linkpath" => pax.target = Some(value.to_vec()),
                b"size" => pax.size = Some(number(value)?),
                _ if key.starts_with(b"GNU.sparse.") => pax.is_sparse = true,
                _ => {}
            }
            bytes = rest;
        }
        Ok(pax)
    }
}

fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|b| *b == b' ')?;
    let length = std::str::from_utf8(bytes.get(..space)?)
        .ok()?
        .parse()
        .ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|b| *b == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, rest))
}

fn number(value: &[u8]) -> Result<u64, Error> {
    let digits = std::str::from_utf8(value).ok();
    let digits = digits.filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.ok_or_else(|| malformed("a size of a pax header is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_by_their_length() {
        let pax = Pax::parse(b"12 path=a\nb\n20 comment=size=5\n\n\n10 size=7\n").unwrap();
        let path = Some(b"a\nb".to_vec());
        assert_eq!(
            pax,
            Pax {
                path,
                size: Some(7),
                ..Pax::default()
            }
        );
        assert!(Pax::parse(b"22 GNU.sparse.major=1\n").unwrap().is_sparse);
        for wrong in [
            &b"9 path=a\n\n"[..],
            b"99 path=a\n",
            b"x path=a\n",
            b"8 size=-1\n",
            b"4 a\n",
        ] {
            assert!(Pax::parse(wrong).is_err());
        }
    }
}
