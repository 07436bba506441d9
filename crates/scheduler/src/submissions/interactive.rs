//! Interactive sessions: sessions of this master with itself, for callers that speak REST alone. Each runs its
//! statements one after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use parking_lot::Mutex;
use springald_core::protocol::{JobState, SessionInfo, now_ms};
use springald_core::session::split_statements;
use springald_core::{Error, MasterUrl, Result, Session};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::rows::Rows;
use super::statement::{Statement, StatementInfo, StatementRequest, StatementResult};
use crate::refusal::Refusal;

/// A session that nobody asks for anything is closed after this long.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(30 * 60);
const MAX_SESSIONS: usize = 32;
/// Statements of one session that may wait.
const MAX_WAITING: usize = 100;
/// What a session remembers of statements that have ended: so many of them, and so many bytes of text and rows.
const REMEMBER: usize = 100;
const REMEMBER_BYTES: usize = 8 << 20;

pub(crate) struct Interactive {
    master: MasterUrl,
    idle_limit: Duration,
    slots: Arc<Semaphore>,
    open: Mutex<HashMap<String, Arc<OpenSession>>>,
}

struct OpenSession {
    id: String,
    name: String,
    created_at_ms: u64,
    touched: Mutex<(Instant, u64)>,
    statements: Mutex<Statements>,
    queue: mpsc::UnboundedSender<Arc<Statement>>,
    closed: CancellationToken,
}

#[derive(Default)]
struct Statements {
    last: u32,
    known: BTreeMap<u32, Arc<Statement>>,
}

impl Interactive {
    /// `master` is the URL under which this process reaches itself.
    pub(crate) fn new(master: MasterUrl, idle_limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            master,
            idle_limit,
            slots: Arc::new(Semaphore::new(MAX_SESSIONS)),
            open: Mutex::default(),
        })
    }

    /// Begins a session.
    pub(crate) async fn create(self: &Arc<Self>, name: &str) -> Result<SessionInfo, Refusal> {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(Refusal::TooMany(format!(
                "{MAX_SESSIONS} interactive sessions are open already: close one"
            )));
        };
        let conf = [("springald.app_name".to_owned(), name.to_owned())];
        let session = Session::connect(&self.master, &conf).await?;
        let (queue, statements) = mpsc::unbounded_channel();
        let now = now_ms();
        let open = Arc::new(OpenSession {
            id: session.context().session_id(),
            name: name.to_owned(),
            created_at_ms: now,
            touched: Mutex::new((Instant::now(), now)),
            statements: Mutex::default(),
            queue,
            closed: CancellationToken::new(),
        });
        self.open.lock().insert(open.id.clone(), Arc::clone(&open));
        let info = open.info();
        tokio::spawn(Arc::clone(self).serve(session, open, statements, slot));
        Ok(info)
    }

    /// The open sessions; of their jobs and data nothing is said here.
    pub(crate) fn list(&self) -> Vec<SessionInfo> {
        self.open.lock().values().map(|open| open.info()).collect()
    }

    /// Ends a session and all that it runs.
    pub(crate) fn close(&self, id: &str) -> Result<(), Refusal> {
        let open = self.open.lock().remove(id).ok_or_else(|| unknown(id))?;
        open.closed.cancel();
        Ok(())
    }

    /// Takes a statement; it runs when those before it have ended.
    pub(crate) fn submit(
        &self,
        id: &str,
        request: StatementRequest,
    ) -> Result<StatementInfo, Refusal> {
        self.session(id)?.submit(request)
    }

    /// The statements that a session remembers, the newest first, without their rows.
    pub(crate) fn statements(&self, id: &str) -> Result<Vec<StatementInfo>, Refusal> {
        let open = self.session(id)?;
        let statements = open.statements.lock();
        let known = statements.known.values().rev();
        Ok(known.map(|statement| statement.summary()).collect())
    }

    /// A statement, when it has ended or `wait` is over.
    pub(crate) async fn statement(
        &self,
        id: &str,
        number: u32,
        wait: Duration,
    ) -> Result<StatementInfo, Refusal> {
        let open = self.session(id)?;
        let statement = open.statement(number)?;
        let _ = tokio::time::timeout(wait, statement.over.cancelled()).await;
        open.touch();
        let info = statement.info.lock().clone();
        Ok(info)
    }

    /// Ends a statement, and says what has become of it.
    pub(crate) async fn cancel(&self, id: &str, number: u32) -> Result<StatementInfo, Refusal> {
        let statement = self.session(id)?.statement(number)?;
        if statement.is_over() {
            return Err(Refusal::Conflict(format!(
                "statement {number} has ended already"
            )));
        }
        statement.stop.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(5), statement.over.cancelled()).await;
        Ok(statement.summary())
    }

    fn session(&self, id: &str) -> Result<Arc<OpenSession>, Refusal> {
        let open = self.open.lock().get(id).cloned();
        let open = open.ok_or_else(|| unknown(id))?;
        open.touch();
        Ok(open)
    }

    /// Runs the statements of a session until it is closed, or idle for too long.
    async fn serve(
        self: Arc<Self>,
        session: Session,
        open: Arc<OpenSession>,
        mut statements: mpsc::UnboundedReceiver<Arc<Statement>>,
        _slot: OwnedSemaphorePermit,
    ) {
        loop {
            let idle_since = open.touched.lock().0;
            tokio::select! {
                biased;
                () = open.closed.cancelled() => break,
                Some(statement) = statements.recv() => {
                    statement.run(&session).await;
                    open.forget_oldest();
                    open.touch();
                }
                () = tokio::time::sleep_until((idle_since + self.idle_limit).into()) => {
                    if open.touched.lock().0 == idle_since {
                        log::info!("interactive session {} is closed: nobody used it", open.id);
                        open.closed.cancel();
                    }
                }
            }
        }
        self.open.lock().remove(&open.id);
        // Those still in the queue end as cancelled.
        statements.close();
        while let Ok(statement) = statements.try_recv() {
            statement.run(&session).await;
        }
        session.settle().await;
        session.close();
    }
}

