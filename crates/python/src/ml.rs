//! Estimators, models and evaluators. Parameters come as a dict by Spark ML's names, checked by the package for their
//! types; columns are fields of the frame.

use datafusion::logical_expr::ExprSchemable;
use datafusion::prelude::{DataFrame, ident};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use springald_ml::{
    ClusteringEvaluator, Features, KMeans, LinearRegression, RegressionEvaluator, StandardScaler,
    VectorAssembler, dense_vectors, vectors::Vectors,
};

use crate::error::Result;
use crate::frame::Frame;
use crate::run::wait;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LinearRegressionModel>()?;
    module.add_class::<KMeansModel>()?;
    module.add_class::<StandardScalerModel>()?;
    module.add_function(wrap_pyfunction!(fit_linear_regression, module)?)?;
    module.add_function(wrap_pyfunction!(fit_linear_regression_path, module)?)?;
    module.add_function(wrap_pyfunction!(fit_k_means, module)?)?;
    module.add_function(wrap_pyfunction!(fit_standard_scaler, module)?)?;
    module.add_function(wrap_pyfunction!(assemble_vectors, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate_regression, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate_clustering, module)?)?;
    module.add_function(wrap_pyfunction!(random_split, module)?)
}

/// The value of a parameter, which must be there.
fn value<'py, T: FromPyObjectOwned<'py>>(params: &Bound<'py, PyDict>, name: &str) -> PyResult<T> {
    let value = params
        .get_item(name)?
        .ok_or_else(|| PyKeyError::new_err(format!("no {name} is given")))?;
    value.extract().map_err(Into::into)
}

fn features(params: &Bound<'_, PyDict>) -> PyResult<Features> {
    Ok(Features::Vector(value(params, "featuresCol")?))
}

#[pyclass(frozen, module = "springald._internal")]
struct LinearRegressionModel(springald_ml::LinearRegressionModel);

#[pymethods]
impl LinearRegressionModel {
    fn coefficients(&self) -> Vec<f64> {
        self.0.coefficients().to_vec()
    }

    fn intercept(&self) -> f64 {
        self.0.intercept()
    }

    fn scale(&self) -> f64 {
        self.0.scale()
    }

    fn num_features(&self) -> usize {
        self.0.num_features()
    }

    fn predict(&self, features: Vec<f64>) -> Result<f64> {
        Ok(self.0.predict(&features)?)
    }

    fn transform(&self, frame: &Frame, features: String, prediction: &str) -> Result<Frame> {
        let model = self.0.clone();
        let model = model.with_columns(Features::Vector(features), prediction);
        Ok(frame.with(model.transform(frame.dataframe())?))
    }

    fn summary<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>> {
        let Some(summary) = self.0.summary() else {
            return Ok(None);
        };
        let values = PyDict::new(py);
        values.set_item("numInstances", summary.num_instances())?;
        values.set_item("degreesOfFreedom", summary.degrees_of_freedom())?;
        values.set_item("rootMeanSquaredError", summary.root_mean_squared_error())?;
        values.set_item("meanSquaredError", summary.mean_squared_error())?;
        values.set_item("r2", summary.r2())?;
        values.set_item("r2adj", summary.r2adj())?;
        values.set_item("explainedVariance", summary.explained_variance())?;
        values.set_item("objectiveHistory", summary.objective_history().to_vec())?;
        values.set_item("totalIterations", summary.total_iterations())?;
        for (name, list) in [
            (
                "coefficientStandardErrors",
                summary.coefficient_standard_errors(),
            ),
            ("tValues", summary.t_values()),
            ("pValues", summary.p_values()),
        ] {
            match list {
                Ok(list) => values.set_item(name, list)?,
                Err(reason) => values.set_item(name, reason.to_string())?,
            }
        }
        Ok(Some(values))
    }

    fn save(&self, py: Python<'_>, path: &str, overwrite: bool) -> Result<()> {
        Ok(py.detach(|| self.0.save(path, overwrite))?)
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: &str) -> Result<Self> {
        let model = py.detach(|| springald_ml::LinearRegressionModel::load(path));
        Ok(Self(model?))
    }
}

#[pyclass(frozen, module = "springald._internal")]
struct KMeansModel(springald_ml::KMeansModel);

