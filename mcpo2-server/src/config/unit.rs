//! Durations and sizes, as people write them.

/// A duration: a number and its unit, such as `500ms`, `30s`, `5m`, `1h` or `7d`.
pub(crate) mod duration {
    use std::{fmt, time::Duration};

    use serde::{
        Deserializer, Serializer,
        de::{Error, Visitor},
    };

    const UNITS: [(&str, u64); 5] = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];

    pub(crate) fn parse(text: &str) -> Result<Duration, String> {
        let fault =
            || format!("`{text}` is no duration: write a number and ms, s, m, h or d, such as 30s");
        let (number, unit) = super::split(text).ok_or_else(fault)?;
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(fault)?;
        let millis = number
            .checked_mul(*scale)
            .filter(|millis| *millis <= 366 * 86_400_000);
        millis
            .map(Duration::from_millis)
            .ok_or_else(|| format!("`{text}` is longer than a year"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        from.deserialize_str(Text)
    }

    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as 30s")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).map_err(E::custom)
        }
    }

    pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, scale): &&(&str, u64)| millis % scale == 0 && millis >= *scale;
        match UNITS.iter().rev().find(fits) {
            Some((unit, scale)) => to.serialize_str(&format!("{}{unit}", millis / scale)),
            None => to.serialize_str(&format!("{millis}ms")),
        }
    }
}

/// A size in bytes: a number, or one with its unit, such as `64KiB` or `16MiB`.
pub(crate) mod size {
    use std::fmt;

    use serde::{
        Deserializer, Serializer,
        de::{Error, Visitor},
    };

    const UNITS: [(&str, u64); 4] = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];

    /// A size that need not be there.
    pub(crate) mod optional {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[derive(Deserialize, Serialize)]
        struct Size(#[serde(with = "super")] usize);

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<usize>, D::Error> {
            Ok(Option::<Size>::deserialize(from)?.map(|Size(bytes)| bytes))
        }

        pub(crate) fn serialize<S: Serializer>(
            value: &Option<usize>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            value.map(Size).serialize(to)
        }
    }

    pub(crate) fn parse(text: &str) -> Result<usize, String> {
        let fault = || {
            format!(
                "`{text}` is no size: write bytes, or a number and KiB, MiB or GiB, such as 64KiB"
            )
        };
        let (number, unit) = super::split(text).ok_or_else(fault)?;
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(fault)?;
        let bytes = number
            .checked_mul(*scale)
            .and_then(|bytes| usize::try_from(bytes).ok());
        bytes.ok_or_else(|| format!("`{text}` is too large"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
        from.deserialize_any(Size)
    }

    pub(crate) fn serialize<S: Serializer>(value: &usize, to: S) -> Result<S::Ok, S::Error> {
        let bytes = u64::try_from(*value).unwrap_or(u64::MAX);
        let fits = |(_, scale): &&(&str, u64)| *scale > 1 && bytes % scale == 0 && bytes > 0;
        match UNITS.iter().rev().find(fits) {
            Some((unit, scale)) => to.serialize_str(&format!("{}{unit}", bytes / scale)),
            None => to.serialize_u64(bytes),
        }
    }

    struct Size;

    impl Visitor<'_> for Size {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as 65536 or 64KiB")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<usize, E> {
            usize::try_from(value).map_err(|_| E::custom(format_args!("`{value}` is too large")))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
            match text.parse() {
                Ok(bytes) => self.visit_u64(bytes),
                Err(_) => parse(text).map_err(E::custom),
            }
        }
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let parse = super::duration::parse;
        assert_eq!(parse("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse("5m").unwrap(), Duration::from_secs(300));
        for bad in [
            "",
            "5",
            "s",
            "-5s",
            "5 years",
            "99999999999d",
            "5ss",
            "1.5h",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_a_number_and_a_unit() {
        let parse = super::size::parse;
        assert_eq!(parse("64KiB").unwrap(), 65_536);
        assert_eq!(parse("1 GiB").unwrap(), 1 << 30);
        for bad in ["", "KiB", "64KB", "64k", "-1KiB", "99999999999999GiB"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
