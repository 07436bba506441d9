//! Plans, and what is done with them.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Schema};
use arrow_pyarrow::PyArrowType;
use datafusion::common::{Column, JoinType, NullHandling, UnnestOptions};
use datafusion::logical_expr::{Expr as Plan, ExprSchemable, LogicalPlanBuilder, Partitioning};
use datafusion::prelude::DataFrame;
use pyo3::prelude::*;
use springald_core::{Error, Session};

use crate::aggregate::aggregate;
use crate::error::Result;
use crate::expr::{Expr, SortExpr, plans, sorts};
use crate::parse::{Name, parse};
use crate::run::wait;
use crate::stream::RowStream;

/// A lazy plan of a session, with unique and unqualified names of fields.
#[pyclass(frozen, module = "springald._internal")]
pub(crate) struct Frame {
    session: Arc<Session>,
    frame: DataFrame,
    /// What the fields were called before they were made unique, if that is something else.
    names: Option<Vec<String>>,
}

impl Frame {
    /// A frame as the engine gives it: its fields may have qualifiers, and names in common.
    pub(crate) fn entry(session: Arc<Session>, frame: DataFrame) -> Result<Self> {
        let schema = frame.schema();
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let mut unique: Vec<String> = vec![];
        for name in &names {
            let mut candidate = name.clone();
            let mut n = 0;
            while unique.contains(&candidate) || (n > 0 && names.contains(&candidate)) {
                n += 1;
                candidate = format!("{name}#{n}");
            }
            unique.push(candidate);
        }
        let qualified = schema.iter().any(|(qualifier, _)| qualifier.is_some());
        if !qualified && unique == names {
            let names = None;
            return Ok(Self {
                session,
                frame,
                names,
            });
        }
        let columns = schema.columns().into_iter().zip(&unique);
        let columns: Vec<Plan> = columns
            .map(|(column, name)| Plan::Column(column).alias(name))
            .collect();
        Ok(Self {
            session,
            frame: frame.select(columns)?,
            names: (unique != names).then_some(names),
        })
    }

    /// The plan, to make another one of it.
    pub(crate) fn dataframe(&self) -> DataFrame {
        self.frame.clone()
    }

    /// Another frame of the same session.
    pub(crate) fn with(&self, frame: DataFrame) -> Self {
        Self {
            session: Arc::clone(&self.session),
            frame,
            names: None,
        }
    }

    fn fields(&self) -> Vec<String> {
        let fields = self.frame.schema().fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn build(&self, builder: LogicalPlanBuilder) -> Result<Self> {
        let (state, _) = self.dataframe().into_parts();
        Ok(self.with(DataFrame::new(state, builder.build()?)))
    }
}

#[pymethods]
impl Frame {
    fn schema(&self) -> PyArrowType<Schema> {
        PyArrowType(self.frame.schema().as_arrow().clone())
    }

    fn names(&self) -> Vec<String> {
        match &self.names {
            Some(names) => names.clone(),
            None => self.fields(),
        }
    }

    fn get(&self, key: &str) -> Option<String> {
        let entries = self.session.context().state().config_options().entries();
        let entry = entries.into_iter().find(|entry| entry.key == key);
        entry.and_then(|entry| entry.value)
    }

    fn type_of(&self, expr: Expr) -> Result<(PyArrowType<DataType>, bool)> {
        let (_, field) = expr.0.to_field(self.frame.schema())?;
        let data_type = field.data_type().clone();
        Ok((PyArrowType(data_type), field.is_nullable()))
    }

    fn parse(&self, sql: &str, names: Vec<Name>) -> Result<Expr> {
        let state = self.session.context().state();
        let parsed = parse(&state, sql, &names, self.frame.schema());
        parsed.map(Expr).map_err(|e| match e {
            crate::error::Failure::Engine(e) => self.session.explain(e, sql).into(),
            e => e,
        })
    }

    fn select(&self, exprs: Vec<Expr>) -> Result<Self> {
        Ok(self.with(self.dataframe().select(plans(exprs))?))
    }

    fn filter(&self, condition: Expr) -> Result<Self> {
        Ok(self.with(self.dataframe().filter(condition.0)?))
    }

    fn aggregate(&self, groups: Vec<Expr>, aggregates: Vec<Expr>) -> Result<Self> {
        let aggregated = aggregate(self.dataframe(), plans(groups), plans(aggregates))?;
        Ok(self.with(aggregated))
    }

    fn sort(&self, by: Vec<SortExpr>) -> Result<Self> {
        Ok(self.with(self.dataframe().sort(sorts(by))?))
    }

    #[pyo3(signature = (skip, fetch))]
    fn limit(&self, skip: usize, fetch: Option<usize>) -> Result<Self> {
        Ok(self.with(self.dataframe().limit(skip, fetch)?))
    }