#[pymethods]
impl KMeansModel {
    fn centres(&self) -> Vec<Vec<f64>> {
        let centres = self.0.centres();
        centres.into_iter().map(<[f64]>::to_vec).collect()
    }

    fn distance_measure(&self) -> &'static str {
        self.0.distance_measure().name()
    }

    fn predict(&self, features: Vec<f64>) -> Result<usize> {
        Ok(self.0.predict(&features)?)
    }

    fn transform(&self, frame: &Frame, features: String, prediction: String) -> Result<Frame> {
        let mut model = self.0.clone();
        model.features = Features::Vector(features);
        model.prediction_col = prediction;
        Ok(frame.with(model.transform(frame.dataframe())?))
    }

    fn summary<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>> {
        let Some(summary) = self.0.summary() else {
            return Ok(None);
        };
        let values = PyDict::new(py);
        values.set_item("clusterSizes", summary.cluster_sizes.clone())?;
        values.set_item("trainingCost", summary.training_cost)?;
        values.set_item("numIter", summary.iterations)?;
        values.set_item("converged", summary.converged)?;
        Ok(Some(values))
    }

    fn save(&self, py: Python<'_>, path: &str, overwrite: bool) -> Result<()> {
        Ok(py.detach(|| self.0.save(path, overwrite))?)
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: &str) -> Result<Self> {
        let model = py.detach(|| springald_ml::KMeansModel::load(path));
        Ok(Self(model?))
    }
}

#[pyclass(frozen, module = "springald._internal")]
struct StandardScalerModel(springald_ml::StandardScalerModel);

#[pymethods]
impl StandardScalerModel {
    fn mean(&self) -> Vec<f64> {
        self.0.mean().to_vec()
    }

    fn std(&self) -> Vec<f64> {
        self.0.std().to_vec()
    }

    fn transform(&self, frame: &Frame, input: String, output: String) -> Result<Frame> {
        let mut model = self.0.clone();
        model.input_col = input;
        model.output_col = output;
        Ok(frame.with(model.transform(frame.dataframe())?))
    }

    fn save(&self, py: Python<'_>, path: &str, overwrite: bool) -> Result<()> {
        Ok(py.detach(|| self.0.save(path, overwrite))?)
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: &str) -> Result<Self> {
        let model = py.detach(|| springald_ml::StandardScalerModel::load(path));
        Ok(Self(model?))
    }
}

fn linear_regression(params: &Bound<'_, PyDict>) -> Result<LinearRegression> {
    let label_col: String = value(params, "labelCol")?;
    Ok(LinearRegression {
        weight_col: value(params, "weightCol")?,
        reg_param: value(params, "regParam")?,
        elastic_net_param: value(params, "elasticNetParam")?,
        fit_intercept: value(params, "fitIntercept")?,
        standardization: value(params, "standardization")?,
        max_iter: value(params, "maxIter")?,
        tol: value(params, "tol")?,
        solver: value::<String>(params, "solver")?.parse()?,
        ..LinearRegression::new(features(params)?, label_col)
    })
}

#[pyfunction]
fn fit_linear_regression(
    py: Python<'_>,
    frame: &Frame,
    params: &Bound<'_, PyDict>,
) -> Result<LinearRegressionModel> {
    let estimator = linear_regression(params)?;
    let model = wait(py, estimator.fit(frame.dataframe()))?;
    Ok(LinearRegressionModel(model))
}

/// What cross-validation found for a pair of penalties: both, and the mean and standard deviation of the errors.
type Point = (f64, f64, f64, f64);

#[pyfunction]
fn fit_linear_regression_path(
    py: Python<'_>,
    frame: &Frame,
    params: &Bound<'_, PyDict>,
    reg_params: Vec<f64>,
    elastic_net_params: Vec<f64>,
    folds: usize,
    seed: i64,
) -> Result<(Vec<Point>, LinearRegressionModel)> {
    let estimator = linear_regression(params)?;
    let (data, seed) = (frame.dataframe(), seed.cast_unsigned());
    let path = wait(
        py,
        estimator.path(data, &reg_params, &elastic_net_params, folds, seed),
    )?;
    let points = path.points.iter().map(|point| {
        let (mean, std) = (point.cv_rmse_mean, point.cv_rmse_std);
        (point.reg_param, point.elastic_net_param, mean, std)
    });
    Ok((points.collect(), LinearRegressionModel(path.best_model)))
}

