use std::path::{Path, PathBuf};

use mcpo2_artifact::manifest::{
    AbsenceProof, InclusionProof, Malformed, ProofError, RelPath, excerpt::ExcerptProof,
};
use mcpo2_core::Digest;
use serde_json::{Value, json};

use super::{
    super::format::Format, Done, Outcome, Problem, chain, diff::manifest, differences::Differences,
    read, shown, source::How, tell, write,
};

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The root (b3:…), or a file with its manifest, which tells where a source differs
    manifest: PathBuf,
    /// The tree
    #[arg(required_unless_present = "proof", conflicts_with = "proof")]
    source: Option<PathBuf>,
    /// Verify this proof, as `manifest --prove` writes it
    #[arg(long, visible_alias = "excerpt", value_name = "FILE")]
    proof: Option<PathBuf>,
    /// It is to prove that no entry has this path
    #[arg(long, value_name = "PATH", requires = "proof", conflicts_with = "out")]
    absent: Option<RelPath>,
    /// Write the bytes that are proven here
    #[arg(long, value_name = "FILE", requires = "proof")]
    out: Option<PathBuf>,
    /// How many differences are said at most
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    how: How,
}

impl Verify {
    pub(super) fn run(mut self) -> Done {
        self.how.beside(self.format);
        let root = self.manifest.to_str().and_then(|text| text.parse().ok());
        match (&self.proof, &self.source) {
            (Some(proof), _) => {
                let root = match root {
                    Some(root) => root,
                    None => manifest(&self.manifest)?.root(),
                };
                self.proof(&root, proof)
            }
            (None, Some(source)) => self.source(root, source),
            (None, None) => Err(Problem::wrong("say which source, or which proof")),
        }
    }

    fn source(&self, root: Option<Digest>, source: &Path) -> Done {
        let known = match root {
            Some(_) => None,
            None => Some(manifest(&self.manifest)?),
        };
        let made = self.how.manifest(source, &())?;
        let wanted = root.or(known.as_ref().map(|known| known.root()));
        let holds = wanted == Some(made.root());
        let differences = known.as_ref().map(|known| Differences::of(known, &made));
        let mut text = match holds {
            true => format!("ok: {} has the root {}\n", source.display(), made.root()),
            false => format!(
                "not verified: {} has the root {}\n",
                source.display(),
                made.root()
            ),
        };
        if let (false, Some(differences)) = (holds, &differences) {
            if !differences.is_none() {
                text.push_str(&differences.text(self.limit));
            }
            if differences.other_rules {
                text.push_str(
                    "other rules chose the entries of the manifest: give the same --include, \
                     --exclude and --spec\n",
                );
            }
        }
        let said = json!({
            "holds": holds, "wanted": wanted, "found": made.root(),
            "other_rules": differences.as_ref().map(|it| it.other_rules),
            "changes": differences.as_ref().map(Differences::json),
        });
        tell(self.format, &text, &said)?;
        Ok(outcome(holds))
    }

    fn proof(&self, root: &Digest, file: &Path) -> Done {
        let bytes = read(file)?;
        let proven = match &self.absent {
            Some(path) => absent(&bytes, root, path),
            None => excerpt(&bytes, root),
        };
        let (text, said) = match proven {
            Ok(proven) => {
                if let Some(out) = &self.out {
                    let none = "it is of the entry alone, and has no bytes to write";
                    let bytes = proven.bytes.ok_or_else(|| Problem::wrong(none))?;
                    write(out, &bytes)?;
                }
                (format!("ok: {}\n", proven.text), proven.json)
            }
            Err(error) => {
                let why = chain(&error);
                let said = json!({ "holds": false, "wanted": root, "why": why });
                tell(self.format, &format!("not verified: {why}\n"), &said)?;
                return Ok(Outcome::Otherwise);
            }
        };
        tell(self.format, &text, &said)?;
        Ok(Outcome::Well)
    }
}

fn outcome(holds: bool) -> Outcome {
    match holds {
        true => Outcome::Well,
        false => Outcome::Otherwise,
    }
}

/// What a proof proves.
struct Proven {
    text: String,
    json: Value,
    bytes: Option<Vec<u8>>,
}

fn excerpt(bytes: &[u8], root: &Digest) -> Result<Proven, ProofError> {
    let proof = match ExcerptProof::from_bytes(bytes) {
        Err(ProofError::Malformed(Malformed::Magic)) => return inclusion(bytes, root),
        proof => proof?,
    };
    let excerpt = proof.verify(root)?;
    let (range, lines) = (excerpt.range(), excerpt.lines());
    let path = excerpt.entry().path();
    let of_lines = lines
        .as_ref()
        .map(|it| format!("lines {}-{} of ", it.start(), it.end()));
    Ok(Proven {
        text: format!(
            "{}{}: {} bytes from {} on",
            of_lines.unwrap_or_default(),
            shown(path.as_str()),
            range.end.saturating_sub(range.start),
            range.start,
        ),
        json: json!({
            "holds": true, "entry": excerpt.entry(), "bytes": [range.start, range.end],
            "lines": lines.map(|it| [*it.start(), *it.end()]),
        }),
        bytes: Some(excerpt.bytes().to_vec()),
    })
}

fn inclusion(bytes: &[u8], root: &Digest) -> Result<Proven, ProofError> {
    let proof = InclusionProof::from_bytes(bytes)?;
    let entry = proof.verify(root)?;
    Ok(Proven {
        text: super::manifest::line(entry),
        json: json!({ "holds": true, "entry": entry }),
        bytes: None,
    })
}

fn absent(bytes: &[u8], root: &Digest, path: &RelPath) -> Result<Proven, ProofError> {
    AbsenceProof::from_bytes(bytes)?.verify(root, path)?;
    Ok(Proven {
        text: format!("no entry has the path {}", shown(path.as_str())),
        json: json!({ "holds": true, "absent": path }),
        bytes: None,
    })
}