    #[pyo3(signature = (other, how, condition))]
    fn join(&self, other: &Self, how: &str, condition: Option<Expr>) -> Result<Self> {
        let how = match how {
            "inner" => JoinType::Inner,
            "left" => JoinType::Left,
            "right" => JoinType::Right,
            "full" => JoinType::Full,
            "left_semi" => JoinType::LeftSemi,
            "left_anti" => JoinType::LeftAnti,
            _ => return Err(Error::invalid(format!("`{how}` is no kind of join")).into()),
        };
        let joined = self
            .dataframe()
            .join_on(other.dataframe(), how, condition.map(|c| c.0))?;
        Ok(self.with(joined))
    }

    fn union(&self, other: &Self) -> Result<Self> {
        Ok(self.with(self.dataframe().union(other.dataframe())?))
    }

    fn intersect(&self, other: &Self, distinct: bool) -> Result<Self> {
        let (left, right) = (self.dataframe(), other.dataframe());
        Ok(self.with(match distinct {
            true => left.intersect_distinct(right)?,
            false => left.intersect(right)?,
        }))
    }

    fn except_(&self, other: &Self, distinct: bool) -> Result<Self> {
        let (left, right) = (self.dataframe(), other.dataframe());
        Ok(self.with(match distinct {
            true => left.except_distinct(right)?,
            false => left.except(right)?,
        }))
    }

    fn distinct(&self) -> Result<Self> {
        Ok(self.with(self.dataframe().distinct()?))
    }

    fn distinct_on(&self, fields: Vec<String>) -> Result<Self> {
        let column = |name: &String| Plan::Column(Column::new_unqualified(name));
        let all = self.fields().iter().map(column).collect();
        let on = fields.iter().map(column).collect();
        Ok(self.with(self.dataframe().distinct_on(on, all, None)?))
    }

    fn unnest(&self, field: &str, keep_nulls: bool) -> Result<Self> {
        let nulls = match keep_nulls {
            true => NullHandling::PreserveAndExpandEmpty,
            false => NullHandling::Drop,
        };
        let options = UnnestOptions::new().with_null_handling(nulls);
        let builder = LogicalPlanBuilder::from(self.frame.logical_plan().clone());
        let column = Column::new_unqualified(field);
        self.build(builder.unnest_columns_with_options(vec![column], options)?)
    }

    fn repartition(&self, count: usize, by: Vec<Expr>) -> Result<Self> {
        let partitioning = match by.is_empty() {
            true => Partitioning::RoundRobinBatch(count),
            false => Partitioning::Hash(plans(by), count),
        };
        Ok(self.with(self.dataframe().repartition(partitioning)?))
    }

    fn cache(&self, py: Python<'_>) -> Result<Self> {
        let cached = wait(py, self.dataframe().cache())?;
        Self::entry(Arc::clone(&self.session), cached)
    }

    fn explain(&self, py: Python<'_>, kind: &str) -> Result<String> {
        let plan = self.frame.logical_plan();
        match kind {
            "logical" => return Ok(plan.display_indent().to_string()),
            "optimized" => {
                let plan = self.dataframe().into_optimized_plan()?;
                return Ok(plan.display_indent().to_string());
            }
            _ => {}
        }
        let explained = self.dataframe().explain(false, kind == "analyze")?;
        let rows = wait(py, explained.collect())?;
        let wanted = match kind {
            "analyze" => "Plan with Metrics",
            _ => "physical_plan",
        };
        let mut text = String::new();
        for batch in &rows {
            let (kinds, plans) = (
                batch.column(0).as_string::<i32>(),
                batch.column(1).as_string::<i32>(),
            );
            for (kind, plan) in kinds.iter().zip(plans) {
                if kind == Some(wanted) {
                    text.push_str(plan.unwrap_or_default());
                }
            }
        }
        Ok(text)
    }

    fn stream(&self, py: Python<'_>) -> Result<RowStream> {
        let rows = wait(py, self.dataframe().execute_stream())?;
        Ok(RowStream::new(rows))
    }

    fn write(
        &self,
        py: Python<'_>,
        path: &str,
        format: &str,
        mode: &str,
        partition_by: Vec<String>,
        options: Vec<(String, String)>,
    ) -> Result<u64> {
        let mode = mode.parse()?;
        let frame = self.dataframe();
        let session = &self.session;
        wait(
            py,
            session.write_files(frame, path, format, mode, partition_by, &options),
        )
    }

    fn save_as_table(&self, py: Python<'_>, name: &str, mode: &str) -> Result<()> {
        let mode = mode.parse()?;
        let frame = self.dataframe();
        wait(py, self.session.save_as_table(frame, name, mode))
    }
}