impl OpenSession {
    fn touch(&self) {
        *self.touched.lock() = (Instant::now(), now_ms());
    }

    fn submit(&self, request: StatementRequest) -> Result<StatementInfo, Refusal> {
        let mut statements = self.statements.lock();
        let waiting = statements.known.values().filter(|s| !s.is_over()).count();
        if waiting > MAX_WAITING {
            return Err(Refusal::TooMany(format!(
                "{MAX_WAITING} statements of this session wait already"
            )));
        }
        statements.last += 1;
        let number = statements.last;
        let stop = self.closed.child_token();
        let statement = Arc::new(Statement::new(number, request, stop));
        let info = statement.summary();
        if self.queue.send(Arc::clone(&statement)).is_err() {
            return Err(unknown(&self.id));
        }
        statements.known.insert(number, statement);
        Ok(info)
    }

    fn statement(&self, number: u32) -> Result<Arc<Statement>, Refusal> {
        let statement = self.statements.lock().known.get(&number).cloned();
        statement.ok_or_else(|| {
            Refusal::Missing(format!(
                "session `{}` knows no statement {number}; it remembers the last {REMEMBER}, and {} MiB of them",
                self.id,
                REMEMBER_BYTES >> 20
            ))
        })
    }

    /// Forgets the oldest statements that have ended, but never the last one.
    fn forget_oldest(&self) {
        let statements = &mut *self.statements.lock();
        let mut kept = 0;
        let mut bytes = 0;
        let mut forgotten = vec![];
        for (number, statement) in statements.known.iter().rev() {
            if !statement.is_over() {
                continue;
            }
            bytes += statement.weight();
            if kept > 0 && (kept >= REMEMBER || bytes > REMEMBER_BYTES) {
                forgotten.push(*number);
            }
            kept += 1;
        }
        for number in forgotten {
            statements.known.remove(&number);
        }
    }

