//! Times of the week and spans of calendars, in the zones in which people mean them.

use std::{collections::BTreeMap, time::SystemTime};

use jiff::{
    Timestamp, Zoned,
    civil::{self, DateTime, Time, Weekday},
    tz::TimeZone,
};

use super::Truth;
use crate::{
    config::{CalendarConfig, DayConfig, SpanConfig, TimeConfig},
    error::Fault,
};

/// A time of the week.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    zone: TimeZone,
    days: [bool; 7],
    from: Time,
    /// None where it lasts to the end of the day.
    until: Option<Time>,
}

/// The spans of a calendar, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calendar(Vec<(Timestamp, Timestamp)>);

impl Window {
    pub(crate) fn compile(config: &TimeConfig) -> Result<Self, Fault> {
        let of = |field: &'static str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => time(text).map(Some).ok_or_else(|| {
                Fault::new(
                    field,
                    format!("`{text}` is no time of day, such as `08:00`"),
                )
            }),
        };
        let from = of("from", &config.from)?.unwrap_or(Time::midnight());
        let until = of("until", &config.until)?;
        if config.days.as_ref().is_some_and(Vec::is_empty) {
            return Err(Fault::new("days", "is empty, and so matches nothing"));
        }
        if config.days.is_none() && config.from.is_none() && config.until.is_none() {
            return Err(Fault::new("", "has neither `days` nor `from` nor `until`"));
        }
        let listed = |day: DayConfig| (config.days.as_ref()).is_none_or(|days| days.contains(&day));
        use DayConfig::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        Ok(Self {
            zone: zone(&config.zone)?,
            days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun].map(listed),
            from,
            until: until.filter(|until| *until != Time::midnight()),
        })
    }

    /// Whether this moment is in it.
    pub(crate) fn holds(&self, time: SystemTime) -> Truth {
        let Ok(moment) = Timestamp::try_from(time) else {
            return Truth::Unknown;
        };
        let local = moment.to_zoned(self.zone.clone());
        let now = local.time();
        let today = self.is_on(local.weekday());
        Truth::of(match self.until {
            None => today && now >= self.from,
            Some(until) if self.from < until => today && (self.from..until).contains(&now),
            // Over midnight: the evening of a day, or the morning behind one.
            Some(until) => (today && now >= self.from) || (self.was_on(&local) && now < until),
        })
    }

    fn is_on(&self, day: Weekday) -> bool {
        let at = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.days.get(at) == Some(&true)
    }

    fn was_on(&self, local: &Zoned) -> bool {
        self.is_on(local.weekday().previous())
    }
}

impl Calendar {
    pub(crate) fn compile(config: &CalendarConfig) -> Result<Self, Fault> {
        let zone = zone(&config.zone)?;
        let spans = config.spans.iter().enumerate();
        let spans = spans
            .map(|(at, of)| span(of, &zone).map_err(|fault| fault.within(&format!("spans[{at}]"))));
        let mut spans = spans.collect::<Result<Vec<_>, _>>()?;
        spans.sort_unstable();
        Ok(Self(spans))
    }

    /// Whether this moment is in one of its spans.
    pub(crate) fn holds(&self, time: SystemTime) -> Truth {
        let within = |now| {
            self.0
                .iter()
                .any(|(from, until)| (from..until).contains(&&now))
        };
        Timestamp::try_from(time).map_or(Truth::Unknown, |now| Truth::of(within(now)))
    }
}

/// All calendars of one author, by name.
pub(crate) fn calendars(
    config: &BTreeMap<String, CalendarConfig>,
) -> Result<BTreeMap<&str, Calendar>, (String, Fault)> {
    let compiled = config.iter().map(|(name, calendar)| {
        let compiled = Calendar::compile(calendar);
        compiled
            .map(|calendar| (name.as_str(), calendar))
            .map_err(|fault| (name.clone(), fault))
    });
    compiled.collect()
}

fn zone(name: &str) -> Result<TimeZone, Fault> {
    TimeZone::get(name).map_err(|_| {
        Fault::new(
            "zone",
            format!("`{name}` is no time zone, such as `Europe/Berlin`"),
        )
    })
}

