//! Trees of files, written as directories, git revisions and archives.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use mcpo2_artifact::ingest::{Format, Ingest};
use mcpo2_artifact::manifest::Manifest;
use rawzip::{CompressionMethod, ZipArchiveWriter};

#[derive(Debug, Clone)]
pub(crate) enum Node {
    File { bytes: Vec<u8>, executable: bool },
    Link(String),
}

/// Files and links by path; no path is below another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(BTreeMap<String, Node>);

impl Tree {
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.file(path, text.as_bytes());
        }
        tree
    }

    pub(crate) fn file(&mut self, path: &str, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.add(
            path,
            Node::File {
                bytes,
                executable: false,
            },
        );
    }

    /// Adds what no other path is above or below.
    pub(crate) fn add(&mut self, path: &str, node: Node) {
        let is_above = |one: &str, two: &str| two.starts_with(&format!("{one}/"));
        if !self
            .0
            .keys()
            .any(|other| is_above(other, path) || is_above(path, other))
        {
            self.0.insert(path.to_owned(), node);
        }
    }

    pub(crate) fn nodes(&mut self) -> impl Iterator<Item = (&String, &mut Node)> {
        self.0.iter_mut()
    }

    pub(crate) fn write(&self, root: &Path) {
        for (path, node) in &self.0 {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match node {
                Node::Link(target) => symlink(target, path).unwrap(),
                Node::File { bytes, executable } => {
                    fs::write(&path, bytes).unwrap();
                    let mode = if *executable { 0o755 } else { 0o644 };
                    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
                }
            }
        }
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        // Archives are in no order.
        for (path, node) in self.0.iter().rev() {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            match node {
                Node::Link(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    builder
                        .append_link(&mut header, format!("./{path}"), target)
                        .unwrap();
                }
                Node::File { bytes, executable } => {
                    header.set_mode(if *executable { 0o755 } else { 0o644 });
                    header.set_size(bytes.len() as u64);
                    builder.append_data(&mut header, path, &**bytes).unwrap();
                }
            }
        }
        builder.into_inner().unwrap()
    }

    pub(crate) fn zip(&self) -> Vec<u8> {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        for (path, node) in self.0.iter().rev() {
            let (bytes, mode) = match node {
                Node::Link(target) => (target.as_bytes(), 0o120_777),
                Node::File {
                    bytes,
                    executable: true,
                } => (&**bytes, 0o100_755),
                Node::File {
                    bytes,
                    executable: false,
                } => (&**bytes, 0o100_644),
            };
            let file = archive.new_file(path.as_str()).unix_permissions(mode);
            if path.len() % 2 == 0 {
                let (mut entry, config) = file.start().unwrap();
                let mut writer = config.wrap(&mut entry);
                writer.write_all(bytes).unwrap();
                let (_, output) = writer.finish().unwrap();
                entry.finish(output).unwrap();
            } else {
                let file = file.compression_method(CompressionMethod::DEFLATE);
                let (mut entry, config) = file.start().unwrap();
                let level = flate2::Compression::fast();
                let mut encoder = flate2::write::DeflateEncoder::new(&mut entry, level);
                let mut writer = config.wrap(&mut encoder);
                writer.write_all(bytes).unwrap();
                let (_, output) = writer.finish().unwrap();
                encoder.finish().unwrap();
                entry.finish(output).unwrap();
            }
        }
        archive.finish().unwrap()
    }

    pub(crate) fn archive(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Tar => self.tar(),
            Format::TarGz => gzip(&self.tar()),
            Format::TarZst => zst(&self.tar()),
            Format::Zip => self.zip(),
            _ => unreachable!("all formats that there are"),
        }
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(bytes, level)
}

pub(crate) fn of_archive(ingest: Ingest<'_>, format: Format, bytes: Vec<u8>) -> Manifest {
    ingest.archive(format, Cursor::new(bytes)).unwrap()
}

/// Commits all that is in a directory, and what is ignored in it, too.
pub(crate) fn commit(root: &Path) {
    git(root, &["init", "--quiet"]);
    git(root, &["add", "--all", "--force"]);
    git(
        root,
        &["commit", "--quiet", "--allow-empty", "--message", "a"],
    );
}

pub(crate) fn git(root: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(root)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
    command.args([
        "-c",
        "core.autocrlf=false",
        "-c",
        "core.safecrlf=false",
        "-c",
        "gc.auto=0",
    ]);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    assert!(command.args(arguments).status().unwrap().success());
}
