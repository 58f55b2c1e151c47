//! An open loop: requests fall due at a pace of their own, whether those before are answered or not.
//! They wait for nothing but credit, which keeps a machine that is too slow for the pace from doing
//! nothing else.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, Semaphore, mpsc, watch},
    time::MissedTickBehavior,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The pace.
pub struct Paced {
    due: Due,
    passed: watch::Receiver<u64>,
    credit: Arc<Semaphore>,
    end: CancellationToken,
    ticking: AbortOnDropHandle<u64>,
}

/// What is due and not begun yet, for all who take from it.
#[derive(Clone)]
pub struct Due(Arc<Mutex<mpsc::UnboundedReceiver<u64>>>);

impl Due {
    /// The number of the next request, once it is due; none behind the last.
    pub async fn next(&self) -> Option<u64> {
        self.0.lock().await.recv().await
    }
}

impl Paced {
    /// One request falls due each time that this has passed, from 1 on, as long as there is credit.
    pub fn each(period: Duration) -> Self {
        let (send, due) = mpsc::unbounded_channel();
        let (pass, passed) = watch::channel(0);
        let (credit, end) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
        let (allowed, ended) = (Arc::clone(&credit), end.clone());
        let ticking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut number = 0;
            loop {
                let next = async {
                    ticks.tick().await;
                    allowed.acquire().await.unwrap().forget();
                };
                if ended.run_until_cancelled(next).await.is_none() {
                    return number;
                }
                number += 1;
                let _ = send.send(number);
                pass.send_replace(number);
            }
        });
        Self {
            due: Due(Arc::new(Mutex::new(due))),
            passed,
            credit,
            end,
            ticking: AbortOnDropHandle::new(ticking),
        }
    }

    pub fn due(&self) -> Due {
        self.due.clone()
    }

    /// So many more may fall due.
    pub fn credit(&self, more: usize) {
        self.credit.add_permits(more);
    }

    /// Waits until so many have fallen due.
    pub async fn passed(&self, number: u64) {
        let mut passed = self.passed.clone();
        let _ = passed.wait_for(|&passed| passed >= number).await;
    }

    /// No more fall due. How many did.
    pub async fn end(self) -> u64 {
        self.end.cancel();
        self.ticking.await.unwrap()
    }
}
