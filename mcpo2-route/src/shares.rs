//! Places that tenants share, each by its weight: who may begin, who waits, who is next.
//!
//! It decides and does nothing else: no clock, no lock, no waiting. A [`Connection`] keeps one for
//! the calls that its module may have at once, and the server keeps one for all calls.
//!
//! [`Connection`]: crate::Connection

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use mcpo2_core::TenantId;

/// How much each tenant counts; one that is not named counts 1.
pub type Weights = Arc<BTreeMap<TenantId, u32>>;

/// Tenants that are remembered though they have nothing under way.
const IDLE: usize = 1024;

/// Places, who has them, and who waits for one.
///
/// An eighth of the places is kept for who comes anew, so that there is one at once, however much
/// the others want. A tenant's share is its part of the rest by weight, among the tenants that have
/// something under way. Within its share it gets any place that is free; beyond, it may borrow what
/// the others leave of the rest. What was borrowed comes back as calls end, and is never taken away.
///
/// ```
/// use mcpo2_route::shares::Shares;
/// let (flood, quiet) = ("flood".parse()?, "quiet".parse()?);
/// let mut shares = Shares::<()>::new(16, 0, Default::default());
/// assert_eq!((0..100).filter(|_| shares.enter(&flood)).count(), 14);
/// assert!(shares.enter(&quiet));
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct Shares<W> {
    bounds: Bounds,
    weights: Weights,
    tenants: BTreeMap<TenantId, Tenant<W>>,
    /// The weights of those who have something under way.
    active: u64,
    running: usize,
    waiting: usize,
    tickets: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    places: usize,
    queue: usize,
}

#[derive(Debug)]
struct Tenant<W> {
    weight: u32,
    running: usize,
    waiting: VecDeque<(Ticket, W)>,
}

/// One who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// One who waits, and who had to go for that.
#[derive(Debug)]
pub struct Queued<W> {
    /// By which it can be taken back.
    pub ticket: Ticket,
    /// The last of the tenant that has more than its share of the queue.
    pub evicted: Option<W>,
}

impl<W> Shares<W> {
    /// So many places, and so many who may wait for one.
    #[must_use]
    pub fn new(places: usize, queue: usize, weights: Weights) -> Self {
        Self {
            bounds: Bounds { places, queue },
            weights,
            tenants: BTreeMap::new(),
            active: 0,
            running: 0,
            waiting: 0,
            tickets: 0,
        }
    }

    /// Changes the bounds. Who has a place keeps it, and who waits goes on waiting.
    pub fn configure(&mut self, places: usize, queue: usize, weights: Weights) {
        self.bounds = Bounds { places, queue };
        self.weights = weights;
        self.active = 0;
        for (id, tenant) in &mut self.tenants {
            tenant.weight = weight(&self.weights, id);
            if tenant.is_active() {
                self.active += u64::from(tenant.weight);
            }
        }
    }

    /// How many have a place.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many wait for one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes a place, if this tenant may have one now and none of its own waits for it.
    pub fn enter(&mut self, id: &TenantId) -> bool {
        if !self.tenants.contains_key(id) {
            self.add(id);
        }
        let Some(tenant) = self.tenants.get_mut(id) else {
            return false;
        };
        let joins = if tenant.is_active() { 0 } else { tenant.weight };
        let active = self.active + u64::from(joins);
        let free = self.bounds.places.saturating_sub(self.running);
        if !tenant.waiting.is_empty() || !self.bounds.admits(tenant, free, active) {
            return false;
        }
        tenant.running += 1;
        self.running += 1;
        self.active = active;
        true
    }

