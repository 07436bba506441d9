//! Arrow Flight SQL on the master's port, for tools that speak ADBC or JDBC.
//!
//! ```text
//!  tool ── get_flight_info(sql) ──▶ sessions ─▶ client: a session with this master, as any program has
//!       ◀── columns, a ticket ────                │ plans queries, runs everything else
//!       ── do_get(ticket) ────────▶ client ───────┴─▶ job (guard, records), rows as they come
//!  a program of ours ── do_get(Ballista's ticket) ─▶ proxy
//! ```
//!
//! A query runs when its rows are fetched, and its job ends when the tool lets go of them. That it goes through a
//! [`springald_core::Session`] gives tools the statements, files, settings and messages that programs have. (Ballista's
//! own front end plans with the engine alone, so it has neither writes nor lasting tables, and it takes no token but
//! its own.)

mod client;
mod metadata;
mod sessions;
#[cfg(test)]
mod tests;
mod text;

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandGetCatalogs, CommandGetCrossReference,
    CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
    CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementSubstraitPlan, CommandStatementUpdate,
    DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    IpcMessage, SchemaAsIpc, Ticket,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use springald_core::{Error, MasterUrl, Result as CoreResult, security};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::proxy::{ResultProxy, Rows};
use client::{encoded, refused};
use sessions::Sessions;

/// The master's Flight service: Flight SQL, and results for our own programs.
pub(crate) struct FlightSql {
    proxy: ResultProxy,
    sessions: Arc<Sessions>,
    info: SqlInfoData,
    types: XdbcTypeInfoData,
}

/// How many sessions there are, for whoever shows it.
#[derive(Clone)]
pub(crate) struct SessionCount(Arc<Sessions>);

impl SessionCount {
    pub(crate) fn get(&self) -> usize {
        self.0.count()
    }
}

impl FlightSql {
    /// Flight SQL whose sessions reach this master under `master`.
    pub(crate) fn new(master: MasterUrl) -> CoreResult<Self> {
        let unusable = |e| Error::failed(format!("describing the server for Flight SQL: {e}"));
        Ok(Self {
            proxy: ResultProxy::default(),
            sessions: Sessions::new(master),
            info: metadata::sql_info().map_err(unusable)?,
            types: metadata::type_info().map_err(unusable)?,
        })
    }

    pub(crate) fn session_count(&self) -> SessionCount {
        SessionCount(Arc::clone(&self.sessions))
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// Where the rows are that `command` asks for: the command is its own ticket.
fn itself<C: ProstMessageExt>(
    command: &C,
    schema: &SchemaRef,
    request: Request<FlightDescriptor>,
) -> Answer<FlightInfo> {
    at(command.as_any(), schema, request.into_inner())
}

/// Where the rows are that were planned under this handle.
fn planned(
    (handle, schema): (String, SchemaRef),
    request: Request<FlightDescriptor>,
) -> Answer<FlightInfo> {
    let ticket = TicketStatementQuery {
        statement_handle: handle.into(),
    };
    at(ticket.as_any(), &schema, request.into_inner())
}

/// One endpoint without an address, which means: where you asked. So a tool need reach nothing but the master.
fn at(ticket: Any, schema: &SchemaRef, descriptor: FlightDescriptor) -> Answer<FlightInfo> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.encode_to_vec()));
    let info = FlightInfo::new()
        .try_with_schema(schema)
        .map_err(|e| Status::internal(format!("describing the result's columns: {e}")))?
        .with_descriptor(descriptor)
        .with_endpoint(endpoint)
        .with_ordered(true);
    Ok(Response::new(info))
}

fn one(batch: RecordBatch) -> Answer<Rows> {
    Ok(Response::new(encoded(
        batch.schema(),
        stream::iter([Ok(batch)]).boxed(),
    )))
}

fn none(schema: SchemaRef) -> Answer<Rows> {
    Ok(Response::new(encoded(schema, stream::empty().boxed())))
}

fn ipc(schema: &Schema) -> Result<Bytes, Status> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &IpcWriteOptions::default())
        .try_into()
        .map_err(|e| Status::internal(format!("describing columns: {e}")))?;
    Ok(bytes)
}

fn handle(bytes: &Bytes) -> Result<&str, Status> {
    std::str::from_utf8(bytes).map_err(|_| Status::invalid_argument("this handle is not of ours"))
}