fn time(text: &str) -> Option<Time> {
    // `24:00` is the midnight with which a day ends.
    let text = if text == "24:00" { "00:00" } else { text };
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = two(hour) && two(minute);
    let time = || Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok();
    is_time.then(time).flatten()
}

fn span(config: &SpanConfig, zone: &TimeZone) -> Result<(Timestamp, Timestamp), Fault> {
    let moment = |field: &'static str, text: &str| {
        let fault = || {
            let problem = "is no date, such as `2026-12-20` or `2026-12-20T18:00`";
            Fault::new(field, format!("`{text}` {problem}"))
        };
        let civil = text.parse::<civil::Date>().map(DateTime::from);
        let civil = match text.contains('T') {
            true => text.parse::<DateTime>(),
            false => civil,
        };
        let zoned = civil.and_then(|civil| civil.to_zoned(zone.clone()));
        zoned.map(|zoned| zoned.timestamp()).map_err(|_| fault())
    };
    let (from, until) = (
        moment("from", &config.from)?,
        moment("until", &config.until)?,
    );
    if from >= until {
        return Err(Fault::new("until", "is not later than `from`"));
    }
    Ok((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().into()
    }

    fn window(days: &[DayConfig], from: &str, until: &str) -> Window {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Window::compile(&TimeConfig {
            zone: "Europe/Berlin".into(),
            days: (!days.is_empty()).then(|| days.to_vec()),
            from: text(from),
            until: text(until),
        })
        .unwrap()
    }

    #[test]
    fn a_time_of_the_week_is_that_of_its_zone() {
        let office = window(&[DayConfig::Fri], "08:00", "18:00");
        for (time, expected) in [
            // In November Berlin is an hour ahead, in July two.
            ("2026-11-27T06:59:59Z", false),
            ("2026-11-27T07:00:00Z", true),
            ("2026-11-27T16:59:59Z", true),
            ("2026-11-27T17:00:00Z", false),
            ("2026-07-03T06:00:00Z", true),
            ("2026-11-28T10:00:00Z", false),
        ] {
            assert_eq!(office.holds(at(time)), Truth::of(expected), "{time}");
        }
    }

    #[test]
    fn a_time_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = window(&[DayConfig::Sun], "22:00", "06:00");
        for (time, expected) in [
            ("2026-11-29T20:59:00Z", false),
            ("2026-11-29T21:00:00Z", true),
            ("2026-11-30T04:59:00Z", true),
            ("2026-11-30T05:00:00Z", false),
            ("2026-11-29T02:00:00Z", false),
            ("2026-11-30T22:00:00Z", false),
        ] {
            assert_eq!(night.holds(at(time)), Truth::of(expected), "{time}");
        }
        let evening = window(&[], "18:00", "24:00");
        assert_eq!(evening.holds(at("2026-11-28T22:59:00Z")), Truth::True);
        assert_eq!(evening.holds(at("2026-11-28T23:00:00Z")), Truth::False);
    }

    #[test]
    fn a_calendar_has_its_first_moment_and_not_its_last() {
        let span = |from: &str, until: &str| SpanConfig {
            from: from.into(),
            until: until.into(),
        };
        let calendar = |spans| CalendarConfig {
            zone: "America/New_York".into(),
            spans,
        };
        let freeze = calendar(vec![span("2026-12-20", "2027-01-02T06:00")]);
        let freeze = Calendar::compile(&freeze).unwrap();
        for (time, expected) in [
            ("2026-12-20T04:59:59Z", false),
            ("2026-12-20T05:00:00Z", true),
            ("2027-01-02T10:59:59Z", true),
            ("2027-01-02T11:00:00Z", false),
        ] {
            assert_eq!(freeze.holds(at(time)), Truth::of(expected), "{time}");
        }
        for (from, until) in [("2026-12-20", "2026-12-20"), ("soon", "later"), ("", "")] {
            let config = calendar(vec![span(from, until)]);
            assert!(Calendar::compile(&config).is_err(), "{from} {until}");
        }
    }
}
