//! Rows as they come.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_pyarrow::{IntoPyArrow, PyArrowType};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use springald_core::engine_message;

use crate::error::{Failure, Result};
use crate::run::{RUNTIME, wait};

/// To be read once, batch by batch or through the Arrow C stream interface.
#[pyclass(frozen, module = "springald._internal")]
pub(crate) struct RowStream {
    schema: SchemaRef,
    rows: Arc<Mutex<Option<SendableRecordBatchStream>>>,
}

impl RowStream {
    pub(crate) fn new(rows: SendableRecordBatchStream) -> Self {
        Self {
            schema: rows.schema(),
            rows: Arc::new(Mutex::new(Some(rows))),
        }
    }
}

#[pymethods]
impl RowStream {
    fn schema(&self) -> PyArrowType<Schema> {
        PyArrowType(self.schema.as_ref().clone())
    }

    fn next<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyAny>>> {
        let Some(mut rows) = self.rows.lock().take() else {
            return Ok(None);
        };
        let next = wait(py, async {
            let next = rows.next().await.transpose();
            next.map(|batch| (batch, rows))
        });
        match next? {
            (None, _) => Ok(None),
            (Some(batch), rows) => {
                *self.rows.lock() = Some(rows);
                Ok(Some(batch.into_pyarrow(py)?))
            }
        }
    }

    fn close(&self, py: Python<'_>) {
        let rows = self.rows.lock().take();
        py.detach(|| RUNTIME.block_on(async { drop(rows) }));
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let reader = Reader {
            schema: Arc::clone(&self.schema),
            rows: self.rows.lock().take(),
        };
        let reader: Box<dyn RecordBatchReader + Send> = Box::new(reader);
        let reader = reader.into_pyarrow(py)?;
        let name = PyString::new(py, "__arrow_c_stream__");
        Ok(reader.call_method1(name, (requested_schema,))?)
    }
}

/// For readers that know nothing of Python: they hold no lock of its while they wait.
struct Reader {
    schema: SchemaRef,
    rows: Option<SendableRecordBatchStream>,
}

impl Iterator for Reader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = self.rows.take()?;
        let next = Python::attach(|py| {
            wait(py, async {
                let next = rows.next().await.transpose();
                next.map(|batch| (batch, rows))
            })
        });
        match next {
            Ok((None, _)) => None,
            Ok((Some(batch), rows)) => {
                self.rows = Some(rows);
                Some(Ok(batch))
            }
            Err(Failure::Python(e)) => Some(Err(ArrowError::ExternalError(Box::new(e)))),
            Err(Failure::Engine(e)) => Some(Err(ArrowError::ExternalError(match e {
                springald_core::Error::Engine(e) => engine_message(&e).into(),
                e => e.message().into(),
            }))),
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
