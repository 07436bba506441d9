//! What an order of joins costs, and the order that costs least.

/// Bytes of a side that is sent to where the other one is. Larger sides are both moved, so that equal keys meet.
const SENT: f64 = 32e6;

// Nanoseconds, measured on TPC-H. What counts is how they relate.
const MOVE_ROW: f64 = 40.0;
const MOVE_BYTE: f64 = 1.0;
const BUILD_ROW: f64 = 50.0;
const PROBE_ROW: f64 = 20.0;
const MAKE_ROW: f64 = 10.0;

/// More tables than this keep their order: the time to find a better one triples with each.
pub(super) const MOST: usize = 10;

/// A set of leaves, a bit each.
pub(super) type Set = u32;

/// An order of joins over numbered leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Leaf(usize),
    /// The hash table is made of the first.
    Join(Box<Order>, Box<Order>),
}

impl Order {
    pub(super) fn leaves(&self) -> Set {
        match self {
            Self::Leaf(leaf) => 1 << leaf,
            Self::Join(left, right) => left.leaves() | right.leaves(),
        }
    }
}

/// A table that is joined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    /// Rows that meet the conditions.
    pub(super) rows: f64,
    /// Rows of the files.
    pub(super) all_rows: f64,
    /// Bytes of a row.
    pub(super) width: f64,
}

/// Columns that equal each other, one of each leaf.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) leaves: Set,
    /// The values that there are: a foreign key has no more of them than the key that it names.
    pub(super) distinct: f64,
}

/// What is known of a tree of joins.
#[derive(Debug)]
pub(super) struct Model {
    leaves: usize,
    keys: Vec<Key>,
    /// Of each set of leaves, the rows of its join.
    rows: Vec<f64>,
    /// And the bytes of each row.
    widths: Vec<f64>,
}

impl Model {
    /// Of [`MOST`] leaves at most.
    pub(super) fn new(leaves: &[Leaf], keys: Vec<Key>) -> Self {
        let sets = 0..1 << leaves.len();
        let width = |set| members(leaves, set).map(|leaf| leaf.width).sum();
        Self {
            leaves: leaves.len(),
            rows: sets
                .clone()
                .map(|set| joined_rows(leaves, &keys, set))
                .collect(),
            widths: sets.map(width).collect(),
            keys,
        }
    }

    pub(super) fn rows(&self, set: Set) -> f64 {
        self.rows[set as usize]
    }

    /// What all joins of `order` cost.
    pub(super) fn cost(&self, order: &Order) -> f64 {
        match order {
            Order::Leaf(_) => 0.0,
            Order::Join(left, right) => {
                let join = self.join_cost(left.leaves(), right.leaves());
                self.cost(left) + self.cost(right) + join
            }
        }
    }

    /// The order that costs least, among all that join by keys: what is best for a set is made of what is best for two
    /// parts of it.
    pub(super) fn best(&self) -> Option<Order> {
        let all: Set = (1 << self.leaves) - 1;
        // Of each set what it costs at least, and one side of its last join.
        let mut best: Vec<Option<(f64, Set)>> = vec![None; all as usize + 1];
        for set in 1..=all {
            if set.is_power_of_two() {
                best[set as usize] = Some((0.0, set));
                continue;
            }
            let mut left = (set - 1) & set;
            while left > 0 {
                let right = set & !left;
                if left > right
                    && self.is_joined(left, right)
                    && let (Some((l, _)), Some((r, _))) =
                        (best[left as usize], best[right as usize])
                {
                    let cost = l + r + self.join_cost(left, right);
                    if best[set as usize].is_none_or(|(least, _)| cost < least) {
                        best[set as usize] = Some((cost, left));
                    }
                }
                left = (left - 1) & set;
            }
        }
        self.order_of(all, &best)
    }

    fn order_of(&self, set: Set, best: &[Option<(f64, Set)>]) -> Option<Order> {
        if set.is_power_of_two() {
            return Some(Order::Leaf(set.trailing_zeros() as usize));
        }
        let (_, side) = best[set as usize]?;
        let (small, large) = self.by_bytes(side, set & !side);
        let small = Box::new(self.order_of(small, best)?);
        Some(Order::Join(small, Box::new(self.order_of(large, best)?)))
    }

    fn is_joined(&self, left: Set, right: Set) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| key.leaves & left != 0 && key.leaves & right != 0)
    }

    fn join_cost(&self, left: Set, right: Set) -> f64 {
        let (build, probe) = self.by_bytes(left, right);
        let moving = |set: Set| self.rows(set) * (MOVE_ROW + MOVE_BYTE * self.widths[set as usize]);
        let moved = match self.bytes(build) <= SENT {
            true => moving(build),
            false => moving(build) + moving(probe),
        };
        moved
            + self.rows(build) * BUILD_ROW
            + self.rows(probe) * PROBE_ROW
            + self.rows(left | right) * MAKE_ROW
    }

    /// The smaller and the larger one.
    fn by_bytes(&self, a: Set, b: Set) -> (Set, Set) {
        if self.bytes(a) <= self.bytes(b) {
            (a, b)
        } else {
            (b, a)
        }
    }

    fn bytes(&self, set: Set) -> f64 {
        self.rows(set) * self.widths[set as usize]
    }
}

fn members(leaves: &[Leaf], set: Set) -> impl Iterator<Item = &Leaf> {
    let leaves = leaves.iter().enumerate();
    leaves
        .filter(move |(i, _)| set & (1 << i) != 0)
        .map(|(_, leaf)| leaf)
}

/// Rows of the join of `set`: of all combinations those whose keys agree, as if values were spread evenly.
fn joined_rows(leaves: &[Leaf], keys: &[Key], set: Set) -> f64 {
    let mut rows: f64 = members(leaves, set).map(|leaf| leaf.rows).product();
    for key in keys {
        let joined = (key.leaves & set).count_ones().saturating_sub(1);
        rows /= key.distinct.powi(joined as i32);
    }
    // Two tables that share several keys have no more combinations of them than rows.
    for (i, a) in leaves.iter().enumerate() {
        for (j, b) in leaves.iter().enumerate().skip(i + 1) {
            let pair: Set = 1 << i | 1 << j;
            let shared = keys.iter().filter(|key| key.leaves & pair == pair);
            if set & pair == pair && shared.clone().count() > 1 {
                let combinations: f64 = shared.map(|key| key.distinct).product();
                rows *= (combinations / a.all_rows.min(b.all_rows)).max(1.0);
            }
        }
    }
    rows.max(1.0)
}
