//! A session on a master.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatchReader;
use arrow::datatypes::Schema;
use arrow::ffi_stream::ArrowArrayStreamReader;
use arrow_pyarrow::PyArrowType;
use datafusion::catalog::SchemaProvider;
use datafusion::common::TableReference;
use datafusion::datasource::listing::ListingTable;
use parking_lot::Mutex;
use pyo3::prelude::*;
use springald_core::{Error, JobEvent, MasterUrl, Session as Engine};

use crate::error::Result;
use crate::frame::Frame;
use crate::run::{RUNTIME, wait};

#[pyclass(frozen, module = "springald._internal")]
pub(crate) struct Session {
    /// Nothing once it is stopped.
    engine: Mutex<Option<Arc<Engine>>>,
}

impl Session {
    fn engine(&self) -> Result<Arc<Engine>> {
        let engine = self.engine.lock().clone();
        engine.ok_or_else(|| {
            Error::invalid("this session is stopped")
                .with_hint("make another one with SparkSession.builder.getOrCreate()")
                .into()
        })
    }

    fn schema(engine: &Engine) -> Result<Arc<dyn SchemaProvider>> {
        let catalog = engine.context().catalog("datafusion");
        let schema = catalog.and_then(|catalog| catalog.schema("public"));
        schema.ok_or_else(|| Error::failed("the session has no tables").into())
    }
}

/// Names are kept as SQL has them when they are not quoted.
fn named(name: &str) -> TableReference {
    let name = name.to_lowercase();
    match name.split_once('.') {
        Some((schema @ ("global_temp" | "system"), table)) => {
            TableReference::partial(schema, table)
        }
        _ => TableReference::bare(name),
    }
}

#[pymethods]
impl Session {
    #[new]
    fn new(py: Python<'_>, master: &str, conf: Vec<(String, String)>) -> Result<Self> {
        let master: MasterUrl = master.parse()?;
        if matches!(master, MasterUrl::LocalCluster { .. }) {
            name_the_command(py)?;
        }
        let engine = wait(py, Engine::connect(&master, &conf))?;
        Ok(Self {
            engine: Mutex::new(Some(Arc::new(engine))),
        })
    }

    fn another(&self, py: Python<'_>, conf: Vec<(String, String)>) -> Result<Self> {
        let engine = self.engine()?;
        let other = wait(py, engine.another(&conf))?;
        Ok(Self {
            engine: Mutex::new(Some(Arc::new(other))),
        })
    }

    fn master(&self) -> Result<String> {
        Ok(self.engine()?.master().to_string())
    }

    fn id(&self) -> Result<String> {
        Ok(self.engine()?.context().session_id())
    }

    fn workspace(&self) -> Result<String> {
        Ok(self.engine()?.workspace().display().to_string())
    }

    fn rest_url(&self) -> Result<Option<String>> {
        let engine = self.engine()?;
        Ok(engine.cluster().map(|cluster| cluster.rest().base_url()))
    }

    fn cores(&self) -> Result<usize> {
        let engine = self.engine()?;
        Ok(engine.context().state().config().target_partitions())
    }

    fn sql(&self, py: Python<'_>, statement: &str) -> Result<(Frame, Vec<Option<String>>)> {
        let engine = self.engine()?;
        let (frame, texts) = wait(py, engine.spark_sql(statement))?;
        Ok((Frame::entry(engine, frame)?, texts))
    }

    fn table(&self, py: Python<'_>, name: &str) -> Result<Frame> {
        let engine = self.engine()?;
        let frame = wait(py, engine.context().table(named(name)));
        let frame = frame.map_err(|e| match e {
            crate::error::Failure::Engine(e) => engine.explain(e, "").into(),
            e => e,
        });
        let frame = frame?;
        Frame::entry(engine, frame)
    }

    #[pyo3(signature = (paths, format, schema, options))]
    fn read(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
        format: Option<&str>,
        schema: Option<PyArrowType<Schema>>,
        options: Vec<(String, String)>,
    ) -> Result<Frame> {
        let engine = self.engine()?;
        let schema = schema.map(|schema| Arc::new(schema.0));
        let frame = wait(py, engine.read_files(&paths, format, schema, &options))?;
        Frame::entry(engine, frame)
    }

    fn upload(&self, py: Python<'_>, data: PyArrowType<ArrowArrayStreamReader>) -> Result<Frame> {
        let engine = self.engine()?;
        let rows = data.0;
        let mut upload = engine.upload(&rows.schema());
        // The rows may be made by Python as they are asked for, so each batch is taken with its lock held.
        for batch in rows {
            let batch = batch?;
            wait(py, upload.push(&batch))?;
        }
        let frame = wait(py, upload.finish())?;
        Frame::entry(engine, frame)
    }

