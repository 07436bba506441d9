//! Expressions, made call by call.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayData, make_array};
use arrow::datatypes::{DataType, Field};
use arrow_pyarrow::PyArrowType;
use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, Cast, HigherOrderFunction, InList, Lambda, LambdaVariable, Like,
    NullTreatment, ScalarFunction, Sort, TryCast, WindowFunction,
};
use datafusion::logical_expr::{
    AggregateUDF, Expr as Plan, GroupingSet, HigherOrderUDF, Operator, ScalarUDF, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, WindowUDF, binary_expr,
};
use pyo3::prelude::*;
use springald_core::{Error, nearest, session};

use crate::error::Result;

/// Every function by each of its names.
struct Functions {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    aggregate: HashMap<String, Arc<AggregateUDF>>,
    window: HashMap<String, Arc<WindowUDF>>,
    /// Those that take lambda functions.
    higher_order: HashMap<String, Arc<HigherOrderUDF>>,
}

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let registry = session::function_registry();
    let mut functions = Functions {
        scalar: registry.scalar_functions.clone(),
        aggregate: registry.aggregate_functions.clone(),
        window: registry.window_functions.clone(),
        higher_order: registry.higher_order_functions.clone(),
    };
    for f in registry.scalar_functions.values() {
        for alias in f.aliases() {
            functions
                .scalar
                .entry(alias.clone())
                .or_insert_with(|| Arc::clone(f));
        }
    }
    for f in registry.aggregate_functions.values() {
        for alias in f.aliases() {
            functions
                .aggregate
                .entry(alias.clone())
                .or_insert_with(|| Arc::clone(f));
        }
    }
    for f in registry.window_functions.values() {
        for alias in f.aliases() {
            functions
                .window
                .entry(alias.clone())
                .or_insert_with(|| Arc::clone(f));
        }
    }
    for f in registry.higher_order_functions.values() {
        for alias in f.aliases() {
            functions
                .higher_order
                .entry(alias.clone())
                .or_insert_with(|| Arc::clone(f));
        }
    }
    functions
});

pub(crate) fn function_kinds() -> HashMap<String, &'static str> {
    let functions = &*FUNCTIONS;
    let scalar = functions.scalar.keys().map(|name| (name.clone(), "scalar"));
    let aggregate = functions
        .aggregate
        .keys()
        .map(|name| (name.clone(), "aggregate"));
    let window = functions.window.keys().map(|name| (name.clone(), "window"));
    let higher = functions
        .higher_order
        .keys()
        .map(|name| (name.clone(), "higher_order"));
    scalar
        .chain(higher)
        .chain(window)
        .chain(aggregate)
        .collect()
}

fn found<'a, F>(functions: &'a HashMap<String, F>, name: &str) -> Result<&'a F> {
    functions.get(name).ok_or_else(|| {
        let error = Error::invalid(format!("there is no function `{name}`"));
        match nearest(name, functions.keys().map(String::as_str)) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error,
        }
        .into()
    })
}

#[pyclass(frozen, from_py_object, module = "springald._internal")]
#[derive(Clone)]
pub(crate) struct Expr(pub(crate) Plan);

#[pyclass(frozen, from_py_object, module = "springald._internal")]
#[derive(Clone)]
pub(crate) struct SortExpr(pub(crate) Sort);

pub(crate) fn plans(exprs: Vec<Expr>) -> Vec<Plan> {
    exprs.into_iter().map(|expr| expr.0).collect()
}

pub(crate) fn sorts(exprs: Vec<SortExpr>) -> Vec<Sort> {
    exprs.into_iter().map(|expr| expr.0).collect()
}

fn treatment(ignore_nulls: bool) -> Option<NullTreatment> {
    ignore_nulls.then_some(NullTreatment::IgnoreNulls)
}

#[pymethods]
impl Expr {
    #[staticmethod]
    fn field(name: &str) -> Self {
        Self(Plan::Column(Column::new_unqualified(name)))
    }

    #[staticmethod]
    fn literal(value: PyArrowType<ArrayData>) -> Result<Self> {
        let value = ScalarValue::try_from_array(&make_array(value.0), 0)?;
        Ok(Self(Plan::Literal(value, None)))
    }