    fn info(&self) -> SessionInfo {
        let statements = self.statements.lock();
        let active = statements.known.values().filter(|s| !s.is_over());
        SessionInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            interactive: true,
            jobs: 0,
            jobs_active: 0,
            jobs_failed: 0,
            statements: statements.known.len() as u32,
            statements_active: active.count() as u32,
            cached_bytes: 0,
            first_seen_ms: self.created_at_ms,
            last_seen_ms: self.touched.lock().1,
        }
    }
}

impl Statement {
    async fn run(&self, session: &Session) {
        let (sql, limit) = {
            let mut info = self.info.lock();
            info.state = JobState::Running;
            info.started_at_ms = Some(now_ms());
            (info.sql.clone(), self.limit)
        };
        let outcome = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            outcome = answer(session, &sql, limit) => Some(outcome),
        };
        {
            let mut info = self.info.lock();
            info.ended_at_ms = Some(now_ms());
            match outcome {
                Some(Ok(result)) => {
                    info.state = JobState::Done;
                    info.result = Some(result);
                }
                Some(Err(e)) => {
                    info.state = JobState::Failed;
                    info.message = Some(match e.hint() {
                        Some(hint) => format!("{}; {hint}", e.message()),
                        None => e.message(),
                    });
                }
                None => {
                    info.state = JobState::Cancelled;
                    info.message = Some("cancelled by request".to_owned());
                }
            }
        }
        self.over.cancel();
    }
}

/// Runs the statements of a text, and gives the rows of the last one. Dropping it cancels what it runs.
async fn answer(session: &Session, text: &str, limit: usize) -> Result<StatementResult> {
    let statements = split_statements(text);
    let Some((last, before)) = statements.split_last() else {
        return Err(Error::invalid("the text holds no statement"));
    };
    for statement in before {
        let frame = session.sql(statement).await?;
        if frame.schema().fields().is_empty() {
            continue;
        }
        let explained = |e| session.explain(Error::from(e), statement);
        let mut rows = frame.execute_stream().await.map_err(explained)?;
        while let Some(batch) = rows.next().await {
            batch.map_err(explained)?;
        }
    }
    let explained = |e| session.explain(Error::from(e), last);
    let frame = session.sql(last).await?;
    let mut rows = Rows::new(frame.schema().as_arrow(), limit);
    if frame.schema().fields().is_empty() {
        return rows.finish();
    }
    // No more rows are made than one that tells that there are more; what explains a plan has to stand on top.
    let explains = matches!(
        frame.logical_plan(),
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)
    );
    let frame = match explains {
        true => frame,
        false => frame.limit(0, Some(limit + 1)).map_err(explained)?,
    };
    let mut stream = frame.execute_stream().await.map_err(explained)?;
    while let Some(batch) = stream.next().await {
        rows.push(&batch.map_err(explained)?)
            .map_err(|e| explained(e.into()))?;
        if rows.is_full() {
            break;
        }
    }
    rows.finish()
}

