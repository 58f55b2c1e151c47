use super::*;

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn weights(of: &[(&str, u32)]) -> Weights {
    Arc::new(
        of.iter()
            .map(|(name, weight)| (tenant(name), *weight))
            .collect(),
    )
}

fn fill(shares: &mut Shares<&'static str>, id: &TenantId) -> usize {
    (0..1000).take_while(|_| shares.enter(id)).count()
}

#[test]
fn one_alone_borrows_all_but_an_eighth() {
    let mut shares = Shares::new(64, 0, Weights::default());
    assert_eq!(fill(&mut shares, &tenant("a")), 56);
    let mut few = Shares::new(4, 0, Weights::default());
    assert_eq!(fill(&mut few, &tenant("a")), 4);
}

#[test]
fn who_comes_anew_finds_a_place_at_once_and_its_share_as_calls_end() {
    let mut shares = Shares::new(64, 64, Weights::default());
    let (a, b) = (tenant("a"), tenant("b"));
    fill(&mut shares, &a);
    assert_eq!(fill(&mut shares, &b), 8);
    for _ in 0..24 {
        shares.wait(&a, "a").unwrap();
        shares.wait(&b, "b").unwrap();
    }
    // Each place that `a` gives back goes to `b`, until it has its half.
    let mut given = Vec::new();
    for _ in 0..20 {
        shares.leave(&a);
        given.extend(shares.next());
    }
    assert_eq!(given, vec!["b"; 20]);
    // Then an eighth is free again for a third, and both go on with what they have.
    for _ in 0..8 {
        shares.leave(&a);
        assert_eq!(shares.next(), None);
    }
    shares.leave(&a);
    assert_eq!(shares.next(), Some("a"));
    assert_eq!(shares.running(), 56);
    assert!(shares.enter(&tenant("c")));
}

#[test]
fn shares_are_by_weight() {
    let mut shares = Shares::new(80, 400, weights(&[("heavy", 3)]));
    let (heavy, light) = (tenant("heavy"), tenant("light"));
    for _ in 0..150 {
        let (h, l) = (shares.enter(&heavy), shares.enter(&light));
        if !h {
            shares.wait(&heavy, "heavy").unwrap();
        }
        if !l {
            shares.wait(&light, "light").unwrap();
        }
    }
    // Calls that end in the order in which they began, for long.
    let mut held: VecDeque<&str> = VecDeque::new();
    held.extend(std::iter::repeat_n("light", shares.tenants[&light].running));
    held.extend(std::iter::repeat_n("heavy", shares.tenants[&heavy].running));
    for _ in 0..130 {
        let ends = held.pop_front().unwrap();
        shares.leave(&tenant(ends));
        while let Some(next) = shares.next() {
            held.push_back(next);
        }
    }
    assert_eq!(shares.tenants[&heavy].running, 52);
    assert_eq!(shares.tenants[&light].running, 18);
}

#[test]
fn in_a_tenant_who_came_first_is_first() {
    let mut shares = Shares::new(1, 8, Weights::default());
    let a = tenant("a");
    assert!(shares.enter(&a));
    let first = shares.wait(&a, "first").unwrap().ticket;
    shares.wait(&a, "second").unwrap();
    assert_eq!(shares.take_back(&a, first), Some("first"));
    assert_eq!(shares.take_back(&a, first), None);
    shares.leave(&a);
    // A place is free, but one of its own waits for it.
    assert!(!shares.enter(&a));
    assert_eq!(shares.next(), Some("second"));
    assert_eq!(shares.next(), None);
}

#[test]
fn a_full_queue_has_room_for_who_has_less_of_it() {
    let mut shares = Shares::new(1, 4, Weights::default());
    let (a, b) = (tenant("a"), tenant("b"));
    assert!(shares.enter(&a));
    for name in ["a1", "a2", "a3", "a4"] {
        assert!(shares.wait(&a, name).unwrap().evicted.is_none());
    }
    assert!(shares.wait(&a, "a5").is_none());
    assert_eq!(shares.wait(&b, "b1").unwrap().evicted, Some("a4"));
    assert_eq!(shares.wait(&b, "b2").unwrap().evicted, Some("a3"));
    assert!(shares.wait(&b, "b3").is_none());
    assert_eq!(shares.waiting(), 4);
}

#[test]
fn an_order_of_arrivals_and_ends_neither_loses_a_place_nor_makes_one() {
    let mut seed = 7_u64;
    let mut dice = |sides: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % sides
    };
    let tenants: Vec<_> = ["a", "b", "c", "d"].map(tenant).into();
    let mut shares = Shares::new(20, 6, weights(&[("c", 5)]));
    let (mut running, mut waiting) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let index = usize::try_from(dice(4)).unwrap();
        let id = &tenants[index];
        match dice(3) {
            0 if shares.enter(id) => running.push(index),
            0 => {
                if let Some(queued) = shares.wait(id, index) {
                    waiting.push((index, queued.ticket));
                    if let Some(evicted) = queued.evicted {
                        let last = waiting.iter().rposition(|(who, _)| *who == evicted);
                        waiting.remove(last.unwrap());
                    }
                }
            }
            1 if !running.is_empty() => {
                let ends = usize::try_from(dice(64)).unwrap() % running.len();
                shares.leave(&tenants[running.swap_remove(ends)]);
            }
            _ if !waiting.is_empty() => {
                let gone = usize::try_from(dice(64)).unwrap() % waiting.len();
                let (who, ticket) = waiting.remove(gone);
                assert_eq!(shares.take_back(&tenants[who], ticket), Some(who));
            }
            _ => {}
        }
        while let Some(next) = shares.next() {
            running.push(next);
            let first = waiting.iter().position(|(who, _)| *who == next);
            waiting.remove(first.unwrap());
        }
        assert_eq!(
            (shares.running(), shares.waiting()),
            (running.len(), waiting.len())
        );
        assert!(running.len() <= 20 && waiting.len() <= 6);
        let busy = |i: &usize| running.contains(i) || waiting.iter().any(|(who, _)| who == i);
        let active: u64 = (0..4)
            .filter(busy)
            .map(|i| if i == 2 { 5 } else { 1 })
            .sum();
        assert_eq!(shares.active, active);
    }
}

#[test]
fn tenants_with_nothing_under_way_are_forgotten() {
    let mut shares = Shares::<()>::new(4, 0, Weights::default());
    assert!(shares.enter(&tenant("stays")));
    for n in 0..10_000 {
        let id = tenant(&format!("t{n}"));
        assert!(shares.enter(&id));
        shares.leave(&id);
    }
    assert!(shares.tenants.len() <= IDLE);
    assert_eq!((shares.running(), shares.active), (1, 1));
}

#[test]
fn bounds_change_under_who_has_a_place() {
    let mut shares = Shares::new(8, 4, Weights::default());
    let (a, b) = (tenant("a"), tenant("b"));
    assert_eq!(fill(&mut shares, &a), 7);
    shares.configure(4, 4, weights(&[("a", 2)]));
    assert!(!shares.enter(&b));
    shares.wait(&b, "b").unwrap();
    assert_eq!(shares.active, 3);
    for _ in 0..4 {
        shares.leave(&a);
    }
    assert_eq!(shares.next(), Some("b"));
    assert_eq!(shares.running(), 4);
}
