//! Trees of inner joins, taken apart and put together in another order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::{Column, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Join, JoinConstraint, LogicalPlan, Projection};

use super::super::{is_columns, is_table};
use super::cost::{Key, Leaf, MOST, Model, Order, Set};
use super::size::Size;

/// Tables that are joined by columns that equal each other.
#[derive(Debug)]
pub(super) struct JoinTree {
    pub(super) leaves: Vec<LogicalPlan>,
    /// As the query has it.
    pub(super) order: Order,
    /// Columns that equal each other: at most one of each leaf.
    keys: Vec<Vec<Column>>,
    /// What joins ask beside their keys, each with the leaves that it is about.
    conditions: Vec<(Expr, Set)>,
    /// Where each column is from.
    columns: HashMap<Column, usize>,
    schema: DFSchemaRef,
}

#[derive(Default)]
struct Parts {
    leaves: Vec<LogicalPlan>,
    equal: Vec<(Column, Column)>,
    conditions: Vec<Expr>,
}

impl Parts {
    fn take(&mut self, plan: &LogicalPlan) -> Option<Order> {
        match plan {
            LogicalPlan::Join(join) => {
                let plain = join.join_type == JoinType::Inner
                    && join.null_equality == NullEquality::NullEqualsNothing
                    && !join.on.is_empty();
                if !plain {
                    return None;
                }
                let left = self.take(&join.left)?;
                let right = self.take(&join.right)?;
                for on in &join.on {
                    let (Expr::Column(left), Expr::Column(right)) = on else {
                        return None;
                    };
                    self.equal.push((left.clone(), right.clone()));
                }
                let conditions = join.filter.iter().flat_map(split_conjunction);
                self.conditions.extend(conditions.cloned());
                Some(Order::Join(Box::new(left), Box::new(right)))
            }
            plan if is_table(plan) => {
                self.leaves.push(plan.clone());
                Some(Order::Leaf(self.leaves.len() - 1))
            }
            LogicalPlan::Projection(kept) if is_columns(kept) => self.take(&kept.input),
            _ => None,
        }
    }
}

impl JoinTree {
    /// The tree below `plan`, if it is one of three tables or more, and each column has a name of its own.
    pub(super) fn of(plan: &LogicalPlan) -> Option<Self> {
        if !matches!(plan, LogicalPlan::Join(_) | LogicalPlan::Projection(_)) {
            return None;
        }
        let mut parts = Parts::default();
        let order = parts.take(plan)?;
        if !(3..=MOST).contains(&parts.leaves.len()) {
            return None;
        }
        let mut columns = HashMap::new();
        for (leaf, table) in parts.leaves.iter().enumerate() {
            for column in table.schema().columns() {
                if columns.insert(column, leaf).is_some() {
                    return None;
                }
            }
        }
        let conditions = parts.conditions.into_iter().map(|condition| {
            let about = condition.column_refs();
            let about = about
                .into_iter()
                .map(|c| columns.get(c).map(|leaf| (1 as Set) << leaf));
            let about = about.collect::<Option<Vec<Set>>>()?;
            let about = about.into_iter().fold(0, |all, leaf| all | leaf);
            let movable = about.count_ones() > 1 && !condition.is_volatile();
            movable.then_some((condition, about))
        });
        Some(Self {
            conditions: conditions.collect::<Option<_>>()?,
            keys: keys(parts.equal, &columns)?,
            leaves: parts.leaves,
            order,
            columns,
            schema: Arc::clone(plan.schema()),
        })
    }

    /// What joins of these leaves cost.
    pub(super) fn model(&self, sizes: &[&Size]) -> Model {
        let leaves: Vec<Leaf> = sizes.iter().map(|size| size.leaf).collect();
        let keys = self.keys.iter().map(|key| {
            let distinct = key.iter().filter_map(|column| {
                let leaf = self.columns[column];
                let at = self.leaves[leaf].schema().maybe_index_of_column(column)?;
                sizes[leaf].distinct.get(at).copied()
            });
            Key {
                leaves: self.leaves_of(key),
                distinct: distinct.fold(f64::INFINITY, f64::min),
            }
        });
        Model::new(&leaves, keys.collect())
    }