fn unknown(id: &str) -> Refusal {
    Refusal::Missing(format!(
        "there is no interactive session `{id}`: it was closed, nobody used it for {} minutes, or it never was",
        IDLE_LIMIT.as_secs() / 60
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of this process stands for one of a cluster.
    fn local(idle_limit: Duration) -> Arc<Interactive> {
        Interactive::new(MasterUrl::Local { threads: Some(2) }, idle_limit)
    }

    fn request(sql: &str) -> StatementRequest {
        serde_json::from_value(serde_json::json!({ "sql": sql, "limit": 3 })).unwrap()
    }

    async fn ask(sessions: &Interactive, id: &str, sql: &str) -> StatementInfo {
        let number = sessions.submit(id, request(sql)).unwrap().number;
        let wait = Duration::from_secs(30);
        sessions.statement(id, number, wait).await.unwrap()
    }

    fn rows(statement: &StatementInfo) -> &str {
        let result = statement.result.as_ref().expect("rows");
        result.rows.get()
    }

    #[tokio::test]
    async fn statements_of_a_session_know_of_each_other() {
        let sessions = local(IDLE_LIMIT);
        let id = sessions.create("test").await.unwrap().id;
        let made = ask(&sessions, &id, "CREATE VIEW v AS SELECT 41 AS n").await;
        assert_eq!(made.state, JobState::Done);
        assert_eq!(rows(&made), "[]");
        let asked = ask(&sessions, &id, "SELECT 1; SELECT n + 1 AS m FROM v;").await;
        assert_eq!(rows(&asked), "[[42]]");
        assert_eq!(asked.result.unwrap().columns[0].name, "m");
        let plan = ask(&sessions, &id, "EXPLAIN SELECT n FROM v").await;
        assert_eq!(plan.state, JobState::Done, "{plan:?}");
        let many = ask(&sessions, &id, "SELECT * FROM generate_series(1, 9)").await;
        assert_eq!(rows(&many), "[[1],[2],[3]]");
        assert!(many.result.unwrap().truncated);
        let numbers = sessions.statements(&id).unwrap();
        let numbers: Vec<u32> = numbers.iter().map(|s| s.number).collect();
        assert_eq!(numbers, [4, 3, 2, 1]);
        assert_eq!(sessions.list()[0].statements, 4);
    }

    #[tokio::test]
    async fn what_is_wrong_fails_the_statement_alone() {
        let sessions = local(IDLE_LIMIT);
        let id = sessions.create("test").await.unwrap().id;
        for (sql, words) in [
            ("SELECT 1 FROM t WHERE", "syntax error"),
            ("SELECT * FROM nowhere", "no table `nowhere`"),
            ("SELECT 1 / 0; SELECT 2", "zero"),
            ("-- nothing", "no statement"),
            (";", "no statement"),
        ] {
            let failed = ask(&sessions, &id, sql).await;
            assert_eq!(failed.state, JobState::Failed, "{sql}");
            let message = failed.message.unwrap().to_lowercase();
            assert!(message.contains(words), "{sql}: {message}");
        }
        assert_eq!(rows(&ask(&sessions, &id, "SELECT 2").await), "[[2]]");
        let none = sessions.statement(&id, 99, Duration::ZERO).await;
        assert!(matches!(none.unwrap_err(), Refusal::Missing(_)));
        assert!(sessions.submit("none", request("SELECT 1")).is_err());
    }

    #[tokio::test]
    async fn statements_are_cancelled_one_by_one_and_with_their_session() {
        let sessions = local(IDLE_LIMIT);
        let id = sessions.create("test").await.unwrap().id;
        let endless = "SELECT count(*) FROM generate_series(1, 100000000000) WHERE value % 7 = 8";
        let first = sessions.submit(&id, request(endless)).unwrap().number;
        let second = sessions.submit(&id, request(endless)).unwrap().number;
        let cancelled = sessions.cancel(&id, first).await.unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
        let again = sessions.cancel(&id, first).await.unwrap_err();
        assert!(matches!(again, Refusal::Conflict(_)), "{again:?}");
        let open = sessions.session(&id).unwrap();
        let running = open.statement(second).unwrap();
        sessions.close(&id).unwrap();
        let over = tokio::time::timeout(Duration::from_secs(10), running.over.cancelled());
        over.await.unwrap();
        assert_eq!(running.summary().state, JobState::Cancelled);
        assert!(sessions.close(&id).is_err());
    }

    #[tokio::test]
    async fn what_nobody_uses_is_closed() {
        let sessions = local(Duration::from_millis(100));
        let id = sessions.create("test").await.unwrap().id;
        ask(&sessions, &id, "SELECT 1").await;
        tokio::time::timeout(Duration::from_secs(10), async {
            while !sessions.list().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(sessions.slots.available_permits(), MAX_SESSIONS);
    }
}