    #[staticmethod]
    fn call(function: &str, arguments: Vec<Self>) -> Result<Self> {
        if let Some(function) = FUNCTIONS.higher_order.get(function) {
            let call = HigherOrderFunction::new(Arc::clone(function), plans(arguments));
            return Ok(Self(Plan::HigherOrderFunction(call)));
        }
        let function = Arc::clone(found(&FUNCTIONS.scalar, function)?);
        let call = ScalarFunction::new_udf(function, plans(arguments));
        Ok(Self(Plan::ScalarFunction(call)))
    }

    #[staticmethod]
    fn lambda_(parameters: Vec<String>, body: Self) -> Self {
        Self(Plan::Lambda(Lambda::new(parameters, body.0)))
    }

    #[staticmethod]
    fn variable(name: String, r#type: PyArrowType<DataType>) -> Self {
        let field = Arc::new(Field::new(&name, r#type.0, true));
        Self(Plan::LambdaVariable(LambdaVariable::new(name, Some(field))))
    }

    #[staticmethod]
    #[pyo3(signature = (function, arguments, distinct=false, condition=None, order_by=vec![], ignore_nulls=false))]
    fn aggregate(
        function: &str,
        arguments: Vec<Self>,
        distinct: bool,
        condition: Option<Self>,
        order_by: Vec<SortExpr>,
        ignore_nulls: bool,
    ) -> Result<Self> {
        let function = Arc::clone(found(&FUNCTIONS.aggregate, function)?);
        Ok(Self(Plan::AggregateFunction(AggregateFunction::new_udf(
            function,
            plans(arguments),
            distinct,
            condition.map(|condition| Box::new(condition.0)),
            sorts(order_by),
            treatment(ignore_nulls),
        ))))
    }

    #[staticmethod]
    #[pyo3(signature = (function, arguments, partition_by, order_by, frame=None, ignore_nulls=false))]
    fn window(
        function: &str,
        arguments: Vec<Self>,
        partition_by: Vec<Self>,
        order_by: Vec<SortExpr>,
        frame: Option<(String, Option<i64>, Option<i64>)>,
        ignore_nulls: bool,
    ) -> Result<Self> {
        let definition = match FUNCTIONS.window.get(function) {
            Some(f) => WindowFunctionDefinition::WindowUDF(Arc::clone(f)),
            None => {
                let f = found(&FUNCTIONS.aggregate, function)?;
                WindowFunctionDefinition::AggregateUDF(Arc::clone(f))
            }
        };
        let mut call = WindowFunction::new(definition, plans(arguments));
        let params = &mut call.params;
        params.partition_by = plans(partition_by);
        params.order_by = sorts(order_by);
        params.null_treatment = treatment(ignore_nulls);
        params.window_frame = match frame {
            Some((units, start, end)) => window_frame(&units, start, end)?,
            None => WindowFrame::new((!params.order_by.is_empty()).then_some(false)),
        };
        Ok(Self(Plan::from(call)))
    }

    #[staticmethod]
    fn case(base: Option<Self>, branches: Vec<(Self, Self)>, otherwise: Option<Self>) -> Self {
        let branches = branches.into_iter();
        Self(Plan::Case(Case::new(
            base.map(|base| Box::new(base.0)),
            branches
                .map(|(when, then)| (Box::new(when.0), Box::new(then.0)))
                .collect(),
            otherwise.map(|otherwise| Box::new(otherwise.0)),
        )))
    }

    #[staticmethod]
    fn grouping_sets(kind: &str, groups: Vec<Self>) -> Result<Self> {
        let groups = plans(groups);
        Ok(Self(Plan::GroupingSet(match kind {
            "rollup" => GroupingSet::Rollup(groups),
            "cube" => GroupingSet::Cube(groups),
            _ => return Err(Error::invalid(format!("`{kind}` is no grouping")).into()),
        })))
    }

    fn binary(&self, operator: &str, other: Self) -> Result<Self> {
        let operator = match operator {
            "+" => Operator::Plus,
            "-" => Operator::Minus,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Modulo,
            "=" => Operator::Eq,
            "!=" => Operator::NotEq,
            "<" => Operator::Lt,
            "<=" => Operator::LtEq,
            ">" => Operator::Gt,
            ">=" => Operator::GtEq,
            "and" => Operator::And,
            "or" => Operator::Or,
            "&" => Operator::BitwiseAnd,
            "|" => Operator::BitwiseOr,
            "^" => Operator::BitwiseXor,
            "<<" => Operator::BitwiseShiftLeft,
            ">>" => Operator::BitwiseShiftRight,
            "||" => Operator::StringConcat,
            "is_distinct" => Operator::IsDistinctFrom,
            "is_not_distinct" => Operator::IsNotDistinctFrom,
            "~" => Operator::RegexMatch,
            _ => return Err(Error::invalid(format!("`{operator}` is no operator")).into()),
        };
        Ok(Self(binary_expr(self.0.clone(), operator, other.0)))
    }

    fn unary(&self, operator: &str) -> Result<Self> {
        let operand = Box::new(self.0.clone());
        Ok(Self(match operator {
            "not" => Plan::Not(operand),
            "negative" => Plan::Negative(operand),
            "is_null" => Plan::IsNull(operand),
            "is_not_null" => Plan::IsNotNull(operand),
            "is_true" => Plan::IsTrue(operand),
            "is_false" => Plan::IsFalse(operand),
            _ => return Err(Error::invalid(format!("`{operator}` is no operator")).into()),
        }))
    }

    #[pyo3(signature = (pattern, negated=false, case_insensitive=false, escape=None))]
    fn like(
        &self,
        pattern: Self,
        negated: bool,
        case_insensitive: bool,
        escape: Option<char>,
    ) -> Self {
        let (text, pattern) = (Box::new(self.0.clone()), Box::new(pattern.0));
        Self(Plan::Like(Like::new(
            negated,
            text,
            pattern,
            escape,
            case_insensitive,
        )))
    }

    #[pyo3(signature = (values, negated=false))]
    fn in_list(&self, values: Vec<Self>, negated: bool) -> Self {
        let value = Box::new(self.0.clone());
        Self(Plan::InList(InList::new(value, plans(values), negated)))
    }

    #[pyo3(signature = (to, safe=false))]
    fn cast(&self, to: PyArrowType<DataType>, safe: bool) -> Self {
        let value = Box::new(self.0.clone());
        Self(match safe {
            true => Plan::TryCast(TryCast::new(value, to.0)),
            false => Plan::Cast(Cast::new(value, to.0)),
        })
    }

    fn alias(&self, name: &str) -> Self {
        Self(self.0.clone().alias(name))
    }

    fn sort(&self, ascending: bool, nulls_first: bool) -> SortExpr {
        SortExpr(self.0.clone().sort(ascending, nulls_first))
    }

    fn member(&self, name: &str) -> Self {
        Self(get_field(self.0.clone(), name))
    }

    fn contains_aggregate(&self) -> Result<bool> {
        self.contains(|expr| matches!(expr, Plan::AggregateFunction(_)))
    }

    fn contains_window(&self) -> Result<bool> {
        self.contains(|expr| matches!(expr, Plan::WindowFunction(_)))
    }

    fn __repr__(&self) -> String {
        self.0.to_string()
    }
}

impl Expr {
    fn contains(&self, wanted: impl Fn(&Plan) -> bool) -> Result<bool> {
        use datafusion::common::tree_node::TreeNode;
        Ok(self.0.exists(|expr| Ok(wanted(expr)))?)
    }
}

/// Bounds count from the current row.
fn window_frame(units: &str, start: Option<i64>, end: Option<i64>) -> Result<WindowFrame> {
    let units = match units {
        "rows" => WindowFrameUnits::Rows,
        "range" => WindowFrameUnits::Range,
        _ => return Err(Error::invalid(format!("`{units}` is no unit of a window frame")).into()),
    };
    let distance = |rows: Option<u64>| match units {
        WindowFrameUnits::Rows => ScalarValue::UInt64(rows),
        // The type of the order, which is not known yet, is what it becomes.
        _ => ScalarValue::Utf8(rows.map(|n| n.to_string())),
    };
    let bound = |at: i64| match at {
        0 => WindowFrameBound::CurrentRow,
        before if before < 0 => WindowFrameBound::Preceding(distance(Some(before.unsigned_abs()))),
        after => WindowFrameBound::Following(distance(Some(after.unsigned_abs()))),
    };
    let unbounded = || match units {
        WindowFrameUnits::Rows => ScalarValue::UInt64(None),
        _ => ScalarValue::Null,
    };
    let start = start.map_or_else(|| WindowFrameBound::Preceding(unbounded()), bound);
    let end = end.map_or_else(|| WindowFrameBound::Following(unbounded()), bound);
    Ok(WindowFrame::new_bounds(units, start, end))
}
