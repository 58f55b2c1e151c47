use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use http::Uri;
use mcpo2_audit::witness::{Cosigned, Progress, SubmissionError, Witnessing};
use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    note::Note,
    trust::{Trust, Witness},
    witness::Reply,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{ClientError, WitnessClient, WitnessStatus, WitnessedLedger, status::now};

/// What a witness replies that knows a key from now on.
const KNOWN: Reply = Reply::Other(204);

/// How witnesses are asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WitnessConfig {
    /// The witnesses, each with its URL, and how many of them must sign.
    pub trust: Trust,
    /// From the beginning of one round to that of the next: 10 seconds.
    pub interval: Duration,
    /// How long one request may take: 5 seconds.
    pub timeout: Duration,
}

/// Has what a ledger says of itself signed by witnesses, round by round.
#[derive(Debug)]
pub struct WitnessTask<L> {
    ledger: Arc<L>,
    client: WitnessClient,
    peers: Vec<Peer>,
    status: WitnessStatus,
    interval: Duration,
}

/// What came of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Round {
    /// The ledger has nothing to be signed.
    Nothing,
    /// Enough witnesses signed, and the ledger keeps that.
    Published,
    /// Too few signed, or the ledger could not keep it.
    Missed,
}

/// A witness, and where it is.
#[derive(Debug, Clone)]
struct Peer {
    key: VerifierKey,
    url: Uri,
}

impl WitnessConfig {
    /// Asks the witnesses of this policy.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        }
    }
}

impl<L: WitnessedLedger> WitnessTask<L> {
    /// A task for this ledger, which takes up from what was `published` before, if anything.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if a witness has no URL that can be asked.
    pub fn new(
        config: WitnessConfig,
        ledger: Arc<L>,
        published: Option<&SignedCheckpoint>,
    ) -> Result<Self, ClientError> {
        let peers: Result<Vec<_>, _> = config.trust.witnesses().iter().map(Peer::new).collect();
        let peers = peers?;
        let urls: Vec<_> = peers.iter().map(|peer| peer.url.clone()).collect();
        let mut witnessing = Witnessing::new(config.trust);
        // One that does not fit is of no use, and the witnesses say themselves what they signed.
        if let Some(Err(error)) = published.map(|published| witnessing.resume(published)) {
            tracing::warn!(%error, "what was published is not taken up");
        }
        Ok(Self {
            client: WitnessClient::new(config.timeout, &urls)?,
            ledger,
            peers,
            status: WitnessStatus::new(witnessing),
            interval: config.interval,
        })
    }

    /// How it goes, also while the task runs.
    #[must_use]
    pub fn status(&self) -> WitnessStatus {
        self.status.clone()
    }

    /// Runs a round in each interval until `closing`.
    ///
    /// # Cancellation
    ///
    /// A round that is dropped is made up for by the next.
    pub async fn run(self, closing: CancellationToken) {
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let rounds = async {
            loop {
                ticks.tick().await;
                self.round().await;
            }
        };
        closing.run_until_cancelled(rounds).await;
    }

    /// Asks every witness once, all at the same time, and publishes if enough signed.
    pub async fn round(&self) -> Round {
        let Some(mut checkpoint) = self.blocking(|ledger| ledger.checkpoint()).await.flatten()
        else {
            return Round::Nothing;
        };
        let asked = self.peers.iter().map(|peer| self.ask(peer, &checkpoint));
        let ended = join_all(asked).await;
        for (peer, ended) in self.peers.iter().zip(&ended) {
            self.status.ended(&peer.key, ended);
            if let Ok(cosigned) = ended
                && let Err(error) = checkpoint.add(cosigned.line().clone())
            {
                tracing::warn!(%error, "no room for the signature of a witness");
            }
        }
        if self.status.lock().witnessed(&checkpoint) != Ok(true) {
            let size = checkpoint.checkpoint().size();
            tracing::warn!(size, "too few witnesses signed the checkpoint");
            return Round::Missed;
        }
        let stored = self.blocking(move |ledger| ledger.store_cosigned(&checkpoint));
        match stored.await {
            Some(Ok(())) => Round::Published,
            Some(Err(error)) => {
                tracing::error!(%error, "a checkpoint with its witnesses was not kept");
                Round::Missed
            }
            None => Round::Missed,
        }
    }

    async fn ask(
        &self,
        peer: &Peer,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Cosigned, SubmissionError> {
        match self.submit(peer, checkpoint).await {
            Err(SubmissionError::Forbidden) => {
                self.introduce(peer).await?;
                self.submit(peer, checkpoint).await
            }
            ended => ended,
        }
    }

    /// Tells a witness which keys of the log came since the one that it knows.
    async fn introduce(&self, peer: &Peer) -> Result<(), SubmissionError> {
        let notes = self.blocking(L::rotations).await;
        let Some(Ok(notes)) = notes else {
            return Err(SubmissionError::Forbidden);
        };
        let newest = notes.last().ok_or(SubmissionError::Forbidden)?;
        let missing = match self.tell(peer, newest).await? {
            KNOWN => return Ok(()),
            Reply::Conflict(known) => usize::try_from(known).unwrap_or(usize::MAX),
            _ => return Err(SubmissionError::Forbidden),
        };
        for note in notes.iter().skip(missing) {
            if self.tell(peer, note).await? != KNOWN {
                return Err(SubmissionError::Forbidden);
            }
        }
        Ok(())
    }

    async fn tell(&self, peer: &Peer, note: &Note) -> Result<Reply, SubmissionError> {
        let body = note.to_string();
        self.client.post(&peer.url, "add-rotation", body).await
    }

    async fn submit(
        &self,
        peer: &Peer,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Cosigned, SubmissionError> {
        let status = &self.status;
        let mut submission = status.lock().submission(&peer.key, checkpoint.clone())?;
        loop {
            let (old, new) = (submission.old(), submission.size());
            let proof = self.blocking(move |ledger| ledger.consistency(old, new));
            let Some(Ok(proof)) = proof.await else {
                return Err(SubmissionError::NoProof);
            };
            let body = submission.body(proof);
            let reply = self.client.post(&peer.url, "add-checkpoint", body).await?;
            match submission.reply(Ok(reply), now())? {
                Progress::Cosigned(cosigned) => return Ok(cosigned),
                Progress::Retry(again) => submission = *again,
                _ => return Err(SubmissionError::Conflict),
            }
        }
    }

    /// What the ledger says, on a thread that may block; nothing if that panicked.
    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&L) -> T + Send + 'static,
    ) -> Option<T> {
        let ledger = Arc::clone(&self.ledger);
        tokio::task::spawn_blocking(move || ask(&ledger)).await.ok()
    }
}

impl Peer {
    fn new(witness: &Witness) -> Result<Self, ClientError> {
        let url = witness.url().and_then(|url| Uri::try_from(url).ok());
        let usable = |url: &Uri| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url.authority().is_some()
                && url.query().is_none()
        };
        let none = || ClientError::Url(String::from_utf8_lossy(witness.name()).into_owned());
        Ok(Self {
            key: witness.key().clone(),
            url: url.filter(usable).ok_or_else(none)?,
        })
    }
}