#[pyfunction]
fn fit_k_means(py: Python<'_>, frame: &Frame, params: &Bound<'_, PyDict>) -> Result<KMeansModel> {
    let estimator = KMeans {
        k: value(params, "k")?,
        max_iter: value(params, "maxIter")?,
        tol: value(params, "tol")?,
        seed: value(params, "seed")?,
        init_mode: value::<String>(params, "initMode")?.parse()?,
        init_steps: value(params, "initSteps")?,
        distance_measure: value::<String>(params, "distanceMeasure")?.parse()?,
        weight_col: value(params, "weightCol")?,
        ..KMeans::new(features(params)?)
    };
    let model = wait(py, estimator.fit(frame.dataframe()))?;
    Ok(KMeansModel(model))
}

#[pyfunction]
fn fit_standard_scaler(
    py: Python<'_>,
    frame: &Frame,
    params: &Bound<'_, PyDict>,
) -> Result<StandardScalerModel> {
    let input_col: String = value(params, "inputCol")?;
    let estimator = StandardScaler {
        with_mean: value(params, "withMean")?,
        with_std: value(params, "withStd")?,
        ..StandardScaler::new(input_col, "scaled")
    };
    let model = wait(py, estimator.fit(frame.dataframe()))?;
    Ok(StandardScalerModel(model))
}

#[pyfunction]
fn assemble_vectors(
    py: Python<'_>,
    frame: &Frame,
    inputs: Vec<String>,
    output: String,
    handle_invalid: &str,
) -> Result<Frame> {
    let handle_invalid = handle_invalid.parse()?;
    let data = frame.dataframe();
    let kept = data.schema().fields().iter();
    let kept: Vec<String> = kept.map(|field| field.name().clone()).collect();
    let (data, inputs) = wait(py, with_dense(data, inputs))?;
    let assembler = VectorAssembler {
        input_cols: inputs,
        output_col: output.clone(),
        handle_invalid,
    };
    let assembled = assembler.transform(data)?;
    let columns = kept.iter().chain([&output]).map(ident);
    let columns: Vec<_> = columns.collect();
    Ok(frame.with(assembled.select(columns)?))
}

/// A frame that has, for each input of vectors whose type does not tell their length, a column of dense ones.
async fn with_dense(
    mut data: DataFrame,
    mut inputs: Vec<String>,
) -> springald_ml::Result<(DataFrame, Vec<String>)> {
    for (at, input) in inputs.iter_mut().enumerate() {
        let data_type = ident(input.as_str()).get_type(data.schema())?;
        if !Vectors::is_vector(&data_type) {
            continue;
        }
        let dense = dense_vectors(&data, input).await?;
        if dense != ident(input.as_str()) {
            *input = format!("{input}#dense{at}");
            data = data.with_column(input, dense)?;
        }
    }
    Ok((data, inputs))
}

#[pyfunction]
fn evaluate_regression(py: Python<'_>, frame: &Frame, params: &Bound<'_, PyDict>) -> Result<f64> {
    let evaluator = RegressionEvaluator {
        metric: value::<String>(params, "metricName")?.parse()?,
        label_col: value(params, "labelCol")?,
        prediction_col: value(params, "predictionCol")?,
        weight_col: value(params, "weightCol")?,
        through_origin: value(params, "throughOrigin")?,
        ..RegressionEvaluator::default()
    };
    wait(py, evaluator.evaluate(frame.dataframe()))
}

#[pyfunction]
fn evaluate_clustering(py: Python<'_>, frame: &Frame, params: &Bound<'_, PyDict>) -> Result<f64> {
    let evaluator = ClusteringEvaluator {
        prediction_col: value(params, "predictionCol")?,
        distance_measure: value::<String>(params, "distanceMeasure")?.parse()?,
        weight_col: value(params, "weightCol")?,
        ..ClusteringEvaluator::new(features(params)?)
    };
    wait(py, evaluator.evaluate(frame.dataframe()))
}

#[pyfunction]
fn random_split(frame: &Frame, weights: Vec<f64>, seed: i64) -> Result<Vec<Frame>> {
    let parts = springald_ml::random_split(&frame.dataframe(), &weights, seed)?;
    Ok(parts.into_iter().map(|part| frame.with(part)).collect())
}
