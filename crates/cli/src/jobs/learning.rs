//! What the jobs that fit models have in common: their input, and where their models go.

use std::path::PathBuf;

use datafusion::arrow::datatypes::Field;
use datafusion::dataframe::DataFrame;
use springald_core::{Session, nearest};
use springald_ml::vectors::Vectors;
use springald_ml::{Features, HandleInvalid, MlError};

use crate::error::{Error, Result};
use crate::output::{OutputPath, write_output};

/// The column of vectors that a libsvm file has.
const VECTOR: &str = "features";

#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// Parquet, CSV, JSON or libsvm: a file, a folder or a glob
    path: String,

    /// What the files are, whatever their ending says: parquet, csv, json, libsvm, …
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<String>,

    /// Columns of numbers, or one column of vectors [default: the vectors called `features`, as libsvm files have them]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    features: Vec<String>,

    /// A column of weights: a row of weight 2 counts as two rows
    #[arg(long, value_name = "COLUMN")]
    pub(super) weight: Option<String>,

    /// Leave out rows with a null, NaN or infinity, which are an error otherwise
    #[arg(long)]
    skip_invalid: bool,

    /// Save the model in this folder
    #[arg(long, value_name = "FOLDER")]
    model_out: Option<PathBuf>,

    /// Replace a model that is there already
    #[arg(long, requires = "model_out")]
    overwrite: bool,

    /// Write the rows with their predictions to this file, in the format of its ending
    #[arg(long, value_name = "FILE")]
    predictions: Option<OutputPath>,
}

impl DataArgs {
    /// The rows, and which of their columns are the features.
    pub(super) async fn read(&self, session: &Session) -> Result<(DataFrame, Features)> {
        let frame = session
            .read(&self.path, self.input_format.as_deref())
            .await?;
        let features = self.features_of(&frame)?;
        if let Some(weight) = &self.weight {
            column(&frame, weight, "--weight")?;
        }
        Ok((frame, features))
    }

    pub(super) fn handle_invalid(&self) -> HandleInvalid {
        match self.skip_invalid {
            true => HandleInvalid::Skip,
            false => HandleInvalid::Error,
        }
    }

    /// Saves a model with `save`, which takes a folder and whether to replace one, if the user asked for it.
    pub(super) fn save(
        &self,
        save: impl FnOnce(&PathBuf, bool) -> springald_ml::Result<()>,
    ) -> Result<()> {
        match &self.model_out {
            Some(folder) => save(folder, self.overwrite).map_err(failed),
            None => Ok(()),
        }
    }

    /// Writes the rows with their predictions, if the user asked for them.
    pub(super) async fn write_predictions(
        &self,
        predict: impl FnOnce() -> springald_ml::Result<DataFrame>,
    ) -> Result<()> {
        if let Some(file) = &self.predictions {
            let rows = predict().map_err(failed)?.execute_stream().await?;
            write_output(rows, file).await?;
        }
        Ok(())
    }

    fn features_of(&self, frame: &DataFrame) -> Result<Features> {
        let is_vector = |field: &Field| Vectors::is_vector(field.data_type());
        match self.features.as_slice() {
            [] => {
                let fields = frame.schema().fields();
                let mut named = fields.iter().filter(|field| field.name() == VECTOR);
                if named.any(|field| is_vector(field)) {
                    return Ok(Features::Vector(VECTOR.to_owned()));
                }
                let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
                Err(Error::usage(
                    format!("{} has no column of vectors called `{VECTOR}`", self.path),
                    format!(
                        "name the columns that are features: --features A,B,C; there are {}",
                        names.join(", ")
                    ),
                ))
            }
            [one] if is_vector(column(frame, one, "--features")?) => {
                Ok(Features::Vector(one.clone()))
            }
            names => {
                for name in names {
                    column(frame, name, "--features")?;
                }
                Ok(Features::Columns(names.to_vec()))
            }
        }
    }
}

/// The column of that name, which `flag` asks for.
pub(super) fn column<'a>(frame: &'a DataFrame, name: &str, flag: &str) -> Result<&'a Field> {
    let fields = frame.schema().fields();
    if let Some(field) = fields.iter().find(|field| field.name() == name) {
        return Ok(field);
    }
    let names = fields.iter().map(|field| field.name().as_str());
    let hint = match nearest(name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(Error::usage(
        format!("{flag}: there is no column `{name}`"),
        hint,
    ))
}

/// An error of a fit, in the words of the command line.
pub(super) fn failed(e: MlError) -> Error {
    match e {
        MlError::Invalid(message) => Error::invalid(message),
        MlError::Engine(e) => e.into(),
    }
}
