use super::{K1, Sought};

/// What speaks for a file, each from 0 to 1: the best file of the query has 1.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::select) struct FileSignals {
    pub(in crate::select) terms: TermSignals,
    /// The worth of the terms that its path has.
    pub(in crate::select) path: f64,
    /// The score of its best chunk.
    pub(in crate::select) chunk: f64,
    pub(in crate::select) hints: Hints,
    /// All together.
    pub(in crate::select) score: f64,
}

/// What terms say of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::select) struct TermSignals {
    /// BM25(F) of all terms.
    pub(in crate::select) text: f64,
    /// The same of those in the title alone.
    pub(in crate::select) title: f64,
    /// The same of those that are written as code.
    pub(in crate::select) code: f64,
    /// The worth of the terms that names in it have.
    pub(in crate::select) names: f64,
}

impl TermSignals {
    pub(super) fn add(&mut self, sought: &Sought<'_>, tf: f64, named: bool) {
        let gain = sought.worth * tf / (K1 + tf);
        self.text += gain;
        self.title += if sought.asked.title { gain } else { 0.0 };
        self.code += if sought.asked.code { gain } else { 0.0 };
        self.names += if named { sought.worth } else { 0.0 };
    }

    pub(in crate::select) fn max(self, other: Self) -> Self {
        Self {
            text: self.text.max(other.text),
            title: self.title.max(other.title),
            code: self.code.max(other.code),
            names: self.names.max(other.names),
        }
    }

    pub(super) fn over(self, most: Self) -> Self {
        let share = |part: f64, most: f64| if most > 0.0 { part / most } else { 0.0 };
        Self {
            text: share(self.text, most.text),
            title: share(self.title, most.title),
            code: share(self.code, most.code),
            names: share(self.names, most.names),
        }
    }
}

/// What the task says outright.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::select) struct Hints {
    /// 1 if the task names the file.
    pub(in crate::select) mention: f64,
    /// Up to 1 if the scope of the task is in its path: the fewer paths have it, the more.
    pub(in crate::select) scope: f64,
    /// 1 if a word of the scope is its own name.
    pub(in crate::select) subject: f64,
    /// The share of the file's own name that the task has.
    pub(in crate::select) stem: f64,
    /// The largest share of a qualified name that is in its path.
    pub(in crate::select) qualified: f64,
    /// The score of its tests.
    pub(in crate::select) tested: f64,
    /// The best score in its folder, itself not counted.
    pub(in crate::select) folder: f64,
}

/// What speaks for a chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::select) struct ChunkSignals {
    pub(in crate::select) terms: TermSignals,
    /// The better of its neighbours' scores.
    pub(in crate::select) near: f64,
    /// The worth of names that it shares with what the best chunks define.
    pub(in crate::select) related: f64,
    /// The worth of names that it defines and the best chunks use.
    pub(in crate::select) used: f64,
}
