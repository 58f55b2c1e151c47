//! An upload becomes a blob, or the tree that is in it, and its owner gets a reference.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_core::{Digest, Error, Fact, Offloaded, Reply, Routed};
use serde::{Deserialize, Serialize};

use super::{
    Intake, broken, complete, params,
    progress::{Progress, Told},
    response, said, text,
};
use crate::{
    Library,
    blob::{Keep, UploadId, UploadStatus},
    manifest::Manifest,
    token::{Audience, Mint, Object, Verbs},
};

/// The parameters of `mcpo2/artifacts/commit`, beside `uri`.
#[derive(Debug, Deserialize)]
struct Commit {
    digest: Digest,
    /// Where it is an archive, and the tree in it is wanted.
    tree: Option<AsTree>,
}

/// How an archive becomes a tree.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AsTree {
    /// How many parts at the beginning of each path are left out.
    #[serde(default)]
    #[cfg_attr(
        not(feature = "archive"),
        expect(dead_code, reason = "no archive is read")
    )]
    pub(super) strip: usize,
}

/// What `mcpo2/artifacts/commit` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Committed {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    /// A reference for who committed it.
    uri: String,
    digest: Digest,
    size: u64,
    /// When the reference expires, in seconds of the Unix epoch.
    expires: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Tree>,
}

/// What a tree is that was committed.
#[derive(Debug, Serialize)]
struct Tree {
    root: Digest,
    entries: usize,
    /// How many names of the archive were not taken.
    withheld: usize,
}

impl Tree {
    fn of(manifest: &Manifest) -> Self {
        Self {
            root: manifest.root(),
            entries: manifest.entries().len(),
            withheld: manifest.withheld().len(),
        }
    }
}

impl Library {
    /// Commits an upload. Who names a progress token is told how far it is meanwhile.
    pub(super) async fn take_commit(
        self: Arc<Self>,
        id: UploadId,
        routed: Routed,
        now: SystemTime,
    ) -> Result<Reply, Error> {
        let commit: Commit = params(&routed)?;
        let said = |error| said(&routed, error);
        let before = self.upload(routed.call().principal(), &id);
        let before = before.map_err(said)?;
        let progress = Arc::new(Progress::default());
        let size = before.size.unwrap_or(before.offset);
        let extent = (size, commit.tree.is_none());
        let token = routed.call().request().meta().progress_token();
        let token: Option<Box<str>> = token.map(Into::into);
        let work = {
            let progress = Arc::clone(&progress);
            async move {
                let committed = self.commit(&routed, &commit, (before, now), &progress);
                let committed = committed.await?;
                Ok(response(&routed, &committed))
            }
        };
        Ok(match token {
            None => Reply::complete(work.await?),
            Some(token) => Reply::stream(Told::new(Box::pin(work), progress, &token, extent)),
        })
    }

    async fn commit(
        &self,
        routed: &Routed,
        commit: &Commit,
        (before, now): (UploadStatus, SystemTime),
        progress: &Arc<Progress>,
    ) -> Result<String, Error> {
        let said = |error| said(routed, error);
        let who = routed.call().principal();
        let intake = self.intake().map_err(said)?;
        let working = Working::begin(intake, before.id, progress);
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(before.expires);
        let digest = commit.digest;
        let told = |bytes| progress.stored(bytes);
        let keep = Keep::Until(until);
        let uploads = &intake.uploads;
        let finish = uploads.finish_telling(who.tenant(), &before.id, &digest, keep, &told);
        let finished = finish.await.map_err(said)?;
        let bytes = finished.offset;
        let offloaded = Offloaded { digest, bytes };
        routed.call().trail().record(Fact::Offloaded(offloaded));
        let manifest = match &commit.tree {
            Some(tree) => Some(
                self.unpack(routed, &digest, *tree, (until, progress))
                    .await?,
            ),
            None => None,
        };
        drop(working);
        let object = match &manifest {
            Some(manifest) => Object::Manifest(manifest.root()),
            None => Object::Blob(digest),
        };
        let left = until.duration_since(now).unwrap_or_default();
        let any = "*".parse().map_err(broken)?;
        let verbs = Verbs::NONE.stat().read().search().pass_to_tool(any);
        let mint = Mint::new(who.tenant().clone(), object, Audience::principal(who));
        let mint = mint.with_verbs(verbs);
        let mint = mint.expires_in(intake.terms.reference.min(left));
        let reference = self.sign(mint, now).map_err(broken)?;
        let expires = reference.expires();
        let expires = expires.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        text(&Committed {
            result_type: complete(routed),
            uri: reference.uri(),
            digest,
            size: bytes,
            expires: expires.unwrap_or_default().as_secs(),
            tree: manifest.as_ref().map(Tree::of),
        })
    }

    #[cfg(not(feature = "archive"))]
    async fn unpack(
        &self,
        _: &Routed,
        _: &Digest,
        _: AsTree,
        _: (SystemTime, &Arc<Progress>),
    ) -> Result<Manifest, Error> {
        Err(super::no_trees())
    }
}

/// A commit that is under way: when it ends, or nobody waits for it, its work does.
struct Working<'a> {
    intake: &'a Intake,
    id: UploadId,
    progress: &'a Arc<Progress>,
}

impl<'a> Working<'a> {
    fn begin(intake: &'a Intake, id: UploadId, progress: &'a Arc<Progress>) -> Self {
        intake.working().insert(id, Arc::clone(progress));
        Self {
            intake,
            id,
            progress,
        }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.progress.give_up();
        let mut working = self.intake.working();
        // Another commit of the same upload may have begun meanwhile.
        if (working.get(&self.id)).is_some_and(|it| Arc::ptr_eq(it, self.progress)) {
            working.remove(&self.id);
        }
    }
}