    /// The same rows and columns, joined in another order.
    pub(super) fn build(&self, order: &Order) -> Result<LogicalPlan> {
        let joined = self.join(order)?;
        let output = self
            .schema
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
        let schema = Arc::clone(&self.schema);
        Projection::try_new_with_schema(output, joined, schema).map(LogicalPlan::Projection)
    }

    fn join(&self, order: &Order) -> Result<Arc<LogicalPlan>> {
        let (left, right) = match order {
            Order::Leaf(leaf) => return Ok(Arc::new(self.leaves[*leaf].clone())),
            Order::Join(left, right) => (left, right),
        };
        let (l, r) = (left.leaves(), right.leaves());
        let on = self.keys.iter().filter_map(|key| {
            let (left, right) = (self.first_of(key, l)?, self.first_of(key, r)?);
            Some((Expr::Column(left.clone()), Expr::Column(right.clone())))
        });
        let here =
            |about: Set| is_within(about, l | r) && !is_within(about, l) && !is_within(about, r);
        let conditions = self.conditions.iter().filter(|(_, about)| here(*about));
        let join = Join::try_new(
            self.join(left)?,
            self.join(right)?,
            on.collect(),
            conjunction(conditions.map(|(condition, _)| condition.clone())),
            JoinType::Inner,
            JoinConstraint::On,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        let needed = self.needed(l | r);
        let columns = join.schema.columns().into_iter();
        let kept: Vec<Expr> = columns
            .filter(|c| needed.contains(c))
            .map(Expr::Column)
            .collect();
        let all = kept.len() == join.schema.fields().len();
        let join = Arc::new(LogicalPlan::Join(join));
        // Without any column there would be no rows to count, either.
        if all || kept.is_empty() {
            return Ok(join);
        }
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(
            kept, join,
        )?)))
    }

    /// Columns that are asked for above the join of `set`.
    fn needed(&self, set: Set) -> HashSet<Column> {
        let mut needed: HashSet<Column> = self.schema.columns().into_iter().collect();
        for key in &self.keys {
            if !is_within(self.leaves_of(key), set) {
                needed.extend(self.first_of(key, set).cloned());
            }
        }
        for (condition, about) in &self.conditions {
            if !is_within(*about, set) {
                needed.extend(condition.column_refs().into_iter().cloned());
            }
        }
        needed
    }

    fn leaves_of(&self, key: &[Column]) -> Set {
        key.iter()
            .fold(0, |all, column| all | 1 << self.columns[column])
    }

    /// The column of `key` that stands for all of them in the join of `set`.
    fn first_of<'a>(&self, key: &'a [Column], set: Set) -> Option<&'a Column> {
        let there = key.iter().filter(|c| is_within(1 << self.columns[*c], set));
        there.min_by_key(|c| self.columns[*c])
    }
}

fn is_within(part: Set, set: Set) -> bool {
    part & !set == 0
}

/// Columns that equal each other, directly or by way of others; none if two of them are of one leaf, whose equality
/// would be lost.
fn keys(
    equal: Vec<(Column, Column)>,
    columns: &HashMap<Column, usize>,
) -> Option<Vec<Vec<Column>>> {
    let mut keys: Vec<Vec<Column>> = vec![];
    for (a, b) in equal {
        let mut joined = vec![a, b];
        keys.retain(|key| {
            let apart = key.iter().all(|column| !joined.contains(column));
            if !apart {
                joined.extend(
                    key.iter()
                        .filter(|c| !joined.contains(c))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
            apart
        });
        keys.push(joined);
    }
    for key in &keys {
        let leaves: Option<HashSet<_>> = key.iter().map(|column| columns.get(column)).collect();
        if leaves?.len() < key.len() {
            return None;
        }
    }
    Some(keys)
}
