
use super::*;
pub const NF: usize = score::NF;
pub const NC: usize = score::NC;
pub const FILE_NAMES: [&str; NF] = score::FILE_NAMES;
pub const CHUNK_NAMES: [&str; NC] = score::CHUNK_NAMES;
pub struct FileRow { pub path: String, pub x: [f64; NF], pub chunks: Vec<(u32, u32, u32, [f64; NC])> }
pub fn rows(query: &str, index: &Index, w: &Weights, top: usize) -> Vec<FileRow> {
    let q = query::Query::read(query);
    let ranked = score::rank(index, &q, w);
    ranked.iter().take(top).map(|r| FileRow { path: r.file.path.to_string(), x: score::file_features(r), chunks: (0..r.chunks.len()).map(|at| {
        let c = r.file.chunks[at];
        (c.start + 1, c.end, c.tokens, score::chunk_features(r, at))
    }).collect() }).collect()
}