    /// Waits for a place behind the others of this tenant; none where it may not.
    pub fn wait(&mut self, id: &TenantId, waiter: W) -> Option<Queued<W>> {
        if !self.tenants.contains_key(id) {
            self.add(id);
        }
        let evicted = if self.waiting < self.bounds.queue {
            None
        } else {
            Some(self.evict_for(id)?)
        };
        let tenant = self.tenants.get_mut(id)?;
        if !tenant.is_active() {
            self.active += u64::from(tenant.weight);
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        tenant.waiting.push_back((ticket, waiter));
        self.waiting += 1;
        Some(Queued { ticket, evicted })
    }

    /// Takes back one who waits; none where it waits no more.
    pub fn take_back(&mut self, id: &TenantId, ticket: Ticket) -> Option<W> {
        let tenant = self.tenants.get_mut(id)?;
        let at = tenant
            .waiting
            .iter()
            .position(|(held, _)| *held == ticket)?;
        let (_, waiter) = tenant.waiting.remove(at)?;
        self.waiting -= 1;
        self.settle(id);
        Some(waiter)
    }

    /// Gives a place back. Ask [`next`](Self::next) who has it now.
    pub fn leave(&mut self, id: &TenantId) {
        if let Some(tenant) = self.tenants.get_mut(id).filter(|tenant| tenant.running > 0) {
            tenant.running -= 1;
            self.running -= 1;
            self.settle(id);
        }
    }

    /// Gives a free place to one who waits: of those who may have it, to the tenant that has
    /// least for its weight, and there to who came first.
    #[expect(
        clippy::should_implement_trait,
        reason = "a step, and no iteration over a sequence"
    )]
    pub fn next(&mut self) -> Option<W> {
        let free = self.bounds.places.saturating_sub(self.running);
        if self.waiting == 0 || free == 0 {
            return None;
        }
        let (bounds, active) = (self.bounds, self.active);
        let tenant = self
            .tenants
            .values_mut()
            .filter(|tenant| !tenant.waiting.is_empty() && bounds.admits(tenant, free, active))
            .min_by(|a, b| {
                a.load(a.running)
                    .cmp_to(b.load(b.running))
                    .then(a.first().cmp(&b.first()))
            })?;
        let (_, waiter) = tenant.waiting.pop_front()?;
        tenant.running += 1;
        self.running += 1;
        self.waiting -= 1;
        Some(waiter)
    }

    /// Who has more of a full queue than this tenant would have, loses the last of it.
    fn evict_for(&mut self, id: &TenantId) -> Option<W> {
        let newcomer = self.tenants.get(id)?;
        let would = newcomer.load(newcomer.waiting.len() + 1);
        let fullest = self
            .tenants
            .iter()
            .max_by(|(_, a), (_, b)| a.load(a.waiting.len()).cmp_to(b.load(b.waiting.len())))
            .filter(|(_, tenant)| would.cmp_to(tenant.load(tenant.waiting.len())).is_lt())
            .map(|(id, _)| id.clone())?;
        let (_, evicted) = self.tenants.get_mut(&fullest)?.waiting.pop_back()?;
        self.waiting -= 1;
        self.settle(&fullest);
        Some(evicted)
    }

    /// Counts a tenant no more that has nothing under way.
    fn settle(&mut self, id: &TenantId) {
        if let Some(tenant) = self.tenants.get(id).filter(|tenant| !tenant.is_active()) {
            self.active = self.active.saturating_sub(u64::from(tenant.weight));
        }
    }

    fn add(&mut self, id: &TenantId) {
        if self.tenants.len() >= IDLE {
            self.tenants.retain(|_, tenant| tenant.is_active());
        }
        let tenant = Tenant {
            weight: weight(&self.weights, id),
            running: 0,
            waiting: VecDeque::new(),
        };
        self.tenants.insert(id.clone(), tenant);
    }
}

impl Bounds {
    /// Whether this tenant may have one of the free places.
    fn admits<W>(self, tenant: &Tenant<W>, free: usize, active: u64) -> bool {
        free > self.kept() || free > 0 && tenant.running < self.share(tenant.weight, active)
    }

    fn kept(self) -> usize {
        self.places / 8
    }

    fn share(self, weight: u32, active: u64) -> usize {
        let places = u128::try_from(self.places - self.kept()).unwrap_or(u128::MAX);
        let share = places.saturating_mul(weight.into()) / u128::from(active.max(1));
        usize::try_from(share).unwrap_or(self.places).max(1)
    }
}

impl<W> Tenant<W> {
    fn is_active(&self) -> bool {
        self.running > 0 || !self.waiting.is_empty()
    }

    fn first(&self) -> Option<Ticket> {
        self.waiting.front().map(|(ticket, _)| *ticket)
    }

    fn load(&self, count: usize) -> Load {
        Load {
            count: u128::try_from(count).unwrap_or(u128::MAX),
            weight: self.weight,
        }
    }
}

/// How much somebody has, for a weight.
#[derive(Debug, Clone, Copy)]
struct Load {
    count: u128,
    weight: u32,
}

impl Load {
    fn cmp_to(self, other: Self) -> std::cmp::Ordering {
        let ours = self.count.saturating_mul(other.weight.into());
        ours.cmp(&other.count.saturating_mul(self.weight.into()))
    }
}

fn weight(weights: &Weights, id: &TenantId) -> u32 {
    weights.get(id).copied().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests;
