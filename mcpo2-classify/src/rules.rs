use std::{collections::HashSet, sync::Arc};

use mcpo2_core::{
    Digest, Family, ItemKind, Request,
    json::{self, Needle},
};

use crate::{
    Config, ConfigError, ConfigErrorKind, Evidence, Facet, Limits, Outcome, Report, RuleConfig,
    Thresholds,
    matcher::{Matcher, segments},
    names::Names,
    normalize,
};

/// A rule pack that is checked and ready.
///
/// Pure: the same pack and the same text give the same report, in integers.
///
/// Text decides a family only where one family alone reaches its threshold. So whatever is added
/// to a text, it can make a decision undecided, and can never turn it into another.
#[derive(Debug)]
pub struct Rules {
    digest: Digest,
    families: Vec<(Family, Thresholds)>,
    rules: Vec<Rule>,
    matcher: Matcher,
    limits: Limits,
    task_arguments: Vec<(String, Needle)>,
    names: Names,
}

#[derive(Debug)]
struct Rule {
    id: Box<str>,
    /// Its place in `Rules::families`.
    family: usize,
    weight: u32,
    facets: Vec<Facet>,
}

impl Rules {
    pub(crate) fn compile(config: Config) -> Result<Self, ConfigError> {
        check(&config)?;
        let digest = config.digest();
        let matcher = Matcher::compile(&config.rules, config.limits.compiled_bytes)?;
        let families: Vec<_> = config.families.into_iter().collect();
        let rule = |rule: RuleConfig| {
            let family = families.iter().position(|(name, _)| *name == rule.family);
            let unknown =
                || ConfigError::new(ConfigErrorKind::UnknownFamily, &rule.id, "no such family");
            Ok(Rule {
                family: family.ok_or_else(unknown)?,
                id: rule.id.into(),
                weight: rule.weight.into(),
                facets: rule.facets,
            })
        };
        let rules = config
            .rules
            .into_iter()
            .map(rule)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            digest,
            families,
            rules,
            matcher,
            limits: config.limits,
            task_arguments: config.task_arguments.into_iter().map(needle).collect(),
            names: Names::default(),
        })
    }

    /// The digest of the pack: with it, a report can be made again.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What a text speaks of.
    #[must_use]
    pub fn classify_text(&self, text: &str) -> Report {
        self.report(&[(Facet::Task, text)])
    }

    /// What a `tools/call` speaks of: the name of its tool, and the arguments that hold a task in
    /// words. Of any other request nothing is read.
    #[must_use]
    pub fn classify_request(&self, request: &Request) -> Report {
        Arc::unwrap_or_clone(self.report_on(request))
    }

    /// The same, shared where the name of the tool is all that speaks.
    pub(crate) fn report_on(&self, request: &Request) -> Arc<Report> {
        let Some(tool) = request.item().filter(|item| item.kind() == ItemKind::Tool) else {
            return Arc::new(self.report(&[]));
        };
        let task = self.task(request.arguments().unwrap_or_default());
        let name = (Facet::Tool, tool.name());
        if task.is_empty() {
            return self.names.get_or(tool.name(), || self.report(&[name]));
        }
        Arc::new(self.report(&[name, (Facet::Task, &task)]))
    }

    fn task(&self, arguments: &[u8]) -> String {
        let named = |(_, name): &(String, Needle)| name.may_stand_in(arguments);
        if !self.task_arguments.iter().any(named) {
            return String::new();
        }
        let mut texts = vec![None; self.task_arguments.len()];
        for (key, value) in json::members(json::text(arguments).unwrap_or_default()) {
            let named = self.task_arguments.iter().zip(&mut texts);
            for (_, text) in named.filter(|((name, _), _)| *name == key) {
                *text = serde_json::from_str::<String>(value).ok();
            }
        }
        texts.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    fn report(&self, parts: &[(Facet, &str)]) -> Report {
        let mut tally = Tally::new(self.families.len(), self.rules.len());
        let mut truncated = false;
        for (facet, text) in parts {
            let (head, tail) = bounded(text, &self.limits);
            truncated |= head.len() < text.len();
            for part in [head, tail] {
                // Most texts have no tail, and most calls no task.
                if part.is_empty() && !text.is_empty() {
                    continue;
                }
                match facet {
                    Facet::Tool => self.count(&mut tally, *facet, &normalize::tool_name(part)),
                    Facet::Task => {
                        for segment in segments(&normalize::text(part)) {
                            self.count(&mut tally, *facet, segment);
                        }
                    }
                }
            }
        }
        Report {
            outcome: self.outcome(&tally.best, truncated),
            evidence: self.evidence(&tally),
            scores: self.scores(&tally.best),
            truncated,
        }
    }

    /// Lets one segment vote.
    fn count(&self, tally: &mut Tally, facet: Facet, segment: &str) {
        let mut scores = vec![0_u32; self.families.len()];
        for at in self.matcher.matches(segment) {
            let Some(rule) = self.rules.get(at).filter(|r| r.facets.contains(&facet)) else {
                continue;
            };
            if let Some(score) = scores.get_mut(rule.family) {
                *score = score.saturating_add(rule.weight);
            }
            if let Some(first @ None) = tally.matched.get_mut(at) {
                *first = Some(facet);
            }
        }
        for (best, score) in tally.best.iter_mut().zip(scores) {
            *best = score.max(*best);
        }
    }

    // INVARIANT: a family that reaches its threshold is in the way of every other. Scores only grow
    // when text is added, and this is what keeps added text from changing one decision to another.
    fn outcome(&self, best: &[u32], truncated: bool) -> Outcome {
        let reached = |(at, score): (usize, &u32)| {
            let (family, needs) = self.families.get(at)?;
            (*score > 0 && *score >= needs.min_score).then_some((at, family, needs, *score))
        };
        let mut strong = best.iter().enumerate().filter_map(reached);
        match (strong.next(), strong.next()) {
            (None, _) => Outcome::Unclassified,
            (Some((at, family, needs, score)), None) if !truncated => {
                let others = best.iter().enumerate().filter(|(other, _)| *other != at);
                let next = others.map(|(_, score)| *score).max().unwrap_or(0);
                match score.checked_sub(next) {
                    Some(margin) if margin >= needs.min_margin => Outcome::Decided {
                        family: family.clone(),
                        score,
                        margin,
                    },
                    _ => Outcome::Ambiguous,
                }
            }
            _ => Outcome::Ambiguous,
        }
    }

    fn evidence(&self, tally: &Tally) -> Vec<Evidence> {
        let found = self
            .rules
            .iter()
            .zip(&tally.matched)
            .filter_map(|(rule, facet)| {
                let (family, _) = self.families.get(rule.family)?;
                Some(Evidence {
                    rule: rule.id.clone(),
                    family: family.clone(),
                    facet: (*facet)?,
                })
            });
        found.take(Report::MAX_EVIDENCE).collect()
    }

    fn scores(&self, best: &[u32]) -> Vec<(Family, u32)> {
        let families = self.families.iter().map(|(family, _)| family.clone());
        let mut scores: Vec<_> = families.zip(best.iter().copied()).collect();
        scores.retain(|(_, score)| *score > 0);
        scores.sort_by(|(one, a), (two, b)| b.cmp(a).then_with(|| one.cmp(two)));
        scores
    }
}