#[tonic::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = Self;

    /// Gives the client a session, and what it has to send to be known by it. That it may come in was checked before.
    async fn do_handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>> {
        let security = security().map_err(refused)?;
        let bearer = security.bearer_of_session(&Uuid::new_v4().to_string());
        let token = bearer.trim_start_matches("Bearer ").to_owned();
        let answer = HandshakeResponse {
            protocol_version: 0,
            payload: token.into(),
        };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed() as _);
        let bearer = bearer
            .parse()
            .map_err(|_| Status::internal("the token does not fit into a header"))?;
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let client = self.sessions.of(&request).await?;
        planned(client.plan(&query.query).await?, request)
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let client = self.sessions.of(&request).await?;
        let statement = handle(&query.prepared_statement_handle)?;
        planned(client.plan_prepared(statement).await?, request)
    }

    async fn get_flight_info_substrait_plan(
        &self,
        _: CommandStatementSubstraitPlan,
        _: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        Err(Status::unimplemented(
            "Substrait plans are not taken: send SQL",
        ))
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &query.into_builder().schema(), request)
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &query.clone().into_builder().schema(), request)
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &query.clone().into_builder().schema(), request)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &query.into_builder().schema(), request)
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(
            &query,
            &query.clone().into_builder(&self.info).schema(),
            request,
        )
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &query.into_builder(&self.types).schema(), request)
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &metadata::primary_keys(), request)
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &metadata::foreign_keys(), request)
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &metadata::foreign_keys(), request)
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        itself(&query, &metadata::foreign_keys(), request)
    }

    /// A ticket that is not Flight SQL's is Ballista's, of one of our own programs.
    async fn do_get_fallback(
        &self,
        request: Request<Ticket>,
        _: Any,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        self.proxy.fetch(request.into_inner()).await
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        let client = self.sessions.of(&request).await?;
        let rows = client.fetch(handle(&ticket.statement_handle)?)?;
        Ok(Response::new(rows))
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        let client = self.sessions.of(&request).await?;
        one(metadata::catalogs(client.session.context(), query)?)
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        let client = self.sessions.of(&request).await?;
        one(metadata::schemas(client.session.context(), query)?)
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        request: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        let client = self.sessions.of(&request).await?;
        client.session.refresh_catalog().await.map_err(refused)?;
        one(metadata::tables(client.session.context(), query).await?)
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        one(metadata::table_types(query)?)
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        one(query.into_builder(&self.info).build()?)
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        one(query.into_builder(&self.types).build()?)
    }

    async fn do_get_primary_keys(
        &self,
        _: CommandGetPrimaryKeys,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        none(metadata::primary_keys())
    }

    async fn do_get_exported_keys(
        &self,
        _: CommandGetExportedKeys,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        none(metadata::foreign_keys())
    }

    async fn do_get_imported_keys(
        &self,
        _: CommandGetImportedKeys,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        none(metadata::foreign_keys())
    }

    async fn do_get_cross_reference(
        &self,
        _: CommandGetCrossReference,
        _: Request<Ticket>,
    ) -> Answer<<Self as FlightService>::DoGetStream> {
        none(metadata::foreign_keys())
    }

    async fn do_put_statement_update(
        &self,
        statement: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let client = self.sessions.of(&request).await?;
        client.update(&statement.query).await
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(Status::unimplemented(
            "rows are not taken over Flight SQL: write them to a file on the shared volume and read that, or use the Python package's createDataFrame",
        ))
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let client = self.sessions.of(&request).await?;
        let statement = handle(&query.prepared_statement_handle)?;
        client.bind(statement, &values(request).await?)?;
        Ok(DoPutPreparedStatementResult {
            prepared_statement_handle: Some(query.prepared_statement_handle),
        })
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let client = self.sessions.of(&request).await?;
        let statement = handle(&query.prepared_statement_handle)?;
        client.bind(statement, &values(request).await?)?;
        client.update_prepared(statement).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let client = self.sessions.of(&request).await?;
        let prepared = client.prepare(&query.query).await?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: prepared.handle.into(),
            dataset_schema: ipc(&prepared.rows)?,
            parameter_schema: ipc(&prepared.parameters)?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let client = self.sessions.of(&request).await?;
        client.close_prepared(handle(&query.prepared_statement_handle)?);
        Ok(())
    }

    /// What there is to say of this server is said when it starts.
    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

/// The rows of parameters that a client sends; none if it sends a command alone.
async fn values(request: Request<PeekableFlightDataStream>) -> Result<Vec<RecordBatch>, Status> {
    let data = request.into_inner().map_err(FlightError::from);
    // A stream that ends before its schema has no rows.
    let data = data.try_filter(|data| futures::future::ready(!data.data_header.is_empty()));
    let batches = FlightRecordBatchStream::new_from_flight_data(data);
    batches.try_collect().await.map_err(Status::from)
}
