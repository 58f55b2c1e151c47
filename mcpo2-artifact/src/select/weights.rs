/// How selection weighs what it knows. The defaults were fitted on tasks of several repositories.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Weights {
    /// How much a term in the path counts, against one in the text.
    pub path: f64,
    /// How much a term in the name of a symbol counts, against one in the text.
    pub symbol: f64,
    /// How much the length of a file counts against it, from 0 to 1.
    pub length: f64,
    /// How much the best chunk of a file counts, against the whole file.
    pub chunk: f64,
    /// What files that are named in the task gain, as a share of the best score.
    pub mention: f64,
    /// What is left of the score of tests, examples, documentation, copies and generated files.
    pub aside: f64,
    /// What a scope adds, as a share of the best score.
    pub scope: f64,
    /// What the first excerpt of a file is worth, against all of its lines: more shows more files,
    /// less shows more of each.
    pub breadth: f64,
    /// What each excerpt costs beside its tokens, in tokens: more shows longer ones.
    pub floor: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            path: 3.0,
            symbol: 2.0,
            length: 0.4,
            chunk: 1.0,
            mention: 0.5,
            aside: 0.3,
            scope: 0.2,
            breadth: 0.2,
            floor: 12.0,
        }
    }
}