fn needle(name: String) -> (String, Needle) {
    let needle = Needle::new(&name);
    (name, needle)
}

struct Tally {
    /// The score of each family's best segment.
    best: Vec<u32>,
    /// Where each rule matched first.
    matched: Vec<Option<Facet>>,
}

impl Tally {
    fn new(families: usize, rules: usize) -> Self {
        Self {
            best: vec![0; families],
            matched: vec![None; rules],
        }
    }
}

fn check(config: &Config) -> Result<(), ConfigError> {
    if config.rules.len() > config.limits.max_rules {
        let reason = format!("more than {} rules", config.limits.max_rules);
        return Err(ConfigError::new(ConfigErrorKind::TooMany, "rules", reason));
    }
    for (family, needs) in &config.families {
        if needs.min_score == 0 {
            let reason = "a `min_score` of 0 would need no evidence";
            return Err(ConfigError::new(
                ConfigErrorKind::OutOfRange,
                family.as_str(),
                reason,
            ));
        }
    }
    let mut ids = HashSet::new();
    for rule in &config.rules {
        let wrong = |kind, reason: &str| Err(ConfigError::new(kind, &rule.id, reason));
        if !ids.insert(rule.id.as_str()) {
            return wrong(ConfigErrorKind::DuplicateId, "this id stands twice");
        }
        if !(1..=1000).contains(&rule.weight) {
            return wrong(ConfigErrorKind::OutOfRange, "a weight is 1 to 1000");
        }
        if rule.facets.is_empty() {
            return wrong(ConfigErrorKind::NeverMatches, "it looks nowhere");
        }
    }
    Ok(())
}

/// The head and the tail of a text; no tail where all of it is read.
fn bounded<'a>(text: &'a str, limits: &Limits) -> (&'a str, &'a str) {
    if text.len() <= limits.head_bytes.saturating_add(limits.tail_bytes) {
        return (text, "");
    }
    // A letter that a limit falls into is left out.
    let (from, end) = (text.len().saturating_sub(limits.tail_bytes), text.len());
    let head = (0..=limits.head_bytes).rev().find_map(|to| text.get(..to));
    let tail = (from..=end).find_map(|from| text.get(from..));
    (head.unwrap_or_default(), tail.unwrap_or_default())
}