    #[pyo3(signature = (start, end, step, partitions))]
    fn range(
        &self,
        py: Python<'_>,
        start: i64,
        end: i64,
        step: i64,
        partitions: Option<usize>,
    ) -> Result<Frame> {
        let engine = self.engine()?;
        let frame = wait(py, engine.range(start, end, step, partitions))?;
        Frame::entry(engine, frame)
    }

    fn create_view(&self, name: &str, frame: &Frame, replace: bool) -> Result<()> {
        let engine = self.engine()?;
        let context = engine.context();
        if !replace && context.table_exist(named(name))? {
            return Err(Error::invalid(format!("there is a table `{name}` already"))
                .with_hint("use createOrReplaceTempView")
                .into());
        }
        context.register_table(named(name), frame.dataframe().into_view())?;
        Ok(())
    }

    fn drop_view(&self, name: &str) -> Result<bool> {
        let engine = self.engine()?;
        Ok(engine.context().deregister_table(named(name))?.is_some())
    }

    fn tables(&self, py: Python<'_>) -> Result<Vec<(String, bool)>> {
        let engine = self.engine()?;
        wait(py, async {
            let lasting = match engine.cluster() {
                Some(cluster) => cluster.rest().catalog().await?,
                None => vec![],
            };
            let schema = Self::schema(&engine)?;
            let mut tables = vec![];
            for name in schema.table_names() {
                let is_lasting = lasting.iter().any(|entry| entry.name == name);
                let table = schema.table(&name).await?;
                let is_view =
                    table.is_some_and(|table| table.downcast_ref::<ListingTable>().is_none());
                tables.push((name, is_view && !is_lasting));
            }
            tables.sort();
            Ok::<_, crate::error::Failure>(tables)
        })
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        let entries = self.engine()?.context().state().config_options().entries();
        let entry = entries.into_iter().find(|entry| entry.key == key);
        Ok(entry.and_then(|entry| entry.value))
    }

    fn set(&self, key: &str, value: &str) -> Result<()> {
        Ok(self.engine()?.set(key, value)?)
    }

    fn settings(&self) -> Result<Vec<(String, Option<String>, &'static str)>> {
        let entries = self.engine()?.context().state().config_options().entries();
        let entries = entries.into_iter();
        Ok(entries
            .map(|entry| (entry.key, entry.value, entry.description))
            .collect())
    }

    #[pyo3(signature = (listener))]
    fn listen(&self, listener: Option<Py<PyAny>>) -> Result<()> {
        let engine = self.engine()?;
        let Some(listener) = listener else {
            engine.listen(None);
            return Ok(());
        };
        engine.listen(Some(Arc::new(move |event: &JobEvent| {
            let (what, id) = match event {
                JobEvent::Accepted { id } => ("accepted", id),
                JobEvent::Ended { id } => ("ended", id),
            };
            Python::attach(|py| {
                if let Err(e) = listener.call1(py, (what, id)) {
                    e.write_unraisable(py, None);
                }
            });
        })));
        Ok(())
    }

    fn job(&self, py: Python<'_>, id: &str) -> Result<Option<String>> {
        let engine = self.engine()?;
        let Some(cluster) = engine.cluster() else {
            return Ok(None);
        };
        match wait(py, async { Ok::<_, Error>(cluster.rest().job(id).await) })? {
            Ok(job) => Ok(serde_json::to_string(&job).ok()),
            Err(Error::Invalid { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn stop(&self, py: Python<'_>) {
        let engine = self.engine.lock().take();
        if let Some(engine) = engine {
            py.detach(|| {
                engine.close();
                RUNTIME.block_on(engine.settle());
            });
        }
    }
}

/// An embedded cluster runs the `springald` command that came with this package, whether it is on the path or not.
fn name_the_command(py: Python<'_>) -> PyResult<()> {
    if std::env::var_os("SPRINGALD_BIN").is_some() {
        return Ok(());
    }
    let scripts: PathBuf = py
        .import("sysconfig")?
        .call_method1("get_path", ("scripts",))?
        .extract()?;
    let command = scripts.join("springald");
    if command.is_file() {
        let environment = py.import("os")?.getattr("environ")?;
        environment.set_item("SPRINGALD_BIN", command.display().to_string())?;
    }
    Ok(())
}
